"""Jobs in this process and on this machine, without a master (W22, M531, M542)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from disco.cli.debugging.conversation import Desk, converse
from disco.cli.debugging.home import HOST, LocalHome
from disco.protocol.messages import (
    Fail,
    InputErr,
    InputRequest,
    Msg,
    Ok,
    OutputMsg,
    Replica,
    Retry,
    TaskInfo,
    TaskRequest,
)
from disco.settings import DiscoSettings

TEXT = "the cat sat on the mat\nthe end\n"
COUNTS = ["cat\t1", "end\t1", "mat\t1", "on\t1", "sat\t1", "the\t3"]
MODULE = """
import threading
from disco.core import Job
from disco.util import kvgroup
from disco.worker.classic.worker import put, get, this_name, this_inputs, this_partition

class WordCount(Job):
    partitions = 2

    @staticmethod
    def map(line, params):
        for word in line.split():
            yield word, 1

    @staticmethod
    def reduce(iter, params):
        for word, counts in kvgroup(sorted(iter)):
            yield word, sum(counts)

class MapOnly(WordCount):
    reduce = None

class ReduceOnly(WordCount):
    map = None

class Saved(WordCount):
    save = True

class Merged(WordCount):
    merge_partitions = True

class Bad(WordCount):
    @staticmethod
    def map(line, params):
        print("seen", line)
        yield line, 1 / (len(line) - 4)

class Stops(WordCount):
    @staticmethod
    def map(line, params):
        count = 5
        breakpoint()
        yield line, count

class Asks(WordCount):
    @staticmethod
    def map(line, params):
        put(f"key{this_partition()}", b"value")
        yield get("key0"), (this_name(), this_inputs())

    @staticmethod
    def reduce(iter, params):
        yield from iter

class Reads(WordCount):
    reduce = None
    required_files = {"words.txt": b"of the job", "lib/brought.py": b"WORD = 'brought'"}

    @staticmethod
    def map(line, params):
        import os
        from brought import WORD
        yield open("words.txt").read(), (WORD, os.environ["LD_LIBRARY_PATH"])

class Unsendable(WordCount):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.handle = threading.Lock()
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`disco WORDS…` in a folder with jobs and a text, where no master is."""
    (tmp_path / "jobs.py").write_text(MODULE)
    (tmp_path / "text.txt").write_text(TEXT)
    clean = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    clean |= {"HOME": str(tmp_path), "DISCO_MASTER": "http://127.0.0.1:1", "TMPDIR": str(tmp_path)}

    def run(*words: str, stdin: str = "", status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "disco.cli.disco", *words], cwd=tmp_path, env=clean, input=stdin,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("disco-local")] == []
        return done

    return run


def test_a_job_runs_without_a_master(run: Run) -> None:
    """M21."""
    done = run("run", "--local", "jobs.WordCount", "text.txt")
    assert sorted(done.stdout.splitlines()) == COUNTS
    assert done.stderr == ""
    records = [
        json.loads(line)
        for line in run("run", "--local", "--json", "jobs.Saved", "text.txt").stdout.splitlines()
    ]
    assert ["the", 3] in records and len(records) == 6
    assert sorted(run("run", "--local", "jobs.Merged", "text.txt").stdout.splitlines()) == COUNTS


def test_jobs_of_one_phase(run: Run) -> None:
    done = run("run", "--local", "jobs.MapOnly", "-", stdin="text.txt\nraw://the\n")
    assert sorted(done.stdout.splitlines()).count("the\t1") == 4
    assert run("run", "--local", "jobs.Reads", "raw://x").stdout == "of the job\t('brought', 'lib')\n"


def test_what_tasks_ask_is_answered(run: Run) -> None:
    done = run("run", "--local", "jobs.Asks", "raw://x", "raw://y")
    assert done.stdout.count("value\t('local@0:0:0', [['raw://") == 2
    assert done.stderr == "out-of-band results: key0, key1\n"


def test_a_failure_shows_the_users_line_and_prints_stay_apart_from_results(run: Run) -> None:
    done = run("run", "--local", "jobs.Bad", "raw://ab", "raw://abcd", status=1)
    assert done.stdout == ""
    assert done.stderr.startswith("seen b'ab'\nseen b'abcd'\nZeroDivisionError: division by zero\n")
    assert "yield line, 1 / (len(line) - 4)" in done.stderr
    assert done.stderr.endswith("error: map:1 failed on raw://abcd\n")
    assert "mapping.py" not in done.stderr
    assert "mapping.py" in run("run", "--local", "--debug", "jobs.Bad", "raw://abcd", status=1).stderr


def test_breakpoints_work(run: Run) -> None:
    """B3: the debugger of Python, in this very process."""
    done = run("run", "--local", "jobs.Stops", "raw://x", stdin="p count\ncount = 7\nc\n")
    assert "(Pdb) 5\n" in done.stderr
    assert done.stdout == "x\t7\n"
    left = run("run", "--local", "jobs.Stops", "raw://x", stdin="q\n", status=1)
    assert left.stderr.endswith("map:0: left from the debugger\n")


def test_the_debugger_opens_where_a_task_failed(run: Run) -> None:
    done = run("run", "--local", "--pdb", "jobs.Bad", "raw://abcd", stdin="p line\nq\n", status=1)
    assert "(Pdb) b'abcd'" in done.stderr
    assert "--pdb is for --local" in run("run", "--pdb", "jobs.Bad", "raw://abcd", status=2).stderr


def test_what_can_not_be_sent_is_found_here_too(run: Run) -> None:
    """W17."""
    done = run("run", "--local", "jobs.Unsendable", "raw://x", status=1)
    assert "can't be sent to the nodes" in done.stderr
    assert "handle" in done.stderr


def test_an_input_that_can_not_be_read(run: Run, tmp_path: Path) -> None:
    done = run("run", "--local", "jobs.WordCount", "file:///no/such/file", status=1)
    assert "No such file or directory" in done.stderr
    assert "error: map:0 failed on file:///no/such/file" in done.stderr


SHELL_MAP = r"""#!/bin/sh
send() { printf '%s %s %s\n' "$1" "${#2}" "$2" >&2; read -r reply; }
send WORKER '{"version":"1.0","pid":1}'
send TASK '""'
task=$reply
send INPUT '""'
send MSG '"hello from sh"'
echo "$reply_of_input" > /dev/null
printf 'a text\n' > out.txt
send OUTPUT '["out.txt","disco"]'
send DONE '""'
"""


def program(tmp_path: Path, text: str) -> str:
    path = tmp_path / "worker.sh"
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_a_worker_of_any_language_runs_here(run: Run, tmp_path: Path) -> None:
    """Its words go to standard error; results that are no record streams are printed as they are."""
    done = run("job", "--local", "-m", program(tmp_path, SHELL_MAP), "raw://x")
    assert done.stdout == "a text\n"
    assert done.stderr == "[map:0] hello from sh\n"
    as_json = run("job", "--local", "--json", "-m", program(tmp_path, SHELL_MAP), "raw://x")
    assert as_json.stdout == '"a text"\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("#!/bin/sh\necho hello\n", "map:0 failed (crashed): it wrote what is no message"),
        ("#!/bin/sh\necho hello\ncat\n", "it wrote what is no message"),
        ("#!/bin/sh\nexit 3\n", "map:0 failed (crashed): Worker crashed! (exit code: 3)"),
        ("#!/bin/sh\nkill -9 $$\n", "map:0 failed (crashed): Worker crashed! (signal: 9 SIGKILL)"),
        (
            "#!/no/such/program\n",
            "map:0 failed (fatal): worker.sh can't be started: No such file or directory",
        ),
        (SHELL_MAP.replace("> out.txt", "> other.txt"), "OUTPUT 'out.txt' is not in the job home"),
        (SHELL_MAP.replace("send DONE '\"\"'", "send ERROR '\"no luck\"'"), "map:0 failed (error): no luck"),
        (SHELL_MAP.replace("send TASK", "send TUSK"), "map:0 failed (fatal): "),
    ],
)
def test_how_a_worker_failed(run: Run, tmp_path: Path, text: str, sentence: str) -> None:
    """W4: with what it said, or how it ended."""
    done = run("job", "--local", "-m", program(tmp_path, text), "raw://x", status=1)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


TASK = TaskInfo(HOST, "http://m", "j@1:2:3", 0, "map", 1, 2, "/d", "/e", "/j")


def test_the_desk_answers_as_a_node_does() -> None:
    said: list[str] = []
    desk = Desk(TASK, [["a", "b"], ["c"]], said.append)
    assert desk.answer(TaskRequest()) is TASK
    assert [entry.id for entry in desk.answer(InputRequest()).inputs] == [0, 1]
    assert [entry.id for entry in desk.answer(InputRequest("exclude", (0,))).inputs] == [1]
    assert desk.answer(InputErr(0, (0,))) == Retry((Replica(1, "b"),))
    [first] = desk.answer(InputRequest("include", (0,))).inputs
    assert (first.status, first.replicas) == ("ok", (Replica(1, "b"),))
    assert desk.answer(InputErr(0, (1,))) == Fail()
    [first] = desk.answer(InputRequest("include", (0, 7))).inputs
    assert (first.status, first.replicas) == ("failed", ())
    assert desk.answer(InputErr(9, (0,))) == Fail()
    assert desk.answer(Msg("hello")) == Ok()
    output = OutputMsg("out", "part", 3)
    for _ in range(2):
        assert desk.answer(output) == Ok()
    assert (said, desk.outputs) == (["hello"], [output])


def test_a_worker_that_stays_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It closes its pipes and goes on; so does a child of it."""
    from jobpack.build import build_pack

    text = "#!/bin/sh\nsleep 1000 <&- >&- 2>&- &\necho $$ $! > pids\nexec sleep 1000 >&- 2>&-\n"
    pack = build_pack(Path(program(tmp_path, text)), inputs=["raw://x"], map=True).dumps()
    home = LocalHome(tmp_path / "home", "j@1:2:3", pack, DiscoSettings(environ={}))
    verdict = converse(home, Desk(home.task("map", 0), [["raw://x"]], print), exit_s=0.1)
    assert (verdict.outcome, verdict.text) == ("crashed", "Worker crashed! (signal: 9 SIGKILL)")
    for pid in (home.path / "pids").read_text().split():
        while is_running(pid):  # the test's own time limit ends it
            time.sleep(0.01)


def is_running(pid: str) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


PYTHON_WORKER = """#!/usr/bin/env python3
import json, os, sys

def ask(name, payload=""):
    text = json.dumps(payload)
    sys.stderr.write(f"{name} {len(text)} {text}\\n")
    sys.stderr.flush()
    return sys.stdin.readline()

ask("WORKER", {"version": "1.0", "pid": os.getpid()})
ask("TASK")
count = 5
breakpoint()
ask("MSG", f"count is {count}, argv is {len(sys.argv)}, path is {sys.path[0] == os.getcwd()}")
ask("DONE")
"""


def test_a_debugger_in_a_worker_process_has_the_terminal(run: Run, tmp_path: Path) -> None:
    """W22: its own three streams belong to the protocol."""
    worker = program(tmp_path, PYTHON_WORKER)
    done = run("job", "--local", "-m", worker, "raw://x", stdin="p count\ncount = 7\nc\n")
    assert "(Pdb) 5\n" in done.stdout
    assert done.stderr == "[map:0] count is 7, argv is 1, path is True\n"
