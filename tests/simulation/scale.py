"""What a decision costs, and what a large job takes: `python -m simulation.scale`.

The core alone, fed by hand: no engine, no files but the journal. Attempts end in the order of their launch.
Times are of the processor, so that a busy machine does not make them longer.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from disco_master.actions import Action, Launch, Record, Shuffle
from disco_master.core.master import Core
from disco_master.events import AttemptEnded, Event, JobSubmitted, NodeUp, ShuffleEnded
from disco_master.model import AttemptEnd, JobSpec, JobStatus, Outcome, Output, OutputKind
from disco_master.store.journal import Journal

BATCH = 1000  # records a commit, as the loop does under load


class Feed:
    """A core, and all that it has launched. `times` are those of its answers, in seconds."""

    def __init__(self, nodes: int, slots: int = 4, journal: Journal | None = None) -> None:
        self.core = Core(1)
        self.flying: deque[Launch] = deque()
        self.times: list[float] = []
        self.local = self.launches = 0
        self._journal = journal
        self._records: list[Record] = []
        self._nodes = nodes
        for i in range(nodes):
            self.tell(NodeUp(f"n{i}", 1, slots))

    def tell(self, event: Event) -> None:
        started = time.thread_time()
        actions = self.core.handle(event, 1000.0)
        self.times.append(time.thread_time() - started)
        self._take(actions)

    def _take(self, actions: list[Action]) -> None:
        merges = []
        for action in actions:
            if isinstance(action, Launch):
                self.flying.append(action)
                self.launches += 1
                urls = action.spec.inputs[0].urls
                self.local += any(url.startswith(f"disco://{action.node}/") for url in urls)
            elif isinstance(action, Record) and self._journal:
                self._records.append(action)
            elif isinstance(action, Shuffle):
                merges.append(action)
        if self._journal and len(self._records) >= BATCH:
            self.commit()
        for merge in merges:
            index = f"dir://{merge.node}/{merge.job}/{merge.mode}-index"
            self.tell(ShuffleEnded(merge.job, merge.mode, merge.node, index, number=merge.number))

    def commit(self) -> None:
        assert self._journal is not None
        self._journal.append(self._records)
        self._records = []

    def submit(self, name: str, tasks: int, reduces: int = 0) -> None:
        inputs = tuple(
            tuple(f"disco://n{(i * 7 + j * 31) % self._nodes}/{name}/{i}" for j in range(3))
            for i in range(tasks)
        )
        self.tell(JobSubmitted(JobSpec(name, name, "me", "worker", inputs, True, reduces > 0, reduces)))

    def end_one(self) -> None:
        launch = self.flying.popleft()
        spec = launch.spec
        url = f"disco://{launch.node}/{spec.job}/{spec.mode}-{spec.task}-{spec.attempt}"
        end = AttemptEnd(Outcome.DONE, outputs=(Output(url, OutputKind.PART, 0, 1000),))
        self.tell(AttemptEnded(spec.attempt, spec.job, spec.mode, spec.task, launch.node, end))

    def run(self, limit: int | None = None) -> None:
        count = 0
        while self.flying and count != limit:
            self.end_one()
            count += 1


def decisions(nodes: int, jobs: int, tasks: int) -> dict[str, object]:
    """A full cluster: each end frees a slot, and a task is chosen for it."""
    feed = Feed(nodes)
    started = time.thread_time()
    for i in range(jobs):
        feed.submit(f"job{i}", tasks)
    filling = time.thread_time() - started
    launched = feed.launches
    feed.times.clear()
    feed.run(20_000)
    return {
        "nodes": nodes,
        "jobs": jobs,
        "tasks": jobs * tasks,
        "first_launches": launched,
        "us_per_first_launch": round(filling / launched * 1e6, 1),
        "us_median": round(statistics.median(feed.times) * 1e6, 1),
        "us_p99": round(statistics.quantiles(feed.times, n=100)[98] * 1e6, 1),
        "us_max": round(max(feed.times) * 1e6, 1),
        "local": round(feed.local / feed.launches, 3),
    }


def one_large_job(tasks: int, reduces: int) -> dict[str, object]:
    """Memory of this process, and the time of a restart in the middle of the job and after it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        with Journal(path) as journal:
            before = _memory_mib()
            feed = Feed(100, 8, journal)
            started = time.thread_time()
            feed.submit("job", tasks, reduces)
            feed.run(tasks - 800)
            feed.commit()
            took = time.thread_time() - started
            memory = _memory_mib() - before
        size = path.stat().st_size
        middle = _restart(path)
        with Journal(path) as journal:
            feed._journal = journal
            feed.run()
            feed.commit()
        assert feed.core.snapshot().jobs["job"].status is JobStatus.READY
        return {
            "tasks": tasks,
            "reduces": reduces,
            "us_per_task_with_journal": round(took / tasks * 1e6, 1),
            "memory_mib": round(memory, 1),
            "journal_mib": round(size / 2**20, 1),
            "restart_s": round(middle, 2),
            "restart_after_it_ended_s": round(_restart(path), 3),
        }


def _restart(path: Path) -> float:
    started = time.thread_time()
    with Journal(path) as journal:
        core = Core(2)
        for event, now in journal.replay():
            core.restore(event, now)
    core.resume(2000.0)
    return time.thread_time() - started


def _memory_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m simulation.scale", description=__doc__)
    parser.add_argument("--large-job", type=int, metavar="TASKS", help="only this measurement")
    options = parser.parse_args(arguments)
    if options.large_job:
        print(json.dumps(one_large_job(options.large_job, 100)))
        return
    for nodes, jobs, tasks in ((100, 1, 50_000), (1000, 1, 50_000), (10_000, 1, 100_000), (10_000, 200, 500)):
        print(json.dumps(decisions(nodes, jobs, tasks)), flush=True)
    for tasks in (10_000, 50_000):  # each in a process of its own, for its memory
        subprocess.run([sys.executable, "-m", "simulation.scale", "--large-job", str(tasks)], check=True)


if __name__ == "__main__":
    main()
