"""Looking for what is wrong with a job of a real master: logs, why, replay, debug, test (W22, W4)."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.masters import BIN, Run, processes_of, runner

from disco.local import LocalMaster

pytestmark = pytest.mark.slow

MODULE = """
import time
from disco.core import Job
from disco.util import kvgroup

class WordCount(Job):
    partitions = 2

    @staticmethod
    def map(line, params):
        print("read", line.decode())
        for word in line.split():
            yield word, 1

    @staticmethod
    def reduce(iter, params):
        for word, counts in kvgroup(sorted(iter)):
            yield word, sum(counts)

class ReduceOnly(WordCount):
    map = None

class Bad(WordCount):
    @staticmethod
    def map(line, params):
        yield line, 1 / (len(line) - 4)

class Stops(WordCount):
    @staticmethod
    def reduce(iter, params):
        import pdb
        seen = 5
        pdb.set_trace()
        for key, value in iter:
            yield key, seen

class Waits(Job):
    @staticmethod
    def map(line, params):
        while not open(params).read():
            time.sleep(0.01)
        yield line, 1
"""
SHELL_WORKER = r"""#!/bin/sh
send() { printf '%s %s %s\n' "$1" "${#2}" "$2" >&2; read -r reply; }
send WORKER '{"version":"1.0","pid":1}'
send TASK '""'
send MSG '"hello from sh"'
send INPUT '""'
send DONE '""'
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "jobs.py").write_text(MODULE)
    (folder / "text.txt").write_text("the cat sat\nthe end\n")
    (folder / "worker.sh").write_text(SHELL_WORKER)
    (folder / "worker.sh").chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def say(master: LocalMaster, place: Path) -> Run:
    return runner(master, place)


@pytest.fixture(scope="module")
def counted(say: Run) -> str:
    """The name of a finished job of three maps and two reduces, profiled; its inputs lie in DDFS."""
    say("ddfs", "chunk", "data:text", "text.txt")
    job = say(
        "disco", "run", "--profile", "jobs.WordCount", "tag://data:text", "raw://a%20b", "raw://b"
    ).stdout.strip()
    say("disco", "wait", job)
    return job


@pytest.fixture(scope="module")
def failed(say: Run) -> str:
    """The name of a job whose map:1 divides by zero."""
    job = say("disco", "run", "jobs.Bad", "raw://ab", "raw://abcd").stdout.strip()
    say("disco", "wait", job, status=1)
    return job


def test_logs(say: Run, counted: str, failed: str) -> None:
    """B12: each attempt's words, on the node until the job is purged; the cause at the end (W4, W22)."""
    listed = say("disco", "logs", "-l", counted).stdout.splitlines()
    assert [line.split("\t")[0] for line in listed] == ["map:0", "map:1", "map:2"]
    assert [line.split("\t")[2] for line in listed] == ["localhost"] * 3
    heading, *lines = say("disco", "logs", counted, "map:1").stdout.splitlines()
    assert heading.startswith("==> map:1 attempt 1.") and heading.endswith(" on localhost <==")
    assert lines == ["read a b"]
    assert say("disco", "logs", counted).stdout.count("==>") == 3
    [entry] = json.loads(say("disco", "logs", "--json", failed, "map:1").stdout)
    assert (entry["task"], entry["node"]) == ("map:1", "localhost")
    assert entry["text"].startswith("failed: ZeroDivisionError: division by zero\n")
    assert entry["bytes"] == len(entry["text"].encode())
    assert say("disco", "logs", counted, "reduce:0").stdout == ""
    assert "'mop:1' is no task" in say("disco", "logs", counted, "mop:1", status=2).stderr
    assert "There is no job nobody" in say("disco", "logs", "nobody", status=1).stderr


def test_a_purged_job_has_no_logs(say: Run) -> None:
    job = say("disco", "run", "jobs.WordCount", "raw://x").stdout.strip()
    say("disco", "wait", job)
    say("disco", "purge", job)
    assert f"There is no job {job}." in say("disco", "logs", job, status=1).stderr


def eventually(condition: Callable[[], bool]) -> None:
    """The test's own time limit ends it."""
    while not condition():
        time.sleep(0.02)


def test_why(say: Run, counted: str, place: Path) -> None:
    """W22: each waiting task has a reason; asked on the core's own thread, while the job runs."""
    reason = "2 map tasks: max_cores of the job (1) is reached"
    gate = place / "gate"
    gate.write_text("")
    inputs = [f"raw://{number}" for number in range(3)]
    job = say(
        "disco", "run", "-S", "max_cores", "1", "-P", "params", str(gate), "jobs.Waits", *inputs
    ).stdout.strip()
    try:
        eventually(lambda: json.loads(say("disco", "jobinfo", job, "--json").stdout)["mapi"][1] == 1)
        assert say("disco", "why", job).stdout == f"{reason}\n"
        assert json.loads(say("disco", "why", "@", "--json").stdout) == [
            "2 map tasks: max_cores of the job (1) is reached"
        ]
        state = json.loads(say("disco", "debug", "--json").stdout)
        assert state["active_jobs"] == [job]
        assert state["why"] == {job: [reason]}
    finally:
        gate.write_text("go")
    say("disco", "wait", job)
    assert say("disco", "why", job).stdout == "the job is ready\n"
    assert "There is no job nobody" in say("disco", "why", "nobody", status=1).stderr


def test_replay_of_a_map(say: Run, counted: str, failed: str, place: Path) -> None:
    """Pack and inputs are fetched, the worker runs here; nothing of the job changes."""
    before = say("disco", "events", counted).stdout
    replayed = say("disco", "replay", counted, "map:0")
    outputs = [line.split("\t") for line in replayed.stdout.splitlines()]
    assert [(label, kind) for label, kind, *_ in outputs] == [("0", "part"), ("1", "part")]
    assert "read the cat sat\nread the end\n" in replayed.stderr
    again = say("disco", "replay", failed, "map:1", status=1)
    assert again.stderr.startswith("fatal: ZeroDivisionError: division by zero\n")
    assert "yield line, 1 / (len(line) - 4)" in again.stderr
    said = json.loads(say("disco", "replay", "--json", failed, "map:1", status=1).stdout)
    assert (said["outcome"], said["outputs"]) == ("fatal", [])
    assert say("disco", "events", counted).stdout == before


def test_replay_of_a_reduce_is_kept_in_a_folder(say: Run, counted: str, place: Path) -> None:
    """It reads its own label of the map's results, and writes what the job's task wrote."""
    records: list[str] = []
    for number in range(2):
        folder = place / f"kept{number}"
        [output] = say("disco", "replay", "-o", folder, counted, f"reduce:{number}").stdout.splitlines()
        records += say("ddfs", "xcat", output.split("\t")[3]).stdout.splitlines()
        assert list(folder.rglob("jobs.py"))
    results = say("disco", "results", counted).stdout
    assert sorted(records) == sorted(say("ddfs", "xcat", input=results).stdout.splitlines())
    refused = say("disco", "replay", "-o", place / "kept0", counted, "reduce:0", status=1)
    assert "kept0 is not empty; name a new folder" in refused.stderr


def test_a_reduce_alone_goes_on_from_map_results(say: Run, counted: str, place: Path) -> None:
    """M536: a pipe between two commands; and its tasks can be run again too."""
    urls = say("disco", "mapresults", counted).stdout
    job = say("disco", "run", "jobs.ReduceOnly", "-", input=urls).stdout.strip()
    results = say("disco", "wait", job).stdout
    records = sorted(say("ddfs", "xcat", input=results).stdout.splitlines())
    assert records == sorted(say("ddfs", "xcat", "-j", counted).stdout.splitlines())
    again: list[str] = []
    for number in range(2):
        output = say("disco", "replay", "-o", place / f"alone{number}", job, f"reduce:{number}").stdout
        again += say("ddfs", "xcat", output.rstrip().rpartition("\t")[2]).stdout.splitlines()
    assert sorted(again) == records


def test_a_local_run_reads_what_lies_in_ddfs(say: Run, counted: str) -> None:
    done = say("disco", "run", "--local", "jobs.WordCount", "tag://data:text")
    assert sorted(done.stdout.splitlines()) == ["cat\t1", "end\t1", "sat\t1", "the\t2"]
    assert done.stderr.split("\n\n") == ["read the cat sat", "read the end", ""]


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["@?WordCount", "map:3"], 1, "has no task map:3: it has map:0 to map:2"),
        (["@?WordCount", "reduce:2"], 1, "has no task reduce:2: it has reduce:0 to reduce:1"),
        (["@?Bad", "reduce:0"], 1, "has no map results that reduce:0 could read: its map has not ended"),
        (["@?WordCount", "7"], 2, "'7' is no task: write map:NUMBER or reduce:NUMBER"),
        (["nobody", "map:0"], 1, "There is no job nobody."),
    ],
)
@pytest.mark.usefixtures("counted", "failed")
def test_tasks_that_are_not_there(say: Run, words: list[str], status: int, sentence: str) -> None:
    assert sentence in say("disco", "replay", *words, status=status).stderr


def test_a_debugger_in_a_replayed_task_has_the_terminal(say: Run, place: Path) -> None:
    """pdb.set_trace() in a reduce, over the real protocol."""
    job = say("disco", "run", "jobs.Stops", "raw://x").stdout.strip()
    say("disco", "wait", job, status=1)  # nobody sits at a node
    replayed = say("disco", "replay", "-o", place / "stopped", job, "reduce:0", input="p seen\nseen = 7\nc\n")
    assert "(Pdb) 5\n" in replayed.stdout
    path = replayed.stdout.rpartition("\t")[2].strip()
    assert say("ddfs", "xcat", path).stdout in ("x\t7\n", "")
    other = say("disco", "replay", job, "reduce:1", input="q\n", status=1)
    assert "fatal: BdbQuit" in other.stderr


def test_replay_of_a_worker_in_another_language(say: Run, place: Path) -> None:
    """--pause gives time to attach a debugger."""
    job = say("disco", "job", "-m", "./worker.sh", "raw://x").stdout.strip()
    say("disco", "wait", job)
    assert say("disco", "logs", job).stdout.splitlines()[1:] == ["hello from sh"]
    replayed = say("disco", "replay", "--pause", job, "map:0", input="\n")
    assert "attach a debugger, then press Enter" in replayed.stderr
    assert replayed.stderr.endswith("hello from sh\n")


def test_ctrl_c_leaves_no_worker(master: LocalMaster, say: Run, place: Path) -> None:
    gate = place / "shut"
    gate.write_text("go")
    job = say("disco", "run", "-P", "params", str(gate), "jobs.Waits", "raw://x").stdout.strip()
    say("disco", "wait", job)
    gate.write_text("")
    folder = place / "interrupted"
    with subprocess.Popen(
        [BIN / "disco", "replay", "-o", folder, job, "map:0"],
        cwd=place, env=master.environment, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, process_group=0,
    ) as process:  # fmt: skip
        eventually(lambda: len(list(folder.rglob(".disco/out/*"))) > 0 or len(processes_of(folder)) > 1)
        os.killpg(process.pid, 2)
        assert process.wait() == 130
    eventually(lambda: not processes_of(folder))


def test_debug(say: Run) -> None:
    """M521."""
    shown = dict(line.split("\t") for line in say("disco", "debug").stdout.splitlines())
    assert int(shown["pid"]) > 0 and "localhost" in json.loads(shown["nodes"])
    stacks = say("disco", "debug", "--stacks").stdout
    assert "\ncore\n\t" in stacks and "loop.py" in stacks
    assert json.loads(say("disco", "debug", "localhost", "--json").stdout)["connected"] is True
    assert "nowhere is no node; there are localhost" in say("disco", "debug", "nowhere", status=1).stderr


def test_test(say: Run, place: Path) -> None:
    """M527: of the master, or of one's own."""
    done = say("disco", "test", "--json")
    assert json.loads(done.stdout) == {"run": 3, "failed": 0}
    assert "OK" in done.stderr
    assert "DiscoTest@" not in say("disco", "jobs").stdout
    (place / "mytests.py").write_text(
        "import unittest\n"
        "class TestIt(unittest.TestCase):\n"
        "    def test_good(self): pass\n"
        "    def test_bad(self): self.fail('no good')\n"
    )
    assert "no good" in say("disco", "test", "mytests", status=1).stderr
    assert json.loads(say("disco", "test", "--json", "mytests.TestIt.test_good").stdout) == {
        "run": 1,
        "failed": 0,
    }
    assert "nothing_here" in say("disco", "test", "nothing_here", status=1).stderr


def test_profiles_as_json(say: Run, counted: str) -> None:
    """M540."""
    rows = json.loads(say("disco", "pstats", "-k", "time", "--json", counted).stdout)
    assert rows == sorted(rows, key=lambda row: -row["total_s"])
    assert any("(map)" in row["function"] and row["calls"] == 4 for row in rows)
    assert "cumulative" in say("disco", "pstats", counted).stdout


def test_pipes(say: Run, counted: str) -> None:
    """M518, M520: what one command prints another takes."""
    by_stdin = say("sh", "-c", f"{BIN}/disco results '@?WordCount' | {BIN}/ddfs xcat | sort").stdout
    by_xargs = say("sh", "-c", f"{BIN}/disco results '@?WordCount' | xargs {BIN}/ddfs xcat | sort").stdout
    assert by_stdin == by_xargs == "a\t1\nb\t2\ncat\t1\nend\t1\nsat\t1\nthe\t2\n"
    quiet = say("sh", "-c", f"{BIN}/ddfs xcat -j '@?WordCount' | head -1 | wc -l")
    assert (quiet.stdout.strip(), quiet.stderr) == ("1", "")
