"""What the nodes hold: the outputs of attempts, and the indexes that merges made of them.

An output is named by its attempt, so that from what a reduce has read, or a job returns, one sees which tasks
are in it, and how often.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from disco_master.actions import Launch, Shuffle
from disco_master.model import Mode, Output, OutputKind

Content = tuple[Output, ...]


class Data:
    def __init__(self, reachable: Callable[[str], bool]) -> None:
        """`reachable` says whether a node can be read from at the moment."""
        self._reachable = reachable
        self._indexes: dict[str, Content] = {}  # URL -> what it lists
        self._made: dict[str, Content] = {}  # the same, also of those that a wiped disk has lost since
        self._written: dict[str, dict[str, None]] = {}  # node -> the outputs that it really has

    def write(self, node: str, outputs: Content) -> None:
        held = self._written.setdefault(node, {})
        held.update((output.url, None) for output in outputs if output.kind is not OutputKind.TAG)

    def merge(self, order: Shuffle) -> str:
        """The URL of the index; "" if something that it should list is not there."""
        held = self._written.get(order.node, {})
        if any(output.url not in held for output in order.outputs):
            return ""
        url = index_url(order.node, order.job, order.mode)
        self._indexes[url] = self._made[url] = order.outputs
        return url

    def wipe(self, node: str) -> None:
        self._written.pop(node, None)
        for url in [url for url in self._indexes if node_of(url) == node]:
            del self._indexes[url]

    def read(self, url: str) -> Content | None:
        """None if it can't be read now."""
        return self._indexes.get(url) if self._reachable(node_of(url)) else None

    def listed(self, url: str) -> Content:
        """What an index lists, read it or not: the master can't know of every lost disk."""
        return self._made.get(url, ())


def index_url(node: str, job: str, mode: Mode) -> str:
    return f"dir://{node}/{job}/{mode}-index"


def node_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


def make_outputs(launch: Launch, labels: int, rng: random.Random) -> Content:
    spec = launch.spec
    name = f"{spec.job}/{spec.mode}-{spec.task}-{spec.attempt}"
    if spec.mode is Mode.REDUCE and rng.random() < 0.15:
        return (Output(f"tag://{spec.mode}-{spec.task}-{spec.attempt}", OutputKind.TAG),)
    return tuple(
        Output(f"disco://{launch.node}/{name}-{label}", OutputKind.PART, label, rng.randint(0, 9))
        for label in range(labels)
    )


def tasks_in(outputs: Content) -> list[int]:
    """The tasks that made the outputs, each once for every attempt of it that is there."""
    attempts = dict.fromkeys(tuple(output.url.rpartition("/")[2].split("-")[1:3]) for output in outputs)
    return [int(task) for task, _ in attempts]
