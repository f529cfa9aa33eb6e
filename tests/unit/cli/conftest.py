from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from unit.ddfs_client.fake_master import FakeMaster

from disco.cli.ddfs import main as ddfs_main
from disco.cli.disco import main as disco_main

Run = Callable[..., Result]


@pytest.fixture
def master() -> Iterator[FakeMaster]:
    made = FakeMaster(2)
    yield made
    made.close()


@pytest.fixture
def environ(master: FakeMaster, tmp_path: Path) -> dict[str, str]:
    """Settings come from here alone."""
    return {"DISCO_MASTER": master.url, "HOME": str(tmp_path), "DISCO_ROOT": str(tmp_path / "root")}


def runner(program: object, environ: dict[str, str]) -> Run:
    def run(*words: str, stdin: str | bytes | None = None, **extra: str) -> Result:
        return CliRunner().invoke(program, words, input=stdin, env={**environ, **extra})  # type: ignore[arg-type]

    return run


@pytest.fixture
def ddfs(environ: dict[str, str]) -> Run:
    """Runs `ddfs WORDS…` in this process."""
    return runner(ddfs_main, environ)


@pytest.fixture
def disco(environ: dict[str, str]) -> Run:
    """Runs `disco WORDS…` in this process."""
    return runner(disco_main, environ)
