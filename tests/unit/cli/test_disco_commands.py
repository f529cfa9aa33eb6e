"""The program `disco`, as far as it asks a master (M517-M546, M577)."""

from __future__ import annotations

import json
import os
import sys

import pytest
from unit.ddfs_client.fake_master import FakeMaster

from jobpack.format import JobPack

NEW, OLD = "wc@5f3:2:2", "grep@5f3:1:1"
EVENTS = [
    ["2013/12/16 10:00:00", "master", "New job initialized!"],
    ["2013/12/16 10:00:01", "localhost", "MSG: [map:0] grün"],
]


@pytest.fixture
def jobs(master: FakeMaster) -> FakeMaster:
    """A master that knows a finished job and, newer, a running one."""
    pack = JobPack({"prefix": "grep", "worker": "w", "input": ["raw://x"]}, {}, b"", b"").dumps()
    common = {"owner": "me", "redi": [0, 0, 0, 0], "pack": pack, "events": EVENTS}
    master.jobs[OLD] = {
        **common,
        "status": "ready",
        "results": ["tag://x"],
        "mapi": [0, 0, 2, 1],
        "mapresults": ["m"],
    }
    master.jobs[NEW] = {**common, "status": "active", "results": [], "mapi": [1, 2, 3, 0]}
    return master


def lines(result):
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_no_command_tells_the_master_m517(disco, master):
    assert lines(disco()) == [f"Disco master at {master.url}"]


def test_verbose_lists_all_settings_with_their_sources_m517(disco, tmp_path):
    """M45."""
    (tmp_path / ".disco").write_text("DDFS_PUT_PORT = 7001\nDDFS_READ_TOKEN = 'secret'\n")
    listed = lines(disco("-v", DISCO_ERLANG="erl"))
    assert f"DDFS_PUT_PORT = 7001  # {tmp_path / '.disco'}" in listed
    assert "DISCO_PORT = 8989  # the default" in listed
    assert "DDFS_READ_TOKEN = '(set)'" in "\n".join(listed)
    assert any(
        line.startswith("DISCO_ERLANG = 'erl'  # ignored: master and nodes are Python") for line in listed
    )
    with_command = disco("jobs", "-v")
    assert "DDFS_PUT_PORT = 7001" in with_command.stderr
    assert with_command.stdout == ""


def test_the_settings_file_is_an_option_before_or_after_the_command_m48(disco, tmp_path):
    (tmp_path / "own.py").write_text("DISCO_PROT = 1\n")
    for words in (("-s", str(tmp_path / "own.py"), "jobs"), ("jobs", "--settings", str(tmp_path / "own.py"))):
        failed = disco(*words)
        assert failed.exit_code == 1
        assert "no setting DISCO_PROT" in failed.stderr
        assert "own.py" in failed.stderr


def test_jobs_m533(disco, jobs):
    assert lines(disco("jobs")) == [NEW, OLD]
    assert lines(disco("jobs", "-S")) == [f"active\t{NEW}", f"ready\t{OLD}"]
    assert json.loads(disco("jobs", "--json").stdout)[0][2] == NEW


def test_the_newest_job_by_name_m518_m577(disco, jobs):
    assert lines(disco("results", "@?gre")) == ["tag://x"]
    disco("kill", "@", "@?grep")
    assert jobs.orders == [("kill_job", NEW), ("kill_job", OLD)]
    failed = disco("kill", "@?absent")
    assert failed.stderr == "error: No job's name contains 'absent'. `disco jobs` lists all.\n"


def test_at_without_jobs_m518(disco, master):
    assert disco("results", "@").stderr == "error: The master knows no jobs. `disco jobs` lists all.\n"


def test_kill_and_purge_are_silent_m534_m535(disco, jobs):
    assert lines(disco("kill", OLD)) == []
    assert lines(disco("purge", OLD, NEW)) == []
    assert jobs.orders == [("kill_job", OLD), ("purge_job", OLD), ("purge_job", NEW)]


def test_results_and_mapresults_are_plain_urls_m536_m541(disco, jobs):
    assert lines(disco("results", OLD)) == ["tag://x"]
    assert lines(disco("mapresults", OLD)) == ["m"]
    failed = disco("results", NEW)
    assert (failed.exit_code, failed.stderr) == (
        1,
        f"error: Job {NEW} has no results: its status is active\n",
    )


def test_events_are_lines_of_json_m530_m570(disco, jobs):
    """B15."""
    assert [json.loads(line) for line in lines(disco("events", OLD))] == EVENTS
    offset = len(json.dumps(EVENTS[0])) + 1
    assert [json.loads(line) for line in lines(disco("events", "-o", str(offset), OLD))] == EVENTS[1:]


def test_jobinfo_and_jobdict_m532(disco, jobs):
    assert "mapi\t[0, 0, 2, 1]" in lines(disco("jobinfo", OLD))
    listed = lines(disco("jobdict", OLD))
    assert listed[0] == OLD
    assert '\tprefix\t"grep"' in listed
    assert json.loads(disco("jobdict", OLD, "--json").stdout)["worker"] == "w"


def test_an_unknown_job_is_one_sentence(disco, jobs):
    failed = disco("jobinfo", "nobody@1:1:1")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr == "error: There is no job nobody@1:1:1. `disco jobs` lists all.\n"
    assert "Traceback" in disco("jobinfo", "nobody@1:1:1", "--debug").stderr


def test_nodes_and_versions_m528_m537_m545_m546(disco, master):
    assert lines(disco("config")) == ["localhost\t2"]
    name, about = lines(disco("nodeinfo"))[0].split("\t")
    assert (name, json.loads(about)["job_ok"]) == ("localhost", 3)
    assert lines(disco("master_version")) == ["1.0.0"]
    assert lines(disco("client_version"))[0]


def test_oob_m538_m539(disco, jobs):
    node = jobs.nodes[0]
    base = f"disco://{node.host}:{node.port}"
    node.files["/ddfs/vol0/blob/00/counts$1-2-3"] = b"\x00raw"
    jobs.tags[f"disco:job:oob:{OLD}"] = {
        "urls": [[f"{base}/ddfs/vol0/blob/00/counts$1-2-3"]],
        "user-data": {},
        "read": None,
        "write": None,
        "modified": "",
    }
    assert lines(disco("oob", OLD)) == ["counts"]
    assert lines(disco("oob", "list", "@?grep")) == ["counts"]
    assert disco("oob", "get", "counts", OLD).stdout_bytes == b"\x00raw"
    failed = disco("oob", "get", "absent", OLD)
    assert (failed.exit_code, f"`disco oob {OLD}` lists the keys" in failed.stderr) == (1, True)
    assert disco("oob", "get", OLD).exit_code == 2


def test_deref_m529(disco, jobs):
    jobs.tags["t"] = {
        "urls": [["disco://a/x", "disco://b/x"]],
        "user-data": {},
        "read": None,
        "write": None,
        "modified": "",
    }
    assert lines(disco("deref", "tag://t", "http://h/y")) == ["disco://a/x\tdisco://b/x", "http://h/y"]
    assert lines(disco("deref", "-r", "tag://t", DISCO_PORT="7000")) == ["http://a:7000/x\thttp://b:7000/x"]
    jobs.jobs[OLD]["results"] = ["tag://t"]
    assert lines(disco("deref", "-j", "@?grep")) == ["disco://a/x\tdisco://b/x"]
    assert lines(disco("deref", stdin="tag://t\nraw://z\n"))[1] == "raw://z"


def worker(tmp_path):
    path = tmp_path / "count.words.sh"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_job_packs_an_executable_m531(disco, master, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.txt").write_text("a")
    (tmp_path / "data.bin").write_bytes(b"\x00\xff")
    options = ["-m", "-r", "-n", "3", "-o", "me", "-S", "max_cores", "2", "-e", "LANG", "C"]
    options += ["-f", str(tmp_path / "lib"), "-d", f"@{tmp_path / 'data.bin'}"]
    name = lines(disco("job", *options, worker(tmp_path), "raw://a raw://b", "raw://c"))[0]
    pack = JobPack.loads(master.jobs[name]["pack"])
    assert pack.jobdict["prefix"] == "count"
    assert pack.jobdict["input"] == [["raw://a", "raw://b"], "raw://c"]
    assert (pack.jobdict["nr_reduces"], pack.jobdict["map?"], pack.jobdict["reduce?"]) == (3, True, True)
    assert (pack.jobdict["owner"], pack.jobdict["scheduler"]) == ("me", {"max_cores": 2})
    assert (pack.jobenvs, pack.jobdata) == ({"LANG": "C"}, b"\x00\xff")


def test_job_dumps_its_pack_and_submit_sends_one_m531_m543(disco, master, tmp_path):
    packed = disco(
        "job", "-m", "-p", "mine", "-d", "text", "-D", worker(tmp_path), stdin="raw://x\n"
    ).stdout_bytes
    assert JobPack.loads(packed).jobdict["input"] == ["raw://x"]
    assert master.jobs == {}
    (tmp_path / "job.pack").write_bytes(packed)
    first = lines(disco("submit", str(tmp_path / "job.pack")))[0]
    second = lines(disco("submit", stdin=packed))[0]
    assert master.jobs[first]["pack"] == master.jobs[second]["pack"] == packed


def test_inputs_of_a_worker_in_any_language_are_urls_m531(disco, ddfs, master, tmp_path, monkeypatch):
    """Files, and what tags hold: the worker itself could not ask for it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("x")
    ddfs("tag", "t", "disco://a/x$1 disco://b/x$1", "disco://a/y$1")
    name = lines(disco("job", "-m", worker(tmp_path), "text", "t", "raw://z"))[0]
    listed = JobPack.loads(master.jobs[name]["pack"]).jobdict["input"]
    assert listed == [
        f"file://{tmp_path}/text",
        ["disco://a/x$1", "disco://b/x$1"],
        "disco://a/y$1",
        "raw://z",
    ]
    failed = disco("job", "-m", worker(tmp_path), "no.txt")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr == "error: no.txt: no such file; a tag is written tag://no.txt\n"


def test_what_is_packed_is_listed_m531(disco, master, tmp_path):
    shown = disco("job", "-v", "-m", "-d", "12345", worker(tmp_path), "raw://z").stderr
    assert "jobhome\tcount.words.sh\t10\n" in shown
    assert "input\t['raw://z']\n" in shown
    assert "jobdata\t5 bytes\n" in shown


def test_what_is_no_worker_or_pack_is_refused_m531_m543(disco, master, tmp_path):
    (tmp_path / "w").write_text("#!/bin/sh\n")
    failed = disco("job", "-m", str(tmp_path / "w"), "raw://x")
    assert failed.stderr == f"error: {tmp_path}/w is not executable; make it so: chmod +x {tmp_path}/w\n"
    assert master.jobs == {}


def test_job_needs_a_phase_m531(disco, tmp_path):
    failed = disco("job", worker(tmp_path), "raw://x")
    assert failed.exit_code == 2
    assert "give -m, -r or both" in failed.stderr


JOB = """
from disco.job import Job

def other(entry, params):
    yield entry, 1

class Count(Job):
    @staticmethod
    def map(entry, params):
        yield entry, params
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module with a job class in the current folder; its name."""
    name = f"jobs_of_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(JOB)
    monkeypatch.chdir(tmp_path)
    yield name
    sys.modules.pop(name, None)
    sys.path[:] = [path for path in sys.path if path != os.fspath(tmp_path)]


def test_run_submits_a_job_class_m542(disco, master, module):
    name = lines(
        disco("run", "-n", "mine", "-P", "params", "v", "-S", "max_cores", "1", f"{module}.Count", "raw://x")
    )[0]
    jobdict = JobPack.loads(master.jobs[name]["pack"]).jobdict
    assert (jobdict["prefix"], jobdict["map?"], jobdict["scheduler"]) == ("mine", True, {"max_cores": 1})
    assert jobdict["input"] in (["raw://x"], [["raw://x"]])
    failed = disco("run", "-P", "parms", "v", f"{module}.Count", "raw://x")
    assert (failed.exit_code, "parms is unknown" in failed.stderr) == (1, True)
    failed = disco("run", f"{module}.Count", "no.txt")
    assert failed.stderr == "error: no.txt: no such file; a tag is written tag://no.txt\n"
    lines(disco("run", "-m", f"{module}.other", "--partitions", "4", f"{module}.Count", stdin="raw://y\n"))


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        (
            "absent_module.Count",
            "There is no module absent_module; run this in the folder of absent_module.py",
        ),
        ("Count", "Count names no module: write MODULE.NAME"),
        ("json.Count", "Module json has no Count"),
    ],
)
def test_run_names_what_it_does_not_find_m542(disco, word, sentence):
    failed = disco("run", word, "raw://x")
    assert failed.exit_code == 1
    assert sentence in failed.stderr


def test_a_master_that_is_not_there(disco):
    failed = disco("jobs", DISCO_MASTER="http://127.0.0.1:1")
    assert failed.exit_code == 1
    assert "Connection refused" in failed.stderr
    assert "http://127.0.0.1:1" in failed.stderr
