"""Jobs on the client: parameters, packs, proxies, chains."""

from __future__ import annotations

import functools
import io
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from unit.client.http_master import HttpMaster
from unit.worker import sample_jobs as jobs

from disco.client.core import Disco
from disco.core import Job, JobChain
from disco.error import DiscoError, JobError
from disco.job import JobPack
from disco.util import jobname
from disco.worker.base import Worker as BaseWorker
from disco.worker.classic.func import nop_map, sum_reduce


def pack(job: Job | None = None, **jobargs: Any) -> JobPack:
    return (job or Job("Test")).pack(**{"input": ["raw://x"], "map": jobs.words, **jobargs})


def test_a_pack_says_what_the_master_needs() -> None:
    """M351, M168."""
    found = pack(
        reduce=sum_reduce, partitions=7, owner="me", scheduler={"max_cores": 2}, name="other"
    ).jobdict
    assert found == {
        "prefix": "other", "input": ["raw://x"], "worker": "disco-worker", "owner": "me", "map?": True,
        "reduce?": True, "nr_reduces": 7, "scheduler": {"max_cores": 2},
    }  # fmt: skip


def test_the_name_of_a_job_is_its_class_by_default() -> None:
    """M326, M330."""
    assert jobs.Methods().name == "Methods"
    assert pack(jobs.Grep()).jobdict["prefix"] == "Grep"
    assert pack(jobs.Methods()).jobdict["nr_reduces"] == 2


def test_parameters_come_from_arguments_then_job_then_worker() -> None:
    """M350."""
    worker = BaseWorker(color="worker", size="worker", kind="worker")

    class Mine(Job):
        color = "job"
        size = "job"

    assert [worker.getitem(key, Mine(), {"color": "args"}) for key in ("color", "size", "kind")] == [
        "args", "job", "worker"
    ]  # fmt: skip
    assert worker.getitem("none", Mine(), {}, "default") == "default"


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"nr_reduces": 2}, "nr_reduces is no more: use partitions"),
        ({"fun_map": print}, "fun_map is no more: use map"),
        ({"input_files": []}, "input_files is no more: use input"),
        ({"map_writer": print}, "use map_output_stream"),
        ({"partitons": 2}, "partitons is unknown: did you mean partitions?"),
        ({"zzz": 2}, "zzz is unknown"),
        ({"map": {"op": b""}}, "map is a dictionary without a program"),
        ({"map": None}, "neither a map nor a reduce"),
        ({"input": None}, "the job has no input"),
        ({"input": "raw://x"}, r"input must be a list of URLs"),
        ({"name": "bad name"}, "prefix"),
        ({"required_files": ["/no/such/file"]}, "/no/such/file can't be read"),
    ],
)
def test_wrong_parameters_are_refused_with_a_way_out(wrong: dict[str, Any], hint: str) -> None:
    """M702, M703, C19."""
    with pytest.raises(JobError, match=hint):
        pack(**wrong)


def test_old_names_as_attributes_are_refused_too() -> None:
    """M702."""

    class Old(Job):
        nr_reduces = 3

    with pytest.raises(JobError, match="nr_reduces is no more"):
        pack(Old())


def test_a_worker_of_the_users_may_take_any_parameter() -> None:
    class Mine(BaseWorker):
        pass

    found = pack(Job("x", worker=Mine(map=jobs.words)), anything=1)
    assert found.jobdict["map?"]
    with pytest.raises(JobError, match="fun_map is no more"):
        pack(Job("x", worker=Mine(map=jobs.words)), fun_map=1)


def test_a_map_only_job_is_saved_without_partitions_only() -> None:
    """M175."""
    assert pack(partitions=None, save=True)
    with pytest.raises(NotImplementedError, match="partitions=None"):
        pack(partitions=2, save=True)


def test_relative_paths_mean_paths_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M467: tasks run elsewhere."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    assert pack(input=["./a.txt", "/b", ["file:///c", "raw://d"]]).jobdict["input"] == [
        f"{tmp_path}/a.txt", "/b", ["file:///c", "raw://d"]
    ]  # fmt: skip


def test_tags_and_indexes_are_expanded_here(disco: Disco, master: HttpMaster) -> None:
    """M173, M351, M471: and labels say how many reduces a job without map has (M168)."""
    master.answers["/ddfs/tag/data"] = {"urls": [["http://a/1", "http://b/1"], ["tag://more"]]}
    master.answers["/ddfs/tag/more"] = {"urls": [["http://a/2"]]}
    job = Job("x", master=disco)
    assert pack(job, input=["tag://data"]).jobdict["input"] == [["http://a/1", "http://b/1"], ["http://a/2"]]


def test_the_job_home_carries_everything_but_python() -> None:
    """M5, M353, M354: SDK, worker file, cloudpickle, the job's own modules; no command line."""
    with zipfile.ZipFile(io.BytesIO(pack().jobhome)) as archive:
        names = set(archive.namelist())
        assert archive.read("disco-worker").startswith(b"#!/usr/bin/env python3\n")
        assert archive.getinfo("disco-worker").external_attr >> 16 & 0o111
    assert {
        "disco/worker/boot.py",
        "disco/core.py",
        "jobpack/format.py",
        "unit/worker/sample_jobs.py",
    } <= names
    assert any(name.startswith("cloudpickle/") for name in names)
    assert not [name for name in names if name.startswith(("disco/cli/", "jobpack/cli", "disco_master"))]


def test_what_cannot_be_sent_is_named() -> None:
    """W17."""
    lock = threading.Lock()
    with pytest.raises(JobError, match=r"params\['lock'\] \(a lock\) can't be sent"):
        pack(params={"fine": 1, "lock": lock})
    with pytest.raises(JobError, match=r"^Job Test failed: lock, used by map, \(a lock\) can't be sent"):
        pack(map=lambda line, params: [(lock, line)])
    with pytest.raises(JobError, match=r"argument 0 of map \(a lock\) can't be sent"):
        pack(map=functools.partial(lambda held, line, params: [], lock))
    handles = {"open": [lock]}
    with pytest.raises(JobError, match=r"handles, used by map,\['open'\]\[0\] \(a lock\)"):
        pack(map=lambda line, params: [(word, handles) for word in line])
    with pytest.raises(JobError, match="make it in the task itself"):
        pack(partition=Holder(lock).choose)


class Holder:
    def __init__(self, lock: Any) -> None:
        self.lock = lock

    def choose(self, key: Any, nr_partitions: int, params: Any) -> int:
        return 0


def test_what_a_method_takes_along_is_named() -> None:
    """W17: its object, down to the attribute."""
    with pytest.raises(JobError, match=r"the object of partition\.lock \(a lock\) can't be sent"):
        pack(partition=Holder(threading.Lock()).choose)


def test_run_takes_the_masters_name_for_it(disco: Disco, master: HttpMaster) -> None:
    """M315, M329."""
    master.answers["/disco/job/new"] = ["ok", "Test@1:2:3"]
    assert Job("Test", master=disco).run(input=["raw://x"], map=nop_map).name == "Test@1:2:3"
    assert disco.new_job("Test", input=["raw://x"], map=nop_map).name == "Test@1:2:3"
    master.answers["/disco/job/new"] = ["error", "not today"]
    with pytest.raises(JobError, match="not today"):
        Job("Test", master=disco).run(input=["raw://x"], map=nop_map)


def test_methods_of_the_master_are_there(disco: Disco, master: HttpMaster) -> None:
    """M328."""
    master.answers["/disco/ctrl/get_results"] = [["a@1:2:3", ["ready", ["x"]]]]
    job = Job("a@1:2:3", master=disco)
    assert job.wait() == ["x"]
    assert job.results() == ("ready", ["x"])
    assert set(Job.proxy_functions) >= {"clean", "events", "kill", "jobinfo", "jobpack", "oob_get", "purge"}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        job.nothing  # noqa: B018 - asking is the test


def test_a_chain_runs_jobs_when_their_inputs_are_ready(disco: Disco, master: HttpMaster) -> None:
    """M335."""
    submitted: list[Any] = []

    def new(request: Any, body: bytes) -> Any:
        submitted.append(JobPack.loads(body).jobdict)
        return ["ok", f"{submitted[-1]['prefix']}@1:2:{len(submitted)}"]

    def results(request: Any, body: bytes) -> Any:
        import json

        _, [name] = json.loads(body)
        return [[name, ["ready", [f"raw://{name[:1]}"]]]]

    master.answers = {"/disco/job/new": new, "/disco/ctrl/get_results": results, "/disco/ctrl/purge_job": ""}

    class Nop(Job):
        map = staticmethod(nop_map)

    first, second = Nop("a", master=disco), Nop("b", master=disco)
    chain = JobChain({second: first, first: ["raw://x"]})
    chain.wait(poll_interval=0)
    assert [(one["prefix"], one["input"]) for one in submitted] == [("a", ["raw://x"]), ("b", ["raw://a"])]
    chain.purge()
    assert master.posted("/disco/ctrl/purge_job") == ["b@1:2:2", "a@1:2:1"]
    with pytest.raises(JobError, match="wait for each other"):
        JobChain({first: second, second: first}).wait()


@pytest.mark.parametrize(
    "url",
    [
        "dir://h/disco/h/ab/Job@5f2:aa:1/.disco/reduce-index.txt.gz",
        "disco://h/disco/h/ab/Job@5f2:aa:1/.disco/out/x/part-0",
        "tag://disco:job:results:Job@5f2:aa:1",
    ],
)
def test_the_job_name_of_a_result(url: str) -> None:
    """C26, M460."""
    assert jobname(url) == "Job@5f2:aa:1"
    with pytest.raises(ValueError, match="does not hold the name of a job"):
        jobname("http://x/y")


def test_deprecated_functions_do_what_they_say(capsys: Any) -> None:
    """M457-M459, M453, M456: and warn, at the line that calls them, with what to use."""
    from disco import util
    from disco.error import CommError, DataError

    with pytest.warns(DeprecationWarning, match="use print") as told:
        util.msg("hello")
    assert capsys.readouterr().out == "hello\n" and told[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="DiscoError"), pytest.raises(DiscoError, match="stop"):
        util.err("stop")
    unavailable = pytest.raises(DataError, match=r"Unable to access resource \(http://x\): gone")
    with pytest.warns(DeprecationWarning, match="DataError"), unavailable:
        util.data_err("gone", "http://x")
    assert issubclass(CommError, DataError) and issubclass(DataError, DiscoError)
