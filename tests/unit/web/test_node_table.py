"""The node table's host specs (M482, M483)."""

from __future__ import annotations

import pytest

from disco_master.node_table import NODES_MAX, SLOTS_MAX, TableError, check_table, expand


@pytest.mark.parametrize(
    ("spec", "hosts"),
    [
        ("localhost", ["localhost"]),
        ("name01:03", ["name01", "name02", "name03"]),
        ("n8:11", ["n08", "n09", "n10", "n11"]),
        ("127.0.0.1:3", ["127.0.0.1", "127.0.0.2", "127.0.0.3"]),
        ("10.0.0.7", ["10.0.0.7"]),
        ("[::1]", ["[::1]"]),
        ("[fd00::a:7]", ["[fd00::a:7]"]),
        ("n5:5", ["n5"]),
    ],
)
def test_host_specs(spec: str, hosts: list[str]) -> None:
    assert expand(spec) == hosts


@pytest.mark.parametrize(
    "spec",
    ["", "a b", "a/b", "n5:4", "n:4", "n1:", "n1:x", "é", "a" * 254, "n1:2:3", "::1", "[]", "[x]", "[::1"],
)
def test_what_is_no_host_spec(spec: str) -> None:
    with pytest.raises(TableError, match="invalid config"):
        expand(spec)


def test_number_of_nodes_on_both_sides() -> None:
    assert len(expand(f"n1:{NODES_MAX}")) == NODES_MAX
    with pytest.raises(TableError):
        expand(f"n1:{NODES_MAX + 1}")
    assert check_table([[f"n1:{NODES_MAX}", "1"]])
    with pytest.raises(TableError):
        check_table([[f"n1:{NODES_MAX}", "1"], ["one-more", "1"]])


def test_number_of_slots_on_both_sides() -> None:
    assert check_table([["n", "0"], ["m", str(SLOTS_MAX)]]) == (("n", "0"), ("m", str(SLOTS_MAX)))
    with pytest.raises(TableError):
        check_table([["n", str(SLOTS_MAX + 1)]])


def test_an_empty_table_and_blanks() -> None:
    assert check_table([]) == ()
    assert check_table([[" n1 ", " 2 "]]) == (("n1", "2"),)


@pytest.mark.parametrize("row", [["a"], ["a", "1", "2"], ["a", 1], "a1", None])
def test_a_row_is_two_texts(row: object) -> None:
    with pytest.raises(TableError, match="invalid config"):
        check_table([row])
