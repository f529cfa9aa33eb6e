"""After a phase the outputs of a node are merged by label (M162 M169, W21, F5)."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from disco_master.model import Mode, Output, OutputKind
from disco_master.node.shuffle import ShuffleError, shuffle

BASE = "disco://node1/disco/node1/ab/job@1/"


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return home


def part(home, name, label, content):
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Output(BASE + name, OutputKind.PART, label)


def index(home, mode="map"):
    return gzip.decompress((home / f".disco/{mode}-index.txt.gz").read_bytes()).decode().splitlines()


def read(home, url):
    return (home / url.removeprefix(BASE)).read_bytes()


def test_parts_of_a_label_are_laid_end_to_end_in_task_order(home):
    outputs = [
        part(home, ".disco/out/0/b", 1, b"one-"),
        part(home, ".disco/out/1/b", 1, b"two-"),
        part(home, ".disco/out/2/c", 10, b"alone"),
        part(home, ".disco/out/3/b", 1, b"three"),
    ]
    url = shuffle(home, BASE, Mode.MAP, outputs)
    assert url == "dir://node1/disco/node1/ab/job@1/.disco/map-index.txt.gz"
    lines = [line.split(" ") for line in index(home)]
    assert [line[0] for line in lines] == ["1", "10"]
    assert [read(home, line[1]) for line in lines] == [b"one-two-three", b"alone"]
    assert all(line[1].split("/")[-2].startswith("partitions-") for line in lines)
    assert lines[0][1].endswith("/part-1")


def test_plain_outputs_are_listed_with_label_0_and_never_merged(home):
    plain = [Output(BASE + name, OutputKind.DISCO) for name in ("b", "a", "b")]
    for name in ("a", "b"):
        (home / name).touch()
    tag = Output("tag://x", OutputKind.TAG)
    url = shuffle(home, BASE, Mode.REDUCE, [*plain, tag])
    assert url.endswith("/.disco/reduce-index.txt.gz")
    assert index(home, "reduce") == [f"0 {BASE}a", f"0 {BASE}b"]


def test_nothing_to_index_is_no_index(home):
    assert shuffle(home, BASE, Mode.MAP, [Output("tag://x", OutputKind.TAG)]) == ""
    assert shuffle(home, BASE, Mode.MAP, []) == "" and list(home.iterdir()) == []


def test_a_single_part_is_linked_and_not_copied(home):
    output = part(home, "one", 3, b"x" * 100)
    shuffle(home, BASE, Mode.MAP, [output])
    (target,) = home.glob(".disco/partitions-*/part-3")
    assert target.stat().st_ino == (home / "one").stat().st_ino


def test_a_shuffle_can_be_asked_for_again(home):
    """After a crash of the master, or with more outputs: the parts are still there."""
    outputs = [part(home, f"p{n}", 0, b"%d" % n) for n in range(3)]
    for count in (2, 3, 3):
        shuffle(home, BASE, Mode.MAP, outputs[:count])
        (line,) = index(home)
        assert read(home, line.split(" ")[1]) == b"012"[:count]


def test_empty_parts_are_fine(home):
    outputs = [part(home, "a", 0, b""), part(home, "b", 0, b""), part(home, "c", 1, b"")]
    shuffle(home, BASE, Mode.MAP, outputs)
    assert [read(home, line.split(" ")[1]) for line in index(home)] == [b"", b""]


def test_large_parts_are_merged_by_the_kernel(home):
    block = os.urandom(1 << 20)
    outputs = [part(home, f"p{n}", 0, block * 5 + b"%d" % n) for n in range(3)]
    shuffle(home, BASE, Mode.MAP, outputs)
    (line,) = index(home)
    assert read(home, line.split(" ")[1]) == b"".join(block * 5 + b"%d" % n for n in range(3))


def test_many_labels_need_few_descriptors(home):
    """W21: 800 labels of two parts each, with room for twenty more open files."""
    outputs = [part(home, f"{n}/{label}", label, b"%d" % label) for n in range(2) for label in range(800)]
    opened = len(list(Path("/proc/self/fd").iterdir()))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 20, hard))
    try:
        shuffle(home, BASE, Mode.MAP, outputs)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    lines = [line.split(" ") for line in index(home)]
    assert [int(label) for label, _ in lines] == list(range(800))
    assert read(home, lines[234][1]) == b"234234"


@pytest.mark.parametrize(
    "url", ["disco://node2/disco/node2/ab/job@1/x", BASE + "../other@1/x", BASE, "raw://x"]
)
def test_files_of_others_are_refused(home, url):
    with pytest.raises(ShuffleError):
        shuffle(home, BASE, Mode.MAP, [Output(url, OutputKind.PART, 0)])


@pytest.mark.parametrize("kind", [OutputKind.PART, OutputKind.DISCO])
def test_a_lost_output_is_an_error_and_leaves_the_old_index(home, kind):
    """W3."""
    first = part(home, "a", 0, b"a")
    shuffle(home, BASE, Mode.MAP, [first])
    before = index(home)
    with pytest.raises(ShuffleError, match="gone") as caught:
        shuffle(home, BASE, Mode.MAP, [first, Output(BASE + "lost", kind, 0)])
    assert caught.value.gone
    assert index(home) == before and len(list(home.glob(".disco/partitions-*"))) == 1


def test_a_full_disk_is_an_error_and_leaves_no_half_index(home):
    """W21: the file size limit stands in for the disk; the error says what to do."""
    outputs = [part(home, f"p{n}", 0, b"x" * 60_000) for n in range(2)]
    program = f"""
import resource, signal, sys
from pathlib import Path
from disco_master.model import Mode, Output, OutputKind
from disco_master.node.shuffle import ShuffleError, shuffle
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
outputs = [Output(url, OutputKind.PART, 0) for url in {[output.url for output in outputs]}]
try:
    shuffle(Path({str(home)!r}), {BASE!r}, Mode.MAP, outputs)
except ShuffleError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "File too large" in done.stdout
    assert list(home.glob(".disco/*")) == []


@pytest.mark.parametrize("number", [4, 5, 6])
def test_an_older_order_does_not_replace_the_index_of_a_newer_one(home: Path, number: int) -> None:
    """It may have begun before, and be slow; what it has merged is taken away again."""
    new, old = part(home, "new", 0, b"new"), part(home, "old", 0, b"old")
    shuffle(home, BASE, Mode.MAP, [new], 5)
    folders = set((home / ".disco").iterdir())
    if number < 5:
        with pytest.raises(ShuffleError, match="newer order"):
            shuffle(home, BASE, Mode.MAP, [old], number)
        assert set((home / ".disco").iterdir()) == folders
    else:
        shuffle(home, BASE, Mode.MAP, [old], number)
    content = read(home, index(home)[0].split(" ")[1])
    assert content == (b"new" if number < 5 else b"old")
    assert shuffle(home, BASE, Mode.REDUCE, [old], 1)
