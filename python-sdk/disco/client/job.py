"""Jobs, as programs make and follow them. Source: documents 4.1.4."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ..deprecation import deprecated
from ..error import DiscoError, JobError
from ..worker.classic import external
from ..worker.classic.worker import Worker as ClassicWorker
from ..worker.simple import Worker as SimpleWorker
from .packing.parameters import OUTDATED, REPLACED, complaint

if TYPE_CHECKING:
    from ..settings import DiscoSettings
    from .core import Disco
    from .packing.jobpack import JobPack

PROXIED = (
    "clean", "events", "kill", "jobinfo", "jobpack", "mapresults", "oob_get", "oob_list", "profile_stats",
    "purge", "results", "wait",
)  # fmt: skip


class Job:
    """A job: a handle of one that is there (`name` is its exact name), or a new one (`name` is its prefix).

    `master` is a URL or a Disco; `worker` defaults to `Worker()`. Attributes of a subclass are parameters of
    the job. The methods of Disco that take a job's name (`wait`, `results`, `purge`, ...) are here too.
    """

    Worker: type[Any] = ClassicWorker
    proxy_functions = PROXIED

    def __init__(
        self,
        name: str | None = None,
        master: str | Disco | None = None,
        worker: Any = None,
        settings: DiscoSettings | None = None,
    ) -> None:
        self.name = name or type(self).__name__
        self.worker = self.Worker() if worker is None else worker
        self._master = master
        self._settings = settings

    @property
    def disco(self) -> Disco:
        """The master that the job belongs to."""
        from .core import Disco

        if not isinstance(self._master, Disco):
            self._master = Disco(master=self._master, settings=self._settings)
        return self._master

    @property
    def settings(self) -> DiscoSettings:
        return self.disco.settings

    def __repr__(self) -> str:
        return f"<Job {self.name}>"

    def __getattr__(self, name: str) -> Any:
        if name in PROXIED:
            return partial(getattr(self.disco, name), self.name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        # a task needs the job's parameters, not the client's connections
        return {k: v for k, v in self.__dict__.items() if k not in ("_master", "_settings", "worker")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _master=None, _settings=None, worker=None)

    def run(self, **jobargs: Any) -> Job:
        """Pack the job and submit it; returns the job, with the unique name that the master gave it.

        `jobargs` are parameters of its worker: see `disco.worker.classic.worker.Worker`.

        Raises JobError when the job can't be packed or is refused, CommError when no master answers.
        """
        self.name = self.disco.submit(self.pack(**jobargs).dumps(), job=self)
        return self

    def pack(self, **jobargs: Any) -> JobPack:
        """The job pack that `run` submits. Raises JobError."""
        from ..task import jobdata
        from .packing.jobpack import JobPack

        self._check(jobargs)
        jobargs.setdefault("name", self.name)
        carried = external.carried({key: value for key, value in jobargs.items() if key != "input"})
        try:
            pack = JobPack(
                self.worker.jobdict(self, **jobargs),
                self.worker.jobenvs(self, **jobargs),
                self.worker.jobhome(self, **jobargs),
                jobdata(self.worker, self, carried),
            )
            pack.dumps()
        except (DiscoError, ValueError) as error:
            if isinstance(error, JobError) or hasattr(error, "url"):
                raise
            raise JobError(self, str(error)) from error
        return pack

    def _check(self, jobargs: Mapping[str, Any]) -> None:
        """Refuse parameters that nothing would look at, and those that can't be what they are."""
        if type(self.worker) is ClassicWorker:
            wrong = complaint(jobargs, {*self.worker, *self.worker.defaults()})
        else:  # a worker of the user's may take any others
            wrong = complaint([name for name in jobargs if name in REPLACED], ())
        old = [name for name in REPLACED if name not in ("clean",) and name in vars(type(self))]
        wrong = "; ".join(part for part in (wrong, complaint(old, ())) if part)
        programs = external.MODES if isinstance(self.worker, ClassicWorker) else ()
        for key in ("map", "reduce", "combiner", "partition"):
            value = self.worker.getitem(key, self, jobargs)
            if external.is_external(value) and key in programs:
                params = self.worker.getitem("ext_params", self, jobargs)
                wrong = wrong or external.complaint(key, value, params)
            elif value is not None and value is not False and not callable(value):
                wrong = wrong or f"{key} must be a function, not {type(value).__name__}"
        if wrong:
            raise JobError(self, wrong)
        for key, instead in OUTDATED.items():
            if self.worker.getitem(key, self, jobargs):
                deprecated(key, "0.4", instead)


class SimpleJob(Job):
    """A job whose methods `map` and `reduce` are its tasks: called with (worker, task, **jobargs)."""

    Worker = SimpleWorker


class JobChain(dict[Job, Any]):
    """Jobs with their inputs: a list of URLs, or of other jobs of the chain, whose results are the input.

    `JobChain({second: [first], first: ["tag://data"]}).wait()` runs each job as soon as its inputs are ready.
    """

    def wait(self, poll_interval: float = 1) -> None:
        """Run all jobs. Raises JobError when one fails."""
        results: dict[Job, list[str]] = {}
        started: list[Job] = []
        while len(results) < len(self):
            for job, inputs in self.items():
                if job not in started and all(one in results for one in _jobs(inputs)):
                    job.run(input=_expanded(inputs, results))
                    started.append(job)
            running = [job for job in started if job not in results]
            if not running:
                raise JobError(
                    next(iter(self)), "the jobs of this chain wait for each other; nothing can run"
                )
            for job in running:
                status, urls = job.results(timeout=0)
                if status == "ready":
                    results[job] = urls
                elif status != "active":
                    raise JobError(job, job.disco.failure_of(job.name, status))
            if len(results) < len(self):
                time.sleep(0 if len(results) > len(started) - len(running) else poll_interval)

    def purge(self) -> None:
        """Purge all jobs of the chain."""
        for job in self:
            job.purge()


def _jobs(inputs: Any) -> list[Job]:
    return [one for one in ([inputs] if isinstance(inputs, Job) else inputs) if isinstance(one, Job)]


def _expanded(inputs: Any, results: dict[Job, list[str]]) -> list[Any]:
    found: list[Any] = []
    for one in [inputs] if isinstance(inputs, Job) else inputs:
        found += results[one] if isinstance(one, Job) else [one]
    return found
