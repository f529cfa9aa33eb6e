"""M431-M441: the programs of examples/external, in C, Go and OCaml, in classic jobs on a real master."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from e2e.masters import BIN, EXAMPLES, ROOT, Run

from disco.core import Disco, Job, result_iterator
from disco.error import JobError
from disco.local import LocalMaster
from disco.util import external

TEXT_BYTES = 50_000


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the example, built as its README says."""
    if shutil.which("cc") is None or shutil.which("make") is None:
        pytest.skip("no C compiler (cc) and make here")
    if not Path("/usr/include/Judy.h").exists():
        pytest.skip("no Judy header (libjudy-dev) here")
    folder = copied(tmp_path)
    subprocess.run(["make", "-C", folder, f"SDK={ROOT / 'sdk-c'}"], check=True, capture_output=True)
    return folder


def copied(tmp_path: Path) -> Path:
    """The sources of the examples in a folder of their own."""
    folder = tmp_path / "external"
    built = shutil.ignore_patterns("echo", "words", "words-*")
    shutil.copytree(EXAMPLES / "external", folder, ignore=built)
    return folder


@pytest.fixture
def text(tmp_path: Path, chekhov: bytes) -> Path:
    path = tmp_path / "text"
    path.write_bytes(chekhov[:TEXT_BYTES].rpartition(b"\n")[0])
    return path


def check_counts(said: str, text: Path) -> None:
    """Of two inputs with this text."""
    counts = Counter(text.read_bytes().split())
    wanted = sorted(f"{word.decode()} {2 * n}" for word, n in counts.items())
    assert sorted(said.split("\n")) == ["", *wanted]


def test_words_are_counted_in_c(run: Run, programs: Path, text: Path) -> None:
    """Two maps and three reduces, by the example as its README says."""
    check_counts(run("python", programs / "count_words.py", f"file://{text}", f"file://{text}").stdout, text)


@pytest.mark.slow
@pytest.mark.parametrize(("program", "compiler"), [("words-go", "go"), ("words-ml", "ocamlfind")])
def test_words_are_counted_in_go_and_ocaml(
    run: Run, tmp_path: Path, text: Path, program: str, compiler: str
) -> None:
    """The same by programs that know no more of Disco than what that README says."""
    path = f"{os.environ['PATH']}:{BIN}:/usr/local/go/bin"
    if shutil.which(compiler, path=path) is None:
        pytest.skip(f"no {compiler} here")
    folder = copied(tmp_path)
    made = subprocess.run(
        ["make", "-C", folder, program], env={**os.environ, "PATH": path, "GOTOOLCHAIN": "local"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    done = run("python", folder / "count_words.py", program, f"file://{text}", f"file://{text}")
    check_counts(done.stdout, text)


def run_echo(master: LocalMaster, programs: Path, text: Path, **options: Any) -> Job:
    return Job("Echo", master=Disco(settings=master.settings)).run(
        input=[f"file://{text}"], map=external([programs / "echo"]), partitions=None, **options
    )


def test_a_map_in_c_gets_its_parameters(master: LocalMaster, programs: Path, text: Path) -> None:
    job = run_echo(master, programs, text, ext_params={"greeting": "hello from C"})
    lines = [line for _, line in result_iterator(job.wait(timeout=60))]
    assert b"".join(lines) == text.read_bytes()
    messages = "\n".join(message for _, (_, _, message) in job.events())
    assert "hello from C" in messages and f"{len(lines)} pairs read" in messages


def test_a_map_in_c_ends_the_job(master: LocalMaster, programs: Path, text: Path) -> None:
    with pytest.raises(JobError, match='the parameter "greeting" is missing'):
        run_echo(master, programs, text).wait(timeout=60)
