"""The newest events, read backwards, against the plain way of reading them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from disco_master.web.event_tail import MAX_EVENTS, newest_events


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.binary(max_size=12).map(lambda text: text.replace(b"\n", b"")), max_size=30),
    rest=st.sampled_from([b"", b"half a li"]),
    count=st.integers(0, 40),
    block=st.integers(1, 20),
)
def test_as_if_read_from_the_start(
    tmp_path: Path, lines: list[bytes], rest: bytes, count: int, block: int
) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"".join(line + b"\n" for line in lines) + rest)
    expected = [line for line in reversed(lines) if line][:count]
    assert newest_events(path, count, block_bytes=block) == expected


def test_a_filter_is_blind_to_case_and_to_odd_characters(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"one NODE-1\ntwo node-2\nthree\n")
    assert newest_events(path, 10, 'No"de-*') == [b"two node-2", b"one NODE-1"]


def test_count_on_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"x\n" * (MAX_EVENTS + 5))
    assert len(newest_events(path, MAX_EVENTS - 1)) == MAX_EVENTS - 1
    assert len(newest_events(path, MAX_EVENTS + 1)) == MAX_EVENTS


def test_a_search_ends_at_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"needle\n" + b"hay\n" * 100)
    assert newest_events(path, 5, "needle", scan_bytes=407) == [b"needle"]
    assert newest_events(path, 5, "needle", scan_bytes=406) == []
