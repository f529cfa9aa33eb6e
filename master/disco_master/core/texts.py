"""What the event log and the failure text say. Clients look for some of these: they are an interface."""

from __future__ import annotations

from ..model import Mode
from .failure.policy import MESSAGE_SHOWN
from .task import Cause

MIB = 1024 * 1024
EPOCH_BITS = 32  # attempt number = epoch << EPOCH_BITS | counter


def attempt_name(attempt: int) -> str:
    """An attempt's number for people: which start of the master, and which attempt since then."""
    return f"{attempt >> EPOCH_BITS}.{attempt & ((1 << EPOCH_BITS) - 1)}"


def duration(seconds: float) -> str:
    """H:MM:SS.mmm"""
    ms = max(0, round(seconds * 1000))
    minutes, ms = divmod(ms, 60_000)
    return f"{minutes // 60}:{minutes % 60:02}:{ms // 1000:02}.{ms % 1000:03}"


def task_line(kind: str, mode: Mode, task: int, text: str) -> str:
    return f"{kind}: [{mode}:{task}] {text}"


def worker_line(mode: Mode, task: int, text: str) -> str:
    """A worker's MSG; the attempt's own log keeps all of it."""
    return task_line("MSG", mode, task, text[:MESSAGE_SHOWN])


def retry_line(mode: Mode, task: int, failures: int, pause_s: float) -> str:
    return (
        f"{mode}:{task} Task failed for the {failures}th time. "
        f"Sleeping {max(1, round(pause_s))} seconds before retrying."
    )


def how_it_ended(cause: Cause) -> str:
    """Exit status, signal, peak memory and last words, as far as they are known; "" if none is."""
    facts = []
    if cause.signal is not None:
        facts.append(f"killed by signal {cause.signal}")
    elif cause.exit_status is not None:
        facts.append(f"exit status {cause.exit_status}")
    if cause.peak_memory_bytes:
        facts.append(f"peak memory {cause.peak_memory_bytes / MIB:.1f} MiB")
    lines = [", ".join(facts)] if facts else []
    if cause.last_words:
        lines.append(f"last words: {cause.last_words}")
    return "\n".join(lines)


def failure_text(cause: Cause) -> str:
    """One failure for the user: which task, where, why, and how the process ended."""
    where = f"on {cause.node} (attempt {attempt_name(cause.attempt)})"
    head = f"{cause.mode}:{cause.task} failed {where}: {cause.message}"
    tail = how_it_ended(cause)
    return f"{head}\n{tail}" if tail else head


def gave_up_text(cause: Cause, failures: int) -> str:
    return (
        f"{cause.mode}:{cause.task} has failed {failures} times, the most that it may "
        f"(max_failures of the job, else max_failure_rate). It first failed so:\n{failure_text(cause)}"
    )


def job_gave_up_text(cause: Cause, failures: int) -> str:
    return (
        f"The tasks of the job have failed {failures} times together, the most that they may "
        f"(max_job_failures of the job). The last time:\n{failure_text(cause)}"
    )


def killer_text(cause: Cause, losses: int) -> str:
    return (
        f"{cause.mode}:{cause.task} has lost its node {losses} times, the most that it may: it may well be "
        f"what brings the nodes down. The last time:\n{failure_text(cause)}"
    )


def deterministic_text(cause: Cause) -> str:
    return (
        f"{cause.mode}:{cause.task} fails in the same way wherever it is tried, so it is not tried again. "
        f"The last time:\n{failure_text(cause)}"
    )


def nowhere_text(option: str, inputs: tuple[str, ...]) -> str:
    return (
        f"Task is forced to be {option} but there are no nodes where it could be run "
        f"(inputs: {', '.join(inputs)})"
    )
