"""The list of free nodes, against the plain answer (M183, W15)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from disco_master.core.scheduling.free import LOG_KEPT, FreeNodes

NAMES = "abcdef"
CHANGES = st.lists(
    st.tuples(st.sampled_from(NAMES), st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 0.75]))),
    max_size=60,
)


def apply(free: FreeNodes, loads: dict[str, float], name: str, load: float | None) -> None:
    if load is None:
        free.drop(name)
        loads.pop(name, None)
    else:
        free.put(name, load)
        loads[name] = load


@given(CHANGES)
def test_it_is_sorted_by_load_and_name(changes: list[tuple[str, float | None]]) -> None:
    free, loads = FreeNodes(), dict[str, float]()
    for name, load in changes:
        apply(free, loads, name, load)
        assert list(free) == sorted(loads, key=lambda one: (loads[one], one))
        assert len(free) == len(loads)
        assert all(free.load(one) == loads.get(one) for one in NAMES)
        for shun in ((), ("a",), ("a", "b", "c")):
            assert free.best(shun) == next((one for one in free if one not in shun), None)


@given(CHANGES, st.integers(0, 60))
def test_the_log_names_every_node_that_got_room(changes: list[tuple[str, float | None]], when: int) -> None:
    """Whoever reads from a mark on misses no node that has more room now than it had then."""
    free, loads = FreeNodes(), dict[str, float]()
    for name, load in changes[:when]:
        apply(free, loads, name, load)
    mark, before = free.mark, dict(loads)
    for name, load in changes[when:]:
        apply(free, loads, name, load)
    news = free.since(mark)
    better = [one for one in loads if one not in before or loads[one] < before[one]]
    assert news is None or set(better) <= set(news)


def test_the_log_is_bounded_and_says_when_it_can_not_answer() -> None:
    free = FreeNodes()
    for i in range(3 * LOG_KEPT):
        free.put(f"n{i}", 0.0)
    mark = free.mark
    for i in range(5 * LOG_KEPT):
        free.drop("n0")
        free.put("n0", 0.0)
        assert len(free._log) <= 2 * LOG_KEPT
        if i == 10:
            assert list(free.since(mark) or ()) == ["n0"] * 11
    assert free.since(mark) is None
    assert free.since(free.mark) == []
