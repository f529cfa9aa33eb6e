"""Input and output streams: chains of functions from a URL to records, and from records to a file.

A chain starts with a function that opens (`task_input_stream`, `task_output_stream`); each further one
wraps what the one before returned. A function may return only the stream and leave out size and URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from ...deprecation import deprecated
from ...records.hunks import Encoding, HunkWriter, read_records
from ..outputs import OutputFile
from .shuffling.runs import read_batches
from .signatures import takes_params

Stream = Callable[..., Any]

RESULT_CODEC = "zlib"


class InputStream:
    """The form of what a chain of input streams returns: read bytes from it, or iterate over entries."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError

    def read(self, num_bytes: int | None = None) -> bytes:
        """At most `num_bytes` of the source; all that is left without it."""
        raise NotImplementedError


class OutputStream:
    """What a chain of output streams returns: `add` pairs to it; `path` is the file behind it."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    @property
    def path(self) -> str:
        return str(self.stream.path)

    def add(self, key: Any, value: Any) -> None:
        """Add a pair. What a key and a value may be is the stream's own matter."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Write bytes to the underlying file. Deprecated since 0.3: add pairs instead."""
        deprecated("OutputStream.write", "0.3", "add pairs, or write an output stream of your own")
        self.stream.write(data)

    def close(self) -> None:
        """Complete the output: only then it is there under its name."""
        self.stream.close()


class RecordOutput(OutputStream):
    """Pairs as hunks of a record stream."""

    def __init__(self, stream: Any, encoding: Encoding, codec: str) -> None:
        super().__init__(stream)
        self.hunks = HunkWriter(stream, encoding, codec)
        self.add = self.hunks.add  # type: ignore[method-assign]  # one call less a record

    def close(self) -> None:
        self.hunks.close()
        self.stream.close()


def task_input_stream(stream: Any, size: int | None, url: str, params: Any) -> Any:
    """Opens the URL by its scheme, with `disco.schemes.scheme_SCHEME`; a local file if it has none."""
    from ...schemes import stream_of

    return stream_of(url)(stream, size, url, params)


def task_output_stream(stream: Any, partition: str | None, url: str, params: Any) -> tuple[OutputFile, str]:
    """A handle to an output of the task; what a failed task has written to it is ignored."""
    return OutputFile(url), url


def disco_input_stream(
    stream: Any, size: int | None, url: str, ignore_corrupt: bool = False
) -> Iterator[Any]:
    """Reads what jobs and `ddfs chunk` write: pairs, or the bare entries of chunks.

    With `ignore_corrupt`, damaged parts are left out; else they raise DataError.
    """
    batches = read_batches(stream, url, ignore_corrupt)
    return chain.from_iterable(map(_records, batches))


def disco_output_stream(
    stream: Any, partition: str | None, url: str, params: Any
) -> tuple[OutputStream, str]:
    """Writes pairs in Disco's own format, which only Python reads."""
    return RecordOutput(stream, Encoding.PICKLE, RESULT_CODEC), url


def kv_input_stream(stream: Any, size: int | None, url: str) -> Iterator[tuple[Any, Any]]:
    """Reads pairs that a worker in any language wrote: keys and values are bytes."""
    return read_records(stream, url, entries=False)


def kv_output_stream(stream: Any, partition: str | None, url: str, params: Any) -> tuple[OutputStream, str]:
    """Writes pairs that workers in every language read. Keys and values must be bytes or text."""
    return RecordOutput(stream, Encoding.KV, RESULT_CODEC), url


def _records(batch: Any) -> Iterable[Any]:
    records: Iterable[Any] = batch.pairs()
    return records


def as_chain(streams: Stream | Iterable[Stream] | None) -> tuple[Stream, ...]:
    """The value of a job's stream parameter as a chain: a single function is one too."""
    if streams is None:
        return ()
    return (streams,) if callable(streams) else tuple(streams)


class ChainedInput:
    """A chain of input streams: the last is iterated, or read; all are closed, the last first."""

    def __init__(self, streams: list[Any]) -> None:
        self._streams = streams

    def __iter__(self) -> Iterator[Any]:
        return iter(self._streams[-1])

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._streams[-1].read(size)
        return data

    def close(self) -> None:
        for stream in reversed(self._streams):
            close = getattr(stream, "close", None)
            if close is not None:
                close()


def open_input(streams: Sequence[Stream], url: str, params: Any) -> ChainedInput:
    """Apply a chain of input streams to a URL."""
    stream: Any = None
    size: int | None = None
    opened: list[Any] = []
    for function in streams:
        extra = (params,) if takes_params(function, 4) else ()
        made = function(stream, size, url, *extra)
        if isinstance(made, tuple):
            stream, size, url = made
        else:
            stream = made
        opened.append(stream)
    return ChainedInput(opened)


def open_output(streams: Sequence[Stream], path: str, partition: str | None, params: Any) -> Any:
    """Apply a chain of output streams to a path; pairs are added to what the last one returned."""
    stream: Any = None
    url = path
    made: list[Any] = []
    for function in streams:
        extra = (params,) if takes_params(function, 4) else ()
        found = function(stream, partition, url, *extra)
        if isinstance(found, tuple):
            stream, url = found
        else:
            stream = found
        made.append(stream)
    return ChainedOutput(made, path)


class ChainedOutput:
    """A chain of output streams: pairs go into the last, and all are closed, the last first."""

    def __init__(self, streams: list[Any], path: str) -> None:
        self._streams = streams
        self.path = path
        self.add = streams[-1].add
        self.write = getattr(streams[-1], "write", None)

    def close(self) -> None:
        closed: set[int] = set()
        for stream in reversed(self._streams):
            if id(stream) not in closed:
                closed.add(id(stream))
                stream.close()
