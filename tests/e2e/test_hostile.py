"""Job programs that raise anywhere, give wrong shapes, break their process or never end: each ends with the
right verdict and a message that shows the user's line, and the next job is unharmed (W4 W6 M189 M190)."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from e2e.masters import processes_of

from disco.core import Job, result_iterator
from disco.error import JobError
from disco.local import LocalMaster

pytestmark = pytest.mark.slow

MOST_TEXT = 20_000
PATIENCE_S = 90

sys.path.insert(0, str(Path(__file__).resolve().parent / "hostile"))  # as beside a user's script
programs = importlib.import_module("programs")
KINDS = [
    kind for kind in vars(programs).values()
    if inspect.isclass(kind) and issubclass(kind, programs.Program) and kind is not programs.Program
]  # fmt: skip
NEVER_END = [kind for kind in KINDS if kind.ends == "killed"]


def name_of(kind: type) -> str:
    return kind.__name__


def start(master: LocalMaster, kind: Any) -> Job:
    return kind(settings=master.settings).run()  # type: ignore[no-any-return]


def results(job: Job) -> list[Any]:
    return list(result_iterator(job.wait(timeout=PATIENCE_S)))


def ended(job: Job) -> str:
    """How it ended: "ready", or the text of its error."""
    try:
        job.wait(timeout=PATIENCE_S)
    except JobError as error:
        return str(error)
    return "ready"


def line_marked(kind: Any) -> str:
    marked = re.search(r"^\s*(.*?)  # here$", inspect.getsource(kind), re.MULTILINE)
    return marked[1] if marked else ""


def check_end(kind: Any, text: str) -> None:
    assert text != "ready"
    for piece in (*kind.says, line_marked(kind)):
        assert piece in text, f"no {piece!r} in:\n{text[:3000]}"
    assert len(text) < MOST_TEXT


@pytest.mark.filterwarnings("ignore:map_init is deprecated")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in NEVER_END], ids=name_of)
def test_a_program_that_ends(master: LocalMaster, kind: Any) -> None:
    job = start(master, kind)
    if kind.ends == "dead":
        check_end(kind, ended(job))
    elif kind.ends == "ready":
        assert sorted(results(job), key=repr) == sorted(kind.gives, key=repr)
    else:
        ended(job)
    assert results(start(master, programs.Fine)) == list(programs.Fine.gives)


@pytest.mark.parametrize("kind", NEVER_END, ids=name_of)
def test_a_program_that_never_ends(master: LocalMaster, kind: Any) -> None:
    """It keeps one slot, others go on; `kill` ends it and leaves no process."""
    job = start(master, kind)
    assert results(start(master, programs.Fine)) == list(programs.Fine.gives)
    job.kill()
    assert ended(job) != "ready"
    assert results(start(master, programs.Fine)) == list(programs.Fine.gives)
    home = [line for line in processes_of(master.root) if job.name in line]
    assert home == []


LOCK = threading.Lock()


@pytest.mark.parametrize(
    ("parameter", "thing"),
    [
        ("params", LOCK),
        ("params", {"deep": [sys.stderr]}),
        ("map", lambda entry, params, lock=LOCK: [(entry, lock)]),
    ],
)
def test_what_cannot_be_sent_is_named_at_once(master: LocalMaster, parameter: str, thing: Any) -> None:
    """W17: nothing is submitted; the error names the parameter."""
    before = master_jobs(master)
    arguments = {"map": lambda entry, params: [], "input": ["raw://x"], parameter: thing}
    with pytest.raises(Exception, match=parameter):
        Job(settings=master.settings).run(**arguments)
    assert master_jobs(master) == before


def master_jobs(master: LocalMaster) -> list[Any]:
    from disco.core import Disco

    return list(Disco(settings=master.settings).joblist())
