"""The event log files: their lines, their growth, and what a crash leaves (M570 to M574, F13)."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from disco_master.store.eventlog import BUFFER_MAX_BYTES, TEXT_MAX, EventLog, line


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    for job in ("a", "b", "c", "d"):
        (tmp_path / job).mkdir()
    return EventLog(lambda job: tmp_path / job / "events", open_files_max=2)


def texts(path: Path) -> list[str]:
    return [json.loads(row)[2] for row in path.read_bytes().splitlines()]


def test_a_line_is_time_host_and_text() -> None:
    """M570"""
    raw = line(86400.0 * 400, "nx01", 'MSG: [map:0] "é"\n\x00')
    stamp, host, text = json.loads(raw)
    assert time.strptime(stamp, "%Y/%m/%d %H:%M:%S")[:3] == time.localtime(86400.0 * 400)[:3]
    assert (host, text) == ("nx01", 'MSG: [map:0] "é"\n\x00')
    assert raw.endswith(b"\n")
    assert raw.count(b"\n") == 1
    assert "é".encode() in raw


@pytest.mark.parametrize(("length", "kept"), [(TEXT_MAX, TEXT_MAX), (TEXT_MAX + 1, TEXT_MAX)])
def test_a_text_is_cut_at_the_limit(length: int, kept: int) -> None:
    """M572"""
    assert len(json.loads(line(0, "a", "é" * length))[2]) == kept


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ab\udcff\udc80 c", r"WARNING: Binary message data: ab\xff\x80 c"),
        ("x\ud800", r"WARNING: Binary message data: x\xed\xa0\x80"),
    ],
)
def test_binary_text_is_shown_byte_by_byte(text: str, shown: str) -> None:
    """M574"""
    raw = line(0, "a", text)
    assert json.loads(raw.decode())[2] == shown


def test_flush_makes_everything_readable(log: EventLog, tmp_path: Path) -> None:
    log.append("a", 1.0, "master", "one")
    log.append("b", 1.0, "master", "other")
    log.flush("a")
    assert texts(tmp_path / "a/events") == ["one"]
    assert not (tmp_path / "b/events").exists()
    log.append("a", 1.0, "master", "two")
    log.flush_all()
    assert texts(tmp_path / "a/events") == ["one", "two"]
    assert texts(tmp_path / "b/events") == ["other"]
    log.close()


def test_a_full_buffer_is_written_by_itself(log: EventLog, tmp_path: Path) -> None:
    row = len(line(1.0, "m", "x" * 8000))
    for _ in range(BUFFER_MAX_BYTES // row + 1):
        log.append("a", 1.0, "m", "x" * 8000)
    assert not (tmp_path / "a/events").exists()
    log.append("a", 1.0, "m", "last")
    assert (tmp_path / "a/events").stat().st_size >= BUFFER_MAX_BYTES
    log.close()
    assert texts(tmp_path / "a/events")[-1] == "last"
    assert len(texts(tmp_path / "a/events")) == BUFFER_MAX_BYTES // row + 2


def test_only_so_many_files_are_open(log: EventLog, tmp_path: Path) -> None:
    for turn in range(3):
        for job in "abcd":
            log.append(job, 1.0, "m", str(turn))
            log.flush(job)
            assert log.open_files <= 2
    assert all(texts(tmp_path / job / "events") == ["0", "1", "2"] for job in "abcd")
    log.close()
    assert log.open_files == 0


def test_a_restart_goes_on_where_the_file_ends(log: EventLog, tmp_path: Path) -> None:
    """M571, F13: bytes that a client has read stay where they are."""
    log.append("a", 1.0, "m", "before")
    log.close()
    before = (tmp_path / "a/events").read_bytes()
    log.append("a", 1.0, "m", "after")
    log.close()
    assert (tmp_path / "a/events").read_bytes().startswith(before)
    assert texts(tmp_path / "a/events") == ["before", "after"]


@pytest.mark.parametrize("torn", [b'["2026/01/01', b"x", b"x" * 200_000])
@pytest.mark.parametrize("whole", [b"", b'["t","m","whole"]\n'])
def test_a_torn_line_is_cut_off(log: EventLog, tmp_path: Path, whole: bytes, torn: bytes) -> None:
    (tmp_path / "a/events").write_bytes(whole + torn)
    log.append("a", 1.0, "m", "next")
    log.close()
    assert texts(tmp_path / "a/events") == (["whole"] if whole else []) + ["next"]


def test_the_log_of_a_cleaned_job_is_not_made_again(log: EventLog, tmp_path: Path) -> None:
    """M494"""
    log.append("a", 1.0, "m", "x")
    log.flush("a")
    log.drop("a")
    (tmp_path / "a/events").unlink()
    (tmp_path / "a").rmdir()
    log.append("a", 1.0, "m", "late")
    log.flush_all()
    assert not (tmp_path / "a").exists()
    assert log.open_files == 0


def test_disk_trouble_is_raised_and_nothing_is_lost(log: EventLog, tmp_path: Path) -> None:
    (tmp_path / "a/events").mkdir()
    log.append("a", 1.0, "m", "kept")
    with pytest.raises(IsADirectoryError):
        log.flush("a")
    (tmp_path / "a/events").rmdir()
    log.flush("a")
    assert texts(tmp_path / "a/events") == ["kept"]
    log.close()
