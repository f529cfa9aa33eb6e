"""`disco test`: does the running master do what it is for? And a runner for tests of the user's own."""

from __future__ import annotations

import os
import sys
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from ...core import Disco, Job, result_iterator
from ...settings import DiscoSettings

VERBOSITY = {"off": 0, "log": 1, "trace": 2}
WAIT_S = 300.0
TAG = "disco:selftest"


def _words(line: str, params: Any) -> Any:
    for word in line.split():
        yield word, 1


def _sum(iter: Any, params: Any) -> Any:
    from disco.util import kvgroup

    for word, counts in kvgroup(sorted(iter)):
        yield word, sum(counts)


class SelfTest(unittest.TestCase):
    """Against the master that `settings` name."""

    settings: ClassVar[DiscoSettings]

    def setUp(self) -> None:
        self.disco = Disco(settings=self.settings)

    def test_the_master_answers(self) -> None:
        """The master has a version and a node that is connected."""
        self.assertTrue(self.disco.master_version)
        self.assertTrue(any(node["connected"] for node in self.disco.nodeinfo().values()))

    def test_a_job_runs(self) -> None:
        """A job with map and reduce counts words."""
        job = Job("DiscoTest", master=self.disco)
        job.run(input=["raw://a b a", "raw://b a"], map=_words, reduce=_sum,
                partitions=2, profile=bool(self.settings["DISCO_TEST_PROFILE"]))  # fmt: skip
        if self.settings["DISCO_TEST_PURGE"]:
            self.addCleanup(job.purge)
        found = dict(result_iterator(job.wait(timeout=WAIT_S, show=False)))
        self.assertEqual(found, {b"a": 3, b"b": 2})

    def test_blobs_are_stored_and_found(self) -> None:
        """What is pushed to DDFS comes back."""
        import io

        name = f"{TAG}:{os.getpid()}"
        ddfs = self.disco.ddfs
        self.addCleanup(ddfs.delete, name)
        ddfs.push(name, [(io.BytesIO(b"some bytes"), "blob")])
        with next(iter(ddfs.pull(name))) as file:
            self.assertEqual(file.read(), b"some bytes")


def run_tests(names: Sequence[str], settings: DiscoSettings) -> tuple[int, int]:
    """Run tests; gives the numbers of those that ran and of those that failed."""
    loader = unittest.TestLoader()
    if names:
        folder = str(Path.cwd())
        if folder not in sys.path:
            sys.path.insert(0, folder)
        suite = loader.loadTestsFromNames(names)
    else:
        SelfTest.settings = settings
        suite = loader.loadTestsFromTestCase(SelfTest)
    result = unittest.TextTestRunner(verbosity=VERBOSITY[settings["DISCO_DEBUG"]]).run(suite)
    return result.testsRun, len(result.failures) + len(result.errors)
