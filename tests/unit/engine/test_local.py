"""What is the local engine's own: several nodes in one process, and starts that fail."""

from __future__ import annotations

import threading

import pytest
from unit.node.rooms import SHORT, Listener, Packs, config, spec

from disco_master.engine.local import LocalEngine
from disco_master.model import Outcome


def test_two_nodes_of_one_name_are_refused(tmp_path):
    packs = Packs(tmp_path / "packs")
    with pytest.raises(ValueError, match="same name"):
        LocalEngine([config(tmp_path, packs), config(tmp_path, packs)])


def test_an_engine_that_was_not_started_says_so(tmp_path):
    engine = LocalEngine([config(tmp_path, Packs(tmp_path / "packs"))])
    with pytest.raises(RuntimeError, match="not started"):
        engine.launch("localhost", 1, spec("x@1"))


def test_a_start_that_fails_leaves_nothing_running(tmp_path):
    packs, told = Packs(tmp_path / "packs"), Listener()
    (tmp_path / "n2").write_text("no directory")
    engine = LocalEngine([config(tmp_path, packs, name=name) for name in ("n1", "n2")])
    with pytest.raises(OSError):
        engine.start(told)
    assert [name for name, *_ in told.down] == ["n1"]
    assert not [thread.name for thread in threading.enumerate() if "slot" in thread.name]


def test_nodes_share_nothing_but_the_packs(tmp_path):
    packs, told = Packs(tmp_path / "packs"), Listener()
    engine = LocalEngine([config(tmp_path, packs, SHORT, name=name) for name in ("n1", "n2")])
    engine.start(told)
    job = packs.script("out@1", "task = begin(); output('o', task['host'], 'disco'); ask('DONE')")
    for attempt, (node, generation, _) in enumerate(told.up, 1):
        engine.launch(node, generation, spec(job, attempt))
    ends = [told.end(attempt) for attempt in (1, 2)]
    engine.stop(0.0)
    assert [end.outcome for end in ends] == [Outcome.DONE] * 2
    assert [end.outputs[0].url.split("/")[2] for end in ends] == ["n1", "n2"]
    for name in ("n1", "n2"):
        (file,) = (tmp_path / name / "data" / name).rglob("o")
        assert file.read_text() == name
    assert sorted(packs.fetched) == [job, job]
