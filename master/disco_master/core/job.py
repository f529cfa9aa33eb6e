"""One job: its phases in order, what its tasks read, and how it looks from outside.

A job is ACTIVE from its submission until it is READY (the last phase is shuffled) or DEAD; then it keeps its
last view and nothing else. The phases follow each other: a phase may run while all before it are
*complete* (all tasks done, all holders merged). When the tasks of the next phase are all done nobody will
read a phase any more, and what is lost of it needs no repair.

It leaves to the core: attempts, time, nodes and orders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..model import Counts, Input, JobSpec, JobStatus, JobView, Mode
from .inputs import as_inputs, hosts_of, spread_reduces
from .phase import Phase, Stage
from .scheduling.backups import Stragglers
from .scheduling.placement import Placement

INPUTS_SHOWN = 100
NO_TASKS = Counts()


class Job:
    """`running` maps the attempts that count to their nodes; `in_flight` also counts those being killed."""

    def __init__(self, spec: JobSpec, number: int, now: float) -> None:
        self.spec = spec
        self.number = number  # age: older jobs have smaller ones
        self.started_s = now
        self.status = JobStatus.ACTIVE
        self.phases = self._make_phases(spec)
        self.running: dict[int, str] = {}
        self.in_flight = 0
        self.served = 0  # when it last got a slot, for fairness
        self.is_held = False  # what the open phase reads is not to be had at the moment
        self.is_resumed = False  # the master has restarted, and nodes may still run its tasks
        self.shaken_s = -1.0  # when a node that the later phase reads from was last lost
        self.texts: dict[str, str] = {}  # equal failure messages, kept once
        self.was_remade = False  # outputs were lost and made again: what read them before is void
        self.remakes = 0  # how often outputs were given up because they could not be read
        self.look_s: float | None = None  # when it is next looked for stragglers
        self._gone: dict[str, None] = {}  # lost holders whose outputs nobody needed so far
        self._inputs: tuple[Input, ...] | None = None
        self._view: JobView | None = None

    @classmethod
    def ended(cls, view: JobView, number: int) -> Job:
        """A job of which only the last view is known."""
        job = cls(_empty_spec(view), number, view.started_s)
        job.end(view)
        return job

    @staticmethod
    def _make_phases(spec: JobSpec) -> list[Phase]:
        if not spec.inputs:
            return []
        phases = []
        if spec.has_map:
            placement = Placement(spec.inputs, spec.scheduler)
            labels = spec.nr_reduces if spec.has_reduce else 0
            phases.append(Phase(Mode.MAP, len(spec.inputs), placement, labels))
        if spec.has_reduce:
            phases.append(Phase(Mode.REDUCE, spec.nr_reduces, Placement()))
        for phase in phases if spec.scheduler.backup_tasks else ():
            phase.stragglers = Stragglers(len(phase.tasks))
        return phases

    # -- phases

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def is_active(self) -> bool:
        return self.status is JobStatus.ACTIVE

    def phase(self, mode: Mode) -> Phase | None:
        return next((phase for phase in self.phases if phase.mode is mode), None)

    def open_phase(self) -> Phase | None:
        return next((phase for phase in self.phases if phase.is_open), None)

    def is_needed(self, index: int) -> bool:
        """Whether anybody will still read what the phase of that index makes."""
        if index + 1 == len(self.phases):
            return True
        reader = self.phases[index + 1]
        return reader.stage is Stage.NEW or not reader.all_done

    def is_runnable(self) -> bool:
        """Whether a free slot may go to this job now."""
        if (
            not self.is_active
            or self.is_held
            or self.is_resumed
            or self.in_flight >= self.spec.scheduler.max_cores
        ):
            return False
        phase = self.open_phase()
        return phase is not None and phase.waiting.size > 0

    def holds_on(self, node: str) -> bool:
        """Whether outputs of this job on the node may still be needed."""
        return self.is_active and any(node in phase.holders for phase in self.phases)

    def sources(self) -> Phase | None:
        """The phase that made what the open phase reads; None if it reads the job's own inputs."""
        for index, phase in enumerate(self.phases[1:]):
            if phase.is_open:
                return self.phases[index]
        return None

    def reads_from(self, node: str) -> bool:
        source = self.sources()
        return source is not None and node in source.holders

    def lose(self, node: str) -> dict[Mode, list[int]]:
        """The node's outputs are lost: undo the tasks that must run again. Returns their ids by mode."""
        self._gone[node] = None
        self.was_remade = True
        undone: dict[Mode, list[int]] = {}
        for index in reversed(range(len(self.phases))):
            phase = self.phases[index]
            if not self.is_needed(index):
                continue
            for gone in self._gone:
                for task in phase.forget_outputs(gone):
                    undone.setdefault(phase.mode, []).append(task.id)
        self._gone = {
            gone: None for gone in self._gone if any(gone in phase.holders for phase in self.phases)
        }
        self.changed_inputs()
        return undone

    # -- what tasks read

    def inputs_of(
        self, phase: Phase, task: int, node: str, load: Callable[[str], float]
    ) -> tuple[Input, ...]:
        """A map task reads its own input; every reduce task reads all that there is."""
        if phase.mode is Mode.MAP:
            return as_inputs((self.spec.inputs[task],), node, load)
        if phase is not self.phases[0]:
            if self._inputs is None:
                self._inputs = as_inputs(((url,) for url in self.phases[0].final or ()), node, load)
            return self._inputs
        if self._inputs is None and all(len(urls) == 1 for urls in self.spec.inputs):
            self._inputs = as_inputs(self.spec.inputs, node, load)
        return self._inputs or as_inputs(self.spec.inputs, node, load)

    def changed_inputs(self) -> None:
        self._inputs = None

    def prefer(self, phase: Phase) -> None:
        """Choose where the reduce tasks should run: where most of what they read lies."""
        if phase.mode is not Mode.REDUCE:
            return
        if phase is not self.phases[0]:
            held: Mapping[str, Sequence[int]] = self.phases[0].held
        else:
            hosts = dict.fromkeys(host for urls in self.spec.inputs for host in hosts_of(urls))
            held = {host: () for host in hosts if host in phase.placement.cluster}
        phase.placement.prefer(spread_reduces(len(phase.tasks), held))

    # -- the outside

    def changed(self) -> None:
        if self.is_active:
            self._view = None

    def view(self) -> JobView:
        if self._view is None:
            self._view = self._make_view()
        return self._view

    def end(self, view: JobView) -> None:
        """The job is over; keep its last view and let go of the rest."""
        self.status = view.status
        self._view = view
        self.spec = replace(self.spec, inputs=self.spec.inputs[:INPUTS_SHOWN])
        self.phases = []
        self.running = {}
        self.texts = {}
        self._inputs = None

    def last_view(self, status: JobStatus, now: float, failure: str) -> JobView:
        """The view with which the job ends."""
        ready = status is JobStatus.READY
        results = (self.phases[-1].final or ()) if ready and self.phases else ()
        return replace(
            self._make_view(),
            status=status,
            results=results,
            failure=failure,
            ended_s=now,
            hosts=(),
            phase="",
        )

    def _make_view(self) -> JobView:
        spec = self.spec
        by_mode = {phase.mode: phase for phase in self.phases}
        first = by_mode.get(Mode.MAP)
        return JobView(
            name=spec.name,
            owner=spec.owner,
            worker=spec.worker,
            started_s=self.started_s,
            status=self.status,
            has_map=spec.has_map,
            has_reduce=spec.has_reduce,
            map=first.counts() if first else NO_TASKS,
            reduce=by_mode[Mode.REDUCE].counts() if Mode.REDUCE in by_mode else NO_TASKS,
            inputs=spec.inputs[:INPUTS_SHOWN],
            hosts=tuple(self.running.values()),
            map_results=first.final if first else () if spec.has_map else None,
            phase=self._phase_name(),
        )

    def _phase_name(self) -> str:
        for index, phase in enumerate(self.phases):
            if not phase.all_done:
                return phase.mode.value
            if phase.final is None and self.is_needed(index):
                return "shuffle"
        return ""


def _empty_spec(view: JobView) -> JobSpec:
    return JobSpec(
        name=view.name,
        prefix=view.name.partition("@")[0],
        owner=view.owner,
        worker=view.worker,
        inputs=(),
        has_map=view.has_map,
        has_reduce=view.has_reduce,
        nr_reduces=0,
    )
