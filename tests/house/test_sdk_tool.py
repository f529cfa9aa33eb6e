"""tools/sdk.sh where a toolchain is missing and cannot be installed: one line, and no failure."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "sdk.sh"


def sdk(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tool where there are the standard programs that it uses, and no compiler and no apt-get."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("sh", "dirname", "mkdir", "id", "tr"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    return subprocess.run(
        [TOOL, *arguments], env={"PATH": str(programs), "VENV": str(folder / "none")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("language", "needed"), [("c", "cmake"), ("ocaml", "ocamlfind")])
@pytest.mark.parametrize("action", ["build", "test", "examples"])
def test_a_missing_toolchain_is_named_with_the_way_to_it(
    tmp_path: Path, language: str, needed: str, action: str
) -> None:
    done = sdk(tmp_path, language, action)
    assert done.returncode == 0, done.stderr
    packages = (ROOT / f"sdk-{language}" / "apt-packages.txt").read_text().split()
    way = f"apt-get install {' '.join(packages)}"
    assert done.stdout.strip() == f"sdk-{language}: left out: needs {needed}; install: {way}"


@pytest.mark.parametrize("arguments", [(), ("cobol",), ("c", "polish")])
def test_a_wrong_command_line_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = sdk(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
