"""The base Worker: its parameters, what it packs, and the steps of a task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.worker import sample_jobs as jobs

from disco.job import Job
from disco.worker import Output, Worker
from disco.worker.classic import func
from disco.worker.classic import worker as classic
from disco.worker.classic.external import package

RunJob = Callable[..., list[Any]]

# the documents, 4.1.9 and 4.1.10
BASE_DEFAULTS = {"map": None, "reduce": None, "save": False, "profile": False}
CLASSIC_DEFAULTS = {
    "map_init": None,
    "map_input_stream": (func.map_input_stream,),
    "map_reader": None,
    "combiner": None,
    "reduce_init": None,
    "reduce_input_stream": (func.reduce_input_stream,),
    "reduce_reader": func.chain_reader,
    "required_modules": None,
    "merge_partitions": False,
    "partition": func.default_partition,
    "partitions": 1,
    "sort": False,
    "sort_buffer_size": "10%",
    "status_interval": 100_000,
}


def test_defaults_are_those_of_the_documents() -> None:
    """M346, M349, M366-M388, M667, M670, M671: each classic worker has the base's too."""
    assert BASE_DEFAULTS.items() <= Worker().defaults().items()
    assert {**BASE_DEFAULTS, **CLASSIC_DEFAULTS}.items() <= classic.Worker().items()
    opened_and_written = (func.task_output_stream, func.disco_output_stream)
    for mode in ("map", "reduce"):
        assert tuple(classic.Worker()[f"{mode}_output_stream"]) == opened_and_written


def test_a_job_has_a_classic_worker_unless_it_says_otherwise() -> None:
    """M327, M326: the class attribute, called without arguments."""

    class Mine(classic.Worker):
        pass

    class WithMine(Job):
        Worker = Mine

    assert type(Job("x").worker) is classic.Worker and type(WithMine("x").worker) is Mine
    given = Worker()
    assert WithMine("x", worker=given).worker is given
    assert Job().name == "Job" and WithMine().name == "WithMine"


def test_parameters_are_looked_up_in_four_places() -> None:
    """M350, M330: arguments, attributes of the job, items of the worker, the default."""

    class Mine(Job):
        sort = True

    worker = Worker(sort="of the worker", color="red")
    job = Mine("x", worker=worker)
    assert worker.getitem("sort", job, {"sort": None}) is None
    assert worker.getitem("sort", job, {}) is True
    assert worker.getitem("color", job, {}) == "red"
    assert worker.getitem("none", job, {}, "default") == "default"
    assert worker.getitem("none", job, {}) is None


def test_the_worker_file_is_in_the_job_home() -> None:
    """M348, M347, M353: where the job dict says."""
    job = Job("Test")
    pack = job.pack(input=["raw://x"], map=jobs.entry_itself)
    assert pack.jobdict["worker"] == job.worker.bin
    archive = job.worker.jobzip(job, map=jobs.entry_itself)
    assert job.worker.bin in archive.namelist()
    archive.close()


def test_an_output_has_a_path_a_type_a_label_and_a_file(tmp_path: Path) -> None:
    """M364, M356: it appears under its path when it is closed; `open` may make another file of it."""
    path = str(tmp_path / "out")
    output = Output((path, "part", "3"))
    assert (output.path, output.type, output.partition) == (path, "part", "3")
    output.file.write(b"data")
    assert not Path(path).exists()
    output.close()
    assert Path(path).read_bytes() == b"data"
    opened: list[str] = []
    assert Output((path, "disco", None), open=lambda where: opened.append(where)).file is None
    assert opened == [path]


def test_a_task_is_started_run_and_ended(run_job: RunJob) -> None:
    """M347, M358, M359: in this order, around the user's code, in the task's own process."""
    found = run_job(
        Job("Test", worker=jobs.NotingWorker()), input=["raw://x"], map=jobs.what_was_noted, partitions=None
    )
    assert found == [("noted", ["start map:0", "run map:0"])]


@pytest.mark.parametrize(("partitions", "labels"), [(1, {0}), (4, {0, 2, 3}), (None, {0})])
def test_the_number_of_partitions(make_disco: Callable[..., Any], partitions: Any, labels: set[int]) -> None:
    """M381, M402, C29: at most so many labels; None is none at all, so the output has no label of its own."""
    disco = make_disco(
        input=["raw://a%0Abb%0Accc%0Adddd"],
        map=jobs.entry_itself,
        partition=jobs.by_length,
        partitions=partitions,
    )
    end = disco.run_task("map", 0, [["raw://a%0Abb%0Accc%0Adddd"]])
    assert {output.label or 0 for output in end.outputs} == labels
    assert {output.type for output in end.outputs} == {"disco" if partitions is None else "part"}


def test_chains_of_streams_may_be_longer(run_job: RunJob) -> None:
    """M369, M374, M407, M412: opened by the first, wrapped by the others, read or iterated at the end."""
    assert func.map_input_stream is func.reduce_input_stream is func.task_input_stream
    found = run_job(
        input=["raw://a%0Ab%0A"],
        map=jobs.entry_itself,
        map_input_stream=(func.map_input_stream, jobs.upper_stream),
        reduce=jobs.all_pairs,
        reduce_input_stream=(func.reduce_input_stream, func.chain_reader, jobs.doubled_stream),
        sort=False,
    )
    assert sorted(found) == [(b"A\n", "bytes"), (b"A\n", "bytes"), (b"B\n", "bytes"), (b"B\n", "bytes")]


def test_a_program_gets_its_parameters(run_job: RunJob, tmp_path: Path) -> None:
    """M386, M439: what a task of Python passes on to a program, from the job's `ext_params`."""
    program = tmp_path / "op.sh"
    program.write_text("#!/bin/sh\nhead -c 5 >&2\necho >&2\ncat > /dev/null\n")
    end_of_job = run_job(
        input=["raw://x"],
        reduce=package([str(program)]),
        ext_params="hello",
        reduce_reader=jobs.read_two_pairs,
    )
    assert end_of_job == []
