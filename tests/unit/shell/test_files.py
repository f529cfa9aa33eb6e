"""Job names, job files, and the node table as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from disco_master.core.master import Core
from disco_master.events import BlacklistChanged, NodeTableSaved
from disco_master.shell.jobs import JobFiles, JobNames
from disco_master.shell.loop import Loop
from disco_master.shell.node_table import NodeTableFile
from disco_master.store.journal import Journal

FIRST = (("localhost", "2"),)


def test_names_are_unique_even_when_the_clock_stands_still() -> None:
    """M111: PREFIX@M:S:U in hex."""
    names = JobNames(lambda: 1_300_420_584_003_385)
    assert names.new("WordCount") == "WordCount@514:66ae8:d39"
    assert names.new("WordCount") == "WordCount@514:66ae8:d3a"


@pytest.mark.parametrize("name", ["", "..", "a/b@1:2:3", "a@1:2:3/..", "a@1:2", "a.b@1:2:3", "a@1:2:3\n"])
def test_what_is_no_job_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a job name"):
        JobFiles(tmp_path).folder(name)


def test_folders_that_no_job_owns_are_removed(tmp_path: Path) -> None:
    """A crash came between keeping the pack and the journal: the client was never told "ok"."""
    files = JobFiles(tmp_path)
    files.keep("kept@1:2:3", b"pack")
    files.keep("lost@1:2:3", b"pack")
    (tmp_path / "journal.db").touch()
    files.delete_unknown(["kept@1:2:3"])
    assert files.pack("kept@1:2:3").read_bytes() == b"pack"
    assert not files.folder("lost@1:2:3").exists() and (tmp_path / "journal.db").exists()


@pytest.fixture
def loop(tmp_path: Path):  # type: ignore[no-untyped-def]
    with Journal(tmp_path / "journal.db") as journal:
        core = Core(seed=1)
        loop = Loop(core, journal, lambda actions: None, print)
        loop.start(core.resume(0.0))
        yield loop
        loop.stop()


def test_first_start_makes_a_table(loop: Loop, tmp_path: Path) -> None:
    """M37."""
    table = NodeTableFile(tmp_path / "config")
    table.load_into(loop, FIRST, always=False)
    table.save(loop.view())
    assert json.loads((tmp_path / "config").read_text())["hosts"] == [["localhost", "2"]]
    assert loop.view().nodes["localhost"].slots == 2


@pytest.mark.parametrize("bare", [True, False])
def test_an_edited_file_counts(loop: Loop, tmp_path: Path, bare: bool) -> None:
    """M38, M60: edited by hand, in the old form too."""
    path = tmp_path / "config"
    rows = [["nx01:03", "4"]]
    path.write_text(json.dumps(rows if bare else {"hosts": rows, "blacklist": ["nx02"]}))
    loop.tell(NodeTableSaved((("old", "1"),)))
    NodeTableFile(path).load_into(loop, FIRST, always=False)
    view = loop.view()
    assert sorted(view.nodes) == ["nx01", "nx02", "nx03"]
    assert view.blacklist == (() if bare else ("nx02",))


@pytest.mark.parametrize(("always", "hosts"), [(True, ["a", "b", "c"]), (False, ["a", "b"])])
def test_nodes_that_the_master_starts_are_in_the_table_of_every_start(
    loop: Loop, tmp_path: Path, always: bool, hosts: list[str]
) -> None:
    """M46: a box of more nodes than at the last start."""
    path = tmp_path / "config"
    path.write_text(json.dumps([["a", "4"], ["b", "1"]]))
    NodeTableFile(path).load_into(loop, (("b", "2"), ("c", "2")), always=always)
    view = loop.view()
    assert sorted(view.nodes) == hosts and view.nodes["b"].slots == 1


def test_blacklists_are_kept(loop: Loop, tmp_path: Path) -> None:
    """M282."""
    table = NodeTableFile(tmp_path / "config")
    table.load_into(loop, FIRST, always=False)
    table.save(loop.tell(BlacklistChanged("gc", "localhost", True)))
    assert json.loads((tmp_path / "config").read_text())["gc_blacklist"] == ["localhost"]


@pytest.mark.parametrize("content", ["", "{", "{}", "[[1]]", '{"hosts": [["a", "1"], ["a", "1"]]}', "5"])
def test_a_bad_table_is_named(loop: Loop, tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(OSError, match=r"is no node table .*it should look like"):
        NodeTableFile(path).load_into(loop, FIRST, always=False)
    assert path.read_text() == content
