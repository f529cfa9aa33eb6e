"""The job pack vectors that every implementation is tested on: current, and judged as said (M96-M114)."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.jobpack.make_vectors import FOLDER, files
from unit.jobpack.packs import accept, unpack_file

from jobpack.format import JobPack, PackError

VALID = sorted((FOLDER / "valid").glob("*.pack"))
INVALID = sorted((FOLDER / "invalid").glob("*.pack"))


def test_vectors_are_what_the_script_writes() -> None:
    assert {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.*")} == set(files())
    for name, content in files().items():
        assert (FOLDER / name).read_bytes() == content, f"{name} is not current: run make_vectors.py"


def test_there_are_vectors_and_they_are_small() -> None:
    assert len(VALID) >= 10
    assert len(INVALID) >= 25
    assert max(path.stat().st_size for path in VALID + INVALID) < 1000


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_pack_is_taken_and_unpacked(path: Path, tmp_path: Path) -> None:
    made = accept(path.read_bytes())
    assert JobPack.loads(made.dumps()) == made
    assert (unpack_file(path.read_bytes(), tmp_path) / made.job().worker).is_file()


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_pack_is_refused_for_its_field(path: Path) -> None:
    field, requirement = path.with_suffix(".reason").read_text().splitlines()
    assert requirement
    with pytest.raises(PackError) as caught:
        accept(path.read_bytes())
    assert caught.value.field == field
