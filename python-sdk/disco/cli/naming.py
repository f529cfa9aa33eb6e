"""What words on the command line mean: tags, jobs, index files, plain URLs and Python functions."""

from __future__ import annotations

import fnmatch
import importlib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from click.shell_completion import CompletionItem

from ..client.tags import LEGAL_NAME, resolve_bare
from .failing import CommandError, meant
from .frame import Session, replicas, stdin_lines
from .jobs.names import PATTERN_SIGNS, jobs_of
from .jobs.results import no_results

if TYPE_CHECKING:
    from ..ddfs import DDFS

Blob = list[str]


class TagName(click.ParamType[str]):
    """A tag's name: nothing is checked, but shells can complete it."""

    name = "tag"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        names = ctx.ensure_object(Session).tag_names()
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


TAG = TagName()


def inputs_of(found: Session, arguments: Iterable[str], job_mode: bool) -> Iterator[str | Sequence[str]]:
    """The arguments as inputs; in job mode the results of the jobs that they name."""
    for argument in arguments:
        if not job_mode:
            yield from _inputs(found, argument)
            continue
        for name in jobs_of(found, [argument]):
            status, urls = found.disco.results(name, timeout=0)
            if status != "ready":
                raise no_results(found, name, status)
            yield from urls


def _inputs(found: Session, argument: str) -> Iterator[str | Sequence[str]]:
    """An argument as inputs: replicas of one, a file, a tag, or all tags that match a pattern."""
    one = replicas(argument)
    if not isinstance(one, str):
        yield one
    elif is_pattern(one.removeprefix("tag://")) and ("://" not in one or one.startswith("tag://")):
        yield from (f"tag://{tag}" for tag in matching_tags(found.ddfs, one.removeprefix("tag://")))
    else:
        yield resolve_bare(one)


def is_pattern(word: str) -> bool:
    """Whether it holds `*`, `?` or `[` and is no file's name."""
    return not PATTERN_SIGNS.isdisjoint(word) and not Path(word).exists()


def matching_tags(ddfs: DDFS, pattern: str) -> list[str]:
    """The tags that match a shell pattern. Raises CommandError if there are none."""
    start = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    names = ddfs.list(start if LEGAL_NAME.fullmatch(start) else "")
    matching = fnmatch.filter(names, pattern)
    if not matching:
        raise CommandError(f"No tag matches {pattern!r}; `ddfs ls` lists all")
    return matching


def check_local(found: Session, one: str | Sequence[str]) -> None:
    """Raises CommandError for a word that is neither a URL nor a file: it is most often a tag."""
    first = one if isinstance(one, str) else one[0]
    if "://" in first or first == "-" or Path(first).is_file():
        return
    if Path(first).is_dir():
        raise CommandError(f"{first} is a folder: give its files, for instance '{first.rstrip('/')}/*'")
    near = meant(first, [f"tag://{name}" for name in found.tag_names()], "ddfs ls")
    hint = near if "Did you mean" in near else ""
    raise CommandError(f"{first}: no such file; a tag is written tag://{first}{hint}")


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
    """The arguments as tags, `-` being those on standard input; in prefix mode all that begin with one."""
    for argument in (one for word in arguments for one in (stdin_lines() if word == "-" else [word])):
        if prefix_mode:
            yield from ddfs.list(argument)
        elif is_pattern(argument):
            yield from matching_tags(ddfs, argument.removeprefix("tag://"))
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
