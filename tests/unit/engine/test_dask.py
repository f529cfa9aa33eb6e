"""What is the Dask engine's own: who may join, and what becomes of attempts when connections break."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import pickle
import random
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest
from distributed.core import rpc
from unit.engine.farm import Farm
from unit.node.rooms import WAIT_S, Listener, Packs, process_is_gone, spec

from disco_master.engine.base import NodeError
from disco_master.engine.dask.engine import DaskEngine
from disco_master.engine.dask.hub import Hub
from disco_master.model import FoundAttempt, Input, Mode, Outcome, TaskSpec

pytestmark = pytest.mark.slow  # what both engines promise is in the fast part: test_promises
LONG = "begin(); ask('MSG', 'on'); time.sleep(60)"
# Waits for the file that its first input names, so that a test decides when it is done.
GATED = """begin()
ask('MSG', 'before')
gate = ask('INPUT')[1][1][0][2][0][1].removeprefix('raw://')
while not os.path.exists(gate):
    time.sleep(0.02)
ask('MSG', 'after')
ask('DONE')
"""


@pytest.fixture
def cluster(farm: Farm, tmp_path: Path):
    """A started engine with its two nodes."""
    cluster = Cluster(farm, Packs(tmp_path / "packs"))
    yield cluster
    cluster.engine.stop(0.0)
    gc.collect()  # what a library left open is to show here, not in another test
    assert all(process_is_gone(pid) for pid in cluster.told.pids.values())
    assert all(len(ends) == 1 for ends in cluster.told.ends.values())


class Cluster:
    def __init__(self, farm: Farm, packs: Packs) -> None:
        self.farm, self.packs = farm, packs
        self.hub, self.engine, self.told = self.master()
        farm.populate()
        self.told.wait(lambda: len(self.told.up) == 2)

    def master(self) -> tuple[Hub, DaskEngine, Listener]:
        engine, hub = self.farm.engine(self.packs)
        told = Listener()
        engine.start(told)
        return hub, engine, told

    @property
    def generations(self) -> dict[str, int]:
        return {name: generation for name, generation, _ in self.told.up}

    def launch(self, node: str, job: str, attempt: int, gate: Path = Path("/")) -> None:
        self.engine.launch(node, self.generations[node], gated(job, attempt, gate))

    def crash(self) -> None:
        """The master is gone without a word to its nodes, and another takes its place."""
        self.hub.stop()
        self.hub, self.engine, self.told = self.master()
        self.told.wait(lambda: len(self.told.up) == 2)


def gated(job: str, attempt: int, gate: Path) -> TaskSpec:
    return spec(job, attempt, inputs=(Input(0, (f"raw://{gate}",)),))


def await_log(farm: Farm, key: str, text: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while text not in farm.log(key).read_text():
        assert time.monotonic() < deadline, f"{text!r} is not in {farm.log(key).read_text()[-2000:]}"
        time.sleep(0.02)


def test_a_node_without_the_secret_is_refused_and_told_why(cluster):
    cluster.farm.restore("n3", secret="guessed")
    await_log(cluster.farm, "n3", "its cluster secret is not the master's")
    cluster.farm.lose("n3")
    assert {name for name, *_ in cluster.told.up} == {"n1", "n2"}


def test_a_second_node_of_one_name_waits_until_the_first_is_gone(cluster):
    """M684."""
    cluster.farm.restore("n1", key="twin")
    await_log(cluster.farm, "twin", "is connected under that name")
    cluster.farm.lose("n1")
    cluster.told.wait(lambda: len(cluster.told.up) == 3)
    (first, second) = [generation for name, generation, _ in cluster.told.up if name == "n1"]
    assert second > first and cluster.told.down[0][:2] == ("n1", first)
    cluster.farm.lose("twin")


def test_a_port_that_is_taken_is_an_error_that_names_it(cluster):
    other = Hub(port=cluster.farm.port)
    with pytest.raises(OSError, match=f"can't listen for nodes at tcp://127.0.0.1:{cluster.farm.port}"):
        DaskEngine(other).start(Listener())
    other.stop()


def test_nothing_listens_beyond_loopback(cluster):
    """W10, and a Dask worker's HTTP port on every address (seen in the library's default)."""
    pids = [os.getpid(), *(process.pid for process in cluster.farm.processes.values() if not process.poll())]
    listening = [
        connection.laddr.ip
        for pid in pids
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening and all(address.startswith("127.") for address in listening)


@pytest.mark.parametrize("side", ["master", "node"])
def test_whoever_reaches_the_port_can_run_nothing(cluster, side, tmp_path):
    """W10: plain Dask runs any function that is sent to it."""
    (peer,) = [peer for peer, member in cluster.engine._peers.items() if member.name == "n1"]
    address = cluster.hub.address if side == "master" else peer

    mark = tmp_path / "mark"

    async def ask(op: str, **args: object) -> object:
        async with rpc(address) as connection:
            return await getattr(connection, op)(**args)

    assert asyncio.run(ask("identity"))
    function = pickle.dumps(functools.partial(open, mark, "w"))
    for op in ("run", "run_function", "run_coroutine", "plugin_add", "upload_file", "terminate"):
        asyncio.run(ask(op, function=function, args=(), kwargs={}))
    assert cluster.engine.call("n1", cluster.generations["n1"], "tag_names", {}, WAIT_S) == []
    assert not mark.exists() and not cluster.told.down


def test_text_that_is_no_unicode_comes_through(cluster):
    job = cluster.packs.script("odd@1", r"begin(); say('MSG', '\ud800?'); hear(); ask('DONE')")
    cluster.launch("n1", job, 1)
    assert cluster.told.end(1).outcome is Outcome.DONE
    assert cluster.told.texts(1) == ["\ud800?"]


def test_what_runs_goes_on_while_the_master_is_away(cluster, tmp_path):
    """W2: one is done meanwhile, one runs on, one is no longer wanted."""
    job, told = cluster.packs.script("gated@1", GATED), cluster.told
    for attempt, node in ((1, "n1"), (2, "n1"), (3, "n2")):
        cluster.launch(node, job, attempt, tmp_path / f"gate{attempt}")
    told.wait(lambda: all(told.texts(attempt) == ["before"] for attempt in (1, 2, 3)))
    pids = dict(told.pids)
    cluster.hub.stop()
    (tmp_path / "gate1").touch()
    assert process_is_gone(pids[1], WAIT_S)
    cluster.hub, cluster.engine, cluster.told = cluster.master()
    told = cluster.told
    told.wait(lambda: len(told.up) == 2)
    found = sorted(told.found, key=lambda attempt: attempt.attempt)
    assert found == [FoundAttempt(n, job, Mode.MAP, n - 1) for n in (1, 2, 3)]
    assert told.end(1).outcome is Outcome.DONE
    cluster.engine.kill(3, "not wanted")
    assert told.end(3).outcome is Outcome.KILLED and process_is_gone(pids[3])
    (tmp_path / "gate2").touch()
    assert told.end(2).outcome is Outcome.DONE and told.texts(2) == ["after"]


def test_what_was_told_is_told_again_until_its_job_is_over(cluster, tmp_path):
    """A master that crashed may not have kept what it heard last."""
    job = cluster.packs.script("gated@1", GATED)
    (tmp_path / "gate").touch()
    cluster.launch("n1", job, 1, tmp_path / "gate")
    assert cluster.told.end(1).outcome is Outcome.DONE
    cluster.crash()
    assert cluster.told.end(1).outcome is Outcome.DONE and len(cluster.told.found) == 1
    cluster.engine.end_job(job)
    cluster.crash()
    assert cluster.told.found == []


def test_attempts_given_up_by_this_master_are_ended_when_their_node_is_back(cluster, tmp_path):
    """The connection broke, the master did not: the attempt has ended NODE_LOST and can't end again."""
    job = cluster.packs.script("gated@1", GATED)
    cluster.launch("n1", job, 1, tmp_path / "never")
    cluster.told.wait(lambda: cluster.told.texts(1))
    cluster.hub.drop(next(peer for peer, m in cluster.engine._peers.items() if m.name == "n1"))
    assert cluster.told.end(1).outcome is Outcome.NODE_LOST
    cluster.told.wait(lambda: len(cluster.told.up) == 3)
    assert cluster.told.found == [] and process_is_gone(cluster.told.pids[1], WAIT_S)


def test_a_stopped_node_is_lost_and_comes_back(cluster):
    """A process that stands still breaks no connection: only its heartbeats stay away."""
    job = cluster.packs.script("long@1", LONG)
    cluster.launch("n1", job, 1)
    cluster.told.wait(lambda: cluster.told.texts(1))
    cluster.farm.signal("n1", signal.SIGSTOP)
    try:
        with pytest.raises(NodeError, match="the node is down"):
            cluster.engine.call("n1", cluster.generations["n1"], "disk", {}, 60.0)
        assert cluster.told.end(1).outcome is Outcome.NODE_LOST
    finally:
        cluster.farm.signal("n1", signal.SIGCONT)
    cluster.told.wait(lambda: len(cluster.told.up) == 3)
    assert process_is_gone(cluster.told.pids[1], WAIT_S)


def test_each_launch_ends_once_while_nodes_are_killed(cluster):
    """Kills at random moments (seeded); the fixture counts the ends."""
    chance, told = random.Random(11), cluster.told
    job = cluster.packs.script("short@1", "begin(); ask('MSG', 'on'); ask('DONE')")
    over = threading.Event()

    def murder() -> None:
        for deaths in range(1, 9):
            victim = chance.choice(["n1", "n2"])
            over.wait(chance.random() / 5)
            cluster.farm.lose(victim)
            told.wait(lambda deaths=deaths: len(told.down) == deaths)
            cluster.farm.restore(victim)
            told.wait(lambda deaths=deaths: len(told.up) == 2 + deaths)
        over.set()

    murderer = threading.Thread(target=murder)
    murderer.start()
    attempt = 0
    while not over.wait(0.001):  # or it does little but launch on nodes that are down
        attempt += 1
        node = "n1" if attempt % 2 else "n2"
        cluster.launch(node, job, attempt)
        told.wait(lambda: len(told.ends) > attempt - 6)  # noqa: B023 - it is waited for at once
    murderer.join()
    told.wait(lambda: len(told.ends) == attempt)
    outcomes = [ends[0].outcome for ends in told.ends.values()]
    assert {*outcomes} == {Outcome.DONE, Outcome.NODE_LOST}
