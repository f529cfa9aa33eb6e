"""Packages that a job brings along: installed when it is packed, found by its tasks."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.worker import sample_jobs as jobs

from disco.client.packing import requirements
from disco.error import DiscoError, JobError
from disco.job import Job
from disco.worker import jobdata


def wheel(folder: Path, name: str, files: dict[str, str], needs: str = "") -> Path:
    """A wheel of version 1.0, written by hand: no network and no build is needed."""
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    content = {
        **files,
        f"{info}/METADATA": metadata + (f"Requires-Dist: {needs}\n" if needs else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*content, f"{info}/RECORD"])
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in {**content, f"{info}/RECORD": record}.items():
            archive.writestr(member, text)
    return path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    deep = {"deeper/__init__.py": "", "deeper/inner.py": "VALUE = 'from a dependency'\n", "deeper/data": "x"}
    wheel(folder, "deeper", deep)
    top = {"shipped_top.py": "from deeper.inner import VALUE\n", "json.py": "raise ImportError('not mine')\n"}
    wheel(folder, "shipped_top", top, needs="deeper")
    return folder


@pytest.fixture
def offline(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip finds these wheels and nothing else."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return wheels


@pytest.mark.slow
@pytest.mark.usefixtures("offline")
def test_a_job_brings_its_requirements(run_job: Callable[..., list[Any]]) -> None:
    """W17, B20: with what they need; Python's own modules come before any of the same name."""
    found = run_job(
        input=["raw://x"], map=jobs.uses_requirement, partitions=None, requirements=["shipped_top==1.0"]
    )
    assert found == [("from a dependency", True)]


@pytest.mark.slow
@pytest.mark.usefixtures("offline")
def test_a_requirements_file(tmp_path: Path) -> None:
    """W17: its path in place of a list; nothing else than the packages is sent."""
    (tmp_path / "requirements.txt").write_text("deeper  # a comment\n")
    pack = Job("Test").pack(
        input=["raw://x"], map=jobs.entry_itself, requirements=str(tmp_path / "requirements.txt")
    )
    with zipfile.ZipFile(io.BytesIO(pack.jobhome)) as archive:
        inside = {name for name in archive.namelist() if name.startswith(f"{jobdata.REQUIREMENTS}/")}
        mark = archive.read(f"{jobdata.REQUIREMENTS}/{jobdata.PLATFORM_FILE}").decode()
    assert mark == jobdata.ANY_PLATFORM
    code = {f"{jobdata.REQUIREMENTS}/deeper/{name}" for name in ("__init__.py", "inner.py", "data")}
    assert code <= inside and not any("__pycache__" in name for name in inside)


@pytest.mark.slow
@pytest.mark.usefixtures("offline")
def test_what_cannot_be_installed_is_told_when_the_job_is_packed() -> None:
    """W17: in the installer's own words."""
    with pytest.raises(JobError, match=r"requirements can't be installed \(nowhere-to-be-found\)") as caught:
        Job("Test").pack(input=["raw://x"], map=jobs.entry_itself, requirements=["nowhere-to-be-found"])
    assert "No matching distribution found" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("numpy", r"no file 'numpy'; give a list .*\['numpy'\]"),
        (["--index-url=x"], "options go into a file"),
        ([""], "is none"),
        ([1], "is none"),
    ],
)
def test_what_is_no_requirement_is_refused(given: Any, complaint: str) -> None:
    with pytest.raises(JobError, match=complaint):
        Job("Test").pack(input=["raw://x"], map=jobs.entry_itself, requirements=given)


@pytest.fixture
def restored_path() -> Any:
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.mark.slow
@pytest.mark.usefixtures("restored_path")
def test_compiled_requirements_are_for_one_platform(tmp_path: Path, offline: Path) -> None:
    """W17: nodes of another one say so, instead of failing to import."""
    wheel(tmp_path, "compiled", {"compiled.cpython-311-x86_64-linux-gnu.so": ""})
    files = requirements.requirement_files([str(tmp_path / "compiled-1.0-py3-none-any.whl")])
    mark = next(path.read_text() for name, path in files if name.endswith(jobdata.PLATFORM_FILE))
    assert mark == jobdata.this_platform()

    folder = tmp_path / "unpacked"
    folder.mkdir()
    (folder / jobdata.PLATFORM_FILE).write_text(mark)
    jobdata.use_requirements(folder)
    assert str(folder) in sys.path
    other = tmp_path / "other"
    other.mkdir()
    (other / jobdata.PLATFORM_FILE).write_text("plan9-mips")
    with pytest.raises(DiscoError, match="compiled for plan9-mips, and this node is"):
        jobdata.use_requirements(other)
    jobdata.use_requirements(tmp_path / "none")  # most jobs bring none


FAKE_UV = """#!/bin/sh
[ "$1 $2" = "pip install" ] || exit 9
while [ $# -gt 0 ]; do
    if [ "$1" = --target ]; then echo VALUE=1 > "$2/from_uv.py"; fi
    shift
done
"""
NAMES_OF_FILES = """
from disco.client.packing.requirements import requirement_files
from disco.error import DiscoError
try:
    print([name for name, path in requirement_files(["anything"])])
except DiscoError as error:
    print(error)
"""


@pytest.mark.parametrize(("has_uv", "printed"), [(True, "from_uv.py"), (False, "-m ensurepip")])
def test_uv_does_it_where_pip_is_not_installed(tmp_path: Path, has_uv: bool, printed: str) -> None:
    """W17: an environment that uv made has no pip; where there is neither, the message says what to run."""
    if has_uv:
        (tmp_path / "uv").write_text(FAKE_UV)
        (tmp_path / "uv").chmod(0o755)
    sdk = [str(Path(__file__).parents[3] / room) for room in ("python-sdk", "jobpack")]
    done = subprocess.run(
        [sys.executable, "-S", "-c", NAMES_OF_FILES],  # -S: without what is installed, so without pip
        env={"PATH": f"{tmp_path}", "PYTHONPATH": os.pathsep.join(sdk)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed in done.stdout, done.stderr
