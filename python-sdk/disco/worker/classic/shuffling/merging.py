"""Merging sorted runs a block at a time, so that the built-in sort does the work and not a loop of ours.

Of each run a batch is at hand. Nothing still unread can come before the least of the batches' last keys; so
what does not lie behind that key is laid end to end and sorted, which makes a block of the output, and
the run whose batch is used up brings its next one.

Invariant: equal items come in the order of the runs. The run with the least last key may go on with that same
key, so later runs keep theirs back until it is through.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from .ordering import OrderKey

Block = list[tuple[Any, Any]]  # of a key and what belongs to it, sorted by key

_key = itemgetter(0)


def merged(runs: list[Iterator[Block]], order: OrderKey) -> Iterator[Block]:
    """The items of sorted runs, sorted."""
    rank = _key if order is None else lambda item: order(item[0])
    heads: list[tuple[Block, Iterator[Block]]] = [([], run) for run in runs]
    while heads := [(block, run) for block, run in map(_refilled, heads) if block]:
        last_ranks = [rank(block[-1]) for block, _ in heads]
        owner = min(range(len(heads)), key=last_ranks.__getitem__)
        result: Block = []
        for place, (block, _) in enumerate(heads):
            if place == owner:
                end = len(block)
            else:
                end = (bisect_right if place < owner else bisect_left)(block, last_ranks[owner], key=rank)
            result += block[:end]
            del block[:end]
        result.sort(key=rank)
        yield result


def _refilled(head: tuple[Block, Iterator[Block]]) -> tuple[Block, Iterator[Block]]:
    block, run = head
    return block or next(run, []), run
