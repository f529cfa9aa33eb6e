"""Jobs by REST (M474–M480, M490–M494, F11–F14)."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable

import pytest
from unit.jobpack.packs import jobdict, pack
from unit.web.fakes import Site, job_view

from disco_master.events import JobCleaned, JobKilled
from disco_master.model import Counts, JobStatus
from disco_master.web.config import MAX_CONTROL_BYTES, MAX_PACK_BYTES

JOB = "wc@1:2:3"
EVENT = '["2026/01/02 03:04:05","{}","{}"]\n'


@pytest.mark.parametrize("path", ["/disco/job/new", "/disco/job/anything/else", "/disco/job/"])
def test_a_job_pack_is_taken_under_any_name(site: Site, path: str) -> None:
    """M474."""
    reply = site.post(path, data=pack())
    assert (reply.status_code, reply.json()) == (200, ["ok", JOB])
    assert reply.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("body", [b"", b"not a pack", pack(jobdict(prefix="a/b"))])
def test_a_refused_pack_is_answered_200_with_the_reason(site: Site, body: bytes) -> None:
    """M474: clients of the original look at the first element alone."""
    reply = site.post("/disco/job/new", data=body)
    assert reply.status_code == 200
    kind, text = reply.json()
    assert kind == "error"
    assert text.startswith("Job failed to start: ")


def test_pack_size_on_both_sides_of_the_limit(make_site: Callable[..., Site]) -> None:
    good = pack()
    site = make_site(max_pack_bytes=len(good))
    assert site.post("/disco/job/new", data=good).json()[0] == "ok"
    reply = site.post("/disco/job/new", data=good + b"x")
    assert reply.status_code == 413
    assert reply.text.startswith("Job packet too large")


@pytest.mark.parametrize(
    ("length", "expect", "status"),
    [(MAX_PACK_BYTES, "100-continue", b"100"), (MAX_PACK_BYTES + 1, "", b"413")],
)
def test_a_pack_over_1_gib_is_refused_before_it_is_sent(
    site: Site, length: int, expect: str, status: bytes
) -> None:
    """M681: what the header alone is answered."""
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as connection:
        expected = f"Expect: {expect}\r\n" if expect else ""
        head = f"POST /disco/job/new HTTP/1.1\r\nHost: n1\r\nContent-Length: {length}\r\n{expected}\r\n"
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 " + status


def test_a_post_without_a_length_is_refused(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as connection:
        connection.sendall(b"POST /disco/job/new HTTP/1.1\r\nHost: n1\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 411"


def test_joblist_is_newest_first(site: Site) -> None:
    """M476, F11."""
    assert site.get("/disco/ctrl/joblist").json() == []
    site.master.set_job(job_view("a@1:1:1", JobStatus.READY))
    site.master.set_job(job_view("b@1:1:2"))
    assert site.get("/disco/ctrl/joblist").json() == [
        [1700000000, "active", "b@1:1:2"],
        [1700000000, "ready", "a@1:1:1"],
    ]


def test_jobinfo_has_the_known_shape(site: Site) -> None:
    """M477."""
    site.master.set_job(job_view(JOB, has_reduce=True, reduce=Counts(9, 8, 7, 6)))
    info = site.get("/disco/ctrl/jobinfo", params={"name": JOB}).json()
    assert info.pop("timestamp").startswith("2023/11/1")
    assert info == {
        "active": "active",
        "mapi": [1, 2, 3, 4],
        "redi": [9, 8, 7, 6],
        "reduce": True,
        "results": [],
        "inputs": ["http://a/1", ["http://a/2", "http://b/2"]],
        "worker": "worker.py",
        "hosts": ["n1"],
        "owner": "me@here",
    }


def test_a_dead_job_says_why(site: Site) -> None:
    """W4."""
    site.master.set_job(job_view(JOB, JobStatus.DEAD, failure="map:0 failed: out of luck"))
    assert (
        site.get("/disco/ctrl/jobinfo", params={"name": JOB}).json()["failure"] == "map:0 failed: out of luck"
    )


@pytest.mark.parametrize("operation", ["jobinfo", "parameters", "rawevents", "get_mapresults"])
def test_unknown_jobs_are_404(site: Site, operation: str) -> None:
    for query in ("", "?name=nobody@1:1:1", "?name=../../etc/passwd"):
        assert site.get(f"/disco/ctrl/{operation}{query}").status_code == 404


def test_parameters_is_the_pack_itself(site: Site) -> None:
    """M478."""
    site.post("/disco/job/new", data=pack())
    reply = site.get("/disco/ctrl/parameters", params={"name": JOB})
    assert reply.content == pack()
    assert reply.headers["Content-Type"].startswith("text/plain")
    part = site.get("/disco/ctrl/parameters", params={"name": JOB}, headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, b"\xd5\xc0")


def test_rawevents_goes_on_from_a_byte(site: Site) -> None:
    """M479, F13."""
    text = "".join(EVENT.format("master", number) for number in range(5))
    site.master.write_events(JOB, text)
    assert site.get("/disco/ctrl/rawevents", params={"name": JOB}).text == text
    tail = site.get("/disco/ctrl/rawevents", params={"name": JOB}, headers={"Range": "bytes=40-"})
    assert (tail.status_code, tail.text) == (206, text[40:])
    end = site.get("/disco/ctrl/rawevents", params={"name": JOB}, headers={"Range": f"bytes={len(text)}-"})
    assert end.status_code == 416
    assert end.headers["Content-Range"] == f"bytes */{len(text)}"


def test_jobevents_newest_first_bounded_and_filtered(site: Site) -> None:
    """M480."""
    site.master.write_events(JOB, "".join(EVENT.format(f"n{n % 2}", f"event {n}") for n in range(1500)))

    def texts(**query: str) -> list[str]:
        reply = site.get("/disco/ctrl/jobevents", params={"name": JOB, **query})
        assert reply.headers["Content-Type"].startswith("text/plain")
        return [event[2] for event in json.loads(reply.text)]

    assert texts(num="2") == ["event 1499", "event 1498"]
    assert len(texts()) == 10
    assert len(texts(num="1000")) == len(texts(num="1001")) == 1000
    assert texts(num="2", filter="EVENT 7") == ["event 799", "event 798"]
    assert texts(num="1", filter="n0") == ["event 1498"]
    assert texts(num="0") == []


def test_jobevents_of_an_unknown_job_is_empty(site: Site) -> None:
    reply = site.get("/disco/ctrl/jobevents?name=nobody@1:1:1&num=5")
    assert (reply.status_code, reply.text) == (200, "")
    for number in ("many", "-1", "1.5", "9" * 5000):
        assert site.get(f"/disco/ctrl/jobevents?name=x&num={number}").status_code == 400


def test_map_results_wait_for_the_map_phase(site: Site) -> None:
    """M491."""
    site.master.set_job(job_view(JOB))
    assert site.get("/disco/ctrl/get_mapresults", params={"name": JOB}).status_code == 404
    site.master.set_job(job_view(JOB, map_results=("dir://n1/x",)))
    assert site.get("/disco/ctrl/get_mapresults", params={"name": JOB}).json() == ["dir://n1/x"]


def test_results_of_every_kind_of_job(site: Site) -> None:
    """M196, M490."""
    ready = job_view("ready@1:1:1", JobStatus.READY)
    site.master.set_job(ready)
    site.master.set_job(job_view("dead@1:1:1", JobStatus.DEAD))
    reply = site.post("/disco/ctrl/get_results", json=[2000, ["ready@1:1:1", "dead@1:1:1", "nobody"]])
    assert reply.json() == [
        ["ready@1:1:1", ["ready", list(ready.results)]],
        ["dead@1:1:1", ["dead", []]],
        ["nobody", ["unknown job", []]],
    ]


def test_results_come_as_soon_as_the_first_job_ends(site: Site) -> None:
    """F12: well before the timeout, with all jobs told; a change of another job does not end the wait."""
    site.master.set_job(job_view("a@1:1:1"))
    site.master.set_job(job_view("b@1:1:2"))
    answers: list[object] = []
    asker = threading.Thread(
        target=lambda: answers.append(
            site.post("/disco/ctrl/get_results", json=[60_000, ["a@1:1:1", "b@1:1:2"]], timeout=100).json()
        )
    )
    started = time.monotonic()
    asker.start()
    site.master.somebody_waits.wait()
    site.master.somebody_waits.clear()
    site.master.set_job(job_view("other@1:1:3", JobStatus.READY))
    site.master.somebody_waits.wait()  # again: that job was no answer
    site.master.set_job(job_view("b@1:1:2", JobStatus.READY, results=("r",)))
    asker.join()
    assert answers == [[["a@1:1:1", ["active", []]], ["b@1:1:2", ["ready", ["r"]]]]]
    assert time.monotonic() - started < 55


def test_results_wait_no_longer_than_asked(site: Site) -> None:
    site.master.set_job(job_view(JOB))
    started = time.monotonic()
    assert site.post("/disco/ctrl/get_results", json=[300, [JOB]]).json() == [[JOB, ["active", []]]]
    assert 0.3 <= time.monotonic() - started < 55
    assert site.post("/disco/ctrl/get_results", json=[0, [JOB]]).json() == [[JOB, ["active", []]]]


@pytest.mark.parametrize(
    "body", [[1.5, []], ["1", []], [-1, []], [True, []], [1], [1, "job"], [1, [5]], {}, 7]
)
def test_results_refuse_other_shapes(site: Site, body: object) -> None:
    """M498."""
    reply = site.post("/disco/ctrl/get_results", json=body)
    assert reply.status_code == 400
    assert "timeout_ms" in reply.json()


def test_long_polls_leave_threads_for_others(make_site: Callable[..., Site]) -> None:
    site = make_site(max_long_polls=1)
    site.master.set_job(job_view(JOB))

    def wait_long() -> None:
        while site.post("/disco/ctrl/get_results", json=[60_000, [JOB]], timeout=100).status_code == 503:
            pass

    first = threading.Thread(target=wait_long)
    first.start()
    try:
        site.master.somebody_waits.wait()
        while (reply := site.post("/disco/ctrl/get_results", json=[1, [JOB]])).status_code == 200:
            pass  # the first may have found the place taken by this one, and asks again
        assert reply.status_code == 503
        assert reply.headers["Retry-After"] == "1"
    finally:
        site.master.set_job(job_view(JOB, JobStatus.READY))
        first.join()
    assert site.post("/disco/ctrl/get_results", json=[1, [JOB]]).status_code == 200


def test_a_killed_job_is_dead_in_the_very_next_answer(site: Site) -> None:
    """M492, F14."""
    site.master.set_job(job_view(JOB))
    reply = site.post("/disco/ctrl/kill_job", json=JOB)
    assert (reply.status_code, reply.json()) == (200, "")
    assert site.get("/disco/ctrl/jobinfo", params={"name": JOB}).json()["active"] == "dead"
    assert site.post("/disco/ctrl/kill_job", json=JOB).json() == ""
    assert site.post("/disco/ctrl/kill_job", json="nobody").json() == ""
    assert site.master.events == [JobKilled(JOB)]


@pytest.mark.parametrize(("operation", "purge"), [("clean_job", False), ("purge_job", True)])
def test_clean_and_purge_forget_the_job(site: Site, operation: str, purge: bool) -> None:
    """M697, M493, M494."""
    site.master.set_job(job_view(JOB, JobStatus.READY))
    assert site.post(f"/disco/ctrl/{operation}", json=JOB).json() == ""
    assert site.master.events == [JobCleaned(JOB, purge=purge)]
    assert site.get("/disco/ctrl/joblist").json() == []


@pytest.mark.parametrize("operation", ["kill_job", "clean_job", "purge_job"])
@pytest.mark.parametrize(
    "body", [b"not json", b"5", b'["a"]', b'"../../etc"', b'""', b"\xff", b"[" * 100_000]
)
def test_job_changes_refuse_other_bodies(site: Site, operation: str, body: bytes) -> None:
    reply = site.post(f"/disco/ctrl/{operation}", data=body)
    assert (reply.status_code, site.master.events) == (400, [])
    assert "job name" in reply.json()


@pytest.mark.parametrize("operation", ["kill_job", "clean_job", "purge_job", "get_results"])
def test_nothing_changes_by_get(site: Site, operation: str) -> None:
    """W10."""
    reply = site.get(f"/disco/ctrl/{operation}?name={JOB}")
    assert reply.status_code == 405
    assert f"POST /disco/ctrl/{operation}" in reply.text
    assert reply.headers["Allow"] == "POST"


def test_a_stopping_master_asks_to_try_again(site: Site) -> None:
    site.master.stopping = True
    reply = site.post("/disco/ctrl/purge_job", json=JOB)
    assert (reply.status_code, reply.text) == (503, "Temporary server error. Try again.")
    assert reply.headers["Retry-After"] == "1"


def test_body_size_of_control_calls_on_both_sides(make_site: Callable[..., Site]) -> None:
    """M498: 32 MiB, here made smaller."""
    assert MAX_CONTROL_BYTES == 32 * 1024**2
    site = make_site(max_control_bytes=20)
    assert site.post("/disco/ctrl/kill_job", data=b'"' + b"a" * 18 + b'"').status_code == 200
    assert site.post("/disco/ctrl/kill_job", data=b'"' + b"a" * 19 + b'"').status_code == 413
