"""The command: from flags or a file to a pack, and back (M115)."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from unit.jobpack.packs import SCRIPT, archive, jobdict, pack

from jobpack.cli import main
from jobpack.format import JobPack


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a worker `wc` and a directory `lib`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCO_JOB_OWNER", "ann@host")
    Path("wc").write_bytes(SCRIPT)
    Path("lib").mkdir()
    Path("lib/words.txt").write_text("a b")
    return tmp_path


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    result = CliRunner().invoke(main, arguments, input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def made(path: str = "wc.pack") -> JobPack:
    return JobPack.loads(Path(path).read_bytes())


def fails(*arguments: str, code: int = 1, stdin: str | bytes | None = None) -> str:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr.strip().splitlines()[-1]


def test_pack_from_flags(here: Path) -> None:
    flags = ["--worker", "./wc", "--input", "http://a/1", "--input", "http://a/2", "--env", "K=V=W", "--map"]
    flags += ["--reduce", "--partitions", "4", "--file", "lib", "--file", "conf/w=lib/words.txt"]
    flags += ["--scheduler", "max_cores=3", "--scheduler", "force_local=true", "--data", "hello"]
    result = run("pack", *flags, "-o", "wc.pack")
    assert result.exit_code == 0
    assert result.stdout.startswith("wc.pack: ")
    job = made().job()
    assert (job.prefix, job.owner, job.worker, job.nr_reduces) == ("wc", "ann@host", "wc", 4)
    assert (job.inputs, job.max_cores, job.force_local) == ((("http://a/1",), ("http://a/2",)), 3, True)
    assert (made().jobenvs, made().jobdata) == ({"K": "V=W"}, b"hello")
    assert run("check", "wc.pack").exit_code == 0
    home = json.loads(run("show", "--json", "wc.pack").stdout)["jobhome"]
    assert [file["path"] for file in home] == ["conf/w", "lib/words.txt", "wc"]


def test_pack_from_a_file_with_flags_on_top(here: Path) -> None:
    """Flags win: they replace values, and --env and --scheduler the one of that name."""
    text = 'worker = "wc"\ninput = ["x"]\nmap = true\nreduce = true\npartitions = 2\nowner = "bob"\n'
    text += 'output = "o.pack"\n'
    Path("jobpack.toml").write_text(
        text + '[env]\nA = "1"\nB = "2"\n[scheduler]\nmax_cores = 1\nmax_failures = 5\n'
    )
    assert run("pack").exit_code == 0
    assert made("o.pack").job().nr_reduces == 2
    flags = ["--partitions", "9", "--no-map", "--env", "B=3", "--scheduler", "max_cores=7", "--input", "y"]
    assert run("pack", *flags, "-o", "p.pack").exit_code == 0
    job = made("p.pack").job()
    assert (job.nr_reduces, job.has_map, job.has_reduce, job.owner) == (9, False, True, "bob")
    assert (job.inputs, job.max_cores, job.max_failures) == ((("y",),), 7, 5)
    assert made("p.pack").jobenvs == {"A": "1", "B": "3"}


def test_config_elsewhere_has_its_own_paths(here: Path) -> None:
    Path("lib/job.toml").write_text('worker = "../wc"\ninput = []\nmap = true\nprefix = "other"\n')
    assert run("pack", "--config", "lib/job.toml").exit_code == 0
    assert made("other.pack").job().inputs == ()


def test_inputs_and_data_from_elsewhere(here: Path) -> None:
    Path("blob").write_bytes(b"\xff\0")
    result = run("pack", "--worker", "wc", "--map", "--input", "-", "--data", "@blob", stdin="a\n\nb\tc\n")
    assert result.exit_code == 0
    assert made().job().inputs == (("a",), ("b", "c"))
    assert made().jobdata == b"\xff\0"


def test_streams(here: Path) -> None:
    packed = run("pack", "--worker", "wc", "--map", "--input", "x", "-o", "-").stdout_bytes
    assert JobPack.loads(packed).job().worker == "wc"
    assert run("check", "-", stdin=packed).exit_code == 0
    assert "raw" not in run("show", "-", stdin=packed).stdout
    assert run("unpack", "-", "out", stdin=packed).exit_code == 0
    assert Path("out/jobhome/wc").read_bytes() == SCRIPT


def test_same_job_same_pack(here: Path) -> None:
    flags = ["pack", "--worker", "wc", "--map", "--input", "x", "-o"]
    run(*flags, "a.pack")
    run(*flags, "b.pack")
    assert Path("a.pack").read_bytes() == Path("b.pack").read_bytes()
    assert stat.S_IMODE(Path("a.pack").stat().st_mode) == stat.S_IMODE(Path("wc").stat().st_mode)


def test_unpack_gives_all_parts_and_never_overwrites(here: Path) -> None:
    Path("x.pack").write_bytes(pack(envs={"A": "b"}, data=b"data"))
    assert run("unpack", "x.pack", "out").exit_code == 0
    assert json.loads(Path("out/jobdict.json").read_text()) == jobdict()
    assert json.loads(Path("out/jobenvs.json").read_text()) == {"A": "b"}
    assert Path("out/jobdata").read_bytes() == b"data"
    assert "out: exists and is no empty directory" in fails("unpack", "x.pack", "out")


def test_refused_pack_leaves_nothing_unpacked(here: Path) -> None:
    Path("x.pack").write_bytes(pack(home=archive(("wc", SCRIPT), ("../up", b""))))
    before = sorted(here.iterdir())
    assert "x.pack: jobhome: the entry '../up' leads out" in fails("unpack", "x.pack", "out")
    assert sorted(here.iterdir()) == before


def test_check_names_every_bad_pack(here: Path) -> None:
    Path("good.pack").write_bytes(pack())
    Path("prefix.pack").write_bytes(pack(jobdict(prefix="a-b")))
    Path("worker.pack").write_bytes(pack(jobdict(worker="bin/wc")))
    result = run("check", "prefix.pack", "good.pack", "worker.pack", "nowhere.pack")
    assert result.exit_code == 1
    assert result.stdout == "good.pack: good, worker 'wc', 1 input, map and reduce (1)\n"
    lines = result.stderr.splitlines()
    assert lines[0].startswith("Error: prefix.pack: jobdict.prefix: invalid prefix: the character '-'")
    assert lines[1].startswith("Error: worker.pack: jobdict.worker: 'bin/wc' is no file of the job home")
    assert lines[2] == "Error: nowhere.pack: No such file or directory"


def test_show_says_what_is_in_it_and_controls_no_terminal(here: Path) -> None:
    inputs = [f"http://a/{i}" for i in range(25)]
    Path("x.pack").write_bytes(pack(jobdict(owner="\x1b[2J", input=inputs), {"A": "\x07"}, data=b"123"))
    shown = run("show", "x.pack").stdout
    for words in ("http://a/19", "5 more", "wc", "job data, 3 bytes", '"\\u001b[2J"', 'A="\\u0007"'):
        assert words in shown
    assert "\x1b" not in shown
    described = json.loads(run("show", "--json", "x.pack").stdout)
    assert described["jobdict"]["input"] == inputs
    assert described["jobhome"] == [{"path": "wc", "size_bytes": len(SCRIPT), "executable": True}]


@pytest.mark.parametrize(
    ("flags", "code", "why"),
    [
        ([], 2, "no worker"),
        (["--worker", "wc"], 2, "no phase"),
        (["--worker", "wc", "--map"], 2, "no input"),
        (["--worker", "wc", "--map", "--input", "x", "--env", "A"], 2, "--env 'A' has no '='"),
        (["--worker", "wc", "--map", "--input", "x", "--scheduler", "cores=1"], 2, "does not know 'cores'"),
        (["--worker", "wc", "--map", "--input", "x", "--partitions", "many"], 2, "--partitions"),
        (["--worker", "wc", "--map", "--input", "x", "--file", "a=lib", "--file", "a=wc"], 2, "'a' twice"),
        (["--worker", "nowhere", "--map", "--input", "x"], 1, "nowhere: No such file"),
        (["--worker", "wc", "--map", "--input", "x", "--file", "none"], 1, "none: No such file"),
        (["--worker", "wc", "--map", "--input", "x", "--data", "@none"], 1, "none: No such file"),
        (["--worker", "wc", "--map", "--input", "x", "--config", "none"], 1, "none: No such file"),
        (["--worker", "wc", "--map", "--input", "x", "-o", "no/where"], 1, "No such file"),
        (["--worker", "wc", "--map", "--input", "x", "--prefix", "a b"], 1, "jobdict.prefix: invalid prefix"),
        (["--worker", "wc", "--map", "--input", "x", "--partitions", "-1"], 1, "jobdict.nr_reduces"),
        (["--worker", "wc", "--map", "--input", "x", "--scheduler", "max_cores=x"], 1, "scheduler.max_cores"),
        (["--worker", "wc", "--map", "--input", "x", "--file", ".disco/a=wc"], 1, "reserves"),
    ],
)
def test_faults_are_one_sentence(flags: list[str], code: int, why: str, here: Path) -> None:
    assert why in fails("pack", *flags, code=code)
    assert not list(here.glob("*.pack"))
    assert not list(here.glob(".pack-*"))


@pytest.mark.parametrize(
    ("worker", "why"),
    [
        (b"#!/bin/sh\n", ""),
        (b"\x7fELF\2", ""),
        (b"print('hi')\n", "no #! line"),
        (b"", "no #! line"),
        (b"#!/bin/sh\r\n", "CR LF"),
        (b"#!/bin/sh\n\r\n", ""),
    ],
)
def test_worker_that_may_not_start_is_doubted(worker: bytes, why: str, here: Path) -> None:
    """M101: a doubt is no refusal; the pack is made, and is good."""
    Path("wc").write_bytes(worker)
    for result in (run("pack", "--worker", "wc", "--map", "--input", "x"), run("check", "wc.pack")):
        assert result.exit_code == 0
        assert result.stderr.startswith("Warning: ") == bool(why)
        assert why in result.stderr


def test_unknown_key_of_the_file_is_named(here: Path) -> None:
    Path("jobpack.toml").write_text("maps = true\n")
    assert fails("pack") == "Error: jobpack.toml: unknown key 'maps'; did you mean 'map'?"


def test_debug_shows_the_traceback(here: Path) -> None:
    result = run("--debug", "check", "wc")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: wc: magic: ")


@pytest.mark.parametrize("command", [[], ["pack"], ["show"], ["unpack"], ["check"]])
def test_help_has_examples(command: list[str]) -> None:
    shown = run(*command, "--help").stdout
    assert "Example" in shown
    assert f"jobpack {' '.join(command)}" in shown


def test_whole_way_in_a_process_of_its_own(here: Path) -> None:
    """M115: the installed command, from a script to a pack to the script again."""
    command = [str(Path(sys.executable).with_name("jobpack"))]
    pack_it = [*command, "pack", "--worker", "wc", "--input", "raw://a", "--map", "-o", "wc.pack"]
    assert subprocess.run(pack_it, capture_output=True, check=True).stdout.startswith(b"wc.pack: ")
    subprocess.run([*command, "unpack", "wc.pack", "out"], capture_output=True, check=True)
    assert subprocess.run(["out/jobhome/wc"], check=False).returncode == 0
    bad = subprocess.run([*command, "check", "wc"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("Error: wc: magic: ")
