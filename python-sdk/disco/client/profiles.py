"""Profiles of a job's tasks, fetched and merged."""

from __future__ import annotations

import marshal
import pstats
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..error import CommError, DiscoError, JobError
from ..worker.profiling import KEY

if TYPE_CHECKING:
    from .core import Disco


def merged_stats(disco: Disco, jobname: str, mode: str, stream: Any) -> pstats.Stats:
    """The statistics of all profiled tasks of `mode` (both if empty), sorted by cumulative time."""
    try:
        keys = [key for key in disco.oob_list(jobname) if key.startswith(f"{KEY}{mode}")]
    except CommError:
        raise
    except DiscoError:
        keys = []
    stats: pstats.Stats | None = None
    for key in keys:
        data = disco.oob_get(jobname, key)
        if data is None:
            continue
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(marshal.dumps(marshal.loads(data)))
        if stats is None:
            stats = pstats.Stats(file.name, stream=stream) if stream else pstats.Stats(file.name)
        else:
            stats.add(file.name)
        Path(file.name).unlink()
    if stats is None:
        raise JobError(jobname, "No profile data: run the job with profile=True")
    stats.strip_dirs()
    stats.sort_stats("cumulative")
    return stats
