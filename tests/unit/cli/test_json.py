"""`--json` on every command: one JSON document, or one a line where records are printed (M517, M547, B28)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from unit.ddfs_client.fake_master import FakeMaster

from disco.cli.ddfs import main as ddfs_main
from disco.cli.disco import main as disco_main
from jobpack.format import JobPack

JOB = "wc@5f3:2:2"
# What other tests show: the master's process (test_whole_system), what a fake does not know (e2e).
ELSEWHERE = {
    "disco": {
        "start",
        "stop",
        "restart",
        "nodaemon",
        "node",
        "doctor",
        "run",
        "logs",
        "why",
        "replay",
        "debug",
        "test",
        "pstats",
        "help",
    },
    "ddfs": {"cat", "xcat", "help"},
}
DISCO = {
    "status": (["status"], {"master": "Master localhost:8989", "state": "stopped"}),
    "config": (["config"], [["localhost", "2"]]),
    "nodeinfo": (["nodeinfo"], None),
    "client_version": (["client_version"], None),
    "master_version": (["master_version"], "1.0.0"),
    "completion": (["completion", "bash"], None),
    "jobs": (["jobs"], None),
    "jobinfo": (["jobinfo", "@"], None),
    "jobdict": (["jobdict", "@"], {"prefix": "wc", "worker": "w", "input": ["raw://x"]}),
    "kill": (["kill", "@", JOB], [JOB]),
    "purge": (["purge", "@?wc"], [JOB]),
    "events": (["events", "@"], ["2013/12/16 10:00:00", "master", "READY"]),
    "results": (["results", "@"], ["tag://t"]),
    "mapresults": (["mapresults", "@"], ["m"]),
    "wait": (["wait", "@"], ["tag://t"]),
    "deref": (["deref", "raw://x"], [["raw://x"]]),
    "oob": (["oob", "@"], ["key"]),
    "submit": (["submit", "job.pack"], None),
    "job": (["job", "-m", "w.sh", "raw://x"], None),
}
DDFS = {
    "attrs": (["attrs", "t"], {"a": "b"}),
    "getattr": (["getattr", "t", "a"], "b"),
    "setattr": (["setattr", "t", "c", "d"], ["c", "d"]),
    "delattr": (["delattr", "t", "a"], "a"),
    "chtok": (["chtok", "-r", "t", "T"], ["read"]),
    "cp": (["cp", "t", "u"], None),
    "exists": (["exists", "t"], True),
    "get": (["get", "t"], None),
    "rm": (["rm", "t"], ["t"]),
    "stat": (["stat", "t"], None),
    "touch": (["touch", "x", "y"], ["x", "y"]),
    "urls": (["urls", "t"], None),
    "put": (["put", "t", "disco://a/x$1"], None),
    "tag": (["tag", "t", "disco://a/x$1"], None),
    "ls": (["ls"], None),
    "find": (["find", "t"], [["t"]]),
    "blobs": (["blobs", "t"], None),
    "chunk": (["chunk", "new", "w.sh"], None),
    "push": (["push", "new", "w.sh"], None),
    "pull": (["pull", "t"], ["w_sh"]),
    "du": (["du", "t"], [[10, 20, 1, "t"]]),
    "df": (["df"], None),
    "grep": (["grep", "bin", "t"], ["#!/bin/sh"]),
    "completion": (["completion", "zsh"], None),
}


@pytest.fixture
def place(master: FakeMaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ddfs) -> None:
    """A finished job, a tag with a blob, and files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.sh").write_text("#!/bin/sh\n")
    (tmp_path / "w.sh").chmod(0o755)
    pack = JobPack({"prefix": "wc", "worker": "w", "input": ["raw://x"]}, {}, b"", b"").dumps()
    (tmp_path / "job.pack").write_bytes(pack)
    events = [["2013/12/16 10:00:00", "master", "READY"]]
    master.jobs[JOB] = {"status": "ready", "results": ["tag://t"], "pack": pack, "events": events,
                        "mapi": [0, 0, 1, 0], "redi": [0, 0, 0, 0], "mapresults": ["m"]}  # fmt: skip
    assert ddfs("push", "t", "w.sh").exit_code == 0
    assert ddfs("setattr", "t", "a", "b").exit_code == 0
    assert ddfs("tag", f"disco:job:oob:{JOB}", "disco://n/ddfs/vol0/blob/00/key$1").exit_code == 0


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("name", DISCO)
def test_disco(disco, name: str) -> None:
    words, expected = DISCO[name]
    done = disco(*words, "--json")
    assert done.exit_code == (1 if name == "status" else 0), done.output
    value = json.loads(done.stdout)
    assert expected is None or value == expected


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("name", DDFS)
def test_ddfs(ddfs, name: str) -> None:
    words, expected = DDFS[name]
    done = ddfs("--json", *words)
    assert done.exit_code == 0, done.output
    value = json.loads(done.stdout)
    assert expected is None or value == expected


def test_every_command_is_tried() -> None:
    assert set(DISCO) | ELSEWHERE["disco"] == set(disco_main.commands)
    assert set(DDFS) | ELSEWHERE["ddfs"] == set(ddfs_main.commands)


@pytest.mark.usefixtures("place")
def test_records_are_a_value_a_line(ddfs, tmp_path: Path) -> None:
    """M568: bytes are text; what is no text keeps its bytes visible."""
    (tmp_path / "own_json.py").write_text(
        "def pairs(fd, size, url, params):\n"
        "    yield from ((b'k', 1), ('v', [b'\\xff', None]), {'a': (1, 2)}, 'line')\n"
    )
    done = ddfs("xcat", "--json", "-R", "own_json.pairs", "w.sh")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        ["k", 1],
        ["v", ["\\xff", None]],
        {"a": [1, 2]},
        "line",
    ]


@pytest.mark.usefixtures("place")
def test_a_tag_that_is_not_there_is_false(ddfs) -> None:
    """M557."""
    done = ddfs("exists", "nowhere", "--json")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "false\n", "")


@pytest.mark.usefixtures("place")
def test_an_oob_value_is_text_or_base64(disco, master: FakeMaster) -> None:
    """M539."""
    node = master.nodes[0]
    url = f"disco://{node.host}:{node.port}/ddfs/vol0/blob/00/key$1"
    master.tags[f"disco:job:oob:{JOB}"]["urls"] = [[url]]
    for content, expected in ((b"text", {"text": "text"}), (b"\xff", {"base64": "/w=="})):
        node.files["/ddfs/vol0/blob/00/key$1"] = content
        assert json.loads(disco("oob", "get", "key", "@", "--json").stdout) == expected
