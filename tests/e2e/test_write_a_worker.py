"""docs/write-a-worker.md does what it says: its files work, its commands run, its excerpts are true."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from e2e.masters import BIN, EXAMPLES, ROOT, Run
from e2e.pages import Block, blocks, commands, matches

from disco.local import LocalMaster

PAGE = ROOT / "docs" / "write-a-worker.md"
WORKER = EXAMPLES / "workers" / "wordcount.pl"
TEXTS = ("chekhov", "shakespeare")
COMMAND_TIMEOUT_S = 400
LINKED = ("conformance", "examples")


class Reader:
    """Somebody who follows the page, in a folder that looks like the root of the repository."""

    def __init__(self, folder: Path, master: LocalMaster) -> None:
        self.folder = folder
        for name in LINKED:
            (folder / name).symlink_to(ROOT / name)
        harness = folder / "bin" / "disco-conformance"
        harness.parent.mkdir()
        harness.write_text(
            f'#!/bin/sh\nPYTHONPATH={ROOT}/conformance exec {sys.executable} -m disco_conformance "$@"\n'
        )
        harness.chmod(0o755)
        path = f"{harness.parent}:{BIN}:{os.environ['PATH']}"
        self.environment = {
            **master.environment, "PATH": path, "LC_ALL": "C", "DISCO_CONFORMANCE_PATIENCE": "10",
        }  # fmt: skip

    def follow(self, block: Block) -> None:
        if block.title.startswith(">>"):
            with (self.folder / block.title[2:]).open("a") as file:
                file.write(block.text)
        elif block.title.startswith(">"):
            (self.folder / block.title[1:]).write_text(block.text)
        elif block.language == "console":
            for command, shown in commands(block):
                said = self.run(command)
                assert matches(shown, said), f"$ {command}\n{said}\nbut the page shows\n{shown}"

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=COMMAND_TIMEOUT_S, check=False,
        )  # fmt: skip
        return done.stdout


@pytest.fixture
def reader(tmp_path: Path, master: LocalMaster) -> Reader:
    return Reader(tmp_path, master)


def test_the_excerpts_are_the_worker() -> None:
    excerpts = [block.text for block in blocks(PAGE) if block.language == "perl" and not block.title]
    assert len(excerpts) > 5
    assert [text for text in excerpts if text not in WORKER.read_text()] == []


@pytest.mark.slow
def test_the_quick_commands_say_what_the_page_shows(reader: Reader) -> None:
    """M15, M160: a worker in any language, from nothing to a job on a real master."""
    quick = [block for block in blocks(PAGE) if block.title not in ("slow", "soak")]
    assert sum(len(commands(block)) for block in quick if block.language == "console") > 8
    for block in quick:
        reader.follow(block)
    assert results(reader.run("disco results @ | ddfs xcat")) == expected()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_page(reader: Reader) -> None:
    for block in blocks(PAGE):
        if block.title != "soak":
            reader.follow(block)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_finished_worker_passes_in_teaching_order(reader: Reader) -> None:
    last = [block for block in blocks(PAGE) if block.title == "soak"]
    assert len(last) == 1
    reader.follow(last[0])


def test_a_hunk_of_perl_feeds_a_reduce_over_many_maps(run: Run, master: LocalMaster) -> None:
    """C13: many maps, more reduces than words, an empty input, words that are not ASCII; nothing is lost."""
    inputs = ["raw://b%20a%20b", "raw://", "raw://caf%C3%A9%20b"]
    flags = [word for url in inputs for word in ("--input", url)]
    packing = ("jobpack", "pack", "--worker", WORKER, "--prefix", "words", "--map", "--reduce")
    run(*packing, "--partitions", "9", *flags, "-o", "words.pack")
    name = run("disco", "submit", "words.pack").stdout.strip()
    urls = run("disco", "wait", name).stdout.split()
    assert results(run("ddfs", "xcat", *urls).stdout) == {"a": 1, "b": 3, "café": 1}


def results(records: str) -> dict[str, int]:
    return {key: int(count) for key, count in (line.split("\t") for line in records.splitlines())}


def expected() -> dict[str, int]:
    counts: Counter[bytes] = Counter()
    for name in TEXTS:
        counts.update(gzip.decompress((EXAMPLES / "data" / f"{name}.txt.gz").read_bytes()).split())
    return {word.decode(): count for word, count in counts.items()}


@pytest.mark.parametrize(
    ("shown", "said", "does"),
    [
        ("8 of 8 cases in 0.9 s: 8 pass", "12 of 12 cases in 11.25 s: 12 pass", True),
        ("8 of 8 cases in 0.9 s: 8 pass", "8 of 8 cases in 0.9 s: 7 pass, 1 fail", False),
        ("FAIL  a\n...\nend", "FAIL  a\nwhy\nwhere\nend\n", True),
        ("FAIL  a\n...\nend", "FAIL  b\nwhy\nend", False),
    ],
)
def test_what_the_page_shows_is_compared_by_words(shown: str, said: str, does: bool) -> None:
    assert matches(shown, said) is does
