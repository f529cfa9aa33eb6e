"""The index of tag versions and the K−1 rule (M234, M261)."""

from __future__ import annotations

import pytest

from disco_master.ddfs.index import TagIndex, too_many_unlisted
from disco_master.ddfs.names import parse_object


@pytest.fixture
def index() -> TagIndex:
    made = TagIndex()
    made.list_node("n1", 1, ["a$9-1-1", "a$10-1-1", "b$1-1-1", "!partial.c$1-1-1", "junk"])
    made.list_node("n2", 1, ["a$10-1-1", "b$1-1-0"])
    return made


def test_the_newest_version_wins_and_all_its_holders_are_told(index: TagIndex) -> None:
    assert index.newest("a") == (parse_object("a$10-1-1"), ("n1", "n2"))
    assert index.newest("b") == (parse_object("b$1-1-1"), ("n1",))
    assert index.newest("c") is None


def test_names_are_sorted_and_filtered(index: TagIndex) -> None:
    index.list_node("n3", 1, ["b:x$1-1-1"])
    assert index.names() == ["a", "b", "b:x"]
    assert index.names("b") == ["b", "b:x"]


def test_commits_are_added_and_never_make_a_tag_older(index: TagIndex) -> None:
    index.add("n2", parse_object("b$2-1-1"))
    index.add("n2", parse_object("b$1-1-1"))
    assert index.newest("b") == (parse_object("b$2-1-1"), ("n2",))


def test_a_forgotten_node_takes_its_versions_along(index: TagIndex) -> None:
    index.forget("n1")
    index.forget("never there")
    assert index.newest("b") == (parse_object("b$1-1-0"), ("n2",))
    assert index.nodes() == ["n2"]


def test_a_new_generation_is_not_listed(index: TagIndex) -> None:
    assert index.is_listed("n1", 1)
    assert not index.is_listed("n1", 2)
    assert not index.is_listed("n3", 1)


@pytest.mark.parametrize(
    ("nodes", "replicas", "unsafe"),
    [
        ([("n1", 1), ("n2", 1)], 3, False),
        ([("n1", 1), ("n2", 1), ("n3", 1), ("n4", 1)], 3, False),  # 2 unlisted, K = 3
        ([("n1", 1), ("n2", 1), ("n3", 1), ("n4", 1), ("n5", 1)], 3, True),  # 3 unlisted
        ([("n1", 2), ("n2", 1)], 3, False),  # K = 2 with two nodes
        ([("n1", 2), ("n2", 2)], 3, True),
        ([("n1", 2)], 3, True),  # one node: K = 1
        ([("n1", 1)], 1, False),
        ([], 3, True),  # no node at all: nothing is known
    ],
)
def test_k_minus_1_rule(index: TagIndex, nodes: list[tuple[str, int]], replicas: int, unsafe: bool) -> None:
    assert too_many_unlisted(index, nodes, replicas) is unsafe
