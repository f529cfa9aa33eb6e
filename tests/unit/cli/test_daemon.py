"""Starting and stopping the master as a process (M522-M526, M62, M63, M66)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from disco.cli import daemon
from disco.cli.daemon import MasterProcess, master_command
from disco.cli.failing import CommandError
from disco.settings import DiscoSettings

SERVES = """
import json, os, signal, sys
print("some log line")
print("READY " + json.dumps({"url": "http://x:1", "pid": os.getpid(), "port": os.environ["DISCO_PORT"]}))
signal.pause()
"""
REFUSES = "import sys; sys.exit('Port 8989 is taken by another program; set DISCO_PORT')"
SILENT = "import signal; signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('READY {}'); signal.pause()"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., MasterProcess]]:
    made: list[MasterProcess] = []

    def process(program: str, **settings: object) -> MasterProcess:
        script = tmp_path / "master.py"
        script.write_text(program)
        given = DiscoSettings(environ={}, DISCO_ROOT=tmp_path / "root", DISCO_PORT=7123, **settings)
        made.append(MasterProcess(given, [sys.executable, "-u", str(script)]))
        return made[-1]

    yield process
    for one in made:
        if pid := one.pid():
            os.kill(pid, signal.SIGKILL)


def test_start_status_stop_m523_m524_m526(make, tmp_path):
    """M44: log and process id lie where the settings say."""
    process = make(SERVES)
    assert process.name == "Master localhost:7123"
    assert process.pid() is None
    said = process.start()
    assert said["port"] == "7123"  # settings reach it
    assert process.pid() == said["pid"]
    assert (tmp_path / "root/run/Master-localhost_7123.pid").read_text() == f"{said['pid']}\n"
    assert "some log line" in (tmp_path / "root/log/Master-localhost_7123.log").read_text()
    process.stop()
    assert process.pid() is None
    assert not process.pid_file.exists()
    process.stop()


def test_it_leaves_the_terminals_session_m523(make):
    pid = make(SERVES).start()["pid"]
    assert os.getsid(pid) == pid


def test_already_started_is_an_error_m523(make):
    process = make(SERVES)
    pid = process.start()["pid"]
    with pytest.raises(
        CommandError, match=rf"Master localhost:7123 already started \(pid {pid}\); stop it first"
    ):
        process.start()


def test_why_it_did_not_start_is_told(make):
    process = make(REFUSES)
    with pytest.raises(
        CommandError, match="did not start: Port 8989 is taken by another program; set DISCO_PORT"
    ):
        process.start()
    assert not process.pid_file.exists()


def test_a_master_that_says_nothing_is_given_up_and_ended(make):
    process = make(SILENT)
    with pytest.raises(CommandError, match=r"was not ready within 0\.3 s; see .*Master-localhost_7123\.log"):
        process.start(timeout_s=0.3)
    assert not process.pid_file.exists()


def test_a_master_that_does_not_stop_is_named_with_the_way_out(make):
    process = make(STUBBORN)
    process.start()
    with pytest.raises(CommandError, match=r"did not stop within 0\.2 s; end it: kill -9 \d+"):
        process.stop(timeout_s=0.2)
    assert process.pid() is not None


def test_the_number_of_another_process_is_not_the_master(make):
    process = make(SERVES)
    process.pid_file.parent.mkdir(parents=True)
    process.pid_file.write_text(f"{os.getpid()}\n")
    assert process.pid() is None
    process.pid_file.write_text("garbage")
    assert process.pid() is None


def test_the_log_is_rotated_when_wanted_m66(make):
    process = make(SERVES, DISCO_ROTATE_LOG=True)
    process.log_file.parent.mkdir(parents=True)
    process.log_file.write_text("old\n")
    process.start()
    process.stop()
    logs = sorted(path.name for path in process.log_file.parent.iterdir())
    assert len(logs) == 2
    assert "old" not in process.log_file.read_text()


def test_an_old_ready_line_in_the_log_is_not_believed(make):
    process = make(REFUSES)
    process.log_file.parent.mkdir(parents=True)
    process.log_file.write_text('READY {"pid": 1}\n')
    with pytest.raises(CommandError, match="did not start"):
        process.start()


def test_the_command_is_this_interpreter_and_the_settings_file(tmp_path):
    file = tmp_path / "s.py"
    file.write_text("")
    command = master_command(DiscoSettings(file, environ={}))
    assert command == [sys.executable, "-u", "-m", "disco_master.shell.main", "--settings", str(file)]


def test_what_is_not_installed_is_named_with_the_way_out(tmp_path):
    """In an interpreter that finds the client alone."""
    sources = [Path(module.__file__ or "").parents[2] for module in (daemon,)]
    program = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from disco.cli.daemon import master_command\nfrom disco.settings import DiscoSettings\n"
        "try: master_command(DiscoSettings(environ={}))\nexcept Exception as error: print(error)"
    )
    import click

    (tmp_path / "click").symlink_to(Path(click.__file__).parent)
    command = [sys.executable, "-I", "-S", "-c", program, *map(str, sources), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "pip install disco-mapreduce[master]" in done.stdout, done.stderr
