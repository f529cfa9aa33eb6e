"""What tasks store in DDFS: saved results and out-of-band values, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from unit.client.http_master import HttpMaster, running_master
from unit.worker import sample_jobs as jobs
from unit.worker.scripted_disco import JOB

from disco.client.oob import DIGEST_PREFIX, MAX_STORED_CHARS, stored, stored_name
from disco.error import DiscoError
from disco.protocol import messages as m
from disco.task import MAX_OOB_KEY_CHARS, MAX_OOB_RESULTS, Task, check_oob_key, jobdata
from disco.worker.jobdata import load_objects
from disco.worker.profiling import profiled


@pytest.fixture
def ddfs() -> Iterator[HttpMaster]:
    """A master and node of DDFS that takes every blob and tag."""
    with running_master() as master:
        master.stored = {}  # type: ignore[attr-defined]

        def new_blob(request: Any, body: bytes) -> Any:
            name = request.path.partition("?")[0].rpartition("/")[2]
            return [f"{master.url}/put/{name}$1-2-3"]

        class Answers(dict[str, Any]):
            def get(self, path: str, default: Any = None) -> Any:
                if path.startswith("/ddfs/new_blob/"):
                    return new_blob
                if path.startswith("/put/"):
                    return self.put
                if path.startswith("/ddfs/tag/"):
                    return ["tagged"]
                return default

            @staticmethod
            def put(request: Any, body: bytes) -> Any:
                master.stored[request.path] = body  # type: ignore[attr-defined]
                return (201, f"disco://node/ddfs/vol0/blob/aa/{request.path.rpartition('/')[2]}")

        master.answers = Answers()
        yield master


def test_results_are_saved_under_the_jobs_tag(make_disco: Callable[..., Any], ddfs: HttpMaster) -> None:
    """M174, M388: the output of the last phase is a tag; blobs are named by task."""
    disco = make_disco(
        disco={"master": ddfs.url}, input=["raw://x"], map=jobs.saves, partitions=None, save=True
    )
    end = disco.run_task("map", 3, [["raw://x"]])
    assert end.outputs == [m.OutputMsg(f"disco:job:results:{JOB}", "tag")]
    [(path, data)] = ddfs.stored.items()  # type: ignore[attr-defined]
    assert path.endswith(f"/disco:blob:{JOB}:map-3$1-2-3") and data[0] == 0xD1
    tagged = [asked for method, asked, _ in ddfs.asked if method == "POST"]
    assert len(tagged) == 1 and tagged[0].partition("?")[2] == "update=1"


def test_only_the_last_phase_is_saved(make_disco: Callable[..., Any], ddfs: HttpMaster) -> None:
    disco = make_disco(
        disco={"master": ddfs.url}, input=["raw://x"], map=jobs.words, reduce=jobs.count_sorted, save=True
    )
    end = disco.run_task("map", 0, [["raw://x"]])
    assert [output.type for output in end.outputs] == ["part"]
    reduced = disco.run_task("reduce", 0, [[disco.index("map", [end.outputs])]])
    assert [output.type for output in reduced.outputs] == ["tag"]


def test_a_task_puts_out_of_band_values(make_disco: Callable[..., Any], ddfs: HttpMaster) -> None:
    """M339, M342, M391."""
    disco = make_disco(disco={"master": ddfs.url}, input=["raw://x"], map=jobs.puts, partitions=None)
    assert disco.run_task("map", 0, [["raw://x"]]).outcome == "done"
    assert ddfs.stored == {"/put/key$1-2-3": b"value"}  # type: ignore[attr-defined]
    assert [asked for method, asked, _ in ddfs.asked if method == "POST"] == [
        f"/ddfs/tag/disco:job:oob:{JOB}"
    ]


def test_the_number_of_puts_is_limited(ddfs: HttpMaster) -> None:
    """C4, M343, M663."""
    task = Task(jobname=JOB, master=ddfs.url)
    task._puts = MAX_OOB_RESULTS - 1
    task.put("last", b"")
    with pytest.raises(DiscoError, match="1000 out-of-band results"):
        task.put("one-more", b"")
    assert len(ddfs.stored) == 1  # type: ignore[attr-defined]


def test_long_keys_are_stored_under_a_digest(ddfs: HttpMaster) -> None:
    """C4: names of blobs are shorter than keys may be; the blob of a long key says which it is."""
    task = Task(jobname=JOB, master=ddfs.url)
    longest_plain, first_long = "a" * MAX_STORED_CHARS, "a" * (MAX_STORED_CHARS + 1)
    for key in (longest_plain, first_long, "k" * MAX_OOB_KEY_CHARS):
        task.put(key, b"value of it")
    names = [path.removeprefix("/put/").partition("$")[0] for path in ddfs.stored]  # type: ignore[attr-defined]
    contents = list(ddfs.stored.values())  # type: ignore[attr-defined]
    assert names[0] == longest_plain and contents[0] == b"value of it"
    assert all(name.startswith(DIGEST_PREFIX) and len(name) < 100 for name in names[1:])
    assert len(set(names)) == 3 and contents[1] == first_long.encode() + b"\nvalue of it"
    assert names[1:] == [stored_name(first_long), stored_name("k" * MAX_OOB_KEY_CHARS)]


def test_a_key_that_looks_like_a_digest_is_stored_under_one() -> None:
    """C4: so that no key can be taken for another."""
    sly = stored_name("a" * 250)
    assert stored(sly, b"v") == (stored_name(sly), sly.encode() + b"\nv") and stored_name(sly) != sly


def test_values_are_bytes(ddfs: HttpMaster) -> None:
    """M339: text is stored as UTF-8, anything else is refused."""
    task = Task(jobname=JOB, master=ddfs.url)
    task.put("text", "ä")
    task.put("view", memoryview(b"xy"))
    assert list(ddfs.stored.values()) == ["ä".encode(), b"xy"]  # type: ignore[attr-defined]
    with pytest.raises(DiscoError, match="OOB value of number must be bytes, not int"):
        task.put("number", 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["a" * MAX_OOB_KEY_CHARS, "Az09_-:@"])
def test_good_keys(key: str) -> None:
    """C4, M339, M663."""
    check_oob_key(key)


@pytest.mark.parametrize("key", ["a" * (MAX_OOB_KEY_CHARS + 1), "", "a/b", "a b", "ä"])
def test_bad_keys(key: str) -> None:
    """C4, M339."""
    with pytest.raises(DiscoError, match="OOB key"):
        check_oob_key(key)


def test_profiles_are_kept_out_of_band(make_disco: Callable[..., Any], ddfs: HttpMaster) -> None:
    """M319, M388."""
    import marshal

    disco = make_disco(
        disco={"master": ddfs.url}, input=["raw://x"], map=jobs.words, partitions=None, profile=True
    )
    assert disco.run_task("map", 0, [["raw://x"]]).outcome == "done"
    [(path, data)] = ddfs.stored.items()  # type: ignore[attr-defined]
    assert path == "/put/profile:map:0$1-2-3"
    assert any(function[2] == "words" for function in marshal.loads(data))


def test_a_profile_is_none_of_the_tasks_own_results(ddfs: HttpMaster) -> None:
    """M343, M578: a task that has put as many as it may is profiled all the same."""
    task = Task(jobname=JOB, master=ddfs.url, mode="map", taskid=3)
    task._puts = MAX_OOB_RESULTS
    profiled(task, lambda: None)
    assert list(ddfs.stored) == ["/put/profile:map:3$1-2-3"]  # type: ignore[attr-defined]


def test_fields_of_a_task(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """M337, M338: the path of a name exists as far as its directory, and no two attempts share it."""
    monkeypatch.chdir(tmp_path)
    task, other = (Task(host="h", jobname=JOB, mode="map", taskid=4) for _ in range(2))
    assert (task.host, task.jobname, task.mode, task.taskid, task.master) == ("h", JOB, "map", 4, None)
    with open(task.path("mine"), "w") as file:  # noqa: PTH123 - as users do
        file.write("x")
    assert task.uid != other.uid and task.path("mine") != other.path("mine")


def test_job_data_rebuilds_objects() -> None:
    """M341."""
    assert load_objects(jobdata(1, {"two": lambda: 2}["two"]))[1]() == 2


def test_a_job_function_reaches_the_ddfs_of_its_cluster(make_disco: Callable[..., Any]) -> None:
    """Without a word about where it is."""
    told = {"master": "http://127.0.0.1:1234"}
    disco = make_disco(disco=told, input=["raw://x"], map=jobs.tells_where_ddfs_is, partitions=None)
    said = disco.run_task("map", 0, [["raw://x"]]).messages
    assert said == [f"http://127.0.0.1:1234 {disco.port}"]
