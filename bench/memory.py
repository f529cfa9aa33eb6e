"""Peak memory of whole process trees: proportional set size, sampled while the work runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

SAMPLE_S = 0.02


def tree(root: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it ended meanwhile
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def pss_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def peak_bytes(roots: Callable[[], list[int]], work: Callable[[], object]) -> int:
    """The highest sum over the trees of `roots()` while `work` runs, less what they had before it."""
    before = sum(pss_bytes(pid) for root in roots() for pid in tree(root))
    over = threading.Event()
    peak = before

    def watch() -> None:
        nonlocal peak
        while not over.wait(SAMPLE_S):
            peak = max(peak, sum(pss_bytes(pid) for root in roots() for pid in tree(root)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        over.set()
        watcher.join()
    return peak - before
