"""The Python interface against a real master: what a job can do beyond its records (M20)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from e2e import api_jobs as jobs

from disco.core import Disco, result_iterator
from disco.ddfs import DDFS
from disco.error import CommError, DiscoError, JobError
from disco.job import Job, JobChain
from disco.local import LocalMaster
from disco.task import MAX_OOB_KEY_CHARS
from disco.util import jobname
from disco.worker.classic.func import chain_reader, nop_map, sum_reduce

LINES = ["raw://one%20two%0A", "raw://two%20three%0A"]


@pytest.fixture
def disco(master: LocalMaster) -> Disco:
    return Disco(settings=master.settings)


def run(disco: Disco, **jobargs: Any) -> Job:
    return Job("Api", master=disco).run(**{"input": LINES, **jobargs})


def pairs(results: Any) -> list[Any]:
    return list(result_iterator(results))


def test_out_of_band_results(disco: Disco) -> None:
    """M317, M318, M339, M340, M342, M344, M390, M391, C4: the latest value wins; keys up to the limit; a
    reduce reads what the maps put, another job what an ended one put."""
    longest = "k" * MAX_OOB_KEY_CHARS
    job = run(disco, map=jobs.puts, reduce=jobs.gets, params=longest)
    assert pairs(job.wait(timeout=60)) == [("own", [b"from 0", b"from 1", None, job.name])]
    assert sorted(job.oob_list()) == [longest, "short-0", "short-1"]
    assert job.oob_get("short-1") == b"from 1"
    assert job.oob_get(longest) in (b"from 0", b"from 1")
    assert job.oob_get("none") is None
    other = run(disco, map=jobs.gets_from, params=job.name, partitions=None)
    assert pairs(other.wait(timeout=60))[0] == ("theirs", b"from 0")
    with pytest.raises(DiscoError, match="Unknown key or jobname"):
        other.oob_list()


def test_out_of_band_results_go_with_their_job(disco: Disco) -> None:
    """M345, M320: and so does everything else of it."""
    job = run(disco, map=jobs.puts, params="long", partitions=None)
    job.wait(timeout=60)
    assert job.oob_get("long")
    job.purge()
    with pytest.raises(DiscoError, match="Unknown key or jobname"):
        while job.oob_get("long"):  # it is deleted as soon as the nodes have deleted theirs
            pass
    with pytest.raises(CommError):
        job.jobpack()


def test_results_of_many_jobs_at_once(disco: Disco, tmp_path: Path) -> None:
    """M321: until all have ended, as the documents print it; what is active is given back."""
    active: Any = [run(disco, map=jobs.words, reduce=sum_reduce) for _ in range(3)]
    names = {job.name for job in active}
    found = []
    while active:
        inactive, active = disco.results(active)
        for name, (status, results) in inactive:
            assert status == "ready" and jobname(results[0]) == name
            assert sorted(pairs(results)) == [("one", 1), ("three", 1), ("two", 2)]
            found.append(name)
            disco.purge(name)
    assert set(found) == names and len(found) == 3
    assert disco.results("nobody@1:2:3")[0] == "unknown job"


def test_results_of_a_map_feed_other_jobs(disco: Disco) -> None:
    """M179, B7, M325, M371: `mapresults`, read by a reduce alone and by a map with `chain_reader`."""
    job = run(disco, map=jobs.words, reduce=sum_reduce, partitions=2)
    wanted = sorted(pairs(job.wait(timeout=60)))
    middle = job.mapresults()
    assert middle and all(url.startswith("dir://") for url in middle)
    reduced = run(disco, input=middle, reduce=sum_reduce)
    assert sorted(pairs(reduced.wait(timeout=60))) == wanted
    merged = run(disco, input=middle, reduce=jobs.counts, merge_partitions=True)
    assert pairs(merged.wait(timeout=60)) == wanted  # M379: in one output, so in order
    chained = run(disco, input=middle, map=nop_map, map_reader=chain_reader, reduce=sum_reduce)
    assert sorted(pairs(chained.wait(timeout=60))) == wanted


def test_a_chain_of_jobs(disco: Disco) -> None:
    """B33, M335: each runs when its inputs are ready."""

    class Count(Job):
        map = staticmethod(jobs.words)
        reduce = staticmethod(sum_reduce)

    class Again(Job):
        map = staticmethod(nop_map)
        map_reader = staticmethod(chain_reader)
        reduce = staticmethod(jobs.counts)

    first, second = Count(master=disco), Again(master=disco)
    chain = JobChain({second: [first], first: LINES})
    chain.wait(poll_interval=0.05)
    assert pairs(second.results()[1]) == [("one", 1), ("three", 1), ("two", 2)]
    chain.purge()
    assert first.results()[0] == "unknown job"


def test_saved_results_are_a_tag_that_outlives_the_job(disco: Disco, master: LocalMaster) -> None:
    """M174, M388, M701."""
    job = run(disco, map=jobs.words, reduce=sum_reduce, save=True)
    [tag] = job.wait(timeout=60)
    assert tag == f"tag://disco:job:results:{job.name}"
    job.purge()
    found = result_iterator([tag], ddfs=DDFS(settings=master.settings))
    assert sorted(found) == [("one", 1), ("three", 1), ("two", 2)]


def test_partial_functions_and_params(disco: Disco) -> None:
    """M366, M384: a job function may be a `functools.partial` of one."""
    job = run(disco, map=partial(jobs.times, factor=7), partitions=None)
    assert sorted(pairs(job.wait(timeout=60))) == [("one two", 7), ("two three", 7)]


def test_profiles(disco: Disco, capsys: pytest.CaptureFixture[str]) -> None:
    """M319, M578: merged over the tasks, of one mode or both."""
    job = run(disco, map=jobs.words, reduce=jobs.counts, profile=True)
    job.wait(timeout=60)
    names = {function[2] for function in job.profile_stats().stats}
    assert {"words", "counts"} <= names
    of_map = {function[2] for function in job.profile_stats(mode="map").stats}
    assert "words" in of_map and "counts" not in of_map
    job.profile_stats().print_stats(3)
    assert "function calls" in capsys.readouterr().out
    with pytest.raises(JobError, match="profile=True"):
        run(disco, map=jobs.words, partitions=None).profile_stats()


def test_events_while_the_job_runs(disco: Disco, capsys: pytest.CaptureFixture[str]) -> None:
    """M310, M570, M573, M575, M576: by offset; text on standard error, JSON on standard output."""
    job = run(disco, map=jobs.prints, partitions=None)
    job.wait(timeout=60, show="nocolor")
    shown = capsys.readouterr()
    assert shown.out == "" and "MSG: [map:" in shown.err and "seen one two" in shown.err
    assert "Status: [map] 0 waiting, 0 running, 2 done, 0 failed" in shown.err
    found = list(job.events())
    messages = [message for _, (_, _, message) in found]
    assert messages[0] == "New job initialized!" and messages[-1].startswith("READY: Job finished in")
    middle = found[len(found) // 2][0]
    assert list(job.events(offset=middle)) == found[len(found) // 2 + 1 :]
    job.wait(show="json")
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [tuple(event) for event in printed] == [event for _, event in found]


def test_a_wait_that_is_over_leaves_the_job_running(disco: Disco, tmp_path: Path) -> None:
    """M322: JobError, with the reason; the job goes on."""
    job = run(disco, input=[["http://127.0.0.1:1/nothing"]], map=jobs.words)
    with pytest.raises(JobError, match=r"Timeout: it has not finished in 0.1 seconds, and goes on"):
        job.wait(timeout=0.1)
    assert job.results(timeout=0)[0] in ("active", "dead")
    job.kill()
    with pytest.raises(JobError, match="failed"):
        job.wait(timeout=60)


@pytest.fixture
def small_master(tmp_path: Path) -> Iterator[LocalMaster]:
    with LocalMaster(tmp_path / "root", DISCO_WORKER_MAX_MEM="400M") as running:
        yield running


@pytest.mark.slow
def test_a_job_that_takes_too_much_memory_is_told_so(small_master: LocalMaster) -> None:
    """W6, M669: which limit, what was used, and what to change; a smaller one is unharmed."""
    disco = Disco(settings=small_master.settings)
    job = run(disco, input=LINES[:1], map=jobs.hoards, params=1000, partitions=None)
    with pytest.raises(JobError) as caught:
        job.wait(timeout=100)
    text = str(caught.value)
    told = re.search(
        r"MemoryError.*peak memory (\d+) MiB, memory limit 400 MiB: the limit was hit", text, re.S
    )
    assert told and int(told[1]) > 100, text
    assert "raise DISCO_WORKER_MAX_MEM where the node runs" in text
    fine = run(disco, input=LINES[:1], map=jobs.hoards, params=1, partitions=None)
    assert pairs(fine.wait(timeout=60)) == [("size", 1)]
