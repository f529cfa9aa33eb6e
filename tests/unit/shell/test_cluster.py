"""What keeps a cluster together on the master's side: the secret, kept programs, the roster (W7, W8, W10)."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from disco.settings import DiscoSettings
from disco_master.core.master import Core
from disco_master.events import NodeTableSaved
from disco_master.model import MasterView
from disco_master.shell.cluster.box import box_names, slots_each
from disco_master.shell.cluster.child import Child
from disco_master.shell.cluster.node import NodeSetup
from disco_master.shell.cluster.roster import Roster
from disco_master.shell.cluster.secret import make_secret, read_secret
from disco_master.shell.cluster.site import make_site
from disco_master.shell.config import MasterConfig

WAIT_S = 60.0


def eventually(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    """M33."""
    path = tmp_path / "deep" / "secret"
    assert read_secret(path) == ""
    found: list[str] = []
    makers = [threading.Thread(target=lambda: found.append(make_secret(path))) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(found) == 8 and set(found) == {read_secret(path)} and len(found[0]) > 40
    assert path.stat().st_mode & 0o777 == 0o600 and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [("secret", 0o640, "others may read"), ("secret", 0o604, "others may read"), (" \n", 0o600, "is empty")],
)
def test_a_secret_that_is_none_is_an_error_with_a_way_out(
    tmp_path: Path, text: str, mode: int, said: str
) -> None:
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(OSError, match=said):
        make_secret(path)


# Says its number, notes that it lives, and ends when its standard input does.
PROGRAM = """
import os, sys
from pathlib import Path
folder = Path(sys.argv[1])
number = len(list(folder.iterdir()))
(folder / f"{number}-{os.getpid()}").touch()
print("ready", flush=True)
sys.stdin.read()
(folder / "over").touch()
"""


@pytest.fixture
def starts(tmp_path: Path) -> Path:
    folder = tmp_path / "starts"
    folder.mkdir()
    return folder


def test_a_kept_program_is_started_again_and_ends_with_us(starts: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(starts)]
    child = Child("a program", command, is_ready=lambda line: line == "ready\n")
    child.start()
    (first,) = starts.iterdir()
    assert first.name == f"0-{child.pid}"
    os.kill(child.pid, signal.SIGKILL)
    eventually(lambda: len(list(starts.iterdir())) == 2)
    child.stop()
    assert (starts / "over").exists()


def test_a_program_that_is_not_ready_is_an_error(starts: Path) -> None:
    child = Child("a program", [sys.executable, "-c", "print('no')"], is_ready=lambda line: "ready" in line)
    with pytest.raises(OSError, match="a program did not start"):
        child.start()
    child.stop()


class Table:
    """A core, and all that the roster asks of a loop."""

    def __init__(self) -> None:
        self.core = Core(seed=1)
        self.core.resume(0.0)
        self.saved: list[MasterView] = []

    def tell(self, event: NodeTableSaved) -> MasterView:
        self.core.handle(event, 0.0)
        return self.core.snapshot()


@pytest.fixture
def table() -> Table:
    return Table()


def roster_of(table: Table, port: int) -> Roster:
    return Roster(table.core.snapshot, table.tell, table.saved.append, port)


def test_nodes_that_join_get_rows_and_keep_those_they_have(table: Table) -> None:
    """M13, M35: a row may stand for many nodes; several join at once."""
    table.tell(NodeTableSaved((("nx01:03", "4"),)))
    roster = roster_of(table, 1)
    names = ["nx02", "127.0.0.9", "[::1]", "node.example", "nx03"]
    for name in names:
        roster.admit(name, 2)
    eventually(lambda: len(table.saved) == 3)
    roster.stop()
    new = tuple((name, "2") for name in ("127.0.0.9", "[::1]", "node.example"))
    assert table.core.snapshot().node_table == (("nx01:03", "4"), *new)
    assert table.saved[-1].node_table[-1] == ("node.example", "2")


def test_a_node_whose_files_can_not_be_reached_is_told(
    table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    """W8: the master checks the way back."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # nobody listens there
        roster = roster_of(table, probe.getsockname()[1])
        with caplog.at_level(logging.WARNING):
            roster.admit("127.0.0.1", 1)
            eventually(lambda: "its files can't be reached at port" in caplog.text)
        roster.stop()
    roster.admit("127.0.0.2", 1)  # nothing happens once it is stopped


def options(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"name": None, "bind": None, "slots": None, "join": None, **given})


@pytest.fixture
def settings(tmp_path: Path) -> DiscoSettings:
    return DiscoSettings(environ={}, DISCO_ROOT=tmp_path, DISCO_MASTER="http://[::1]:9000", DISCO_PORT=9000)


def test_a_node_finds_its_master_from_the_settings(settings: DiscoSettings) -> None:
    setup = NodeSetup.from_settings(settings, options(name="127.0.0.7"))
    assert (setup.name, setup.bind, setup.join) == ("127.0.0.7", "127.0.0.7", "tcp://[::1]:8991")
    assert setup.slots == os.cpu_count() and setup.ports == [9000, 8990] and setup.secret == ""
    other = NodeSetup.from_settings(settings, options(name="::1", slots=3, join="tcp://h:1", bind="::1"))
    assert (other.name, other.slots, other.join, other.ports) == ("[::1]", 3, "tcp://h:1", [8990])


def test_a_node_has_the_name_of_its_machine(settings: DiscoSettings) -> None:
    assert NodeSetup.from_settings(settings, options(bind="127.0.0.1")).name == socket.gethostname()


def test_a_box_shares_the_cores_among_its_nodes(settings: DiscoSettings) -> None:
    """M46."""
    assert box_names(3) == ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    for nodes, cores, slots in ((1, 8, 8), (3, 8, 2), (3, 2, 1)):
        config = MasterConfig.from_settings(settings.with_values(DISCO_NODES=nodes))
        assert config.engine == "dask" and config.cluster_port == 0
        object.__setattr__(config, "slots", cores)
        assert slots_each(config) == slots


@pytest.fixture
def without_dask() -> Iterator[None]:
    """An interpreter in which the extra `cluster` is not installed."""
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if "engine.dask." in name}
    before = sys.modules.get("distributed")
    sys.modules["distributed"] = None  # type: ignore[assignment]
    yield
    if before is None:
        del sys.modules["distributed"]
    else:
        sys.modules["distributed"] = before
    sys.modules.update(hidden)


def test_a_cluster_without_its_packages_says_what_to_install(
    settings: DiscoSettings, without_dask: None
) -> None:
    config = MasterConfig.from_settings(settings.with_values(DISCO_NODES=1))
    with pytest.raises(OSError, match=r"pip install disco-mapreduce\[cluster\]"):
        make_site(config, Path, "", {})
