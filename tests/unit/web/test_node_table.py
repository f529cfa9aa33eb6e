"""The node table's host specs (M482, M483)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disco_master.core.nodes import expand_rows
from disco_master.web.node_table import MAX_NODES, MAX_SLOTS, TableError, check_table, expand


@pytest.mark.parametrize(
    ("spec", "hosts"),
    [
        ("localhost", ["localhost"]),
        ("name01:03", ["name01", "name02", "name03"]),
        ("n8:11", ["n08", "n09", "n10", "n11"]),
        ("127.0.0.1:3", ["127.0.0.1", "127.0.0.2", "127.0.0.3"]),
        ("10.0.0.7", ["10.0.0.7"]),
        ("n5:5", ["n5"]),
    ],
)
def test_host_specs(spec: str, hosts: list[str]) -> None:
    assert expand(spec) == hosts


@pytest.mark.parametrize("spec", ["", "a b", "a/b", "n5:4", "n:4", "n1:", "n1:x", "é", "a" * 254, "n1:2:3"])
def test_what_is_no_host_spec(spec: str) -> None:
    with pytest.raises(TableError, match="invalid config"):
        expand(spec)


def test_number_of_nodes_on_both_sides() -> None:
    assert len(expand(f"n1:{MAX_NODES}")) == MAX_NODES
    with pytest.raises(TableError):
        expand(f"n1:{MAX_NODES + 1}")
    assert check_table([[f"n1:{MAX_NODES}", "1"]])
    with pytest.raises(TableError):
        check_table([[f"n1:{MAX_NODES}", "1"], ["one-more", "1"]])


def test_number_of_slots_on_both_sides() -> None:
    assert check_table([["n", "0"], ["m", str(MAX_SLOTS)]]) == (("n", "0"), ("m", str(MAX_SLOTS)))
    with pytest.raises(TableError):
        check_table([["n", str(MAX_SLOTS + 1)]])


def test_an_empty_table_and_blanks() -> None:
    assert check_table([]) == ()
    assert check_table([[" n1 ", " 2 "]]) == (("n1", "2"),)


specs = st.from_regex(r"[a-b.]{0,2}[0-9]{0,2}(:[0-9]{1,2})?", fullmatch=True)


@given(st.lists(st.tuples(specs, st.sampled_from(["0", "9", "x", "10001"])), max_size=3))
def test_the_core_takes_what_the_check_takes(rows: list[tuple[str, str]]) -> None:
    def verdict(check: Callable[[], object]) -> str:
        try:
            check()
        except ValueError as error:
            return str(error)
        return "taken"

    ours = verdict(lambda: check_table([list(row) for row in rows]))
    assert (ours == "taken") == (verdict(lambda: expand_rows(rows)) == "taken")
    if ours == "taken":
        assert list(expand_rows(rows)) == [host for spec, _ in rows for host in expand(spec)]
