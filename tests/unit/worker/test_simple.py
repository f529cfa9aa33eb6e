"""M336: SimpleJob, whose methods are its tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unit.worker import sample_jobs as jobs


def test_its_methods_are_called_with_worker_and_task(make_disco: Callable[..., Any]) -> None:
    disco = make_disco(jobs.Upper(), input=["raw://one", "raw://two"], ending=b"!\n")
    assert disco.pack.jobdict["map?"] and disco.pack.jobdict["reduce?"]
    with disco.start() as process:
        maps = [process.run_task("map", n, [[url]]) for n, url in enumerate(["raw://one", "raw://two"])]
        index = disco.index("map", [end.outputs for end in maps])
        end = process.run_task("reduce", 0, [[index]])
    assert end.outcome == "done", end.text
    [output] = end.outputs
    assert (disco.home / output.location).read_bytes() == b"ONE!\nTWO!\n"
    assert [m.messages for m in maps] == [["map:0"], ["map:1"]]


def test_its_failures_are_those_of_a_job_function(make_disco: Callable[..., Any]) -> None:
    disco = make_disco(jobs.Upper(), input=["raw://one"], ending=3)
    end = disco.run_task("map", 0, [["raw://one"]])
    assert end.outcome == "fatal" and "TypeError" in end.text and "sample_jobs.py" in end.text
