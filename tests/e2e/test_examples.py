"""The examples in Python, over a real master, against the same worked out without Disco (M613-M621)."""

from __future__ import annotations

import gzip
import random
import re
import shutil
from collections import Counter
from math import dist
from pathlib import Path

import pytest
from e2e.masters import EXAMPLES, Run


@pytest.fixture
def example(tmp_path: Path) -> None:
    """The scripts of the examples, in the folder where `run` runs: jobs are found as modules there."""
    for folder in ("datamining", "readers", "faq", "util"):
        for script in (EXAMPLES / folder).glob("*.py"):
            shutil.copy(script, tmp_path)


pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("example")]


def results(run: Run, *job: str) -> list[str]:
    """The lines of `disco run JOB…`'s results, read with `ddfs xcat`."""
    name = run("disco", "run", *job).stdout.strip()
    run("disco", "wait", name)
    urls = run("disco", "results", name).stdout.split()
    return run("ddfs", "xcat", *urls).stdout.splitlines()


def test_pi(run: Run) -> None:
    """The tasks throw what their seeds say."""
    inside = 0
    for seed in range(4):
        throw = random.Random(seed).random
        inside += sum(throw() ** 2 + throw() ** 2 <= 1 for _ in range(5_000))
    assert float(run("python", "pi.py", 4, 5_000).stdout) == 4 * inside / 20_000


def test_k_clustering(run: Run, tmp_path: Path) -> None:
    """M619: three clouds of points, in two files."""
    chance = random.Random(7)
    middles = [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0)]
    points = [(x + chance.gauss(0, 1), y + chance.gauss(0, 1)) for _ in range(60) for x, y in middles]
    for number in range(2):
        lines = [f"{x!r} {y!r}\n" for x, y in points[number::2]]
        (tmp_path / f"points-{number}.txt").write_text("".join(lines))
    done = run("python", "kclustering.py", 3, tmp_path / "points-0.txt", tmp_path / "points-1.txt")
    found = [line.split() for line in done.stdout.splitlines()]
    assert [int(size) for size, *_ in found] == [60, 60, 60]
    for _, x, y in found:
        assert min(dist((float(x), float(y)), middle) for middle in middles) < 0.5


def test_too_few_points_for_the_clusters(run: Run, tmp_path: Path) -> None:
    (tmp_path / "points.txt").write_text("1 1\n1 1\n\n2 2\n")
    done = run("python", "kclustering.py", 3, tmp_path / "points.txt", status=1)
    assert "There are 2 different points: too few for 3 clusters" in done.stderr


def test_page_rank(run: Run, tmp_path: Path) -> None:
    """A page without links, a page without a line of its own, a page in two lines."""
    links = {"a": ["b", "c", "d"], "b": ["c"], "c": ["a"], "d": [], "e": ["c", "f"], "f": []}
    (tmp_path / "web.txt").write_text("a b c\nb c\nc a\nd\ne c f\n\na d\n")
    ranks = dict.fromkeys(links, 1.0)
    for _ in range(5):
        shares: Counter[str] = Counter()
        for page, targets in links.items():
            for target in targets:
                shares[target] += ranks[page] / len(targets)  # type: ignore[assignment]
        ranks = {page: 0.15 + 0.85 * shares[page] for page in links}
    done = run("python", "page_rank.py", 5, tmp_path / "web.txt")
    found = {page: float(rank) for rank, page in map(str.split, done.stdout.splitlines())}
    assert found == {page: pytest.approx(rank, abs=1e-4) for page, rank in ranks.items()}
    assert next(iter(found)) == max(ranks, key=lambda page: ranks[page])


def test_naive_bayes(run: Run, tmp_path: Path) -> None:
    """Who wrote it? Trained on half of the paragraphs of two books, tried on the other half."""
    paragraphs = {}
    for author in ("dickens", "shakespeare"):
        text = gzip.decompress((EXAMPLES / "data" / f"{author}.txt.gz").read_bytes()).decode()
        blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n", text)]
        paragraphs[author] = list(dict.fromkeys(block for block in blocks if len(block) > 300))[:200]
    training = [f"{author} {text}\n" for author, texts in paragraphs.items() for text in texts[::2]]
    (tmp_path / "training.txt").write_text("".join(training))
    tried = {text: author for author, texts in paragraphs.items() for text in texts[1::2]}
    (tmp_path / "texts.txt").write_text("".join(f"{text}\n" for text in tried))
    done = run("python", "naive_bayes.py", tmp_path / "training.txt", tmp_path / "texts.txt")
    answers = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert [text for _, text in answers] == list(tried)
    right = sum(tried[text] == label for label, text in answers)
    assert right / len(tried) > 0.95


PLAY = """<?xml version="1.0"?>
<PLAY><ACT><SPEECH><SPEAKER>HAMLET</SPEAKER><LINE>To be</LINE></SPEECH>
<SPEECH><SPEAKER>OPHELIA</SPEAKER><SPEAKER>HAMLET</SPEAKER><LINE>or not</LINE></SPEECH></ACT></PLAY>
"""
DUMP = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">
<page><title>Cat</title><revision>
<text>A [[mammal]], see [[Dog|dogs]] and [[dog#Breeds]].</text></revision></page>
<page><title>Dog</title><revision><text>[[Mammal]] [[Cat]]</text></revision></page>
<page><title>Hound</title><redirect title="Dog"/><revision><text>#REDIRECT [[Dog]]</text></revision></page>
<page><title>Empty</title><revision><text/></revision></page>
</mediawiki>
"""


def test_xml_elements(run: Run, tmp_path: Path) -> None:
    """M17 M621: a reader of one's own for XML."""
    (tmp_path / "play.xml").write_text(PLAY)
    lines = results(run, "xml_reader.Speakers", str(tmp_path / "play.xml"))
    assert sorted(lines) == ["HAMLET\t2", "OPHELIA\t1"]


def test_xml_that_is_none_ends_with_the_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.xml").write_text("<PLAY><ACT></PLAY>")
    name = run("disco", "run", "xml_reader.Speakers", tmp_path / "bad.xml").stdout.strip()
    assert "mismatched tag: line 1" in run("disco", "wait", name, status=None).stderr


def test_wiki_pages(run: Run, tmp_path: Path) -> None:
    (tmp_path / "dump.xml").write_text(DUMP)
    lines = results(run, "wiki_reader.LinkCount", str(tmp_path / "dump.xml"))
    assert sorted(lines) == ["Cat\t1", "Dog\t1", "Mammal\t2"]


@pytest.mark.parametrize("job", ["LineChunker", "GzipLineChunker"])
def test_chunks_made_by_a_job(run: Run, tmp_path: Path, chekhov: bytes, job: str) -> None:
    """M615: what lies uncut is cut by its own job; the lines stay as they are."""
    zipped = job.startswith("Gzip")
    parts = [chekhov[:200_000], chekhov[200_000:400_000]]
    for number, part in enumerate(parts):
        (tmp_path / f"{job}-{number}").write_bytes(gzip.compress(part) if zipped else part)
    run("ddfs", "push", f"data:{job}", f"./{job}-0", f"./{job}-1")
    options = ("-P", "params", f"data:{job}:cut")
    assert len(results(run, f"chunk.{job}", *options, f"tag://data:{job}")) == 2  # one for each blob
    shown = run("ddfs", "xcat", f"data:{job}:cut").stdout
    assert Counter(shown.split()) == Counter(b"\n".join(parts).decode().split())


def test_profile(run: Run) -> None:
    """M613 M578, 1.3.3."""
    name = run("disco", "run", "profile.ProfileJob", "raw://hello").stdout.strip()
    run("disco", "wait", name)
    shown = run("disco", "pstats", "-k", "cumulative", name).stdout
    assert "function calls" in shown and "cumulative" in shown
