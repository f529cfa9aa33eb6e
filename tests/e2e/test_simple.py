"""M336: the example of a SimpleJob, by `disco run`, on a real master."""

from __future__ import annotations

import shutil
from pathlib import Path

from e2e.masters import EXAMPLES, Run

from disco.core import Disco, result_iterator
from disco.local import LocalMaster


def test_a_simple_job_runs_by_its_name(master: LocalMaster, run: Run, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "worker" / "simplejob.py", tmp_path)
    (tmp_path / "text").write_text("one\ntwo\n")
    name = run("disco", "run", "simplejob.Upper", tmp_path / "text").stdout.strip()
    results = Disco(settings=master.settings).wait(name, timeout=60)
    assert list(result_iterator(results, reader=None)) == [b"ONE\n", b"TWO\n"]
