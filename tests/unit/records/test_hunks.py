"""Record streams: M202-M207, M211, F5."""

from __future__ import annotations

import base64
import enum
import io
import pickle
import tracemalloc
import zlib
from array import array
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.protocol.deliver import vector_bytes, vector_json, vector_names
from unit.records.make_vectors import hunk, kv
from unit.records.streams import URL, Dripping, records, written

from disco.error import DataError
from disco.records import codecs, columns, hunks
from disco.records.codecs import CodecError
from disco.records.columns import Encoding
from disco.records.hunks import HunkWriter, read_hunks, read_records

VALID = vector_names("records/valid")
INVALID = vector_names("records/invalid")
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()
)
OBJECTS = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner))
PAIRS = st.lists(st.tuples(OBJECTS, OBJECTS), max_size=20)


class Colour(enum.IntEnum):
    RED = 1


def lacking(name: str) -> str | None:
    """The codec that a vector needs and this Python does not have."""
    return next((word for word in ("zstd", "lz4") if word in name and word not in codecs.available()), None)


@pytest.mark.parametrize("name", VALID)
def test_valid_vector_whole_byte_by_byte_and_concatenated(name: str) -> None:
    """M211, F5."""
    data = vector_bytes("records/valid", name)
    missing = lacking(name)
    if missing is not None:
        with pytest.raises(DataError, match=f"{missing} cannot be imported here: it needs"):
            records(data)
        return
    rows = vector_json("records/valid", name)["records"]
    expected = [(base64.b64decode(key), base64.b64decode(value)) for key, value in rows]
    assert records(data, entries=False) == expected
    assert list(read_records(Dripping(data), URL, entries=False)) == expected
    assert records(data + data, entries=False) == expected + expected


@pytest.mark.parametrize("name", INVALID)
def test_invalid_vector_names_url_and_offset(name: str) -> None:
    """M207."""
    data = vector_bytes("records/invalid", name)
    fault = vector_json("records/invalid", name)["fault"]
    whole = hunk(kv([(b"the", b"1"), (b"cat", b"2")]), 2)
    for file in (io.BytesIO(data), Dripping(data, 3), io.BytesIO(whole + data)):
        with pytest.raises(DataError) as caught:
            list(read_records(file, URL))
        assert caught.value.url == URL and URL in str(caught.value)
        text = "Truncated data at" if fault == "truncated" else "Corrupted data between bytes"
        assert caught.value.msg.startswith(text)


@pytest.mark.parametrize("name", VALID)
def test_valid_vector_cut_anywhere_is_damaged_or_ends_between_hunks(name: str) -> None:
    data = vector_bytes("records/valid", name)
    if lacking(name) or len(data) > 3000:
        data = data[:300]
    if lacking(name):
        return
    ends = {0}
    position = 0
    while position + 20 <= len(data):
        position += 20 + int.from_bytes(data[position + 8 : position + 12], "little")
        ends.add(position)
    for cut in range(len(data)):
        if cut in ends:
            records(data[:cut])
        else:
            with pytest.raises(DataError, match=f"Truncated data at {cut} bytes"):
                records(data[:cut])


@given(PAIRS, st.sampled_from(list(Encoding)), st.sampled_from(codecs.available()), st.integers(1, 30))
def test_any_pairs_come_back(pairs: list[Any], encoding: Encoding, codec: str, size: int) -> None:
    if encoding is Encoding.KV:
        pairs = [(repr(key).encode(), repr(value).encode()) for key, value in pairs]
    data = written([key for key, _ in pairs], [value for _, value in pairs], encoding, codec)
    back = list(read_records(Dripping(data, size), URL))
    assert back == pairs
    assert list(map(repr, back)) == list(map(repr, pairs))  # 1, True and 1.0 are told apart


@given(st.binary(min_size=1, max_size=60))
def test_any_bytes_give_records_or_a_data_error(data: bytes) -> None:
    try:
        records(data)
    except DataError as error:
        assert error.url == URL


@given(st.integers(0, 10**6), st.integers(0, 7))
def test_any_flipped_bit_behind_a_header_is_found(where: int, bit: int) -> None:
    data = bytearray(written(["a", "b"], [1, 2], codec="none"))
    where = 20 + where % (len(data) - 20)
    data[where] ^= 1 << bit
    with pytest.raises(DataError, match="checksum"):
        records(bytes(data))


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize("codec", ["none", "zlib"])
def test_large_streams_are_cut_into_hunks_of_about_a_mebibyte(encoding: Encoding, codec: str) -> None:
    keys = [b"key %d" % i for i in range(200_000)]
    values = [b"v" * (i % 40) for i in range(200_000)]
    data = written(keys, values, encoding, codec)
    sizes, position = [], 0
    while position < len(data):
        header = hunks.HEADER.unpack_from(data, position)
        sizes.append((header[4], header[6]))
        position += hunks.HEADER.size + header[5]
    assert all(raw < 2 * hunks.TARGET_RAW_BYTES and n <= hunks.MAX_RECORDS_A_HUNK for raw, n in sizes)
    assert all(raw > hunks.TARGET_RAW_BYTES / 2 for raw, _ in sizes[:-1])
    assert records(data) == list(zip(keys, values, strict=True))


def test_small_records_are_cut_by_number() -> None:
    numbers = [1] * (hunks.MAX_RECORDS_A_HUNK + 1)
    sizes = [len(keys) for keys, _ in read_hunks(io.BytesIO(written(numbers, numbers)), URL)]
    assert sizes == [hunks.MAX_RECORDS_A_HUNK, 1]


def test_records_larger_than_a_hunk_are_written_alone() -> None:
    """M208 forbids them to chunks; tasks may have them."""
    large = [bytes([i]) * (3 * hunks.TARGET_RAW_BYTES) for i in range(4)]
    batches = list(read_hunks(io.BytesIO(written(["a", "b", "c", "d"], large)), URL))
    assert [len(keys) for keys, _ in batches] == [1, 1, 1, 1]
    assert [values for _, values in batches] == [[value] for value in large]


def test_memory_of_a_writer_is_bounded_when_records_become_large() -> None:
    class Sink:
        def write(self, data: bytes) -> None:
            pass

    writer = HunkWriter(Sink(), Encoding.KV, "none")
    tracemalloc.start()
    try:
        for i in range(3000):
            writer.add(b"small", b"x")
            if i > 2000:
                writer.add(b"large", bytes(100_000))
        assert tracemalloc.get_traced_memory()[1] < 80 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_lying_header_takes_no_memory() -> None:
    """Sizes are checked before memory is taken; what may be true is taken as it arrives."""
    legal = hunks.MAX_HUNK_RAW_BYTES
    lies = [hunk(b"x", 1, raw_len=legal, stored_len=legal), hunk(b"x", 1, raw_len=legal + 1)]
    lies.append(hunk(b"x", 1, zlib.compress(bytes(50_000_000)), codec=1, raw_len=1000))
    for lie in lies:
        tracemalloc.start()
        try:
            with pytest.raises(DataError):
                records(lie)
            assert tracemalloc.get_traced_memory()[1] < 20 * 1024 * 1024
        finally:
            tracemalloc.stop()


def test_limits_of_a_header_on_both_sides() -> None:
    def fault(**fields: int) -> str | None:
        plain = {
            "encoding": 1,
            "codec": 0,
            "reserved": 0,
            "raw_len": 9,
            "stored_len": 9,
            "records": 1,
            "crc32": 0,
        }
        return hunks.Header(**(plain | fields)).fault()

    most = hunks.MAX_HUNK_RAW_BYTES
    assert fault(raw_len=most) is None and fault(raw_len=most + 1)
    assert fault(stored_len=9 + hunks.MAX_GROWTH_BYTES) is None and fault(
        stored_len=10 + hunks.MAX_GROWTH_BYTES
    )
    assert fault(records=9) is None and fault(records=10)


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize("skip", [0, 1, 3, 4, 5, 8, 9, 10, 100])
def test_reading_goes_on_after_the_last_record_delivered(encoding: Encoding, skip: int) -> None:
    """M198, M360: the next replica, cut into other hunks, goes on at the same record."""
    pairs = [(b"%d" % i, b"v%d" % i) for i in range(9)]
    data = b"".join(
        written([key for key, _ in part], [value for _, value in part], encoding)
        for part in (pairs[:4], pairs[4:5], pairs[5:])
    )
    assert records(data, skip=skip) == pairs[skip:]


def test_hunks_to_skip_are_not_decoded() -> None:
    damaged = bytearray(written(["a", "b"], [1, 2], codec="none"))
    damaged[-1] ^= 1
    data = bytes(damaged) + written(["c"], [3])
    assert records(data, skip=2) == [("c", 3)]
    with pytest.raises(DataError):
        records(data, skip=1)


def test_damaged_hunks_can_be_passed_over_but_not_damaged_headers() -> None:
    """M207: ignore_corrupt."""
    first, last = written(["a"], [1]), written(["c"], [3])
    damaged = bytearray(written(["b"], [2], codec="none"))
    damaged[-1] ^= 1
    assert records(first + bytes(damaged) + last, ignore_corrupt=True) == [("a", 1), ("c", 3)]
    with pytest.raises(DataError, match=f"between bytes {len(first)}-"):
        records(first + b"\x00" + last, ignore_corrupt=True)


def test_bare_entries_come_alone_and_pairs_as_pairs() -> None:
    lines = [b"one\n", b"two\n"]
    for encoding in Encoding:
        data = written(lines, None, encoding)
        assert records(data) == lines
        empty = b"" if encoding is Encoding.KV else None
        assert records(data, entries=False) == [(empty, line) for line in lines]
    # A hunk with one key is a hunk of pairs: what a pair means never hangs on its own key alone.
    assert records(written([b"", b"k"], [b"x", b"y"], Encoding.KV)) == [(b"", b"x"), (b"k", b"y")]
    assert records(written([b""], [b"x"])) == [(b"", b"x")]


def test_entries_and_pairs_can_be_mixed_in_one_stream() -> None:
    file = io.BytesIO()
    with HunkWriter(file) as writer:
        writer.add("a", 1)
        writer.add_entry({"x": 2})
        writer.add_entry([3])
        writer.add("b", 4)
        writer.add_columns(["c"], [5])
    assert records(file.getvalue()) == [("a", 1), {"x": 2}, [3], ("b", 4), ("c", 5)]
    assert writer.records_written == 5 and writer.bytes_written == len(file.getvalue())


def test_a_writer_left_by_an_error_writes_nothing_more() -> None:
    file = io.BytesIO()
    with pytest.raises(RuntimeError), HunkWriter(file) as writer:
        writer.add("a", 1)
        raise RuntimeError
    assert file.getvalue() == b""


@pytest.mark.parametrize(
    "value",
    [bytearray(b"x"), array("i", [1]), Colour.RED, {1, 2}, ([bytearray(b"x")],), {"a": array("b")}, 1j],
)
def test_marshal_never_changes_a_type(value: Any) -> None:
    """It would write arrays and bytearrays as bytes: those columns are pickled."""
    ((key, back),) = records(written(["k"], [value], Encoding.MARSHAL))
    assert (key, back) == ("k", value) and type(back) is type(value)


def test_marshal_is_used_for_its_own_types_and_pickle_for_others() -> None:
    def used(value: Any) -> int:
        return written(["k"], [value], Encoding.MARSHAL)[1]

    nested: Any = 1
    for _ in range(columns.MAX_NESTING):
        nested = (nested,)
    assert used(nested) == Encoding.MARSHAL and used({"a": [1, (2.5, None)]}) == Encoding.MARSHAL
    assert used((nested,)) == Encoding.PICKLE and used(Colour.RED) == Encoding.PICKLE


def test_equal_keys_are_stored_once_and_unlike_ones_kept_apart() -> None:
    keys = ["".join(["lo", "ng" * 50]) for _ in range(10_000)]
    assert len(written(keys, keys, codec="none")) < 10_000 * 110 * 1.2
    odd: list[Any] = [1, True, 1.0, 1, "a", b"a"] * 200
    assert [type(key) for key, _ in records(written(odd, odd))] == [type(key) for key in odd]


def test_kv_takes_text_as_utf_8_and_refuses_other_types() -> None:
    assert records(written(["é"], ["ü"], Encoding.KV)) == [("é".encode(), "ü".encode())]
    assert records(written(["a", b"b"], [bytearray(b"x"), "y"], Encoding.KV)) == [(b"a", b"x"), (b"b", b"y")]
    with pytest.raises(TypeError, match="bytes and text, not int"):
        written(["a"], [1], Encoding.KV)


def test_kv_lengths_around_the_table_of_short_ones() -> None:
    pairs = [(b"k" * n, b"v" * n) for n in (0, 1, 1023, 1024, 1025, 65536)]
    data = written([key for key, _ in pairs], [value for _, value in pairs], Encoding.KV)
    assert records(data, entries=False) == pairs


def test_columns_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 keys and 1 values"):
        HunkWriter(io.BytesIO()).add_columns(["a", "b"], [1])


def test_what_does_not_compress_is_stored_as_it_is() -> None:
    data = written([b"k"], [bytes(range(256))], Encoding.KV, "zlib")
    assert data[2] == codecs.NUMBERS["none"]


def test_a_missing_class_is_the_programs_fault_not_the_datas() -> None:
    raw = pickle.dumps((["k"], [Decimal(1)]), 5).replace(b"Decimal", b"Decimax")
    with pytest.raises(AttributeError):
        records(hunk(raw, 1, encoding=0))
    for junk in (b"", b"junk", pickle.dumps([1]), pickle.dumps((["k"], [1, 2])), pickle.dumps(("k", [1]))):
        with pytest.raises(DataError):
            records(hunk(junk, len(junk[:1]), encoding=0))
        with pytest.raises(DataError):
            records(hunk(junk, len(junk[:1]), encoding=2))


def test_a_codec_that_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(CodecError, match="'brotli' is unknown: there are none, zlib, zstd, lz4"):
        HunkWriter(io.BytesIO(), codec="brotli")
    for name in set(codecs.NUMBERS) - set(codecs.available()):
        with pytest.raises(CodecError, match=f"{name} cannot be imported here: it needs"):
            HunkWriter(io.BytesIO(), codec=name)


def test_hunks_over_the_hard_limit_are_halved_and_a_single_record_over_it_refused() -> None:
    file = io.BytesIO()
    record = 8 + 1 + 91  # two lengths, a key of one byte, a value
    with HunkWriter(file, Encoding.KV, "none", max_raw_bytes=record) as writer:
        writer.add_columns([b"a", b"b", b"c"], [bytes(91)] * 3)
        writer.flush()
        with pytest.raises(ValueError, match=r"Record of 101 bytes is too big: .* at most 100"):
            writer.write_hunk([b"d"], [bytes(92)])
    data = file.getvalue()
    assert records(data) == [(b"a", bytes(91)), (b"b", bytes(91)), (b"c", bytes(91))]
    assert [len(keys) for keys, _ in read_hunks(io.BytesIO(data), URL)] == [1, 1, 1]


def test_write_hunk_keeps_columns_together_and_in_order() -> None:
    file = io.BytesIO()
    with HunkWriter(file) as writer:
        writer.add("a", 1)
        writer.write_hunk(["b", "c"], [2, 3])
        writer.add("d", 4)
    hunks_read = [keys for keys, _ in read_hunks(io.BytesIO(file.getvalue()), URL)]
    assert hunks_read == [["a"], ["b", "c"], ["d"]]
