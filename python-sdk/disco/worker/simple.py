"""The simple worker: a task is one call of the job's method that is named like its mode.

    class Hello(SimpleJob):
        def map(self, worker, task, **jobargs):
            for line in worker.input(task):
                worker.output(task).file.write(line)

There are no readers, partitions or sorts but those that the method brings along.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import base

if TYPE_CHECKING:
    from ..task import Task


class Worker(base.Worker):
    """Calls `map(worker, task, **jobargs)` or `reduce(worker, task, **jobargs)`."""

    def run_mode(self, task: Task, job: Any, jobargs: Mapping[str, Any]) -> None:
        self.getitem(str(task.mode), job, jobargs)(self, task, **jobargs)


if __name__ == "__main__":
    Worker.main()
