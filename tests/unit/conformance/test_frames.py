"""The harness's own frame reader: strict, and helpful about what is wrong (M119, M120)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disco_conformance.wire.frames import MAX_PAYLOAD, Frame, FrameFault, FrameReader, encode, shown

names = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1, max_size=10)
frames = st.lists(st.tuples(names, st.binary(max_size=300)), min_size=1, max_size=5)


def read_all(reader: FrameReader) -> list[Frame]:
    found = []
    while (frame := reader.next_frame()) is not None:
        found.append(frame)
    return found


@given(frames, st.integers(1, 50))
def test_frames_are_read_in_any_pieces(parts: list[tuple[str, bytes]], size: int) -> None:
    data = b"".join(encode(name, payload) for name, payload in parts)
    reader, found = FrameReader(), []
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
        try:
            found += read_all(reader)
        except FrameFault:
            # a payload that looks like an end and a begin is reported as a wrong LENGTH
            assert any(b"\n" in payload for _, payload in parts)
            return
    assert found == [Frame(name, payload) for name, payload in parts]
    assert reader.pending == b""


def test_a_truncated_frame_is_pending() -> None:
    reader = FrameReader()
    reader.feed(b'OK 4 "o')
    assert reader.next_frame() is None
    assert reader.pending == b'OK 4 "o'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"hello world\n", "these bytes are no frame"),
        (b"Traceback (most", "these bytes are no frame"),
        (b" OK 2", "these bytes are no frame"),
        (b"OKOKOKOKOKO 2", "longer than 10 bytes"),
        (b"OK\t2", "these bytes are no frame"),
        (b'OK  4 "ok"\n', "two spaces"),
        (b'OK 04 "ok"\n', "leading zero"),
        (b'OK +4 "ok"\n', "not a decimal number"),
        (b'OK 4.0 "ok"\n', "not a decimal number"),
        (b'MSG 3 "\xc3\xa9"\n', "lengths count bytes"),
        (b'OK 4 "ok"\r\n', "LF"),
        (b'OK 3 "ok"\n', "you wrote LENGTH 3 but the payload is 4 bytes long"),
        (b"OK 3 what\n", "LENGTH and payload disagree"),
        (b"OK 104857601 ", "above the limit"),
        (b"OK 99999999999 ", "not a decimal number"),
        (b'MSG 9 "abc"\nDONE 2 ""\n', "you wrote LENGTH 9 but the payload is 5 bytes long"),
    ],
)
def test_what_is_no_frame_is_explained(data: bytes, reason: str) -> None:
    reader = FrameReader()
    reader.feed(data)
    with pytest.raises(FrameFault, match=reason):
        read_all(reader)


def test_the_limit_is_inclusive() -> None:
    """M119: 100 MiB is accepted, one byte more is refused before it is read."""
    reader = FrameReader()
    reader.feed(b"MSG %d " % MAX_PAYLOAD)
    assert reader.next_frame() is None
    reader.feed(bytes(MAX_PAYLOAD))
    reader.feed(b"\n")
    frame = reader.next_frame()
    assert frame is not None and len(frame.payload) == MAX_PAYLOAD
    with pytest.raises(FrameFault):
        reader.feed(b"MSG %d " % (MAX_PAYLOAD + 1))
        reader.next_frame()


def test_bytes_are_shown_on_one_line() -> None:
    assert shown(b"a\nb\r\x00\xff") == "a\\nb\\r\\x00\\xff"
    assert shown(b"x" * 300, 10) == "xxxxxxxxxx… (300 bytes)"
