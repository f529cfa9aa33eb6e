"""The jobs that are disturbed: word count, join and sort over real text, with output that can be compared.

Each reduce puts its records in an order of their own, so that its output depends on nothing but the input.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from typing import Any

from chaos.cluster import PATIENCE_S, eventually

from disco.client.http import HttpClient, web_url
from disco.core import Disco
from disco.error import CommError
from disco.job import Job
from disco.local import LocalMaster

LINGER_S = 0.1  # in each task, so that there is time to do harm
MAX_FAILURES = 100  # killed workers are failures, and many are killed

Params = dict[str, Any]
Files = dict[str, list[bytes]]  # of each kind of job


def count_map(line: str, params: Params) -> Iterator[tuple[str, int]]:
    for word in line.split():
        yield word, 1


def count_reduce(pairs: Any, params: Params) -> Iterator[tuple[str, int]]:
    import time

    from disco.util import kvgroup

    time.sleep(params["linger_s"])
    for word, counts in kvgroup(sorted(pairs)):
        yield word, sum(counts)


def join_map(line: str, params: Params) -> Iterator[tuple[str, tuple[str, str]]]:
    """Lines by their first word: those that start like `left` meet those that start like `right`."""
    first, _, rest = line.strip().partition(" ")
    if first:
        yield first.lower(), ("left" if len(rest) % 2 else "right", rest)


def join_reduce(pairs: Any, params: Params) -> Iterator[tuple[str, tuple[str, str]]]:
    import time

    from disco.util import kvgroup

    time.sleep(params["linger_s"])
    for word, sided in kvgroup(sorted(pairs)):
        rows = list(sided)
        rights = [rest for side, rest in rows if side == "right"][:20]
        for side, rest in rows[:200]:
            if side == "left":
                for right in rights:
                    yield word, (rest[:20], right[:20])


def sort_map(line: str, params: Params) -> Iterator[tuple[str, str]]:
    yield line, ""


def sort_reduce(pairs: Any, params: Params) -> Iterator[tuple[str, str]]:
    import time

    time.sleep(params["linger_s"])
    yield from pairs


JOBS: dict[str, Params] = {
    "wordcount": {"map": count_map, "reduce": count_reduce},
    "join": {"map": join_map, "reduce": join_reduce},
    "sort": {"map": sort_map, "reduce": sort_reduce, "sort": True},
}
PARTITIONS = 5


def slow_map_reader(stream: Any, size: int, url: str, params: Params) -> Iterator[str]:
    """Lines as text, after a while."""
    import time

    time.sleep(params["linger_s"])
    for line in stream:
        yield line if isinstance(line, str) else line.decode()


def submit(master: LocalMaster, kind: str, inputs: list[str], linger_s: float = LINGER_S) -> Job:
    return Job(kind, settings=master.settings).run(
        input=inputs,
        map_reader=slow_map_reader,
        partitions=PARTITIONS,
        scheduler={"max_failures": MAX_FAILURES},
        params={"linger_s": linger_s},
        **JOBS[kind],
    )


def output_files(master: LocalMaster, results: list[str]) -> list[bytes]:
    """What the reduces wrote, each file as it is; which node wrote which does not count."""
    client = HttpClient()

    def read(url: str) -> bytes:
        return client.request("GET", web_url(url, master.settings)).body

    indexes = [gzip.decompress(read(url)).decode() for url in results]
    urls = {line.partition(" ")[2] for index in indexes for line in index.splitlines()}
    return sorted(map(read, urls))


def wait(master: LocalMaster, job: Job, patience_s: float) -> list[bytes]:
    """The output of a job that becomes ready while master and nodes come and go."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            left_s = max(1.0, deadline - time.monotonic())
            results = Disco(settings=master.settings).wait(job.name, timeout=left_s)
            return output_files(master, results)
        except CommError:
            assert time.monotonic() < deadline, f"{job.name} is not ready after {patience_s} s"
            time.sleep(0.2)


class Three:
    """The three jobs at once, and what has become of them."""

    def __init__(self, master: LocalMaster, inputs: list[str]) -> None:
        self._master = master
        self._jobs = {kind: submit(master, kind, inputs, linger_s=0.3) for kind in JOBS}

    def await_finished(self, phase: str, tasks: int) -> None:
        """Until one of them has so many finished tasks in a phase."""
        eventually(lambda: any(self._info(job)[phase][2] >= tasks for job in self._jobs.values()), phase)

    def outputs(self) -> Files:
        return {kind: wait(self._master, job, PATIENCE_S) for kind, job in self._jobs.items()}

    def _info(self, job: Job) -> dict[str, list[int]]:
        return dict(Disco(settings=self._master.settings).jobinfo(job.name))
