"""What words on the command line mean: tags, jobs, index files, plain URLs and Python functions."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..client.tags import resolve_bare
from .frame import CommandError, Session, replicas

if TYPE_CHECKING:
    from ..ddfs import DDFS

Blob = list[str]


def inputs_of(found: Session, arguments: Iterable[str], job_mode: bool) -> Iterator[str | Sequence[str]]:
    """The arguments as inputs; in job mode the results of the jobs that they name."""
    for argument in arguments:
        if not job_mode:
            one = replicas(argument)
            yield resolve_bare(one) if isinstance(one, str) else one
            continue
        from .jobs import newest_job

        name = newest_job(found, argument[2:]) if argument == "@" or argument.startswith("@?") else argument
        status, urls = found.disco.results(name, timeout=0)
        if status != "ready":
            raise CommandError(f"Job {name} has no results: its status is {status}")
        yield from urls


def expand(
    ddfs: DDFS, inputs: Iterable[str | Sequence[str]], *, ignore_missing: bool = False
) -> Iterator[Blob]:
    """The blobs behind each input: those of tags and of index files, or the input itself."""
    for one in inputs:
        first = one if isinstance(one, str) else one[0]
        scheme = urlsplit(first).scheme
        if scheme == "tag":
            yield from ddfs.blobs(one, ignore_missing=ignore_missing)
        elif scheme == "dir":
            yield from ([url] for url in ddfs.result_files(first))
        else:
            yield [one] if isinstance(one, str) else list(one)


def tags_of(ddfs: DDFS, arguments: Iterable[str], prefix_mode: bool) -> Iterator[str]:
    """The arguments as tags; in prefix mode all tags that begin with one of them."""
    for argument in arguments:
        if prefix_mode:
            yield from ddfs.list(argument)
        else:
            yield argument


def named(dotted: str, default_module: str = "") -> Any:
    """The object that MODULE.NAME names, looking in the current folder first.

    A plain NAME is looked for in `default_module`.
    """
    module, _, name = dotted.rpartition(".")
    module = module or default_module
    if not module:
        raise CommandError(f"{dotted} names no module: write MODULE.NAME, for instance count.WordCount")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if not error.name or not f"{module}.".startswith(f"{error.name}."):
            raise  # the module is there, and something it imports is not
        raise CommandError(
            f"There is no module {error.name}; run this in the folder of {error.name}.py"
        ) from None
    except AttributeError:
        raise CommandError(f"Module {module} has no {name}") from None
