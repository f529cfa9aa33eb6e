"""Bad input and faults: nothing lost, nothing left running, each with a message and a way out."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.masters import BIN, Run, processes_of, runner

from disco.core import Disco, result_iterator
from disco.error import DiscoError, JobError
from disco.job import Job
from disco.local import LocalMaster

PATIENCE_S = 30.0


def eventually(true: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds; fail naming it when it does not in time."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"it never came true that {what}"
        time.sleep(0.02)


class Gate:
    """Holds tasks of one phase until it is opened, and knows which tasks ran how often."""

    def __init__(self, folder: Path, phase: str) -> None:
        self.params = {"folder": str(folder), "phase": phase}
        self.folder = folder

    def open(self) -> None:
        (self.folder / "open").touch()

    def runs(self, phase: str) -> list[str]:
        return sorted(p.name for p in self.folder.glob(f"{phase}-*"))


def pass_gate(params: dict[str, str], phase: str, name: str) -> None:
    """Note the run of a task, then wait at the gate if it is this phase's and not the first task."""
    import os
    import time
    from pathlib import Path

    folder = Path(params["folder"])
    (folder / f"{phase}-{name}-{os.getpid()}").touch()
    while params["phase"] == phase and name != "0" and not (folder / "open").exists():
        time.sleep(0.02)


def gated_map(entry: bytes, params: dict[str, str]) -> object:
    pass_gate(params, "map", entry.decode())
    for word in range(20):
        yield f"word{word}", int(entry)


def gated_reduce(pairs: object, params: dict[str, str]) -> object:
    from disco.util import kvgroup
    from disco.worker.classic.worker import this_partition

    pass_gate(params, "reduce", str(this_partition()))
    for key, values in kvgroup(sorted(pairs)):  # type: ignore[call-overload]
        yield key, sum(values)


def submit_gated(master: LocalMaster, gate: Gate, **options: object) -> Job:
    return Job("gated", settings=master.settings).run(
        input=[f"raw://{n}" for n in range(4)],
        map=gated_map,
        reduce=gated_reduce,
        partitions=3,
        params=gate.params,
        **options,
    )


EXPECTED = {f"word{word}": 6 for word in range(20)}


@pytest.mark.parametrize("phase", ["map", "reduce"])
def test_master_killed_in_the_middle(own_master: LocalMaster, tmp_path: Path, phase: str) -> None:
    """B5, W1, W2: kill -9, restart: the job goes on, the finished task is kept, no record comes twice."""
    gate = Gate(tmp_path, phase)
    job = submit_gated(own_master, gate)
    disco = Disco(settings=own_master.settings)
    info = "mapi" if phase == "map" else "redi"
    eventually(lambda: disco.jobinfo(job.name)[info][2] == 1, f"the first {phase} task is done")
    eventually(lambda: len(gate.runs(phase)) >= 3, "two more wait at the gate")
    workers = processes_of(own_master.root)
    own_master.kill()
    eventually(lambda: not processes_of(own_master.root), f"no process is left of {workers}")
    own_master.start()
    gate.open()
    assert dict(result_iterator(job.wait(timeout=PATIENCE_S))) == EXPECTED
    first = [run for run in gate.runs(phase) if run.startswith(f"{phase}-0-")]
    assert len(first) == 1, "the task that was done ran again"
    if phase == "reduce":
        assert len(gate.runs("map")) == 4, "map tasks that were done ran again"


def bulky_map(entry: bytes, params: object) -> object:
    import os

    for number in range(200):
        yield f"{entry.decode()}-{number}", os.urandom(1 << 20)


def sizes(pairs: object, params: object) -> object:
    for key, value in pairs:  # type: ignore[attr-defined]
        yield key, len(value)


@pytest.mark.slow
def test_master_killed_in_the_shuffle(own_master: LocalMaster) -> None:
    """W2: nothing is lost and nothing comes twice when the merge of 400 MB of map output is cut short."""
    job = Job("bulky", settings=own_master.settings).run(
        input=["raw://a", "raw://b"], map=bulky_map, reduce=sizes
    )
    disco = Disco(settings=own_master.settings)

    def texts() -> list[str]:
        return [event[2] for _, event in disco.events(job.name)]

    eventually(lambda: "Starting shuffle phase" in texts(), "the shuffle has begun")
    own_master.kill()
    log = next((own_master.root / "data").glob("_*/*/bulky@*/events")).read_text()
    assert "Finished shuffle phase" not in log, "the shuffle was over too soon to prove anything"
    own_master.start()
    expected = {f"{name}-{number}": 1 << 20 for name in "ab" for number in range(200)}
    found = list(result_iterator(job.wait(timeout=PATIENCE_S)))
    assert dict(found) == expected and len(found) == len(expected)


def test_history_survives(own_master: LocalMaster, tmp_path: Path) -> None:
    """W1, B4: `disco jobs` shows ended jobs, with results and events, after kill -9."""
    gate = Gate(tmp_path, "map")
    gate.open()
    job = submit_gated(own_master, gate)
    results = job.wait(timeout=PATIENCE_S)
    own_master.kill()
    own_master.start()
    run = runner(own_master, tmp_path)
    assert json.loads(run("disco", "jobs", "--json").stdout)[0][1:] == ["ready", job.name]
    assert run("disco", "results", "@").stdout.split() == results
    assert dict(result_iterator(results)) == EXPECTED
    assert "READY: Job finished" in run("disco", "events", job.name).stdout


def test_kill_and_purge_leave_nothing(own_master: LocalMaster, tmp_path: Path) -> None:
    """M195, F14, M180: dead in the very next answer, no process, then no file."""
    gate = Gate(tmp_path, "map")
    job = submit_gated(own_master, gate)
    eventually(lambda: len(gate.runs("map")) >= 2, "tasks wait at the gate")
    run = runner(own_master, tmp_path)
    run("disco", "kill", job.name)
    assert json.loads(run("disco", "jobinfo", job.name, "--json").stdout)["active"] == "dead"
    home = str(own_master.root / "data" / "localhost")
    eventually(lambda: not processes_of(Path(home)), "its workers are gone")
    with pytest.raises(JobError, match="killed"):
        job.wait(timeout=PATIENCE_S)
    run("disco", "purge", job.name)
    eventually(lambda: not list((own_master.root / "data").glob(f"*/*/{job.name}")), "its files are gone")
    assert "There is no job" in run("disco", "results", job.name, status=1).stderr


def test_more_slots_in_the_node_table_count_at_once(own_master: LocalMaster, tmp_path: Path) -> None:
    """M8, M13: five tasks that wait for each other can only end if all five run."""
    disco = Disco(settings=own_master.settings)
    disco.config = [["localhost", "5"]]
    job = Job("meet", settings=own_master.settings).run(
        input=[f"raw://{n}" for n in range(5)], map=meet, params=str(tmp_path)
    )
    assert len(list(result_iterator(job.wait(timeout=PATIENCE_S)))) == 5


def meet(entry: bytes, params: str) -> object:
    import time
    from pathlib import Path

    (Path(params) / f"here-{int(entry)}").touch()
    while len(list(Path(params).glob("here-*"))) < 5:
        time.sleep(0.01)
    yield entry, 1


def test_stop_leaves_no_process(tmp_path: Path) -> None:
    gate = Gate(tmp_path, "map")
    with LocalMaster(tmp_path / "root") as master:
        submit_gated(master, gate)
        eventually(lambda: len(gate.runs("map")) >= 2, "tasks wait at the gate")
        assert processes_of(master.root)
    assert not processes_of(tmp_path / "root")


def test_two_masters_on_one_port(own_master: LocalMaster, tmp_path: Path) -> None:
    with pytest.raises(DiscoError, match=r"another master running.*DISCO_PORT"):
        LocalMaster(tmp_path / "other", DISCO_PORT=own_master.settings.port).start()


def test_two_masters_on_one_root(own_master: LocalMaster) -> None:
    same = {"DISCO_NAME": own_master.settings["DISCO_NAME"]}
    with pytest.raises(DiscoError, match=r"in use by another master \(process \d+\).*DISCO_ROOT"):
        LocalMaster(own_master.root, **same).start()
    assert Disco(settings=own_master.settings).nodeinfo()["localhost"]["connected"]


def test_put_port_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DiscoError, match=f"port {port}.*DDFS_PUT_PORT"):
            LocalMaster(tmp_path / "root", DDFS_PUT_PORT=port).start()
    assert not processes_of(tmp_path / "root")


def test_ctrl_c_in_wait(own_master: LocalMaster, tmp_path: Path) -> None:
    """The job goes on, and the words say how to come back."""
    gate = Gate(tmp_path, "map")
    job = submit_gated(own_master, gate)
    waiting = subprocess.Popen(
        [BIN / "disco", "wait", job.name], env=own_master.environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    eventually(lambda: len(gate.runs("map")) >= 2, "tasks wait at the gate")
    time.sleep(0.5)  # not proof of anything: lets the command begin to wait
    waiting.send_signal(signal.SIGINT)
    _, words = waiting.communicate(timeout=PATIENCE_S)
    assert waiting.returncode == 130
    assert "goes on" in words and f"disco wait {job.name}" in words and "Traceback" not in words
    gate.open()
    assert dict(result_iterator(job.wait(timeout=PATIENCE_S))) == EXPECTED


WORKERS = {
    "dies": ("#!/bin/sh\nexit 3\n", r"exit.* 3"),
    "garbage": ("#!/bin/sh\necho this is no frame >&2\nexit 0\n", "this is no frame"),
    "signal": ("#!/bin/sh\nkill -SEGV $$\n", "SIGSEGV"),
    "version": (
        '#!/bin/sh\nprintf \'WORKER 28 {"version": "9.9", "pid": 1}\\n\' >&2\nread x\n',
        r"9\.9.*1\.0|1\.0.*9\.9",
    ),
    "interpreter": ("#!/nowhere/at/all\n", "worker"),
}


@pytest.mark.parametrize("fault", WORKERS)
def test_bad_workers(run: Run, tmp_path: Path, fault: str) -> None:
    """W4: the client is told what the worker did, and where."""
    program, told = WORKERS[fault]
    worker = tmp_path / "worker.sh"
    worker.write_text(program)
    worker.chmod(0o755)
    job = run("disco", "job", "-m", "worker.sh", "raw://x").stdout.strip()
    done = run("disco", "wait", job, status=1)
    import re

    assert re.search(told, done.stderr, re.S), done.stderr
    assert "localhost" in done.stderr and "Traceback" not in done.stderr


def test_unknown_things_are_named(run: Run, tmp_path: Path) -> None:
    for command, words in (
        (("disco", "wait", "nothing@1:2:3"), "nothing@1:2:3"),
        (("disco", "events", "nothing@1:2:3"), "nothing@1:2:3"),
        (("ddfs", "cat", "tag://no:such:tag"), "no:such:tag"),
        (("ddfs", "get", "no:such:tag"), "no:such:tag"),
        (("ddfs", "xcat", "gopher://x"), "gopher"),
        (("disco", "submit", str(tmp_path / "missing.pack")), "missing.pack"),
    ):
        done = run(*command, status=None)
        assert done.returncode in (1, 2), command
        assert words in done.stderr and "Traceback" not in done.stderr, command


def test_job_error_shows_the_first_cause(own_master: LocalMaster) -> None:
    """B13, W4: traceback with the user's line, host, attempt."""

    def broken(entry: bytes, params: object) -> object:
        raise ValueError(f"bad entry {entry!r}")

    job = Job("broken", settings=own_master.settings).run(input=["raw://x"], map=broken)
    with pytest.raises(JobError) as failure:
        job.wait(timeout=PATIENCE_S)
    for words in ("ValueError: bad entry b'x'", "raise ValueError", "localhost", "map:0"):
        assert words in str(failure.value)


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="a small file system of its own needs root to mount")
def test_full_disk(tmp_path: Path) -> None:
    """A job that fills the disk fails with the reason; the master lives, and goes on when there is room."""
    root = tmp_path / "small"
    root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", root], check=True)
    try:
        with LocalMaster(root) as master:
            with pytest.raises(JobError, match="No space left on device"):
                Job("filler", settings=master.settings).run(input=["raw://x"], map=fill, partitions=1).wait(
                    timeout=PATIENCE_S
                )
            filler = Disco(settings=master.settings).joblist()[0][2]
            Disco(settings=master.settings).purge(filler)
            eventually(lambda: not list(root.glob(f"data/*/*/{filler}")), "the purge made room")
            job = Job("small", settings=master.settings).run(input=["raw://a"], map=once)
            assert list(result_iterator(job.wait(timeout=PATIENCE_S))) == [(b"a", 1)]
    finally:
        subprocess.run(["umount", "-l", root], check=True)


def fill(entry: bytes, params: object) -> object:
    import os

    for _ in range(64):
        yield os.urandom(500_000), 1


def once(entry: bytes, params: object) -> object:
    yield entry, 1


@pytest.mark.slow
def test_five_thousand_tasks(own_master: LocalMaster) -> None:
    """M14, M18, M681: one job of 5,000 raw:// inputs."""
    count = 5000
    job = Job("many", settings=own_master.settings).run(
        input=[f"raw://{n}" for n in range(count)], map=once, reduce=total, partitions=2
    )
    assert sum(value for _, value in result_iterator(job.wait(timeout=90))) == count
    assert Disco(settings=own_master.settings).jobinfo(job.name)["mapi"] == [0, 0, count, 0]


def total(pairs: object, params: object) -> object:
    yield "tasks", sum(value for _, value in pairs)  # type: ignore[attr-defined]
