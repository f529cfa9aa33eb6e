"""The job dict: what the master has to know, with inputs in the form that it takes.

Tags are expanded into their blobs here, on the client, and so are indexes (`dir://`) of a job that has a
map: each part becomes an input of its own. A reduce without a map reads whole indexes. `*` in a URL of
another storage is expanded here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...error import DiscoError
from ...schemes import scheme_of
from ...schemes.arrow import STORES, stored_files
from ..tags import resolve_bare

Input = str | list[str]


def make_jobdict(worker: Any, job: Any, jobargs: Mapping[str, Any]) -> dict[str, Any]:
    """The job dict of a job as `worker` runs it. Raises DiscoError for parameters that can't be."""

    def get(key: str, default: Any = None) -> Any:
        return worker.getitem(key, job, jobargs, default)

    has_map, has_reduce = bool(get("map")), bool(get("reduce"))
    if not has_map and not has_reduce:
        raise DiscoError("the job has neither a map nor a reduce; give at least one of them")
    if has_map and not has_reduce and get("save") and get("partitions") is not None:
        raise NotImplementedError("a job without reduce can be saved only with partitions=None; give that")
    disco = getattr(job, "disco", None)
    inputs = list(expand(get("input"), has_map, disco))
    return {
        "prefix": get("name") or type(job).__name__,
        "input": inputs,
        "worker": worker.bin,
        "owner": get("owner") or _owner(job),
        "map?": has_map,
        "reduce?": has_reduce,
        "nr_reduces": _reduces(get, inputs, has_map, disco),
        "scheduler": dict(get("scheduler") or {}),
    }


def expand(given: Any, has_map: bool, disco: Any = None) -> Iterator[Input]:
    """The inputs as the master takes them. `disco` is asked about tags; by default the settings' master."""
    if given is None:
        raise DiscoError("the job has no input; give a list of URLs as `input`")
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise DiscoError(f"input must be a list of URLs, not {given!r}; write [{given!r}]")
    for one in given:
        if not isinstance(one, str):
            yield [_absolute(str(url)) for url in one]
            continue
        one = resolve_bare(one)
        if scheme_of(one) == "tag":
            yield from _blobs(one, disco)
        elif scheme_of(one) == "dir" and has_map:
            yield from sorted({url for _, url in _index(one, disco)})
        elif scheme_of(one) in STORES:
            yield from stored_files(one)
        else:
            yield _absolute(one)


def _blobs(tag: str, disco: Any) -> Iterator[Input]:
    from ..ddfs import DDFS

    ddfs = DDFS() if disco is None else disco.ddfs
    for replicas in ddfs.blobs(tag, ignore_missing=False):
        yield list(replicas)


def _absolute(url: str) -> str:
    """A bare relative path means one here, and tasks run elsewhere."""
    return str(Path(url).absolute()) if scheme_of(url) == "file" and "://" not in url else url


def _index(url: str, disco: Any) -> list[tuple[str, str]]:
    from ..results import index_of

    return index_of(url, getattr(disco, "settings", None))


def _reduces(get: Any, inputs: list[Input], has_map: bool, disco: Any) -> int:
    if get("merge_partitions"):
        return 1
    if has_map:
        return int(get("partitions") or 1)
    urls = [one if isinstance(one, str) else one[0] for one in inputs]
    if urls and all(scheme_of(url) == "dir" for url in urls):
        labels = [int(label) for url in urls for label, _ in _index(url, disco)]
        return 1 + max(labels, default=0)
    return 1


def _owner(job: Any) -> str:
    from ...settings import DiscoSettings

    settings = getattr(job, "settings", None) or DiscoSettings()
    return str(settings["DISCO_JOB_OWNER"])
