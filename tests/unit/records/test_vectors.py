"""The vectors on disk are what their program says; the rooms can be imported on a bare node."""

from __future__ import annotations

import json
import subprocess
import sys

from unit.protocol.deliver import VECTORS
from unit.records.make_vectors import files, is_compressed
from unit.records.streams import records


def test_files_are_current_and_none_is_left_over() -> None:
    made = files()
    found = {
        path.relative_to(VECTORS).as_posix()
        for folder in ("frames", "messages", "records", "partition")
        for path in (VECTORS / folder).rglob("*.*")
    }
    assert found == set(made)
    stale = [
        path
        for path, data in made.items()
        if not is_compressed(path) and (VECTORS / path).read_bytes() != data
    ]
    assert stale == []


def test_compressed_files_hold_what_the_program_says() -> None:
    """Their bytes depend on the version of zlib, their records do not."""
    for path, data in files().items():
        if is_compressed(path) and path.startswith("records/valid"):
            assert records((VECTORS / path).read_bytes()) == records(data)


def test_the_rooms_import_the_standard_library_alone() -> None:
    """Workers run on bare nodes."""
    program = (
        "import sys, json\n"
        "import disco.protocol.session, disco.records.hunks, disco.records.partition, disco.records.legacy\n"
        "from disco.records import codecs; codecs.available()\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(VECTORS.parents[1] / "python-sdk")},
    )
    assert done.returncode == 0, done.stderr
    foreign = set(json.loads(done.stdout)) - set(sys.stdlib_module_names) - {"disco", "__main__"}
    assert foreign == set()
