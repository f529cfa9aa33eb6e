"""Ready-made job functions, called as a worker calls them."""

from __future__ import annotations

import gzip
import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disco.error import DataError
from disco.records.partition import partition
from disco.worker.classic import func
from disco.worker.classic.signatures import takes_params, yields_pairs


def read(pattern: Any, data: bytes, size: int | None = None, **options: Any) -> list[Any]:
    return list(func.re_reader(pattern, io.BytesIO(data), size, "name", **options))


def test_a_pattern_cuts_the_input_into_entries() -> None:
    """M420: the documents' example."""
    html = b"<HTML>one</HTML><HTML>two</HTML>"
    assert read("<HTML>(.*?)</HTML>", html) == [("one",), ("two",)]
    assert read(b"<HTML>(.*?)</HTML>", html, len(html)) == [(b"one",), (b"two",)]


@given(st.lists(st.text("ab", min_size=1)), st.integers(1, 9))
def test_entries_do_not_depend_on_the_buffer(words: list[str], buffer_size: int) -> None:
    """M420: a match that more input could lengthen is not taken early."""
    data = "".join(f"{word}," for word in words).encode()
    assert read("([ab]*),?", data, read_buffer_size=buffer_size) == [(word,) for word in words]


def test_an_unmatched_tail_is_given_out_or_warned_about(capsys: Any) -> None:
    """M420."""
    assert read("(x),", b"x,x,rest", output_tail=True) == [("x",), ("x",), ["rest"]]
    assert read("(x),", b"x,x,rest") == [("x",), ("x",)]
    assert "last 4 bytes" in capsys.readouterr().out


def test_truncated_input_is_a_data_error() -> None:
    """M420."""
    with pytest.raises(DataError, match="expected 10 bytes, got 4"):
        read("(x),", b"x,x,", 10)


def test_the_old_text_format() -> None:
    """M419."""
    data = b"3 key 5 value\n0  2 \n\n\n"
    assert list(func.old_netstr_reader(io.BytesIO(data), len(data), "x")) == [
        (b"key", b"value"),
        (b"", b"\n\n"),
    ]
    begun = func.old_netstr_reader(io.BytesIO(data[3:]), len(data), "x", head=data[:3])
    assert next(begun) == (b"key", b"value")


@pytest.mark.parametrize(
    ("data", "size"),
    [(b"3 key 5 value\n", 15), (b"x key 5 value\n", 14), (b"3 keys 5 value\n", 15), (b"3key", 4)],
)
def test_damaged_old_text_is_a_data_error(data: bytes, size: int) -> None:
    with pytest.raises(DataError):
        list(func.old_netstr_reader(io.BytesIO(data), size, "x"))


def test_gzipped_lines_as_far_as_they_go(capsys: Any) -> None:
    """M415."""
    packed = gzip.compress(b"one\ntwo\n")
    assert list(func.gzip_line_reader(io.BytesIO(packed), None, "x", None)) == [b"one\n", b"two\n"]
    assert list(func.gzip_line_reader(io.BytesIO(b"no gzip"), None, "x", None)) == []
    assert "BadGzipFile" in capsys.readouterr().out
    stream, size, url = func.gzip_reader(io.BytesIO(packed), 5, "x", None)
    assert (stream.read(), size, url) == (b"one\ntwo\n", None, "x")


@pytest.mark.parametrize(
    ("key", "label"), [(0, 0), (9, 0), (10, 1), (99, 9), (100, 9), (-5, 0), (500, 9), (55.5, 5)]
)
def test_range_partition(key: float, label: int) -> None:
    """C27, M416."""
    assert func.make_range_partition(0, 100)(key, 10, None) == label


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ValueError, match="is empty"):
        func.make_range_partition(5, 5)


@given(st.one_of(st.text(), st.binary(), st.integers()), st.integers(1, 50))
def test_the_default_partition_is_the_stable_one(key: Any, count: int) -> None:
    """C28, M410."""
    assert func.default_partition(key, count, None) == partition(key, count)


def test_sums_and_nops() -> None:
    """M417, M418, M421, M422."""
    buffer: dict[Any, Any] = {}
    for key, value in (("a", 1), ("b", 2), ("a", 3)):
        assert func.sum_combiner(key, value, buffer, False, None) is None
    assert dict(func.sum_combiner(None, None, buffer, True, None) or ()) == {"a": 4, "b": 2}
    assert dict(func.sum_reduce(iter([("a", 1), ("a", 2)]), None)) == {"a": 3}
    assert list(func.nop_map(("k", "v"), None)) == [("k", "v")]
    added: list[Any] = []

    class Output(func.OutputStream):
        def add(self, key: Any, value: Any) -> None:
            added.append((key, value))

    func.nop_reduce([("k", 1), ("k", 2)], Output(None), None)
    assert added == [("k", 1), ("k", 2)]


def test_text_as_a_stream() -> None:
    """M423."""
    stream, size, _ = func.string_input_stream("ä", None, "x", None)
    assert (stream.read(), size) == ("ä".encode(), 2)


def test_forms_only_show_what_a_function_takes() -> None:
    """M398-M406: they are documented names."""
    for form, arguments in (
        (func.map, 2),
        (func.reduce, 3),
        (func.reduce2, 2),
        (func.combiner, 5),
        (func.partition, 3),
    ):
        with pytest.raises(NotImplementedError):
            form(*([None] * arguments))
    func.init((), None)
    func.notifier("x")
    assert func.input_stream("s", 1, "u", None) == ("s", 1, "u")
    assert func.output_stream("s", "0", "u", None) == ("s", "u")
    assert func.noop(1, two=2) is None  # type: ignore[func-returns-value]


class Callable4:
    def __call__(self, stream: Any, size: Any, url: Any, params: Any) -> None: ...

    def method(self, stream: Any, size: Any, url: Any, params: Any) -> None: ...

    def reduce(self, iter: Any, params: Any) -> None: ...


def test_arguments_are_counted_without_self_and_options() -> None:
    """M405, M373."""
    assert takes_params(Callable4(), 4) and takes_params(Callable4().method, 4)
    assert takes_params(lambda stream, size, url, params=None: None, 4)
    assert not takes_params(func.chain_reader, 4)
    assert not takes_params(lambda stream, size, url: None, 4)
    assert yields_pairs(Callable4().reduce) and not yields_pairs(func.nop_reduce)


def test_every_ready_made_name_has_a_description() -> None:
    for name in func.__all__:
        value = getattr(func, name)
        if callable(value):
            assert re.match(r"\w", value.__doc__ or ""), name
