"""Job functions: what each kind takes and returns, the defaults, and ready-made ones.

The functions `map`, `reduce`, `combiner`, `partition`, `init`, `notifier`, `input_stream` and
`output_stream` here are the forms that a job's own functions have; they do nothing useful themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ...records.partition import partition as stable_partition
from .readers import (
    arrow_reader,
    csv_dict_reader,
    csv_reader,
    gzip_line_reader,
    gzip_reader,
    json_reader,
    old_netstr_reader,
    parquet_reader,
    re_reader,
    string_input_stream,
)
from .shuffling.disksort import disk_sort, unix_sort
from .streams import (
    InputStream,
    OutputStream,
    disco_input_stream,
    disco_output_stream,
    kv_input_stream,
    kv_output_stream,
    task_input_stream,
    task_output_stream,
)

__all__ = [
    "InputStream", "OutputStream", "arrow_reader", "chain_reader", "chain_stream", "combiner",
    "csv_dict_reader", "csv_reader", "default_partition", "default_stream", "disco_input_stream",
    "disco_output_stream", "disk_sort", "gzip_line_reader", "gzip_line_stream", "gzip_reader",
    "gzip_stream", "init", "input_stream", "json_reader", "kv_input_stream", "kv_output_stream",
    "make_range_partition", "map", "map_input_stream", "map_output_stream", "noop", "nop_map",
    "nop_reduce", "notifier", "old_netstr_reader", "output_stream", "parquet_reader", "partition",
    "re_reader", "reduce", "reduce2", "reduce_input_stream", "reduce_output_stream",
    "string_input_stream", "sum_combiner", "sum_reduce", "task_input_stream", "task_output_stream",
    "unix_sort",
]  # fmt: skip

Pair = tuple[Any, Any]

map_input_stream = reduce_input_stream = task_input_stream
map_output_stream = reduce_output_stream = task_output_stream
chain_reader = disco_input_stream

# ready input stream chains
default_stream = (task_input_stream,)
chain_stream = (task_input_stream, chain_reader)
gzip_stream = (task_input_stream, gzip_reader)
gzip_line_stream = (task_input_stream, gzip_line_reader)


# ---- forms


def notifier(urls: str | list[str]) -> None:
    """Called when a task opens an input: `urls` is its URL, or the list of its replicas' URLs."""


def map(entry: Any, params: Any) -> Iterable[Pair]:
    """Return an iterable of (key, value) pairs given an `entry` of the input stream."""
    raise NotImplementedError("this only shows the form of a map function")


def reduce(input_stream: Iterable[Pair], output_stream: OutputStream, params: Any) -> None:
    """Take pairs from `input_stream`, `add` results to `output_stream`."""
    raise NotImplementedError("this only shows the form of a reduce function")


def reduce2(input_stream: Iterable[Pair], params: Any) -> Iterable[Pair]:
    """Take pairs from `input_stream`, return or yield (key, value) pairs."""
    raise NotImplementedError("this only shows the form of a reduce function")


def combiner(key: Any, value: Any, buffer: dict[Any, Any], done: bool, params: Any) -> Iterable[Pair] | None:
    """Take every pair of one partition; return the pairs that take their place, or None.

    `buffer` is the partition's own dictionary; the function must keep it from growing without bound. The
    last call has `done` set, and None for key and value.
    """
    raise NotImplementedError("this only shows the form of a combiner")


def partition(key: Any, nr_partitions: int, params: Any) -> int:
    """Return the partition of `key`, from 0 to `nr_partitions` - 1."""
    raise NotImplementedError("this only shows the form of a partition function")


def init(input_iter: Iterable[Any], params: Any) -> None:
    """Called once before the task starts; may set up `params`, and skip entries of `input_iter`."""


def input_stream(stream: Any, size: int | None, url: str, params: Any) -> tuple[Any, int | None, str]:
    """Return the (stream, size, url) that the next function of the chain gets, or only a stream."""
    return stream, size, url


def output_stream(stream: Any, partition: str, url: str, params: Any) -> tuple[Any, str]:
    """Return the (stream, url) that the next function of the chain gets, or only a stream."""
    return stream, url


# ---- defaults and ready-made functions


def noop(*args: Any, **kwargs: Any) -> None:
    """Do nothing."""


def nop_map(entry: Any, params: Any) -> Iterator[Any]:
    """No-op map: yields the entry, which must be a pair."""
    yield entry


def nop_reduce(iter: Iterable[Pair], out: OutputStream, params: Any) -> None:
    """No-op reduce: combines the results of many maps into one file a partition."""
    for key, value in iter:
        out.add(key, value)


def default_partition(key: Any, nr_partitions: int, params: Any) -> int:
    """A stable hash of `key`, the same in every process and language."""
    return stable_partition(key, nr_partitions)


def make_range_partition(min_val: Any, max_val: Any) -> Callable[[Any, int, Any], int]:
    """A partition function that cuts the range from `min_val` to `max_val` into equal parts.

    Keys below the range belong to the first partition, keys above it to the last.
    """
    if not max_val > min_val:
        raise ValueError(f"the range from {min_val!r} to {max_val!r} is empty")

    def range_partition(key: Any, nr_partitions: int, params: Any) -> int:
        place = int((key - min_val) * nr_partitions // (max_val - min_val))
        return max(0, min(nr_partitions - 1, place))

    return range_partition


def sum_combiner(key: Any, value: Any, buf: dict[Any, Any], done: bool, params: Any) -> Iterable[Pair] | None:
    """Sums the values for each key."""
    if done:
        return buf.items()
    buf[key] = buf.get(key, 0) + value
    return None


def sum_reduce(iter: Iterable[Pair], params: Any) -> Iterable[Pair]:
    """Sums the values for each key."""
    sums: dict[Any, Any] = {}
    for key, value in iter:
        sums[key] = sums.get(key, 0) + value
    return sums.items()
