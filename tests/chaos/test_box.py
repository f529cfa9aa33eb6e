"""A cluster in a box, unharmed and harmed: the same jobs, the same bytes (M6, M7, M12, M46, W1-W3)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import psutil
import pytest
from chaos.cluster import BoxCluster, eventually
from chaos.jobs import Files, Three, submit
from chaos.outside import BIN

from disco.ddfs import DDFS
from disco.local import LocalMaster

PATIENCE_S = 100.0


@pytest.mark.slow
def test_data_and_work_are_spread_over_the_nodes(cluster: BoxCluster, inputs: list[str]) -> None:
    """M3, M7, M206: blobs on two nodes, the tag on all three, maps on several, reduces read what all made."""
    ddfs = DDFS(settings=cluster.master.settings)
    replicas = [{url.split("/")[2] for url in urls} for urls in ddfs.blobs(inputs[0])]
    assert all(len(nodes) == 2 for nodes in replicas) and set().union(*replicas) == set(cluster.names)
    root = cluster.master.settings.path("DDFS_DATA")
    assert len(list(root.glob("*/vol0/tag/*/data:text*"))) == 3
    job = submit(cluster.master, "wordcount", inputs)
    results = job.wait(timeout=PATIENCE_S)
    homes = cluster.master.settings.path("DISCO_DATA").glob(f"*/*/*/{job.name}/.disco/map-index.txt.gz")
    assert len(list(homes)) > 1
    assert len({url.split("/")[2] for url in results}) > 1
    logs = json.dumps(cluster.disco.jobinfo(job.name))
    assert "dead" not in logs
    about = cluster.disco.nodeinfo()
    assert sorted(about) == cluster.names
    assert all(node["max_workers"] >= 1 and node["diskfree"] > 0 for node in about.values())


@pytest.mark.slow
def test_nothing_listens_but_on_the_addresses_of_the_box(cluster: BoxCluster) -> None:
    """M40, W9, M662: the master on its own address, each node on its own, the same two documented ports."""
    assert cluster.master.process is not None
    port, put_port = cluster.master.settings.port, cluster.master.settings.put_port
    tree = psutil.Process(cluster.master.process.pid).children(recursive=True)
    served = set()
    for process in [psutil.Process(cluster.master.process.pid), *tree]:
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip in ["127.0.0.1", *cluster.names]
                served.add((connection.laddr.ip, connection.laddr.port))
    assert {(name, number) for name in cluster.names for number in (port, put_port)} <= served
    assert ("127.0.0.1", port) in served and ("127.0.0.1", put_port) not in served


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["mapi", "redi"])
def test_a_node_killed(cluster: BoxCluster, inputs: list[str], expected: Files, phase: str) -> None:
    """M12, M192, W3: kill -9 of a node while maps, or reduces, are running and some are done."""
    three = Three(cluster.master, inputs)
    three.await_finished(phase, 1)
    assert cluster.kill("127.0.0.3")
    assert three.outputs() == expected
    cluster.await_nodes()


@pytest.mark.slow
def test_a_node_that_comes_back_with_an_empty_disk(
    cluster: BoxCluster, inputs: list[str], expected: Files
) -> None:
    """W3: the node is there again at once, what it had made is not: the maps that made it run again."""
    three = Three(cluster.master, inputs)
    three.await_finished("redi", 1)
    home = cluster.master.settings.path("DISCO_DATA") / "127.0.0.3"
    assert cluster.kill("127.0.0.3")
    home.rename(home.with_name("lost"))
    assert three.outputs() == expected


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_a_node_that_stands_still(cluster: BoxCluster, inputs: list[str], expected: Files) -> None:
    """W23: no connection breaks; the node is lost when its heartbeats stay away, and comes back."""
    three = Three(cluster.master, inputs)
    three.await_finished("mapi", 1)
    node = cluster.process("127.0.0.3")
    assert node is not None
    node.suspend()
    try:
        eventually(lambda: "127.0.0.3" not in cluster.connected(), "it is found out")
        assert three.outputs() == expected
    finally:
        node.resume()
    cluster.await_nodes()


@pytest.mark.slow
def test_the_master_killed(cluster: BoxCluster, inputs: list[str], expected: Files) -> None:
    """W1, W2: kill -9 of the master and, as they are its children here, of all nodes."""
    three = Three(cluster.master, inputs)
    three.await_finished("mapi", 3)
    cluster.crash()
    assert three.outputs() == expected


@pytest.mark.slow
def test_the_last_process_goes_with_the_master(tmp_path: Path) -> None:
    """No orphans: nodes, blob servers, wardens, workers."""
    with BoxCluster(tmp_path / "root") as cluster:
        assert cluster.master.process is not None
        tree = psutil.Process(cluster.master.process.pid).children(recursive=True)
        assert len(tree) >= 9
        cluster.master.kill()
        psutil.wait_procs(tree, PATIENCE_S)
        assert not [process for process in tree if process.is_running()]
        cluster.start()


@pytest.mark.slow
def test_the_command_starts_and_stops_a_box(tmp_path: Path) -> None:
    """M46, W7: one command, one more to end it, and nothing is left."""
    settings = LocalMaster(tmp_path / "root").settings  # for its free ports; it is not started
    environment = {**os.environ, **settings.env, "DISCO_MASTER": str(settings["DISCO_MASTER"])}

    def disco(*words: str) -> str:
        done = subprocess.run(
            [BIN / "disco", *words], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert disco("start", "--nodes", "2").endswith("started\n")
    try:
        eventually(lambda: disco("nodeinfo").count('"connected": true') == 2, "both nodes are connected")
        assert [row.split("\t")[0] for row in disco("config").splitlines()] == ["127.0.0.2", "127.0.0.3"]
        assert "BAD" not in disco("doctor")
    finally:
        disco("stop")
    assert not [p for p in psutil.process_iter(["environ"]) if _belongs(p, settings["DISCO_ROOT"])]


def _belongs(process: psutil.Process, root: str) -> bool:
    return (process.info["environ"] or {}).get("DISCO_ROOT") == root
