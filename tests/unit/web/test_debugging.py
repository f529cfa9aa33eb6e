"""What a person asks the master who looks for what is wrong (W22, W4)."""

from __future__ import annotations

import pytest
from unit.web.fakes import Site, job_view

from disco_master.model import Mode
from disco_master.web.door import TaskName

JOB = "a@1:2:3"
MAP0, MAP1 = TaskName(Mode.MAP, 0), TaskName(Mode.MAP, 1)


@pytest.fixture
def known(site: Site) -> Site:
    site.master.set_job(job_view(JOB))
    site.master.reasons[JOB] = ["2 map tasks: no free slot on n1"]
    site.master.logs = {
        (JOB, "n1", MAP0, 7): "one\n",
        (JOB, "n1", MAP0, 9): "two \ud800",
        (JOB, "n1", MAP1, 8): "",
    }
    return site


def test_why_gives_the_reasons(known: Site) -> None:
    assert known.get(f"/disco/ctrl/why?name={JOB}").json() == ["2 map tasks: no free slot on n1"]


def test_logs_are_listed_and_read(known: Site) -> None:
    listed = known.get(f"/disco/ctrl/attempt_logs?name={JOB}").json()
    assert listed == [["n1", "map", 0, 7, 4], ["n1", "map", 0, 9, 5], ["n1", "map", 1, 8, 0]]
    assert known.get(f"/disco/ctrl/attempt_logs?name={JOB}&task=map:1").json() == listed[2:]
    read = known.get(f"/disco/ctrl/attempt_log?name={JOB}&task=map:0&attempt=7&node=n1")
    assert (read.text, read.headers["Content-Type"]) == ("one\n", "text/plain; charset=utf-8")
    assert known.get(f"/disco/ctrl/attempt_log?name={JOB}&task=map:0&attempt=9&node=n1").text == "two ?"


@pytest.mark.parametrize("path", ["why", "attempt_logs", "attempt_log"])
def test_an_unknown_job_is_not_found(known: Site, path: str) -> None:
    reply = known.get(f"/disco/ctrl/{path}?name=b@1:2:3&task=map:0&attempt=7&node=n1")
    assert (reply.status_code, reply.text) == (404, "Not found.")


def test_a_log_that_is_not_there_is_not_found(known: Site) -> None:
    for query in ("task=map:0&attempt=8&node=n1", "task=map:0&attempt=7&node=n2"):
        assert known.get(f"/disco/ctrl/attempt_log?name={JOB}&{query}").status_code == 404


@pytest.mark.parametrize("task", ["", "map", "map:", "map:x", "shuffle:1", "map:1234567890", "map:1/.."])
def test_a_task_is_mode_and_number(known: Site, task: str) -> None:
    reply = known.get("/disco/ctrl/attempt_logs", params={"name": JOB, "task": task})
    assert (reply.status_code, reply.text) == (400, "task: expected MODE:NUMBER, like map:7")


def test_an_attempt_is_a_number(known: Site) -> None:
    reply = known.get("/disco/ctrl/attempt_log", params={"name": JOB, "task": "map:0", "attempt": "-1"})
    assert reply.status_code == 400


def test_a_stopping_master_says_try_again(known: Site) -> None:
    known.master.stopping = True
    reply = known.get(f"/disco/ctrl/why?name={JOB}")
    assert (reply.status_code, reply.headers["Retry-After"]) == (503, "1")


def test_the_state_names_the_version(known: Site) -> None:
    assert known.get("/disco/ctrl/state").json() == {"version": known.config.version, "pid": 1}
