"""Our own master held to the suite's master side, and a real conversation of it written down as a case."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.masters import ROOT

from disco.client.core import Disco
from disco.local import LocalMaster
from jobpack.build import build_pack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

HARNESS = ROOT / "conformance"
PLAYERS = HARNESS / "players"
SLOTS = 64
PASSED = re.compile(r"^(\d+) of (\d+) cases in .* s: (\d+) pass(, (\d+) not-applicable)?$", re.M)
FEWEST_CASES = 350
# One of every kind, for each run of the tests; the whole profiles are for `soak`.
SOME = (
    "masters/good-task", "masters/no-frame-t*", "masters/bad-output-*", "masters/crowd-silent",
    "masters/reuse-*", "masters/reduce-[a-r]*", "masters/end-*-task", "masters/child-*", "masters/env-*",
    "masters/memory-*", "golden", "outputs",
)  # fmt: skip


@pytest.fixture(scope="module")
def wide_master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMaster]:
    """With a slot for each worker of the largest crowd, and the memory limit that the suite counts on."""
    root = tmp_path_factory.mktemp("wide")
    table = root / "nodes.json"
    table.write_text(json.dumps([["localhost", str(SLOTS)]]))
    with LocalMaster(root / "root", DISCO_MASTER_CONFIG=str(table), DISCO_WORKER_MAX_MEM="4096M") as running:
        yield running


def harness(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "disco_conformance", *map(str, words)],
        env={"PYTHONPATH": str(HARNESS), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip


def play(master: LocalMaster, *options: str) -> tuple[int, int]:
    """How many cases passed, and how many need what a master need not do."""
    adapter = f"{sys.executable} {PLAYERS / 'disco_adapter.py'} {master.url}"
    done = harness(
        "master", "--kept", "--has", "reuse", "--has", "memory-limit", *options, "--adapter", adapter
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = PASSED.search(done.stdout)
    assert found is not None and found[1] == found[2], done.stdout
    return int(found[3]), int(found[5] or 0)


def test_our_master_passes_some_of_every_kind(wide_master: LocalMaster) -> None:
    passed, _ = play(wide_master, *(word for pattern in SOME for word in ("--run", pattern)))
    assert passed > 60


@pytest.mark.soak
@pytest.mark.parametrize("profile", ["fast", "full"])
def test_our_master_passes_a_whole_profile(wide_master: LocalMaster, profile: str) -> None:
    passed, _ = play(wide_master, "--profile", profile)
    assert passed > FEWEST_CASES


def recorded(master: LocalMaster, folder: Path, behaviour: str, worker: Path) -> Path:
    """A job of one task, whose worker is the recorder with the real one behind it."""
    path = folder / f"{behaviour}.session"
    script = folder / "recorder.sh"
    script.write_text(
        f"#!/bin/sh\nPYTHONPATH={HARNESS} exec {sys.executable} -m disco_conformance record -o {path}"
        f" -- {sys.executable} -E -S {worker}\n"
    )
    script.chmod(0o755)
    pack = build_pack(script, prefix=behaviour, inputs=["raw://a%20b%20a"], map=True, reduce=False)
    client = Disco(settings=master.settings)
    client.wait(client.submit(pack.dumps()), timeout=120)
    return path


@pytest.mark.parametrize("behaviour", ["wordcount", "echo"])
def test_a_conversation_of_our_master_becomes_a_case(
    wide_master: LocalMaster, tmp_path: Path, behaviour: str
) -> None:
    """record: between a real Disco and a real worker; the file passes lint, plays, and can fail."""
    worker = PLAYERS / "reference_worker.py"
    path = recorded(wide_master, tmp_path, behaviour, worker)
    looked_at = harness("lint", path)
    assert looked_at.returncode == 0, looked_at.stdout + path.read_text()
    command = (sys.executable, "-E", "-S", worker)
    played = harness("worker", "--sessions", path, "--run", "recorded", "--", *command)
    assert played.returncode == 0, played.stdout + path.read_text()
    mutant = (sys.executable, "-E", "-S", PLAYERS / "mutant_worker.py", "--fault", "exit-1-after-done")
    assert harness("worker", "--sessions", path, "--run", "recorded", "--", *mutant).returncode == 1
    # By hand: a comment, and another title.
    path.write_text(path.read_text().replace("say what it shows", "a real conversation") + "# seen once\n")
    assert harness("fmt", "--check", path).returncode == 0
    assert harness("worker", "--sessions", path, "--run", "recorded", "--", *command).returncode == 0
