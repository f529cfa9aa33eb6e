"""The node table, slots and the blacklist (M8, M13, M35, M184, M482 to M486)."""

from __future__ import annotations

import pytest

from disco_master.core.nodes import Nodes
from disco_master.node_table import NODES_MAX, SLOTS_MAX, expand_rows


def up(nodes: Nodes, name: str, slots: int = 4) -> None:
    node = nodes.get(name)
    node.connected, node.reported = True, slots
    nodes.changed(node)


@pytest.mark.parametrize(
    ("spec", "hosts"),
    [
        ("localhost", ["localhost"]),
        ("nx01:03", ["nx01", "nx02", "nx03"]),
        ("nx9:11", ["nx09", "nx10", "nx11"]),
        ("a1-b08:8", ["a1-b8"]),
        ("10.0.0.1", ["10.0.0.1"]),
        ("1:2", ["1", "2"]),
    ],
)
def test_a_row_names_one_host_or_a_range(spec: str, hosts: list[str]) -> None:
    """M35: the right part is the last number, its width the width of all."""
    assert expand_rows([(spec, "8")]) == dict.fromkeys(hosts, 8)


@pytest.mark.parametrize(
    "rows",
    [
        [("", "1")],
        [("a b", "1")],
        [("a", "")],
        [("a", "-1")],
        [("a", "x")],
        [("a:b", "1")],
        [("nx3:2", "1")],
        [("nx1:", "1")],
        [("a/../b", "1")],
        [("a", str(SLOTS_MAX + 1))],
        [(f"n1:{NODES_MAX + 1}", "1")],
    ],
)
def test_a_bad_row_is_an_invalid_config(rows: list[tuple[str, ...]]) -> None:
    """M483"""
    with pytest.raises(ValueError, match=r"^invalid config$"):
        expand_rows(rows)


def test_the_largest_table_is_valid() -> None:
    assert len(expand_rows([(f"n1:{NODES_MAX}", str(SLOTS_MAX))])) == NODES_MAX
    assert expand_rows([]) == {}
    assert expand_rows([("a", "0")]) == {"a": 0}


def test_a_host_may_come_once() -> None:
    """M696, M483"""
    with pytest.raises(ValueError, match=r"^duplicate nodes$"):
        expand_rows([("nx01:05", "1"), ("nx03", "1")])


def test_the_table_decides_the_slots_else_the_node() -> None:
    """M8"""
    nodes = Nodes()
    up(nodes, "a")
    up(nodes, "own")
    assert (nodes.get("a").slots, nodes.get("own").slots) == (4, 4)
    nodes.save_table((("a", "7"), ("b", "2")))
    assert (nodes.get("a").slots, nodes.get("b").slots, nodes.get("own").slots) == (7, 2, 4)
    view = nodes.view()
    assert [(node.name, node.connected, node.slots) for node in view.values()] == [
        ("a", True, 7),
        ("own", True, 4),
        ("b", False, 2),
    ]


def test_a_node_that_is_taken_out_of_the_table_is_closed() -> None:
    """M184"""
    nodes = Nodes()
    nodes.save_table((("a", "1"), ("b", "1")))
    up(nodes, "a")
    nodes.save_table((("b", "1"),))
    assert not nodes.is_usable(nodes.get("a"))
    assert list(nodes.view()) == ["a", "b"]
    nodes.get("a").connected = False
    nodes.changed(nodes.get("a"))
    assert list(nodes.view()) == ["b"]
    nodes.save_table((("a", "3"),))
    up(nodes, "a")
    assert nodes.is_usable(nodes.get("a"))


def test_a_bad_table_changes_nothing() -> None:
    nodes = Nodes()
    nodes.save_table((("a", "1"),))
    with pytest.raises(ValueError, match="duplicate"):
        nodes.save_table((("b", "1"), ("b", "1")))
    assert nodes.rows == (("a", "1"),)
    assert list(nodes.view()) == ["a"]


def test_the_blacklist_closes_a_node_and_follows_the_table() -> None:
    """M483, M484"""
    nodes = Nodes()
    nodes.save_table((("a", "1"), ("b", "1")))
    up(nodes, "a")
    for kind, name in (("tasks", "a"), ("tasks", "b"), ("gc", "b")):
        nodes.set_listed(kind, name, True)
    assert not nodes.free
    nodes.save_table((("a", "1"),))
    assert (list(nodes.blacklist), list(nodes.gc_blacklist)) == (["a"], [])


def test_the_least_loaded_free_node_comes_first() -> None:
    """M183"""
    nodes = Nodes()
    for name, slots in (("a", 2), ("b", 4), ("c", 1), ("d", 1)):
        up(nodes, name, slots)
    for number, name in enumerate("abc"):
        nodes.get(name).running[number] = "job"
        nodes.changed(nodes.get(name))
    assert list(nodes.free) == ["d", "b", "a"]
