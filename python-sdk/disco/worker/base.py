"""The base of all Python workers: a dictionary of parameters that packs a job and runs its tasks.

On the client, `jobdict`, `jobenvs` and `jobhome` make the parts of the job pack. On a node, a task is
`start`, `run`, `end`. Source: documents 4.1.9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..error import DiscoError
from . import current
from .inputs import Input, MergedInput, Open, SerialInput, task_inputs
from .outputs import Output

if TYPE_CHECKING:
    from ..client.packing.homezip import DiscoZipFile
    from ..task import Task

WORKER_FILE = "disco-worker"  # in the job home; Disco starts it


class Worker(dict[str, Any]):
    """A worker: its items are default values of the job's parameters.

    - `map`, `reduce`: what a task of that mode calls
    - `save`: keep the results in DDFS, under the tag `disco:job:results:JOB`
    - `profile`: measure the tasks, for `Disco.profile_stats`
    - `input`: a list of URLs, and of lists of replicas of one input
    - `name`: the first part of the job's name; `owner`: the setting DISCO_JOB_OWNER unless given
    - `scheduler`: a dictionary of `max_cores`, `force_local`, `force_remote`, `max_failures`
    """

    bin = WORKER_FILE

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(self.defaults())
        self.update(kwargs)
        self._outputs: dict[str | None, Output] = {}

    def defaults(self) -> dict[str, Any]:
        """Default values of the parameters."""
        return {
            "map": None,
            "reduce": None,
            "save": False,
            "profile": False,
            "merge_partitions": False,
            "partitions": 1,
        }

    def getitem(self, key: str, job: Any, jobargs: Mapping[str, Any], default: Any = None) -> Any:
        """A parameter: from `jobargs`, else an attribute of `job`, else an item of this worker."""
        if key in jobargs:
            return jobargs[key]
        if hasattr(job, key):
            return getattr(job, key)
        return self.get(key, default)

    # ---- on the client

    def jobdict(self, job: Any, **jobargs: Any) -> dict[str, Any]:
        """The job dict, with inputs expanded."""
        from ..client.packing.jobdict import make_jobdict

        return make_jobdict(self, job, jobargs)

    def jobenvs(self, job: Any, **jobargs: Any) -> dict[str, str]:
        """Environment variables of the worker: those of the parameter `jobenvs`.

        Shared libraries are found in the job home's `lib`. What is given here is part of the job pack, which
        everyone who reaches the master can read.
        """
        given = self.getitem("jobenvs", job, jobargs) or {}
        if not isinstance(given, Mapping):
            raise DiscoError(f"jobenvs must be a dictionary of environment variables, not {given!r:.100}")
        envs = {str(name): str(value) for name, value in given.items()}
        paths = filter(None, ("lib", envs.get("LD_LIBRARY_PATH")))
        return {**envs, "LD_LIBRARY_PATH": ":".join(paths)}

    def jobhome(self, job: Any, **jobargs: Any) -> bytes:
        """The job home, as the bytes of a ZIP archive."""
        archive = self.jobzip(job, **jobargs)
        archive.close()
        return archive.dumps()

    def jobzip(self, job: Any, **jobargs: Any) -> DiscoZipFile:
        """A hook: the archive of the job home, still open for more files."""
        from ..client.packing.homezip import new_home

        return new_home(self, job, jobargs)

    def shipped(self, job: Any, jobargs: Mapping[str, Any]) -> Iterable[Callable[..., Any]]:
        """The functions of the job, whose modules have to be sent with it."""
        found = (self.getitem(key, job, jobargs) for key in ("map", "reduce"))
        return [function for function in found if callable(function)]

    # ---- on a node

    @classmethod
    def main(cls) -> None:
        """Be a worker process: run the tasks that Disco has for it. Guard it by a check for __main__."""
        from .boot import main

        main()

    def prepare(self, job: Any, jobargs: Mapping[str, Any]) -> None:
        """Called once in a worker process, before its first task."""

    def start(self, task: Task, job: Any, **jobargs: Any) -> None:
        """Called before `run`."""
        self._outputs = {}

    def run(self, task: Task, job: Any, **jobargs: Any) -> None:
        """Do the work of a task: call the function that is named by the task's mode."""
        if self.getitem("profile", job, jobargs):
            from .profiling import profiled

            profiled(task, lambda: self.run_mode(task, job, jobargs))
        else:
            self.run_mode(task, job, jobargs)

    def run_mode(self, task: Task, job: Any, jobargs: Mapping[str, Any]) -> None:
        """What `run` runs, and measures when it is asked to."""
        self.getitem(str(task.mode), job, jobargs)(task, job, **jobargs)

    def end(self, task: Task, job: Any, **jobargs: Any) -> None:
        """Called after `run`: complete the outputs and tell Disco about them."""
        from ..protocol.messages import OutputMsg

        outputs = list(self._outputs.values())
        for output in outputs:
            output.close()
        channel = _channel()
        is_last = task.mode == "reduce" or not self.getitem("reduce", job, jobargs)
        if is_last and self.getitem("save", job, jobargs):
            from .saving import save_outputs

            if outputs:
                channel.ask(OutputMsg(save_outputs(task, outputs), "tag"))
            return
        for output in outputs:
            label = int(output.partition) if output.partition is not None else 0
            channel.ask(OutputMsg(output.path, "disco" if output.partition is None else "part", label))

    def input(self, task: Task, merged: bool = False, **kwds: Any) -> Input:
        """The inputs of the task. `open` in `kwds` takes a URL and gives a file or other iterable."""
        kind = MergedInput if merged else SerialInput
        opener: Open | None = kwds.pop("open", None)
        return kind(task_inputs(_channel()), task=task, open=opener, **kwds)

    def output(self, task: Task, partition: str | int | None = None, **kwds: Any) -> Output:
        """The output for a partition: opened at the first call, the same at later ones."""
        label = None if partition is None else str(partition)
        if label not in self._outputs:
            name = f"{task.mode}-{task.taskid}" if label is None else f"part-{label}"
            kind = "disco" if label is None else "part"
            self._outputs[label] = Output((task.path(name), kind, label), **kwds)
        return self._outputs[label]


def _channel() -> Any:
    if current.channel is None:
        raise RuntimeError("no task is running here; inputs and outputs belong to tasks")
    return current.channel
