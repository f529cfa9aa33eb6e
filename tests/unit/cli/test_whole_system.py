"""The commands of a first session, against the real master (M523-M526, M542-M544, M552, M568)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from disco.local import free_port

TEXT = "the cat sat on the mat\nthe end\n"
MODULE = """
from disco.core import Job
from disco.util import kvgroup
from disco.worker.classic.func import chain_reader

class WordCount(Job):
    map_reader = staticmethod(chain_reader)
    partitions = 2

    @staticmethod
    def map(line, params):
        for word in line.split():
            yield word.decode(), 1

    @staticmethod
    def reduce(iter, params):
        for word, counts in kvgroup(sorted(iter)):
            yield word, sum(counts)
"""

Say = Callable[..., str]


@pytest.fixture
def say(tmp_path: Path) -> Iterator[Say]:
    """Runs a program with its words and gives what it printed; the master is stopped at the end."""
    port, put_port = free_port(), free_port()
    clean = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    places = {"HOME": str(tmp_path), "DISCO_ROOT": str(tmp_path / "root"), "DISCO_PORT": str(port)}
    environ = {**clean, **places, "DDFS_PUT_PORT": str(put_port), "DISCO_WORKER_MAX_MEM": "1G"}

    def run(program: str, *words: str, stdin: str = "", status: int = 0) -> str:
        command = [sys.executable, "-m", f"disco.cli.{program}", *words]
        done = subprocess.run(
            command, input=stdin, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr
        return done.stdout

    yield run
    run("disco", "stop")


@pytest.mark.slow
def test_a_first_session(say: Say, tmp_path: Path) -> None:
    """M2, M5, M36, B31: a master, a node and the storage on one machine, from start to stop."""
    (tmp_path / "count.py").write_text(MODULE)
    (tmp_path / "text.txt").write_text(TEXT)
    assert say("disco", "status", status=1).endswith(" stopped\n")
    assert say("disco", "start").endswith(" started\n")
    say("disco", "start", status=1)
    assert say("disco", "status").endswith(" running\n")
    assert say("ddfs", "chunk", "data:text", "text.txt").startswith("created: disco://localhost/ddfs/")
    assert say("ddfs", "xcat", "tag://data:text") == TEXT
    assert say("ddfs", "push", "raw:text", "text.txt").startswith("pushing...\ncreated: ")
    assert say("ddfs", "cat", "tag://raw:text") == TEXT
    job = say("disco", "run", "count.WordCount", "tag://data:text").strip()
    results = say("disco", "wait", "@")
    assert results == say("disco", "results", "@?WordCount")
    counts = dict(line.split("\t") for line in say("ddfs", "xcat", stdin=results).splitlines())
    assert {word: int(number) for word, number in counts.items()} == Counter(TEXT.split())
    assert say("disco", "jobs", "-S") == f"ready\t{job}\n"
    say("disco", "purge", job)
    assert say("disco", "jobs") == ""
    assert say("disco", "restart").count("\n") == 2
    assert say("ddfs", "ls").split() == ["data:text", "raw:text"]
