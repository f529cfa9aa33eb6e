"""Why a job's tasks wait: one line for each reason, for the user.

Invariant: the counts in the lines about tasks add up to the tasks of the open phase that wait.
"""

from __future__ import annotations

from .board import Board
from .job import Job
from .nodes import Node
from .phase import Phase, Stage
from .scheduling.waiting import Group
from .task import TaskState


def explain(board: Board, name: str) -> list[str]:
    """Empty for a job in which nothing waits."""
    job = board.jobs.get(name)
    if job is None:
        return [f"unknown job {name}"]
    if not job.is_active:
        return [f"the job is {job.status}"]
    phase = job.open_phase()
    if phase is None:
        return _shuffle(board, job)
    reasons = [_paused(board, job, phase)]
    if phase.waiting.size:
        common = _common(board, job)
        if common:
            reasons.append(f"{_tasks(phase, phase.waiting.size)}: {common}")
        else:
            reasons += [_group(board, job, phase, group) for group in phase.waiting.groups.values()]
    return [reason for reason in reasons if reason]


def _tasks(phase: Phase, count: int) -> str:
    return f"{count} {phase.mode} task{'s' if count != 1 else ''}"


def _common(board: Board, job: Job) -> str:
    """A reason that holds for all waiting tasks of the job."""
    if job.is_resumed:
        return f"the master has restarted, and waits a moment for {', '.join(sorted(board.awaited))}"
    if job.is_held:
        source = job.sources()
        away = [node for node in (source.holders if source else ()) if not board.nodes.is_connected(node)]
        return f"what they read is on {', '.join(sorted(away))}, which is away"
    if job.in_flight >= job.spec.scheduler.max_cores:
        return f"max_cores of the job ({job.spec.scheduler.max_cores}) is reached"
    nodes = board.nodes.all.values()
    if not nodes:
        return "there are no nodes"
    if not any(node.connected for node in nodes):
        return "no node is connected"
    if not board.nodes.usable:
        return _why_none_usable(board, [node for node in nodes if node.connected])
    return ""


def _why_none_usable(board: Board, connected: list[Node]) -> str:
    listed = [node.name for node in connected if node.name in board.nodes.blacklist]
    closed = [f"{node.name}: {node.closed}" for node in connected if node.closed]
    if not listed and not closed:
        return "no node has slots"
    if not closed:
        return f"every connected node is blacklisted ({', '.join(listed)})"
    return (
        "every connected node is closed ("
        + "; ".join([*closed, *(f"{n}: blacklisted" for n in listed)])
        + ")"
    )


def _group(board: Board, job: Job, phase: Phase, group: Group) -> str:
    head = _tasks(phase, group.size)
    usable = [name for name in board.nodes.usable if name not in group.shun]
    if not usable:
        return f"{head}: none of the usable nodes may run them (ruled out: {', '.join(group.shun)})"
    if not phase.placement.may_move:
        usable = [name for name in usable if name in group.counts]
        if not usable:
            places = ", ".join(group.counts) or "no node of the cluster"
            return f"{head}: force_local, and no node with their input may run tasks ({places})"
    return f"{head}: no free slot on {', '.join(usable)}"


def _paused(board: Board, job: Job, phase: Phase) -> str:
    """Tasks that have failed and pause before they are tried again."""
    paused = [task for task in phase.tasks if task.state is TaskState.WAITING and task.group is None]
    if not paused:
        return ""
    pauses = board.timers.pauses()
    until = [pauses.get((job.name, phase.mode, task.id), board.now) for task in paused]
    soonest = max(0.0, min(until) - board.now)
    head = _tasks(phase, len(paused))
    return f"{head}: failed, and wait before they are tried again (the first for {soonest:.0f} s)"


def _shuffle(board: Board, job: Job) -> list[str]:
    reasons = []
    for phase in job.phases:
        if phase.stage is not Stage.SHUFFLE:
            continue
        for node in sorted(phase.holders):
            if node in phase.merging:
                reasons.append(f"shuffle of {phase.mode}: {node} is merging")
            elif not board.nodes.is_connected(node):
                reasons.append(f"shuffle of {phase.mode}: {node} is away")
            elif node in phase.merge_pauses:
                reasons.append(f"shuffle of {phase.mode}: {node} failed, and waits before it is tried again")
    return reasons
