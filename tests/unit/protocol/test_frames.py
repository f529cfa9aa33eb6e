"""Frames: M119, F1, F2, and both sides of every limit."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.protocol.deliver import pieces, read_frames, vector_bytes, vector_json, vector_names

from disco.protocol.errors import Fault, FrameError
from disco.protocol.frames import (
    MAX_LAST_WORDS_BYTES,
    MAX_NAME_BYTES,
    MAX_PAYLOAD_BYTES,
    Frame,
    FrameReader,
    encode,
    encode_bytes,
)

VALID = vector_names("frames/valid")
INVALID = vector_names("frames/invalid")
NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1, max_size=MAX_NAME_BYTES)
FRAMES = st.lists(st.builds(Frame, NAMES, st.binary(max_size=200)), max_size=8)


def fault_of(data: bytes, size: int | None = None) -> tuple[Fault, str]:
    with pytest.raises(FrameError) as caught:
        read_frames(data, size)
    return caught.value.fault, caught.value.reason


@pytest.mark.parametrize("name", VALID)
def test_valid_vector_whole_byte_by_byte_with_a_tail_and_truncated(name: str) -> None:
    """M119, F2."""
    data = vector_bytes("frames/valid", name)
    expected = [(frame["name"], frame["payload"].encode()) for frame in vector_json("frames/valid", name)]
    assert read_frames(data) == expected
    assert read_frames(data, 1) == expected
    assert read_frames(data + b'PING 2 ""\n', 3) == [*expected, ("PING", b'""')]
    for cut in range(1, len(data)):
        if data[:cut].count(b"\n") == 0:
            assert fault_of(data[:cut])[0] is Fault.TRUNCATED


@pytest.mark.parametrize("name", INVALID)
def test_invalid_vector_has_the_same_fault_however_it_arrives(name: str) -> None:
    """M158: the reason why bytes could not be parsed."""
    data = vector_bytes("frames/invalid", name)
    expected = vector_json("frames/invalid", name)["fault"]
    whole = fault_of(data)
    assert whole[0] == expected
    for size in (1, 2, 3, 7):
        assert fault_of(data, size) == whole
    if expected != Fault.TRUNCATED:
        assert fault_of(data + b'PING 2 ""\n') == whole
        assert fault_of(b'PING 2 ""\n' + data) == whole


def test_every_fault_has_a_vector() -> None:
    assert {vector_json("frames/invalid", name)["fault"] for name in INVALID} == set(Fault)


@given(FRAMES, st.integers(1, 50))
def test_any_frames_in_any_pieces(frames: list[Frame], size: int) -> None:
    data = b"".join(encode_bytes(name, payload) for name, payload in frames)
    assert read_frames(data, size) == frames


@given(st.binary(max_size=40))
def test_any_bytes_end_alike_whole_and_byte_by_byte(data: bytes) -> None:
    def outcome(size: int | None) -> object:
        try:
            return read_frames(data, size)
        except FrameError as error:
            return error.fault, error.reason

    assert outcome(1) == outcome(None)


def test_payload_of_exactly_the_limit_is_read_and_one_byte_more_is_refused_unread() -> None:
    reader = FrameReader()
    reader.feed(b"MSG %d " % MAX_PAYLOAD_BYTES)
    assert reader.next_frame() is None
    refusing = FrameReader()
    refusing.feed(b"MSG %d " % (MAX_PAYLOAD_BYTES + 1))
    with pytest.raises(FrameError, match="at most 104857600 bytes"):
        refusing.next_frame()
    assert len(encode_bytes("MSG", bytes(MAX_PAYLOAD_BYTES))) == MAX_PAYLOAD_BYTES + len("MSG 104857600 \n")
    with pytest.raises(ValueError, match="at most 104857600 bytes"):
        encode_bytes("MSG", bytes(MAX_PAYLOAD_BYTES + 1))


def test_name_of_the_longest_length_is_sent_and_a_longer_one_refused() -> None:
    assert encode("A" * MAX_NAME_BYTES, "") == b'AAAAAAAAAA 2 ""\n'
    for name in ("", "A" * (MAX_NAME_BYTES + 1), "ok", "A B"):
        with pytest.raises(ValueError, match="a name has 1 to 10"):
            encode(name, "")


def test_bytes_without_a_space_are_refused_at_the_eleventh() -> None:
    reader = FrameReader()
    reader.feed(b"A" * MAX_NAME_BYTES)
    assert reader.next_frame() is None
    reader.feed(b"A")
    with pytest.raises(FrameError, match="at most 10 bytes"):
        reader.next_frame()


def seconds_to_read(payload_bytes: int) -> float:
    """CPU time to read one frame that arrives in pieces of 64 KiB, asking after each."""
    data = encode_bytes("MSG", bytes(payload_bytes))
    reader = FrameReader()
    frame = None
    started = time.process_time()
    for piece in pieces(data, 65536):
        reader.feed(piece)
        frame = reader.next_frame()
    spent = time.process_time() - started
    assert frame is not None and len(frame.payload) == payload_bytes
    return spent


def seconds_to_gather(payload_bytes: int) -> float:
    """CPU time to do the least: put the same pieces together, and copy the payload out once."""
    data = encode_bytes("MSG", bytes(payload_bytes))
    gathered = bytearray()
    started = time.process_time()
    for piece in pieces(data, 65536):
        gathered += piece
    with memoryview(gathered) as view:
        payload = bytes(view[-payload_bytes - 1 : -1])
    spent = time.process_time() - started
    assert len(payload) == payload_bytes
    return spent


def test_100_mib_in_pieces_costs_little_more_than_putting_them_together() -> None:
    """One more copy of what came so far at each of 1,600 pieces would be 80 GB: a hundred times as long."""
    size = MAX_PAYLOAD_BYTES
    least = min(seconds_to_gather(size) for _ in range(2))
    assert min(seconds_to_read(size) for _ in range(2)) < 6 * least


def test_100_mib_in_pieces_is_never_held_more_than_about_twice() -> None:
    piece = bytes(1024 * 1024)
    reader = FrameReader()
    tracemalloc.start()
    try:
        reader.feed(b"MSG %d " % MAX_PAYLOAD_BYTES)
        for _ in range(100):
            reader.feed(piece)
            assert reader.next_frame() is None
        reader.feed(b"\n")
        assert reader.next_frame() is not None
        assert tracemalloc.get_traced_memory()[1] < 2.3 * MAX_PAYLOAD_BYTES
    finally:
        tracemalloc.stop()


def test_many_frames_in_one_piece_take_time_in_proportion() -> None:
    def seconds(count: int) -> float:
        reader = FrameReader()
        reader.feed(b'PING 2 ""\n' * count)
        started = time.process_time()
        while reader.next_frame() is not None:
            pass
        return time.process_time() - started

    assert min(seconds(100_000) for _ in range(2)) < 40 * min(seconds(10_000) for _ in range(3))


def test_fault_is_final_and_its_last_words_are_kept_up_to_the_limit() -> None:
    """M157: last words, at most 100 KiB."""
    reader = FrameReader()
    reader.feed(b'PING 2 ""\nTraceback (most')
    assert reader.next_frame() == Frame("PING", b'""')
    with pytest.raises(FrameError) as caught:
        reader.next_frame()
    assert caught.value.bytes_so_far == b"Traceback (most"
    reader.feed(b' recent call)\nPING 2 ""\n')
    with pytest.raises(FrameError) as again:
        reader.next_frame()
    assert again.value is caught.value
    assert reader.last_words == b'Traceback (most recent call)\nPING 2 ""\n'
    with pytest.raises(FrameError):
        reader.end_of_input()
    reader.feed(b"x" * (MAX_LAST_WORDS_BYTES - len(reader.last_words) - 1))
    assert len(reader.last_words) == MAX_LAST_WORDS_BYTES - 1
    reader.feed(b"yz")
    assert len(reader.last_words) == MAX_LAST_WORDS_BYTES and reader.last_words.endswith(b"xy")


def test_unfinished_tells_a_begun_frame_from_none() -> None:
    """M156: the 30 s for an unfinished message begin when a frame does."""
    reader = FrameReader()
    assert not reader.unfinished
    reader.feed(b'PING 2 ""\n')
    assert reader.next_frame() is not None and not reader.unfinished
    reader.feed(b"P")
    assert reader.next_frame() is None and reader.unfinished
    reader.feed(b'ING 2 ""')
    assert reader.next_frame() is None and reader.unfinished
    reader.feed(b"\n")
    assert reader.next_frame() is not None and not reader.unfinished
    reader.end_of_input()


@pytest.mark.parametrize("name", VALID)
def test_reading_what_is_missing_never_reads_beyond_a_frame(name: str) -> None:
    """M119: a process that is forked in between finds the next frame from its first byte on."""
    data = vector_bytes("frames/valid", name)
    for frame in vector_json("frames/valid", name):
        reader, found = FrameReader(), None
        while found is None:
            size = reader.missing
            assert 1 <= size <= len(data)
            reader.feed(data[:size])
            data = data[size:]
            found = reader.next_frame()
        assert found == (frame["name"], frame["payload"].encode()) and not reader.unfinished
    assert data == b""


def test_an_ok_is_read_in_two_pieces() -> None:
    reader = FrameReader()
    data, sizes = encode("OK", "ok"), []
    while data:
        sizes.append(reader.missing)
        reader.feed(data[: sizes[-1]])
        data = data[sizes[-1] :]
        frame = reader.next_frame()
    assert frame == ("OK", b'"ok"') and sizes == [5, 5]


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ("é", '"é"'),
        ("\udc80", '"\\udc80"'),
        ("a\udcff😀", '"a\\udcff😀"'),
        ({"a": [1, None, True]}, '{"a":[1,null,true]}'),
        ("a\nb", '"a\\nb"'),
    ],
)
def test_encode_is_compact_utf_8_and_survives_lone_surrogates(payload: object, text: str) -> None:
    """F1: the length counts bytes."""
    assert encode("MSG", payload) == f"MSG {len(text.encode())} {text}\n".encode()


@pytest.mark.parametrize("payload", [float("nan"), float("inf"), object(), b"x"])
def test_encode_refuses_what_json_cannot_say(payload: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        encode("MSG", payload)
