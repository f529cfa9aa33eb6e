"""The classic worker: runs jobs made of job functions, and what these may ask about their task.

Every parameter is looked up in the job's arguments, then in the attributes of the job (so a subclass of Job
may fix parameters), then here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from ...deprecation import deprecated
from .. import base, current
from ..inputs import TaskReplicas, open_indexes, task_inputs
from . import func
from .entries import default_reader, text_stream
from .external import MODES, program_files
from .inlining import source_of
from .mapping import DEFAULT_OUTPUT, run_map
from .reducing import run_reduce
from .signatures import innermost
from .streams import as_chain, open_input

if TYPE_CHECKING:
    from ...client.packing.homezip import DiscoZipFile
    from ...task import Task

FUNCTIONS = (
    "map", "map_init", "map_reader", "combiner", "partition", "reduce", "reduce_init", "reduce_reader",
    "notifier",
)  # fmt: skip
STREAMS = ("map_input_stream", "map_output_stream", "reduce_input_stream", "reduce_output_stream")


class Params:
    """A container for a job's own parameters and state: `Params(a=1).a`. Each task gets its own copy.

    Deprecated since 0.4: any object that can be pickled will do.
    """

    def __init__(self, **kwargs: Any) -> None:
        deprecated("Params", "0.4", "give any object that can be pickled as params")
        self.__dict__.update(kwargs)

    def __repr__(self) -> str:
        return f"Params({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"


class Worker(base.Worker):
    """A worker for jobs made of job functions. Its parameters, beside those of `disco.worker.Worker`:

    - `map`: function (entry, params) that gives pairs, or an external program
    - `map_reader`: the last input stream of a map, None for lines; `map_input_stream`, `map_output_stream`:
      the whole chains
    - `combiner`: (key, value, buffer, done, params), run over what a map gives to one partition
    - `partition`: (key, nr_partitions, params) that gives a number; `partitions`: how many, None for a file
      a map without any
    - `reduce`: function (iter, out, params) that adds pairs to `out`, or (iter, params) that gives pairs, or
      an external program; `reduce_reader`, `reduce_input_stream`, `reduce_output_stream` as for the map
    - `merge_partitions`: one reduce reads all partitions
    - `sort`: a reduce gets its pairs by ascending key; `sort_buffer_size`: the memory for that, "10%" of the
      machine's, "100M", or bytes
    - `params`: any object, a copy for each task; `ext_params`: a string or dictionary for external programs
    - `required_files`: a list of paths, or a dictionary of content by name
    - `required_modules`: names to import and (name, path) pairs to send; None to find them
    - `requirements`: packages to bring along, a list or the path of a requirements file
    - `jobenvs`: variables of the tasks' environment, a dictionary
    - `notifier`: told the URL of each input that is opened
    - `status_interval`: a message every so many entries, 0 for none
    - `map_init`, `reduce_init`: (entries, params), called first; deprecated since 0.4
    """

    map_source = ""  # of the submitted job, so that nodes can compile its map in another form

    def defaults(self) -> dict[str, Any]:
        return {
            **super().defaults(),
            "map_init": None,
            "map_reader": None,
            "map_input_stream": (func.task_input_stream,),
            "map_output_stream": DEFAULT_OUTPUT,
            "combiner": None,
            "partition": func.default_partition,
            "reduce_init": None,
            "reduce_reader": func.chain_reader,
            "reduce_input_stream": (func.task_input_stream,),
            "reduce_output_stream": DEFAULT_OUTPUT,
            "notifier": func.notifier,
            "params": Params.__new__(Params),  # each job has one; only making one's own is deprecated
            "required_files": (),
            "required_modules": None,
            "sort": False,
            "sort_buffer_size": "10%",
            "status_interval": 100_000,
        }

    def jobdict(self, job: Any, **jobargs: Any) -> dict[str, Any]:
        self.map_source = source_of(self.getitem("map", job, jobargs))
        return super().jobdict(job, **jobargs)

    def jobzip(self, job: Any, **jobargs: Any) -> DiscoZipFile:
        archive = super().jobzip(job, **jobargs)
        for mode in MODES:
            for name, content, can_run in program_files(mode, self.getitem(mode, job, jobargs)):
                archive.writebytes(name, content, executable=can_run)
        return archive

    def getter(self, job: Any, jobargs: Mapping[str, Any]) -> Callable[[str], Any]:
        """`getitem` for this job."""
        return lambda key: self.getitem(key, job, jobargs)

    def shipped(self, job: Any, jobargs: Mapping[str, Any]) -> list[Callable[..., Any]]:
        get = self.getter(job, jobargs)
        functions = [get(key) for key in FUNCTIONS]
        return [f for f in chain(functions, *(as_chain(get(key)) for key in STREAMS)) if callable(f)]

    def prepare(self, job: Any, jobargs: Mapping[str, Any]) -> None:
        """Import the required modules and let job functions use them by name."""
        import importlib

        get = self.getter(job, jobargs)
        names = [one if isinstance(one, str) else one[0] for one in get("required_modules") or ()]
        known: dict[str, Any] = {}
        for name in names:
            importlib.import_module(name)
            known[name.partition(".")[0]] = sys.modules[name.partition(".")[0]]
        for function in self.shipped(job, jobargs):
            _offer(function, known)

    def start(self, task: Task, job: Any, **jobargs: Any) -> None:
        super().start(task, job, **jobargs)
        for function in self.shipped(job, jobargs):
            _offer(function, {"Task": task})

    def run_mode(self, task: Task, job: Any, jobargs: Mapping[str, Any]) -> None:
        (run_map if task.mode == "map" else run_reduce)(self, task, job, jobargs)

    # ---- reading

    def input_streams(
        self, job: Any, jobargs: Mapping[str, Any], mode: str
    ) -> tuple[Callable[..., Any], ...]:
        """The chain of input streams of a mode, its reader last."""
        get = self.getter(job, jobargs)
        streams = as_chain(get(f"{mode}_input_stream"))
        reader = get(f"{mode}_reader")
        if len(streams) > 1 and (not reader or self.is_default(f"{mode}_reader", reader)):
            return streams  # a longer chain brings its own reader
        if not reader:
            return (*streams, default_reader)
        is_own = str(getattr(innermost(reader), "__module__", "")).startswith("disco.")
        return (*streams, reader) if is_own else (*streams, text_stream, reader)

    def is_default(self, key: str, value: Any) -> bool:
        """Whether a parameter has the value that it has when nobody gives one."""
        return self.defaults().get(key) is value

    def entries(self, task: Task, job: Any, jobargs: Mapping[str, Any], mode: str) -> Iterable[Any]:
        """The records of the task's inputs, as its readers give them."""
        streams = self.input_streams(job, jobargs, mode)
        params = self.getitem("params", job, jobargs)
        opener = self.opener(task, job, jobargs, lambda url: open_input(streams, url, params))
        return self.input(task, open=opener)

    def opener(
        self, task: Task, job: Any, jobargs: Mapping[str, Any], open_one: Callable[[str], Iterable[Any]]
    ) -> Callable[[str], Iterable[Any]]:
        """`open_one`, for the outputs in an index too: a reduce reads those of its own label."""
        get = self.getter(job, jobargs)
        notifier = get("notifier")
        has_own_label = task.mode == "reduce" and not get("merge_partitions")
        label = str(task.taskid) if has_own_label else None

        def open_and_tell(url: str) -> Iterable[Any]:
            if notifier:
                notifier(url)
            return open_one(url)

        return open_indexes(open_and_tell, label)


def _offer(function: Any, names: Mapping[str, Any]) -> None:
    """Let a job function see `names` as globals, unless it has its own of that name."""
    inner = innermost(function)
    own = getattr(inner, "__globals__", None)
    module = str(getattr(inner, "__module__", ""))
    if own is not None and not module.startswith("disco."):
        for name, value in names.items():
            own.setdefault(name, value)


# ---- what job functions may ask


def get(*args: Any, **kwargs: Any) -> Any:
    """See `disco.task.Task.get`."""
    return current.running_task().get(*args, **kwargs)


def put(*args: Any, **kwargs: Any) -> None:
    """See `disco.task.Task.put`."""
    current.running_task().put(*args, **kwargs)


def this_name() -> str:
    """Returns the jobname for the current task."""
    return current.running_task().jobname


def this_host() -> str:
    """Returns hostname of the node that executes the current task."""
    return current.running_task().host


def this_master() -> str | None:
    """Returns hostname and port of the disco master."""
    return current.running_task().master


def this_partition() -> int:
    """The number of the task: in a map any unique one from 0 on, in a reduce its partition."""
    return current.running_task().taskid


def this_inputs() -> list[list[str]]:
    """Returns the inputs for the worker: for each, the URLs of its replicas."""
    assert current.channel is not None
    found: Iterable[TaskReplicas] = task_inputs(current.channel)
    return [replicas.urls() for replicas in found]


__all__ = ["Params", "Worker", "get", "put", "this_host", "this_inputs", "this_master",
           "this_name", "this_partition"]  # fmt: skip

if __name__ == "__main__":
    Worker.main()
