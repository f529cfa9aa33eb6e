"""The master's door takes a job whole or not at all (M685)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from unit.node.rooms import pack

from disco_master.core.master import Core
from disco_master.engine.base import NodeError
from disco_master.events import JobSubmitted
from disco_master.model import JobStatus
from disco_master.shell.door import Door
from disco_master.shell.inspection import Inspection
from disco_master.shell.jobs import JobFiles, JobNames
from disco_master.shell.loop import Loop
from disco_master.store.journal import Journal
from disco_master.web.door import Unavailable

PACK = pack({"worker": "#!/bin/sh\n"})


def no_node(node: str, generation: int, op: str, args: Mapping[str, Any], timeout_s: float) -> Any:
    raise NodeError(node, op, "there are no nodes")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as journal:
        yield journal


@pytest.fixture
def loop(journal: Journal) -> Iterator[Loop]:
    core = Core(seed=1)
    loop = Loop(core, journal, lambda actions: None, print)
    loop.start(core.resume(0.0))
    yield loop
    loop.stop()


@pytest.fixture
def make_door(loop: Loop) -> Callable[[Path], Door]:
    """A door that keeps packs below a folder."""
    inspection = Inspection(loop, dict, no_node)
    return lambda root: Door(loop, JobFiles(root), JobNames(), lambda view: None, inspection)


def test_a_job_is_known_as_soon_as_it_has_a_name(make_door: Callable[[Path], Door], tmp_path: Path) -> None:
    """M687: a page that asks at once finds the job and its pack, though no node has unpacked it."""
    door = make_door(tmp_path / "jobs")
    name = door.submit(PACK)
    assert door.view().jobs[name].status is JobStatus.ACTIVE
    file = door.job_file(name)
    assert file is not None and file.read_bytes() == PACK


def test_a_pack_that_can_not_be_kept_starts_no_job(
    make_door: Callable[[Path], Door], journal: Journal, tmp_path: Path
) -> None:
    (tmp_path / "jobs").touch()  # a file where the folder of the packs should be
    door = make_door(tmp_path / "jobs")
    with pytest.raises(Unavailable, match="can't keep the job pack"):
        door.submit(PACK)
    assert door.view().jobs == {}
    assert not [event for event, _ in journal.replay() if isinstance(event, JobSubmitted)]


def test_a_master_that_stops_takes_no_job(
    make_door: Callable[[Path], Door], loop: Loop, journal: Journal, tmp_path: Path
) -> None:
    """The client is told no, and the next start finds neither the job nor, once it has looked, its pack."""
    door = make_door(tmp_path / "jobs")
    loop.stop()
    with pytest.raises(Unavailable, match="stopping"):
        door.submit(PACK)
    assert not [event for event, _ in journal.replay() if isinstance(event, JobSubmitted)]
    JobFiles(tmp_path / "jobs").delete_unknown(())
    assert not list((tmp_path / "jobs").rglob("jobfile"))
