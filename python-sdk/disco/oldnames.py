"""Small functions that programs of earlier versions import from `disco.util`, undocumented as they are.

Nothing of Disco itself needs them. URLs here are Disco's: `scheme://host:port/path`.
"""

from __future__ import annotations

import hashlib
import heapq
import importlib
import pickle
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import IO, Any, TypeVar

from .schemes import scheme_of

Item = TypeVar("Item")
Place = tuple[str, str]  # host and port, each empty when it is not given

# ---- sequences


def iterify(object: Any) -> Iterable[Any]:
    """The object itself if it can be iterated and is no text, else a tuple of it."""
    return object if _is_sequence(object) else (object,)


def listify(object: Any) -> list[Any]:
    """A list of what `iterify` gives."""
    return list(iterify(object))


def flatten(iterable: Iterable[Any]) -> Iterator[Any]:
    """The items of nested iterables, however deep; text and bytes are items."""
    for item in iterable:
        if _is_sequence(item):
            yield from flatten(item)
        else:
            yield item


def chainify(iterable: Iterable[Iterable[Item]]) -> list[Item]:
    """The items of some iterables in one list."""
    return list(chain.from_iterable(iterable))


def partition(iterable: Iterable[Item], fn: Callable[[Item], Any]) -> tuple[list[Item], list[Item]]:
    """Two lists: the items for which `fn` is true, and the others."""
    hits: list[Item] = []
    misses: list[Item] = []
    for item in iterable:
        (hits if fn(item) else misses).append(item)
    return hits, misses


def shuffled(object: Iterable[Item]) -> list[Item]:
    """A list of the items in random order."""
    items = list(object)
    random.shuffle(items)
    return items


def dsorted(iterable: Iterable[Any], buffer_size: float = 1e6, tempdir: str = ".") -> Iterator[Any]:
    """The items in order, `buffer_size` of them in memory at a time, the rest in files in `tempdir`."""
    items = iter(iterable)
    runs: list[IO[bytes]] = []
    while run := sorted(islice(items, int(buffer_size))):
        file = tempfile.TemporaryFile(dir=tempdir)  # noqa: SIM115 - closed by who reads it
        for item in run:
            pickle.dump(item, file)
        file.seek(0)
        runs.append(file)
    return heapq.merge(*map(_pickles, runs))


def _is_sequence(object: Any) -> bool:
    return hasattr(object, "__iter__") and not isinstance(object, str | bytes)


def _pickles(file: IO[bytes]) -> Iterator[Any]:
    with file:
        while True:
            try:
                yield pickle.load(file)
            except EOFError:
                return


# ---- functions and names


def reify(dotted_name: str, globals: dict[str, Any] | None = None) -> Any:
    """The object behind `module.name`, or behind a name in `globals`."""
    module, _, name = dotted_name.rpartition(".")
    if module:
        return getattr(importlib.import_module(module), name)
    return (globals or {})[name]


def argcount(object: Callable[..., Any]) -> int:
    """How many positional arguments a function, method or partial takes."""
    from .worker.classic.signatures import positional

    return len(positional(object)[0])


def globalize(object: Any, globals: dict[str, Any]) -> None:
    """Let a function see `globals` too."""
    from .worker.classic.signatures import innermost

    own = getattr(innermost(object), "__globals__", None)
    if own is not None:
        own.update(globals)


def hexhash(string: str | bytes) -> str:
    """The directory that keeps a job or blob of this name: two hexadecimal digits."""
    data = string.encode() if isinstance(string, str) else string
    return hashlib.md5(data, usedforsecurity=False).hexdigest()[:2]


def format_size(num: float) -> str:
    """A number of bytes for people: `1.5MB`."""
    for unit in (" bytes", "KB", "MB", "GB"):
        if num < 1024:
            return f"{num:3.1f}{unit}"
        num /= 1024
    return f"{num:3.1f}TB"


# ---- URLs


def schemesplit(url: str) -> tuple[str, str]:
    """(scheme, rest) of a URL; the scheme is empty if there is none."""
    scheme, found, rest = url.partition("://")
    return (scheme, rest) if found else ("", url)


def urlsplit(url: str) -> tuple[str, Place, str]:
    """(scheme, (host, port), path) of a URL, the path without its first slash. A tag's name is its path."""
    scheme, rest = schemesplit(url)
    place, _, path = rest.partition("/")
    if scheme == "tag" and not path:
        place, path = "", place
    host, colon, port = place.rpartition(":")
    return scheme, ((host, port) if colon else (place, "")), path


def urljoin(parts: tuple[str, Place | str, str]) -> str:
    """The URL of what `urlsplit` gives."""
    scheme, place, path = parts
    netloc = place if isinstance(place, str) else ":".join(filter(None, place))
    return (f"{scheme}://" if scheme else "") + netloc + (f"/{path}" if path else "")


def urlresolve(url: str) -> str:
    """Where a URL of Disco's is served: an address that any HTTP client can read."""
    from .client.http import web_url

    return web_url(url) if scheme_of(url) in ("disco", "dir") else url


def urltoken(url: str) -> str | None:
    """The token in `tag://user:TOKEN@host/name`; None if there is none."""
    place = schemesplit(url)[1].partition("/")[0]
    user, found, _ = place.rpartition("@")
    return user.partition(":")[2] or None if found else None


def localize(path: str, ddfs_data: str, disco_data: str) -> str:
    """The file behind the path of a URL: below `ddfs_data` for `ddfs/…`, else below `disco_data`."""
    prefix, _, rest = path.lstrip("/").partition("/")
    return f"{ddfs_data if prefix == 'ddfs' else disco_data}/{rest}"


# ---- inputs


def inputlist(inputs: Iterable[Any]) -> list[Any]:
    """Inputs as a job gets them: tags and indexes opened, replicas as lists."""
    from .client.packing.jobdict import expand

    return list(expand(list(inputs), has_map=True))


def inputexpand(input: Any) -> list[Any]:
    """The inputs behind one input."""
    return inputlist([input])


def ispartitioned(input: Any) -> bool:
    """Whether an input, or each of several, is an index of labelled outputs."""
    if isinstance(input, str):
        return scheme_of(input) == "dir"
    return bool(input) and all(map(ispartitioned, input))


# ---- out-of-band results


def load_oob(host: str | None, name: str, key: str) -> bytes | None:
    """The out-of-band value of a job, asked from the master at `host`; None if it has none under `key`.

    Raises DiscoError for a job without any.
    """
    from .client.ddfs import DDFS
    from .client.oob import get_oob

    return get_oob(DDFS(master=host), name, key)


def save_oob(host: str | None, name: str, key: str, value: bytes) -> None:
    """Keep an out-of-band value for a job, as its tasks do."""
    from .task import Task

    Task(jobname=name, master=host).put(key, value)
