"""docs/walkthrough.md does what it says: its files work, its commands print what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.masters import ROOT
from e2e.pages import Reader, blocks, commands

from disco.local import LocalMaster

PAGE = ROOT / "docs" / "walkthrough.md"


@pytest.mark.slow
def test_the_walkthrough(tmp_path: Path, own_master: LocalMaster) -> None:
    """M608 M617 W22, and each command that it shows."""
    reader = Reader(tmp_path, own_master, linked=("examples",))
    for block in blocks(PAGE):
        reader.follow(block)
    assert sum(len(commands(block)) for block in blocks(PAGE)) > 15
