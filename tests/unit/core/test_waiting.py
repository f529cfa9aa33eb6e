"""The waiting queues against a plain model: the same choice, whatever came before (M183, M185, W15)."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from disco_master.core.scheduling.free import FreeNodes
from disco_master.core.scheduling.waiting import Waiting
from disco_master.core.task import Task

NODES = "abcd"
HOMES = st.lists(st.sampled_from(NODES), max_size=3, unique=True).map(lambda names: tuple(sorted(names)))
SHUNS = st.sampled_from([(), ("a",), ("a", "b"), ("c",)])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), HOMES, SHUNS),
        st.tuples(st.just("take")),
        st.tuples(st.just("free"), st.sampled_from(NODES), st.sampled_from([0.0, 0.5])),
        st.tuples(st.just("busy"), st.sampled_from(NODES)),
        st.tuples(st.just("discard"), st.integers(0, 50)),
        st.tuples(st.just("again"), st.integers(0, 50), SHUNS),
        st.tuples(st.just("drain")),
    ),
    max_size=60,
)


@dataclass
class Model:
    """All waiting tasks in a list, looked through for every choice."""

    may_move: bool
    homes: dict[int, tuple[str, ...]] = field(default_factory=dict)
    waits: dict[int, tuple[str, ...]] = field(default_factory=dict)  # task -> the nodes that it shuns

    def classes(self, free: list[str]) -> list[set[tuple[int, str]]]:
        """Possible pairs: local, unbound, foreign."""
        pairs = [(task, node) for task, shun in self.waits.items() for node in free if node not in shun]
        local = {(task, node) for task, node in pairs if node in self.homes[task]}
        unbound = {(task, node) for task, node in pairs if not self.homes[task]}
        return [local, unbound, set(pairs) - local - unbound] if self.may_move else [local]


@settings(max_examples=300)
@given(STEPS, st.booleans())
def test_the_best_class_of_pairs_is_always_served(steps: list[tuple[object, ...]], may_move: bool) -> None:
    model, tasks, free, loads = Model(may_move), list[Task](), FreeNodes(), dict[str, float]()
    waiting = Waiting(lambda task: model.homes[task.id], may_move=may_move)
    for step in steps:
        match step:
            case ("add", tuple(homes), tuple(shun)):
                task = Task(len(tasks))
                tasks.append(task)
                model.homes[task.id], model.waits[task.id] = homes, shun
                waiting.add(task, shun)
            case ("again", int(number), tuple(shun)) if number < len(tasks):
                if number not in model.waits:
                    model.waits[number] = shun
                    waiting.add(tasks[number], shun)
            case ("discard", int(number)) if number < len(tasks):
                waiting.discard(tasks[number])
                model.waits.pop(number, None)
            case ("free", str(node), float(load)):
                free.put(node, load)
                loads[node] = load
            case ("busy", str(node)):
                free.drop(node)
                loads.pop(node, None)
            case ("drain",):
                assert [task.id for task in waiting.drain()] == sorted(model.waits)
                model.waits = {}
            case ("take",):
                check_choice(waiting, model, free, loads)
        assert waiting.size == len(model.waits)
        assert sum(group.size for group in waiting.groups.values()) == waiting.size
        assert [task.id for task in tasks if task.group] == sorted(model.waits)


def check_choice(waiting: Waiting, model: Model, free: FreeNodes, loads: dict[str, float]) -> None:
    best = next((pairs for pairs in model.classes(sorted(loads)) if pairs), set())
    pair = waiting.take(free)
    if pair is None:
        assert not best
        return
    task, node = pair
    assert (task.id, node) in best
    shun = model.waits.pop(task.id)
    same = [other for id, other in best if model.waits.get(id, shun) == shun]
    assert loads[node] == min(loads[other] for other in same)
