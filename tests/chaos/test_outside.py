"""Nodes that join from elsewhere (`disco node`): they come, go and outlive the master (M13, W2, W8, W10)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chaos.cluster import eventually
from chaos.outside import OutsideCluster

from disco.core import result_iterator
from disco.ddfs import DDFS
from disco.job import Job

pytestmark = pytest.mark.slow
PATIENCE_S = 100.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[OutsideCluster]:
    with OutsideCluster(tmp_path) as running:
        yield running


def gated_map(raw: bytes, folder: str) -> Iterator[tuple[str, int]]:
    """Note each run of a task, and wait until the gate is open."""
    import os
    import time
    from pathlib import Path

    entry = raw.decode()
    (Path(folder) / f"run-{entry}-{os.getpid()}").touch()
    while not (Path(folder) / "open").exists():
        time.sleep(0.02)
    (Path(folder) / f"over-{entry}").touch()
    yield entry, int(entry)


def total(pairs: Iterator[tuple[str, int]], folder: str) -> Iterator[tuple[str, int]]:
    yield "sum", sum(value for _, value in pairs)


def submit(cluster: OutsideCluster, folder: Path, tasks: int) -> Job:
    folder.mkdir()
    return Job("gated", settings=cluster.master.settings).run(
        input=[f"raw://{number}" for number in range(tasks)], map=gated_map, reduce=total, params=str(folder)
    )


def test_nodes_work_on_while_the_master_is_away(cluster: OutsideCluster, tmp_path: Path) -> None:
    """W2: kill -9 of the master; what the nodes run meanwhile is finished, handed over, and not run again."""
    cluster.add("127.0.0.2", slots=4)
    cluster.await_nodes("127.0.0.2")
    gate = tmp_path / "gate"
    job = submit(cluster, gate, 6)
    eventually(lambda: len(list(gate.glob("run-*"))) == 4, "all four slots are taken")
    cluster.master.kill()
    (gate / "open").touch()
    eventually(lambda: len(list(gate.glob("over-*"))) >= 4, "they are done")
    cluster.master.start()
    assert list(result_iterator(job.wait(timeout=PATIENCE_S))) == [("sum", 15)]
    runs = sorted(path.name.split("-")[1] for path in gate.glob("run-*"))
    assert runs == [str(number) for number in range(6)], "a task ran again"


def test_nodes_join_and_leave_while_a_job_runs(cluster: OutsideCluster, tmp_path: Path) -> None:
    """M32, M13, M39, M184: the job waits for a node, is spread when one comes, and survives its leaving."""
    gate = tmp_path / "gate"
    job = submit(cluster, gate, 6)
    cluster.add("127.0.0.2", slots=1)
    eventually(lambda: len(list(gate.glob("run-*"))) == 1, "a task runs on the only node")
    cluster.add("127.0.0.3", slots=2)
    eventually(lambda: len(list(gate.glob("run-*"))) == 3, "tasks run on the new node")
    table = dict(cluster.disco.config)
    assert table == {"127.0.0.2": "1", "127.0.0.3": "2"}
    cluster.nodes["127.0.0.3"].terminate()
    assert cluster.nodes["127.0.0.3"].wait(30) == 0
    cluster.await_nodes("127.0.0.2")
    (gate / "open").touch()
    assert list(result_iterator(job.wait(timeout=PATIENCE_S))) == [("sum", 15)]


def test_addresses_of_ip_version_6_are_names_like_any_other(cluster: OutsideCluster, tmp_path: Path) -> None:
    """M34, W8: blobs, tags, job data and results of a node that is called `[::1]`."""
    cluster.add("::1")
    cluster.await_nodes("[::1]")
    text = tmp_path / "text"
    text.write_text("a b\na\n")
    ddfs = DDFS(settings=cluster.master.settings)
    ddfs.push("data:six", [str(text)])
    assert all(url.startswith("disco://[::1]/") for urls in ddfs.blobs("data:six") for url in urls)
    job = Job("six", settings=cluster.master.settings).run(
        input=["tag://data:six"], map=count, reduce=add, partitions=2
    )
    results = job.wait(timeout=PATIENCE_S)
    assert all(url.startswith("dir://[::1]/") for url in results)
    assert sorted(result_iterator(results)) == [("a", 2), ("b", 1)]


def count(line: Any, params: object) -> Iterator[tuple[str, int]]:
    for word in line.split():
        yield word if isinstance(word, str) else word.decode(), 1


def add(pairs: Iterator[tuple[str, int]], params: object) -> Iterator[tuple[str, int]]:
    from disco.util import kvgroup

    for word, counts in kvgroup(sorted(pairs)):
        yield word, sum(counts)


def test_a_node_with_another_secret_is_refused(cluster: OutsideCluster, tmp_path: Path) -> None:
    """W10."""
    path = Path(cluster.master.settings["DISCO_SECRET_FILE"])
    assert path.stat().st_mode & 0o777 == 0o600
    cluster.master.settings["DISCO_SECRET_FILE"] = other = tmp_path / "other"
    other.write_text("guess\n")
    other.chmod(0o600)
    cluster.add("127.0.0.2")
    eventually(lambda: "its cluster secret is not the master's" in cluster.log("127.0.0.2"), "it is refused")
    assert json.dumps(cluster.disco.nodeinfo()) == "{}"
