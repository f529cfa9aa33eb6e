"""Each SDK's README, followed by a newcomer to the letter, against a master that runs.

Build, install into a prefix of one's own, compile the README's word count there, pack it, submit it, read
what it counted, uninstall. What is run stands in the README; the tests add where things lie. A language
whose compiler is not here is skipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.masters import BIN, ROOT

from disco.local import LocalMaster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # they compile

MAX_LINES = 25
TIMEOUT_S = 600
COUNTED = ["cat 1", "hat 1", "the 2"]
BUILT = ("build", "_build", ".ci")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


class Newcomer:
    """Has a copy of an SDK, its README, an empty folder to work in, and a master that runs."""

    def __init__(self, sdk: str, folder: Path, master: LocalMaster) -> None:
        self.sdk = folder / "somewhere" / sdk
        shutil.copytree(ROOT / sdk, self.sdk, ignore=shutil.ignore_patterns(*BUILT))
        self.blocks = FENCE.findall((self.sdk / "README.md").read_text())
        self.work, self.prefix = folder / "work", folder / "prefix"
        self.work.mkdir()
        path = f"{BIN}:{os.environ['PATH']}:/usr/local/go/bin"
        self.environment = {**master.environment, "PATH": path, "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}

    def program(self, language: str) -> str:
        """The README's first program."""
        code: str = next(text for name, text in self.blocks if name == language)
        assert len(code.splitlines()) <= MAX_LINES
        return code

    def block(self, start: str) -> str:
        """The README's commands (or file) that begin so."""
        found = [text for name, text in self.blocks if not name and text.startswith(start)]
        assert len(found) == 1, f"{len(found)} blocks begin with {start!r}"
        return str(found[0])

    def line(self, start: str) -> str:
        """The README's command that begins so, without its comment."""
        lines = [line for name, text in self.blocks if not name for line in text.splitlines()]
        found = [line for line in lines if line.removeprefix("sudo ").startswith(start)]
        assert len(found) == 1, f"{len(found)} lines begin with {start!r}"
        return found[0].removeprefix("sudo ").partition("  #")[0]

    def run(self, commands: str, where: Path | None = None, **variables: str) -> str:
        done = subprocess.run(
            ["sh", "-e", "-c", commands], cwd=where or self.work, env={**self.environment, **variables},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout

    def run_job(self) -> None:
        """Packs the program in the working folder, runs it, and looks at the counts."""
        assert self.counts(self.run(self.block("jobpack pack"))) == COUNTED

    @staticmethod
    def counts(said: str) -> list[str]:
        """The lines of a word and its count; others name jobs and packs."""
        return sorted(line.replace("\t", " ") for line in said.splitlines() if len(line.split()) == 2)

    def installed(self) -> list[str]:
        return sorted(str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if path.is_file())


def needs(language: str) -> None:
    """Skips the test where an SDK cannot be built."""
    done = subprocess.run(
        [ROOT / "tools" / "sdk.sh", language, "build"], env={**os.environ, "VENV": sys.prefix},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    if "left out" in done.stdout:
        pytest.skip(done.stdout.strip())


def test_the_readme_of_c(tmp_path: Path, master: LocalMaster) -> None:
    """M606."""
    needs("c")
    me = Newcomer("sdk-c", tmp_path, master)
    me.run(me.line("cmake -S . -B build"), me.sdk)
    me.run(f"{me.line('cmake --install build')} --prefix {me.prefix}", me.sdk)
    (me.work / "wordcount.c").write_text(me.program("c"))
    library = next(
        path for path in me.prefix.rglob("libdisco_worker.so.1") if path.parent.name != "pkgconfig"
    )
    found = {"PKG_CONFIG_PATH": str(library.parent / "pkgconfig"), "LIB": str(library)}
    me.run(
        me.line("cc -std=c11 -O2 -o wordcount wordcount.c $(pkg-config --cflags --libs disco-worker)"),
        **found,
    )
    assert Newcomer.counts(me.run(me.block("jobpack pack --worker ./wordcount --file"), **found)) == COUNTED
    me.run(me.block("needs="), **found)  # the same program, that needs no library of ours
    assert Newcomer.counts(me.run(me.block("jobpack pack --worker ./wordcount --input"))) == COUNTED
    me.run(me.line("cmake --build build --target uninstall"), me.sdk)
    assert me.installed() == []


def test_the_readme_of_go(tmp_path: Path, master: LocalMaster) -> None:
    """M603."""
    needs("go")
    me = Newcomer("sdk-go", tmp_path, master)
    (me.work / "main.go").write_text(me.program("go"))
    me.run(me.block("go mod init").replace("PATH/TO/sdk-go", str(me.sdk)))
    me.run_job()
    assert "discoproject.org" in (me.work / "go.mod").read_text()
    me.run(me.line("go mod edit -droprequire"))
    assert "discoproject.org" not in (me.work / "go.mod").read_text()


def test_the_readme_of_ocaml(tmp_path: Path, master: LocalMaster) -> None:
    """M602."""
    needs("ocaml")
    me = Newcomer("sdk-ocaml", tmp_path, master)
    me.run(me.line("dune build @install"), me.sdk)
    me.run(f"{me.line('dune install')} --prefix {me.prefix}", me.sdk)
    (me.work / "wordcount.ml").write_text(me.program("ocaml"))
    (me.work / "dune").write_text(me.block("(executable"))
    me.run(me.block('echo "(lang dune'), OCAMLPATH=str(me.prefix / "lib"))
    me.run_job()
    me.run(f"{me.line('dune uninstall')} --prefix {me.prefix}", me.sdk)
    assert me.installed() == []
