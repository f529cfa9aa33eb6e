"""One box cluster for the tests of a module, with real text in its DDFS."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos.cluster import PATIENCE_S, BoxCluster
from chaos.jobs import JOBS, Files, submit, wait

from disco.ddfs import DDFS

TEXT = Path(__file__).resolve().parents[2] / "examples" / "data" / "chekhov.txt.gz"
PIECES = 9
TAG = "data:text"
SURVIVED = pytest.StashKey[Counter[str]]()


def push_text(cluster: BoxCluster, folder: Path, pieces: int = PIECES) -> list[str]:
    """The text as so many inputs of a job: one blob each, on two nodes."""
    lines = gzip.decompress(TEXT.read_bytes()).splitlines(keepends=True)
    names = []
    for number in range(pieces):
        path = folder / f"text{number}"
        path.write_bytes(b"".join(lines[number::pieces]))
        names.append(str(path))
    DDFS(settings=cluster.master.settings).push(TAG, names, replicas=2)
    return [f"tag://{TAG}"]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoxCluster]:
    with BoxCluster(tmp_path_factory.mktemp("box") / "root") as running:
        yield running


@pytest.fixture
def cluster(box: BoxCluster) -> BoxCluster:
    """The module's cluster, with all of its nodes there."""
    box.await_nodes()
    return box


@pytest.fixture(scope="module")
def inputs(box: BoxCluster, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return push_text(box, tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def expected(box: BoxCluster, inputs: list[str]) -> Files:
    """What the jobs write when nothing disturbs them."""
    jobs = {kind: submit(box.master, kind, inputs, linger_s=0.0) for kind in JOBS}
    return {kind: wait(box.master, job, PATIENCE_S) for kind, job in jobs.items()}


@pytest.fixture
def faults(request: pytest.FixtureRequest) -> Counter[str]:
    """Where a test notes the faults that it injected and that were survived."""
    return request.config.stash.setdefault(SURVIVED, Counter())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    survived = config.stash.get(SURVIVED, Counter())
    if survived:
        kinds = ", ".join(f"{number} {kind}" for kind, number in survived.most_common())
        terminalreporter.write_line(f"chaos: {survived.total()} faults injected and survived: {kinds}")
