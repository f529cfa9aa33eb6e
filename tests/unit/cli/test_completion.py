"""Completion by the shell: commands, options, and the names that the master knows (B29)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from unit.ddfs_client.fake_master import FakeMaster


def complete(environ: dict[str, str], program: str, *words: str) -> list[str]:
    """What bash is told for the last of the words."""
    clean = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    asked = {f"_{program.upper()}_COMPLETE": "bash_complete", "COMP_WORDS": " ".join([program, *words]),
             "COMP_CWORD": str(len(words))}  # fmt: skip
    code = f"import sys; sys.argv[0] = '{program}'; from disco.cli.{program} import main; main()"
    env = {**clean, **environ, **asked}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_commands_and_options(environ: dict[str, str]) -> None:
    assert complete(environ, "disco", "re") == ["replay", "restart", "results"]
    assert complete(environ, "disco", "run", "--lo") == ["--local"]
    assert complete(environ, "ddfs", "ch") == ["chtok", "chunk"]


def test_jobs_and_tags(environ: dict[str, str], master: FakeMaster) -> None:
    master.jobs["wc@5f3:1:1"] = master.jobs["grep@5f3:1:1"] = {"status": "ready", "results": []}
    master.tags["data:log"] = master.tags["other"] = {}
    assert complete(environ, "disco", "wait", "w") == ["wc@5f3:1:1"]
    assert complete(environ, "disco", "kill", "@", "gr") == ["grep@5f3:1:1"]
    assert complete(environ, "ddfs", "rm", "da") == ["data:log"]
    assert complete(environ, "ddfs", "urls", "other", "da") == ["data:log"]


def test_a_master_that_is_not_there_completes_nothing(environ: dict[str, str]) -> None:
    assert complete({**environ, "DISCO_MASTER": "http://127.0.0.1:1"}, "disco", "wait", "w") == []


def in_bash(environ: dict[str, str], place: Path, line: str) -> list[str]:
    """What bash puts in place of the last part of a line, as its word breaks split it."""
    for program in ("disco", "ddfs"):
        (place / program).write_text(
            f"#!{sys.executable}\nimport sys\nsys.argv[0] = {program!r}\n"
            f"from disco.cli.{program} import main\nmain()\n"
        )
        (place / program).chmod(0o755)
    script = (
        'eval "$("$1" completion bash)"; COMP_WORDBREAKS=$\' \\t\\n"@><=;|&(:\'; '
        "COMP_LINE=$2; COMP_POINT=${#2}; "
        'compopt() { :; }; "_$1_completion" "$1"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    clean = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    env = {**clean, **environ, "PATH": f"{place}:{os.environ['PATH']}"}
    program = line.partition(" ")[0]
    done = subprocess.run(
        ["bash", "-c", script, "bash", program, line], env=env, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return [word for word in done.stdout.splitlines() if word]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_names_with_colons(
    environ: dict[str, str], master: FakeMaster, tmp_path: Path
) -> None:
    """bash breaks words at : and @; the names of tags and jobs are full of them."""
    master.jobs["wc@5f3:1:1"] = {"status": "ready", "results": []}
    master.tags["data:log:1"] = master.tags["data:log:2"] = {}
    assert in_bash(environ, tmp_path, "ddfs urls data:lo") == ["log:1", "log:2"]
    assert in_bash(environ, tmp_path, "ddfs urls da") == ["data:log:1", "data:log:2"]
    assert in_bash(environ, tmp_path, "disco wait wc@5f3:1:") == ["1"]
    assert in_bash(environ, tmp_path, "disco wait ") == ["wc@5f3:1:1"]
    assert in_bash(environ, tmp_path, "disco resta") == ["restart"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts(disco, ddfs, shell: str, tmp_path: Path) -> None:
    for run in (disco, ddfs):
        done = run("completion", shell)
        assert done.exit_code == 0
        assert "_MAIN_COMPLETE" in done.stdout  # the program's name, here that of its function
    if found := shutil.which(shell):
        (tmp_path / "script").write_text(done.stdout)
        subprocess.run([found, "-n", tmp_path / "script"], check=True)


def test_another_shell_is_refused(disco) -> None:
    assert disco("completion", "tcsh").exit_code == 2
