"""What words on the command line may be: patterns, `-`, files, tags, jobs; and hints for wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from unit.ddfs_client.fake_master import FakeMaster

NEW, OLD, OTHER = "wc@5f3:3:3", "wc@5f3:2:2", "grep@5f3:1:1"


@pytest.fixture
def jobs(master: FakeMaster) -> FakeMaster:
    for name in (OTHER, OLD, NEW):
        master.jobs[name] = {"status": "ready", "results": [f"raw://{name.partition('@')[0]}"]}
    return master


def lines(result) -> list[str]:
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_a_pattern_of_jobs_names_all_that_match(disco, jobs: FakeMaster) -> None:
    """M518, M534, M535."""
    lines(disco("purge", "wc@*", "@"))
    assert jobs.orders == [("purge_job", NEW), ("purge_job", OLD)]
    failed = disco("kill", "xc@*")
    assert failed.exit_code == 1
    assert failed.stderr.startswith("error: No job's name matches 'xc@*'.")


def test_a_dash_is_the_names_on_standard_input(disco, ddfs, jobs: FakeMaster) -> None:
    """M520: pipes between commands."""
    names = disco("jobs").stdout
    lines(disco("kill", "-", stdin=names))
    assert [order for order, _job in jobs.orders] == ["kill_job"] * 3
    lines(ddfs("touch", "a:1", "a:2", "b"))
    assert lines(ddfs("rm", "-", stdin=ddfs("ls", "a:").stdout)) == ["deleted", "deleted"]
    assert lines(ddfs("ls")) == ["b"]
    assert lines(disco("deref", "-", "raw://z", stdin="raw://x\n\nraw://y\n")) == [
        "raw://x",
        "raw://y",
        "raw://z",
    ]
    lines(ddfs("put", "b", "-", stdin="disco://n/x$1 disco://m/x$1\n"))
    assert lines(ddfs("urls", "b")) == ["disco://n/x$1\tdisco://m/x$1"]


def test_results_of_jobs_by_pattern(disco, jobs: FakeMaster) -> None:
    """M519."""
    assert lines(disco("deref", "-j", "wc@*")) == ["raw://wc", "raw://wc"]
    assert lines(disco("deref", "-j", "@?gre")) == ["raw://grep"]


def test_a_pattern_of_tags(ddfs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("log:1", "log:2", "other"):
        ddfs("chunk", name, "-", stdin=f"{name}\n")
    assert lines(ddfs("ls", "log:*")) == ["log:1", "log:2"]
    assert lines(ddfs("ls", "*r")) == ["other"]
    assert ddfs("xcat", "log:*").stdout == ddfs("cat", "tag://log:[12]").stdout == "log:1\nlog:2\n"
    assert len(lines(ddfs("urls", "*"))) == 3
    assert lines(ddfs("rm", "log:?")) == ["deleted", "deleted"]
    failed = ddfs("rm", "log:*")
    assert (failed.exit_code, failed.stderr) == (1, "error: No tag matches 'log:*'; `ddfs ls` lists all\n")


def test_a_pattern_of_files(ddfs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the shell left it alone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    for name in ("b.txt", "a.txt", "c.log"):
        (tmp_path / "logs" / name).write_text(f"{name}\n")
    lines(ddfs("chunk", "t", "logs/*.txt"))
    assert ddfs("xcat", "t").stdout == "a.txt\nb.txt\n"
    lines(ddfs("push", "u", str(tmp_path / "logs" / "*.log")))
    assert ddfs("cat", "u").stdout == "c.log\n"
    failed = ddfs("push", "u", "*.none")
    assert (failed.exit_code, failed.stderr) == (1, "error: *.none: no such file\n")


def test_push_takes_standard_input(ddfs) -> None:
    made = lines(ddfs("push", "t", "-", stdin=b"\x00bytes"))
    assert "/stdin$" in made[1]
    assert ddfs("cat", "t").stdout_bytes == b"\x00bytes"


def test_pull_overwrites_nothing(ddfs, tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_bytes(b"one")
    lines(ddfs("push", "t", str(tmp_path / "f.txt")))
    (tmp_path / "f.txt").write_bytes(b"two")
    lines(ddfs("push", "t", str(tmp_path / "f.txt")))
    out = tmp_path / "out"
    pulled = lines(ddfs("pull", "-o", str(out), "t"))
    assert pulled == [f"pulled: {out}/f_txt", f"pulled: {out}/f_txt.1"]
    assert {path.read_bytes() for path in out.iterdir()} == {b"one", b"two"}
    assert ddfs("pull", "-o", str(out), "absent").exit_code == 1


def test_du_of_all_leaves_out_what_is_protected(ddfs) -> None:
    """W20."""
    ddfs("touch", "open")
    ddfs("touch", "closed", "-t", "secret")
    shown = ddfs("du")
    assert (shown.exit_code, shown.stdout) == (0, "0\t0\t0\topen\n")
    assert shown.stderr.startswith("closed is left out: Incorrect or missing token.")
    assert ddfs("du", "closed").exit_code == 1
    assert len(lines(ddfs("du", "-t", "secret"))) == 2


def test_du_of_results(ddfs, master: FakeMaster, jobs: FakeMaster) -> None:
    """W20: bytes kept for a job."""
    node = master.nodes[0]
    node.files["/part"] = b"12345"
    jobs.jobs[NEW]["results"] = [f"disco://{node.host}:{node.port}/part"]
    jobs.jobs[OLD]["results"], jobs.jobs[OTHER]["status"] = [], "active"
    assert lines(ddfs("du", "-j", "@")) == [f"5\t5\t1\t{NEW}"]
    assert lines(ddfs("du", "-j")) == [f"5\t5\t1\t{NEW}", f"0\t0\t0\t{OLD}"]


@pytest.mark.parametrize(
    ("program", "words", "sentence"),
    [
        (
            "ddfs",
            ["urls", "data:logs"],
            "There is no tag data:logs. Did you mean data:log? `ddfs ls` lists all.",
        ),
        ("ddfs", ["xcat", "log"], "There is no tag log. Did you mean data:log? `ddfs ls` lists all."),
        ("ddfs", ["urls", "zzz"], "There is no tag zzz. `ddfs ls` lists all."),
        ("ddfs", ["xcat", "data:log.txt"], "data:log.txt: no such file; a tag is written tag://data:log.txt"),
        ("disco", ["jobinfo", "gerp@5f3:1:1"], f"There is no job gerp@5f3:1:1. Did you mean {OTHER}?"),
        (
            "disco",
            ["jobinfo", "grep"],
            f"There is no job grep. Did you mean {OTHER}? `disco jobs` lists all.",
        ),
        (
            "disco",
            ["results", "grep"],
            f"There is no job grep. Did you mean {OTHER}? `disco jobs` lists all.",
        ),
        ("disco", ["wait", "grep"], f"There is no job grep. Did you mean {OTHER}? `disco jobs` lists all."),
        ("disco", ["kill", "@?gerp"], "No job's name contains 'gerp'. `disco jobs` lists all."),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_the_nearest(
    disco, ddfs, jobs: FakeMaster, program: str, words: list[str], sentence: str
) -> None:
    """W19."""
    ddfs("touch", "data:log")
    failed = {"disco": disco, "ddfs": ddfs}[program](*words)
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr.startswith(f"error: {sentence}")
    assert len(failed.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [["disco", "jobs"], ["disco", "kill", "@"], ["ddfs", "ls"], ["ddfs", "urls", "t"]]
)
def test_a_master_that_is_not_there_is_answered_with_how_to_start_it(disco, ddfs, words: list[str]) -> None:
    """W19."""
    program, *rest = words
    failed = {"disco": disco, "ddfs": ddfs}[program](*rest, DISCO_MASTER="http://127.0.0.1:1")
    assert failed.exit_code == 1
    assert "start it with `disco start`, or set DISCO_MASTER" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


def test_a_folder_for_a_file(ddfs, tmp_path: Path) -> None:
    failed = ddfs("chunk", "t", str(tmp_path))
    assert failed.stderr == f"error: {tmp_path} is a folder: give its files, for instance '{tmp_path}/*'\n"


def test_a_dead_job_says_where_to_look(disco, jobs: FakeMaster) -> None:
    jobs.jobs[NEW]["status"] = "dead"
    failed = disco("results", "@")
    assert f"`disco logs {NEW}` shows its tasks' words" in failed.stderr


def test_map_results_that_are_not_there_yet(disco, jobs: FakeMaster) -> None:
    """M536."""
    failed = disco("mapresults", "@")
    assert failed.stderr == f"error: Job {NEW} has no map results: its map phase has not ended\n"


def test_unknown_names_in_the_environment_are_shown(disco) -> None:
    """M48: they may be somebody else's, so they are no error."""
    shown = disco("-v", DISCO_PORTS="1", DDFS_XQZ="2")
    assert shown.exit_code == 0
    assert "DISCO_PORTS is no setting: did you mean DISCO_PORT?  # the environment" in shown.stdout
    assert "DDFS_XQZ is no setting: " in shown.stdout
    values = json.loads(disco("-v", "--json", DISCO_PORTS="1").stdout)
    assert values["DISCO_PORT"] == 8989 and "DISCO_PORTS" not in values
