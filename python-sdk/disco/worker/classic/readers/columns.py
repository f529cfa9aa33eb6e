"""Readers of columnar files, Parquet and Arrow IPC: through pyarrow, which only jobs that use them import.

Both formats are read from their end, so an input that can only be read forwards is copied to a temporary file
first. One batch of rows at a time is held in memory; a task uses one core.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ....error import DataError, DiscoError
from ....schemes.arrow import import_arrow

BATCH_ROWS = 16_384
COPIED_BYTES = 1 << 20  # at a time, from an input that can't be read from its end
FILE_MAGIC = b"ARROW1"  # an Arrow file begins with it, an Arrow stream does not


def parquet_reader(
    fd: Any,
    size: int | None,
    url: str,
    params: Any = None,
    *,
    columns: Sequence[str] | None = None,
    as_batches: bool = False,
) -> Iterator[Any]:
    """Yields each row of a Parquet file as a dictionary of Python values.

    Only `columns` are read, if they are given. With `as_batches` the entries are `pyarrow.RecordBatch`es
    instead: much faster for maps that compute with whole columns. Raises DataError for a damaged file,
    DiscoError for columns that it has not, and where pyarrow is not installed.
    """
    arrow = import_arrow("pyarrow", url)
    parquet = import_arrow("pyarrow.parquet", url)
    with _seekable(fd) as source:
        with _damage_told(arrow, url):
            file = parquet.ParquetFile(source)
            _check_columns(columns, file.schema_arrow.names, url)
        batches = file.iter_batches(BATCH_ROWS, columns=columns and list(columns), use_threads=False)
        yield from _entries(arrow, batches, as_batches, url)


def arrow_reader(
    fd: Any,
    size: int | None,
    url: str,
    params: Any = None,
    *,
    columns: Sequence[str] | None = None,
    as_batches: bool = False,
) -> Iterator[Any]:
    """Yields each row of an Arrow IPC file or stream (Feather is the former) as a dictionary.

    Options and errors are those of `parquet_reader`.
    """
    arrow = import_arrow("pyarrow", url)
    ipc = import_arrow("pyarrow.ipc", url)
    with _seekable(fd) as source:
        is_file = source.read(len(FILE_MAGIC)) == FILE_MAGIC
        source.seek(0)
        with _damage_told(arrow, url):
            opened = ipc.open_file(source) if is_file else ipc.open_stream(source)
            _check_columns(columns, opened.schema.names, url)
        batches: Any = map(opened.get_batch, range(opened.num_record_batches)) if is_file else opened
        if columns:
            batches = (batch.select(list(columns)) for batch in batches)
        yield from _entries(arrow, batches, as_batches, url)


def _entries(arrow: Any, batches: Any, as_batches: bool, url: str) -> Iterator[Any]:
    batches = iter(batches)
    while True:
        with _damage_told(arrow, url):
            batch = next(batches, None)
            if batch is None:
                return
            found = (batch,) if as_batches else batch.to_pylist()
        yield from found


class _damage_told:  # noqa: N801 - a context manager, used as a function
    """What pyarrow raises about the file becomes a DataError, so that another replica is tried."""

    def __init__(self, arrow: Any, url: str) -> None:
        self._errors, self._url = (arrow.ArrowException, EOFError), url

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, self._errors) and not isinstance(error, MemoryError):
            raise DataError(f"{type(error).__name__}: {error}", self._url) from error


def _check_columns(wanted: Sequence[str] | None, there: Sequence[str], url: str) -> None:
    missing = [name for name in wanted or () if name not in there]
    if missing:
        raise DiscoError(f"{url} has no column {', '.join(missing)}; it has {', '.join(there)}")


@contextmanager
def _seekable(fd: Any) -> Iterator[Any]:
    """The file, or a copy of it that can be read from its end."""
    file = getattr(fd, "binary", fd)
    if file.seekable():
        raw = getattr(file, "raw", None)  # one of pyarrow's own reads no more than it needs
        yield raw if type(raw).__module__.startswith("pyarrow") else file
        return
    import shutil
    import tempfile

    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy, COPIED_BYTES)
        copy.seek(0)
        yield copy
