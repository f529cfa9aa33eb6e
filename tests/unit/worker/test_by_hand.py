"""A worker that somebody starts in a terminal (M43)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

from unit.worker import sample_jobs as jobs
from unit.worker.scripted_disco import ScriptedDisco


def test_a_worker_started_by_hand_says_who_it_is(make_disco: Callable[..., ScriptedDisco]) -> None:
    """M43: one frame, `WORKER 32 {"version": "1.0", "pid": 13492}`; without an answer it ends."""
    disco = make_disco(input=["raw://x"], map=jobs.entry_itself)
    worker = [sys.executable, "-s", disco.pack.jobdict["worker"]]
    done = subprocess.run(worker, cwd=disco.home, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    said = re.fullmatch(rb'WORKER (\d+) (\{.*"version": ?"1\.0".*\})\n', done.stderr.split(b"\n")[0] + b"\n")
    assert said is not None and b'"pid"' in said[2], done
    assert int(said[1]) == len(said[2])
    assert done.returncode != 0
