"""Job functions of `test_python_api`, sent by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from disco.util import kvgroup
from disco.worker.classic.worker import get, put, this_name, this_partition

Pair = tuple[Any, Any]


def words(line: bytes, params: Any) -> Iterator[Pair]:
    for word in line.split():
        yield word.decode(), 1


def counts(iter: Iterable[Pair], params: Any) -> Iterator[Pair]:
    for word, ones in kvgroup(sorted(iter)):
        yield word, sum(ones)


def times(line: bytes, params: Any, factor: int = 1) -> Iterator[Pair]:
    yield line.strip().decode(), factor


def puts(line: bytes, params: Any) -> Iterator[Pair]:
    """Puts one short key and one as long as a key may be; both again, with a later value."""
    for value in (b"early", f"from {this_partition()}".encode()):
        put(f"short-{this_partition()}", value)
        put(params, value)
    yield "lines", 1


def gets(iter: Iterable[Pair], params: Any) -> Iterator[Pair]:
    """What the maps of this job have put."""
    yield "own", [get("short-0"), get("short-1"), get("none"), this_name()]


def gets_from(line: bytes, params: Any) -> Iterator[Pair]:
    from disco.util import load_oob
    from disco.worker.classic.worker import this_master

    yield "theirs", load_oob(this_master(), params, "short-0")


def prints(line: bytes, params: Any) -> Iterator[Pair]:
    print(f"seen {line.decode().strip()}")
    yield line, 1


def hoards(line: bytes, params: Any) -> Iterator[Pair]:
    """Holds so many MiB, each really written to."""
    held = [b"x" * (1 << 20) + b"%d" % number for number in range(params)]
    yield "size", len(held)
