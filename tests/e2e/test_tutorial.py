"""The tutorials of the documents, 2.4 and 2.5, as printed, over every scheme of inputs."""

from __future__ import annotations

import csv
import functools
import http.server
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.masters import EXAMPLES, Run

from disco.local import LocalMaster

SET_A = '1, "alpha"\n2, "beta"\n3, "gamma"\n4, "delta"\n5, "epsilon"\n'
SET_B = '1, "who"\n2, "what"\n3, "where"\n4, "when"\n5, "why"\n6, "how"\n'
JOINED = {
    ("1", ' "alpha"', ' "who"'),
    ("2", ' "beta"', ' "what"'),
    ("3", ' "gamma"', ' "where"'),
    ("4", ' "delta"', ' "when"'),
    ("5", ' "epsilon"', ' "why"'),
}


def word_counts(text: bytes) -> dict[str, int]:
    return {word.decode(): count for word, count in Counter(text.split()).items()}


def printed_counts(output: str) -> dict[str, int]:
    pairs = (line.rsplit(" ", 1) for line in output.splitlines())
    return {word: int(count) for word, count in pairs}


@pytest.fixture
def examples(tmp_path: Path) -> None:
    for name in ("count_words.py", "wordcount.py", "simple_innerjoin.py", "grep.py"):
        shutil.copy(EXAMPLES / "util" / name, tmp_path)
    shutil.copy(EXAMPLES / "faq" / "chain.py", tmp_path)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """An HTTP server of somebody else's, over this test's folder."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("examples")
def test_tutorial_word_count(run: Run, tmp_path: Path, chekhov: bytes) -> None:
    """M1, M608: 2.4: chunk, blobs, xcat, run."""
    (tmp_path / "bigfile.txt").write_bytes(chekhov)
    assert "created" in run("ddfs", "chunk", "data:bigtxt", "./bigfile.txt").stdout
    assert run("ddfs", "blobs", "data:bigtxt").stdout.startswith("disco://localhost/ddfs/vol0/blob/")
    shown = run("ddfs", "xcat", "data:bigtxt").stdout
    assert shown.split() == chekhov.decode().split()
    done = run("python", "count_words.py")
    assert printed_counts(done.stdout) == word_counts(chekhov)
    assert "READY: Job finished" in done.stderr  # show=True


@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize("scheme", ["http", "file", "path", "raw", "tag"])
def test_word_count_over_every_scheme(
    run: Run, tmp_path: Path, web: str, chekhov: bytes, scheme: str
) -> None:
    """M16, M466-M471, C21."""
    text = chekhov[:50_000]
    (tmp_path / "part.txt").write_bytes(text)
    if scheme == "tag":
        run("ddfs", "push", "data:part", "./part.txt")
    inputs = {
        "http": f"{web}/part.txt",
        "file": f"file://{tmp_path}/part.txt",
        "path": str(tmp_path / "part.txt"),
        "raw": "raw://the%20cat%20the%20hat",
        "tag": "tag://data:part",
    }
    expected = word_counts(b"the cat the hat" if scheme == "raw" else text)
    assert printed_counts(run("python", "count_words.py", inputs[scheme]).stdout) == expected


@pytest.mark.usefixtures("examples")
def test_word_count_class_by_disco_run(run: Run, tmp_path: Path, chekhov: bytes) -> None:
    """M609, M542, M518: disco run, wait, results, xcat."""
    (tmp_path / "part.txt").write_bytes(chekhov[:100_000])
    run("ddfs", "chunk", "data:class", "./part.txt", "--chunk-size", "10000")
    name = run("disco", "run", "wordcount.WordCount", "tag://data:class").stdout.strip()
    assert name.startswith("WordCount@")
    results = run("disco", "wait", "@?WordCount").stdout.split()
    assert results == run("disco", "results", "@").stdout.split()
    assert all(url.startswith("dir://localhost/disco/localhost/") for url in results)
    lines = run("ddfs", "xcat", *results).stdout.splitlines()
    assert {k: int(v) for k, v in (line.split("\t") for line in lines)} == word_counts(chekhov[:100_000])


@pytest.mark.usefixtures("examples")
def test_extended_tutorial(run: Run, tmp_path: Path) -> None:
    """2.5 (M610): split by hand, push, cat, and a join by a derived class with two partitions and sort."""
    (tmp_path / "both_sets.csv").write_text(SET_A + SET_B)
    run("split", "-l", "2", "both_sets.csv")
    pieces = sorted(p.name for p in tmp_path.glob("xa?"))
    assert len(pieces) == 6
    run("ddfs", "push", "data:both_sets", *(f"./{p}" for p in pieces))
    assert sorted(run("ddfs", "cat", "data:both_sets").stdout.splitlines()) == sorted(
        (SET_A + SET_B).splitlines()
    )
    run("python", "simple_innerjoin.py", "data:both_sets", "output.csv")
    with (tmp_path / "output.csv").open() as file:
        assert {tuple(row) for row in csv.reader(file)} == JOINED


@pytest.mark.usefixtures("examples")
def test_grep_and_chain(run: Run, tmp_path: Path, chekhov: bytes) -> None:
    """M614 and M612."""
    (tmp_path / "part.txt").write_bytes(chekhov[:100_000])
    run("disco", "run", "grep.Grep", "-P", "params", ".*Kovrin", str(tmp_path / "part.txt"))
    results = run("disco", "wait", "@").stdout.split()
    found = [line for line in run("ddfs", "xcat", *results).stdout.splitlines() if "Kovrin" in line]
    assert len(found) == sum(b"Kovrin" in line for line in chekhov[:100_000].splitlines())
    name = run("python", "chain.py").stdout.strip()
    results = run("disco", "results", name).stdout.split()
    assert [line.split("\t")[0] for line in run("ddfs", "xcat", *results).stdout.splitlines()] == ["10", "10"]


def test_nothing_but_loopback_listens(master: LocalMaster) -> None:
    """Every listening socket of the master's process tree is a loopback one."""
    assert master.process is not None
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{master.process.pid}/net/{table}").read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            host, port = address.split(":")
            ours = int(port, 16) in (master.settings.port, master.settings.put_port)
            if state == "0A" and ours:
                listening.append(host)
    assert listening == ["0100007F", "0100007F"]
