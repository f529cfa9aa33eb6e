"""Where new data go (M224, M237, C9)."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disco_master.ddfs.placement import (
    ROOM_BYTES,
    NotEnoughNodesError,
    StorageNode,
    choose_for_blob,
    ranked,
    replicas_by_default,
)

ROOMY, FULL = ROOM_BYTES + 1, ROOM_BYTES


def node(name: str, free: int = ROOMY, usable: bool = True) -> StorageNode:
    return StorageNode(name, 1, free, usable)


def test_nodes_with_room_are_drawn_at_random() -> None:
    nodes = [node(f"n{number}") for number in range(5)]
    drawn = {tuple(choose_for_blob(nodes, 2, Random(seed))) for seed in range(200)}
    assert {name for pair in drawn for name in pair} == {n.name for n in nodes}
    assert len(drawn) > 10


def test_full_nodes_come_last_and_the_emptiest_first() -> None:
    nodes = [node("tight", 10), node("fuller", FULL - 1), node("edge", FULL), node("roomy")]
    assert [n.name for n in ranked(nodes, Random(1))] == ["roomy", "edge", "fuller", "tight"]


def test_excluded_and_unusable_nodes_are_never_chosen() -> None:
    nodes = [node("a"), node("b", usable=False), node("c"), node("d")]
    assert {n.name for n in ranked(nodes, Random(1), exclude=["c"])} == {"a", "d"}


def test_included_nodes_come_first_and_unknown_ones_are_passed_over() -> None:
    nodes = [node("a"), node("b", 1), node("c")]
    assert choose_for_blob(nodes, 2, Random(3), include=["b", "nowhere"])[0] == "b"


@pytest.mark.parametrize(("replicas", "exclude"), [(4, []), (3, ["a"]), (0, []), (-1, [])])
def test_too_few_nodes(replicas: int, exclude: list[str]) -> None:
    with pytest.raises(NotEnoughNodesError, match="Not enough nodes for replicas"):
        choose_for_blob([node("a"), node("b"), node("c")], replicas, Random(1), exclude=exclude)


def test_replicas_by_default_fit_the_cluster() -> None:
    assert replicas_by_default([node("a")], 3) == 1
    assert replicas_by_default([node(str(n)) for n in range(5)], 3) == 3
    assert replicas_by_default([node("a"), node("b", usable=False)], 3) == 1


@given(
    st.lists(st.tuples(st.integers(0, 2 * ROOM_BYTES), st.booleans()), max_size=8),
    st.integers(1, 8),
    st.integers(0, 99),
)
def test_choices_are_distinct_and_the_same_for_the_same_seed(
    cluster: list[tuple[int, bool]], replicas: int, seed: int
) -> None:
    nodes = [node(f"n{number}", free, usable) for number, (free, usable) in enumerate(cluster)]
    able = [n.name for n in nodes if n.usable]
    if len(able) < replicas:
        with pytest.raises(NotEnoughNodesError):
            choose_for_blob(nodes, replicas, Random(seed))
        return
    chosen = choose_for_blob(nodes, replicas, Random(seed))
    assert len(set(chosen)) == replicas
    assert set(chosen) <= set(able)
    assert chosen == choose_for_blob(nodes, replicas, Random(seed))
