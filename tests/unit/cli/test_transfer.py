"""Progress of push, chunk and pull: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from unit.ddfs_client.fake_master import FakeMaster

from disco.cli.stored.transfer import Transfer, bytes_of


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_the_file_itself_is_sent() -> None:
    err, file = io.StringIO(), io.BytesIO(b"x")
    with Transfer("pushing", 1, err) as transfer:
        assert transfer.watch(file) is file
    assert err.getvalue() == ""


def test_bytes_count_once_however_often_they_are_read() -> None:
    """Each replica is sent from the beginning."""
    err = Terminal()
    with Transfer("pushing", 20, err) as transfer:
        first, second = transfer.watch(io.BytesIO(b"0123456789")), transfer.watch(io.BytesIO(b"abcdefghij"))
        assert first.read(4) == b"0123"
        assert transfer.done_bytes == 4
        first.seek(0)
        assert first.read() == b"0123456789"
        assert transfer.done_bytes == 10
        assert list(second) == [b"abcdefghij"]
        assert transfer.done_bytes == 20
        first.seek(2)
        buffer = bytearray(3)
        assert (first.readinto(buffer), bytes(buffer), first.readline()) == (3, b"234", b"56789")
        assert transfer.done_bytes == 20
        with pytest.raises(io.UnsupportedOperation):
            first.fileno()
    assert "pushing" in err.getvalue()
    assert "100" in err.getvalue() or "20/20" in err.getvalue()


def test_the_bytes_of_inputs(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"12345")
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    assert bytes_of([a, f"file://{b}"]) == 10
    assert bytes_of([]) == 0
    assert bytes_of([a, "http://host/x"]) is None
    assert bytes_of(["-"]) is None
    assert bytes_of([["disco://n/x", "disco://m/x"]]) is None


def on_a_terminal(environ: dict[str, str], cwd: Path, *words: str) -> tuple[int, str, str]:
    """Status, standard output (a pipe) and standard error (a terminal) of a program."""
    ours, theirs = pty.openpty()
    clean = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=cwd,
        env={**clean, **environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    out, _ = process.communicate()
    return process.returncode, out.decode(), shown.decode()


def test_bars_on_a_terminal(environ: dict[str, str], master: FakeMaster, tmp_path: Path) -> None:
    text = b"".join(b"line %d\n" % number for number in range(1000))
    (tmp_path / "text").write_bytes(text)
    for words, title, made in (
        (("chunk", "t", "text"), "chunking", "created: "),
        (("push", "u", "text"), "pushing", "pushing...\ncreated: "),
        (("pull", "-o", "out", "u"), "pulling", "pulled: out/text\n"),
    ):
        status, out, shown = on_a_terminal(environ, tmp_path, "disco.cli.ddfs", *words)
        assert (status, out.startswith(made)) == (0, True)
        assert title in shown
        assert "━" in shown
    assert (tmp_path / "out" / "text").read_bytes() == text
    stored = Counter(content for node in master.nodes for content in node.files.values())
    assert stored[text] == 2  # two replicas of what was pushed
