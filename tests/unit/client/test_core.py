"""The client of the master, against a real HTTP server that answers as a master does."""

from __future__ import annotations

import io
import json
import marshal
from typing import Any

import pytest
from unit.client.conftest import QUICK
from unit.client.http_master import HttpMaster

from disco.client.core import Disco
from disco.error import CommError, DiscoError, JobError
from disco.job import Job, JobPack
from disco.settings import DiscoSettings

NAME = "job@5f2:aa:1"
RESULTS = "/disco/ctrl/get_results"
POSTED = ("blacklist", "whitelist", "kill_job", "clean_job", "purge_job")
EVENTS = [["2026/01/01 00:00:00", "master", "New job"], ["2026/01/01 00:00:01", "node", "DONE: ä"]]
EVENT_BYTES = b"".join(json.dumps(event).encode() + b"\n" for event in EVENTS)


def test_names_and_addresses(disco: Disco, master: HttpMaster) -> None:
    """M306: the master may be given as a disco:// URL."""
    assert repr(disco) == f"Disco master at {master.url}"
    other = Disco(master.url.replace("http://", "disco://"), settings=DiscoSettings(environ={}))
    assert other.master == master.url


def test_an_unreachable_master_is_named() -> None:
    """M306: with the question that helps."""
    disco = Disco("http://127.0.0.1:1", settings=DiscoSettings(environ={}), patience=QUICK)
    with pytest.raises(CommError, match="is disco master running at"):
        disco.joblist()


def _clean_with_a_warning(disco: Disco) -> Any:
    def clean(name: str) -> None:
        with pytest.warns(DeprecationWarning, match="use purge"):
            disco.clean(name)

    return clean


def test_simple_calls(disco: Disco, master: HttpMaster) -> None:
    """M307, M308, M309, M311, M312, M314, M316, M320, M325."""
    master.answers = {
        "/disco/ctrl/joblist": [[1, "ready", NAME]],
        "/disco/ctrl/jobinfo": {"active": "ready"},
        "/disco/ctrl/nodeinfo": {"host": {"job_ok": 1}},
        "/disco/ctrl/load_config_table": [["localhost", "2"]],
        "/disco/ctrl/get_mapresults": ["dir://x"],
        "/disco/version": "1.0",
        **dict.fromkeys(map("/disco/ctrl/{}".format, POSTED), ""),
    }
    assert disco.joblist() == [[1, "ready", NAME]]
    assert disco.jobinfo(NAME) == {"active": "ready"}
    assert disco.nodeinfo() == {"host": {"job_ok": 1}}
    assert disco.config == [["localhost", "2"]]
    assert disco.mapresults(NAME) == ["dir://x"]
    assert disco.master_version == "1.0"
    calls = (disco.blacklist, disco.whitelist, disco.kill, _clean_with_a_warning(disco), disco.purge)
    for call, op in zip(calls, POSTED, strict=True):
        call(NAME)
        assert master.posted(f"/disco/ctrl/{op}") == [NAME]
    assert ("GET", f"/disco/ctrl/jobinfo?name={NAME}", b"") in master.asked


def test_setting_the_node_table(disco: Disco, master: HttpMaster) -> None:
    """M325: anything but the one good answer is an error."""
    master.answers["/disco/ctrl/save_config_table"] = "table saved!"
    disco.config = [["localhost", 2]]  # type: ignore[list-item]
    assert master.posted("/disco/ctrl/save_config_table") == [[["localhost", "2"]]]
    master.answers["/disco/ctrl/save_config_table"] = "duplicate nodes"
    with pytest.raises(DiscoError, match="duplicate nodes"):
        disco.config = [["a", "1"], ["a", "1"]]


def test_results_of_one_job_and_of_many(disco: Disco, master: HttpMaster) -> None:
    """M321: items may be jobs, names, or what an earlier call returned; the timeout is whole milliseconds."""
    master.answers[RESULTS] = [["a", ["ready", ["dir://a"]]]]
    assert disco.results(Job("a"), timeout=1.7) == ("ready", ["dir://a"])  # type: ignore[arg-type]
    master.answers[RESULTS] = [["a", ["ready", ["x"]]], ["b", ["active", []]], ["c", ["unknown job", []]]]
    inactive, active = disco.results(["a", Job("b"), ("c", ("active", []))])
    assert inactive == [("a", ("ready", ["x"])), ("c", ("unknown job", []))]
    assert active == [("b", ("active", []))]
    assert disco.results([]) == ([], [])
    assert master.posted(RESULTS) == [[1, ["a"]], [2000, ["a", "b", "c"]]]


def test_events_by_offset(disco: Disco, master: HttpMaster) -> None:
    """M310: the offset of an event is where the next one begins; a half-written line waits."""

    def events(request: Any, body: bytes) -> Any:
        wanted = request.headers.get("Range", "bytes=0-")
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        data = EVENT_BYTES + b'["2026'
        return (416, b"") if start >= len(data) else (206 if start else 200, data[start:])

    master.answers["/disco/ctrl/rawevents"] = events
    found = list(disco.events(NAME))
    assert [event for _, event in found] == [tuple(event) for event in EVENTS]
    assert found[-1][0] == len(EVENT_BYTES)
    assert list(disco.events(NAME, offset=found[0][0])) == found[1:]
    assert list(disco.events(NAME, offset=found[1][0])) == []
    assert list(disco.events(NAME, offset=10**6)) == []


def test_wait_returns_the_results(disco: Disco, master: HttpMaster, capsys: Any) -> None:
    """M322, M575: and shows events, each once, and how far the job is, when that has changed."""
    replies = iter([["active", []], ["active", []], ["ready", ["dir://x"]]])
    master.answers[RESULTS] = lambda request, body: [[NAME, next(replies)]]
    sizes = iter([len(EVENT_BYTES) // 2, len(EVENT_BYTES), len(EVENT_BYTES)])

    def events(request: Any, body: bytes) -> Any:
        start = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        data = EVENT_BYTES[: next(sizes)][start:]
        return (206, data) if data else (416, b"")

    master.answers["/disco/ctrl/rawevents"] = events
    waiting = {"mapi": [2, 1, 0, 0], "redi": [1, 0, 0, 0]}
    reducing = {"mapi": [0, 0, 3, 0], "redi": [0, 1, 0, 0]}
    infos = iter([waiting, reducing, reducing])
    master.answers["/disco/ctrl/jobinfo"] = lambda request, body: next(infos)
    assert disco.wait(NAME, poll_interval=0.01, show="nocolor") == ["dir://x"]
    shown = capsys.readouterr().err
    assert shown.count("New job") == 1
    assert [line for line in shown.splitlines() if line.startswith("Status")] == [
        "Status: [map] 2 waiting, 1 running, 0 done, 0 failed",
        "Status: [reduce] 0 waiting, 1 running, 0 done, 0 failed",
    ]


def test_wait_for_a_dead_job_says_why(disco: Disco, master: HttpMaster) -> None:
    """W4, M454: the first root cause, as the master keeps it."""
    master.answers[RESULTS] = [[NAME, ["dead", []]]]
    master.answers["/disco/ctrl/jobinfo"] = {"active": "dead", "failure": "ZeroDivisionError in map:3"}
    with pytest.raises(JobError) as caught:
        disco.wait(NAME)
    assert caught.value.job == NAME
    assert str(caught.value) == f"Job {NAME} failed: ZeroDivisionError in map:3"
    master.answers[RESULTS] = [[NAME, ["unknown job", []]]]
    with pytest.raises(JobError, match="unknown job"):
        disco.wait(NAME)


def test_wait_gives_up_after_its_timeout(disco: Disco, master: HttpMaster) -> None:
    """M322."""
    master.answers[RESULTS] = [[NAME, ["active", []]]]
    with pytest.raises(JobError, match="Timeout"):
        disco.wait(NAME, poll_interval=0.01, timeout=0.05)


def test_wait_rides_through_a_master_that_does_not_answer(disco: Disco, master: HttpMaster) -> None:
    """M322: an error of the network counts as active."""
    replies: Any = iter([(500, "starting"), [[NAME, ["ready", ["x"]]]]])
    master.answers[RESULTS] = lambda request, body: next(replies)
    assert disco.wait(NAME) == ["x"]


def test_submit_and_its_refusals(disco: Disco, master: HttpMaster) -> None:
    """M329, C19: a refusal is a JobError, whichever way the master says it."""
    job = Job("x", master=disco)
    pack = job.pack(input=["raw://x"], map=print)
    master.answers["/disco/job/new"] = ["ok", NAME]
    assert disco.submit(pack.dumps()) == NAME
    assert master.asked[-1][2] == pack.dumps()
    for refusal, text in (
        (["error", "Job failed to start: no"], "no"),
        ((413, b"Job packet too large"), "too large"),
        ((200, b"<html>"), "no Disco master"),
    ):
        master.answers["/disco/job/new"] = refusal
        with pytest.raises(JobError, match=text):
            disco.submit(pack.dumps(), job)


def test_the_job_pack_of_a_job(disco: Disco, master: HttpMaster) -> None:
    """M313, M332-M334."""
    pack = JobPack({"prefix": "p", "input": [], "worker": "w", "owner": "o", "nr_reduces": 1, "scheduler": {},
                    "map?": True}, {"A": "1"}, b"home", b"data")  # fmt: skip
    master.answers["/disco/ctrl/parameters"] = (200, pack.dumps())
    found = disco.jobpack(NAME)
    assert (found.jobdict, found.jobenvs, found.jobhome, found.jobdata) == (
        pack.jobdict, pack.jobenvs, pack.jobhome, pack.jobdata
    )  # fmt: skip
    assert JobPack.load(io.BytesIO(pack.dumps())).jobdata == b"data"


def test_out_of_band_results(disco: Disco, master: HttpMaster) -> None:
    """M317, M318, M340: the newest value of a key; no tag is an error, no key is None."""
    tag = f"/ddfs/tag/disco:job:oob:{NAME}"
    blobs = ["key$5f2-2-0", "key$5f2-10-0", "other$5f2-1-0"]
    master.answers[tag] = {"urls": [[f"{master.url}/ddfs/vol0/blob/ab/{blob}"] for blob in blobs]}
    master.answers["/ddfs/vol0/blob/ab/key$5f2-10-0"] = (200, b"newest")
    assert sorted(disco.oob_list(NAME)) == ["key", "other"]
    assert disco.oob_get(NAME, "key") == b"newest"
    assert disco.oob_get(NAME, "none") is None
    with pytest.raises(DiscoError, match="Unknown key or jobname"):
        disco.oob_get("none@1:2:3", "key")


def test_profiles_are_merged(disco: Disco, master: HttpMaster) -> None:
    """M319."""
    blobs = ["profile:map:0$5f2-2-0", "profile:map:1$5f2-2-0", "profile:reduce:0$5f2-2-0", "other$5f2-2-0"]
    master.answers[f"/ddfs/tag/disco:job:oob:{NAME}"] = {
        "urls": [[f"{master.url}/ddfs/vol0/blob/ab/{blob}"] for blob in blobs]
    }
    stats = marshal.dumps({("job.py", 1, "fun"): (2, 2, 0.5, 0.5, {})})
    master.answers.update({f"/ddfs/vol0/blob/ab/{blob}": (200, stats) for blob in blobs})
    found: Any = disco.profile_stats(NAME, mode="map", stream=io.StringIO())
    assert found.total_calls == 4
    assert disco.profile_stats(NAME, stream=io.StringIO()).total_calls == 6  # type: ignore[attr-defined]
    with pytest.raises(JobError, match="No profile data"):
        disco.profile_stats("none@1:2:3")
