"""The engines that the suite runs against. A factory gives a rig: an engine, and how to lose a node of it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from unit.engine.farm import Farm
from unit.node.rooms import SHORT, Listener, Packs, config, process_is_gone, spec

from disco_master.engine.base import Engine
from disco_master.engine.local import LocalEngine
from disco_master.model import AttemptEnd

SLOTS = 2


@dataclass
class Rig:
    """An engine of two nodes, `n1` and `n2`, not yet started. `populate` brings those that run elsewhere."""

    engine: Engine
    lose: Callable[[str], None]
    restore: Callable[[str], None]
    packs: Packs
    told: Listener
    populate: Callable[[], None] = lambda: None
    started: bool = False

    def start(self) -> dict[str, int]:
        """Generations of the nodes that are up."""
        self.engine.start(self.told)
        self.started = True
        self.populate()
        self.told.wait(lambda: len(self.told.up) >= 2)
        return self.generations

    @property
    def generations(self) -> dict[str, int]:
        return {name: generation for name, generation, _ in self.told.up}

    def run(self, job: str, attempt: int, node: str = "n1") -> AttemptEnd:
        self.engine.launch(node, self.generations[node], spec(job, attempt))
        return self.told.end(attempt)


def local_rig(tmp_path: Path, packs: Packs, request: pytest.FixtureRequest) -> Rig:
    engine = LocalEngine([config(tmp_path, packs, SHORT, SLOTS, name) for name in ("n1", "n2")], stats_s=0.05)
    return Rig(engine, lambda name: engine.take_down(name, "lost"), engine.bring_up, packs, Listener())


def dask_rig(tmp_path: Path, packs: Packs, request: pytest.FixtureRequest) -> Rig:
    farm: Farm = request.getfixturevalue("farm")
    engine, _ = farm.engine(packs)
    return Rig(engine, farm.lose, farm.restore, packs, Listener(), farm.populate)


FACTORIES = {"local": local_rig, "dask": dask_rig}


@pytest.fixture(scope="session")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """The processes of the Dask engine's nodes."""
    farm = Farm(tmp_path_factory.mktemp("farm"), SLOTS)
    yield farm
    farm.close()


@pytest.fixture(params=FACTORIES)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    rig = FACTORIES[request.param](tmp_path, Packs(tmp_path / "packs"), request)
    yield rig
    if rig.started:
        rig.engine.stop(0.0)
        gc.collect()  # what a library left open is to show here, not in another test
        assert all(process_is_gone(pid) for pid in rig.told.pids.values())
        assert all(len(ends) == 1 for ends in rig.told.ends.values())
