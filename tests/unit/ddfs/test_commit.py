"""The commit protocol as a plan (M262)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from disco_master.ddfs.commit import Commit, Phase, begin


def test_k_temporaries_then_renames() -> None:
    commit = begin(("a", "b", "c", "d"), wanted=3, minimum=1)
    assert commit.to_write() == ("a", "b", "c")
    assert commit.to_rename() == ()
    commit = commit.wrote({"a": True, "b": True, "c": True})
    assert commit.to_write() == ()
    assert commit.to_rename() == ("a", "b", "c")
    commit = commit.renamed({"a": "u1", "b": "u2", "c": "u3"})
    assert commit.phase is Phase.DONE
    assert commit.urls == {"a": "u1", "b": "u2", "c": "u3"}


def test_a_failing_node_is_replaced_before_anything_is_renamed() -> None:
    commit = begin(("a", "b", "c", "d"), 3, 1).wrote({"a": True, "b": False, "c": True})
    assert commit.phase is Phase.WRITING
    assert commit.to_write() == ("d",)
    assert commit.wrote({"d": True}).to_rename() == ("a", "c", "d")


def test_fewer_than_k_are_enough_when_no_node_is_left() -> None:
    commit = begin(("a", "b"), 2, 1).wrote({"a": False, "b": True})
    assert commit.to_rename() == ("b",)


def test_below_the_minimum_it_aborts() -> None:
    commit = begin(("a", "b", "c"), 3, 2).wrote({"a": False, "b": True, "c": False})
    assert commit.phase is Phase.ABORTED
    assert commit.to_rename() == ()
    assert commit.written == ("b",)


def test_no_candidate_at_all_aborts() -> None:
    assert begin((), 0, 1).phase is Phase.ABORTED


def test_one_rename_is_success_and_the_others_are_in_doubt() -> None:
    commit = begin(("a", "b"), 2, 1).wrote({"a": True, "b": True}).renamed({"a": None, "b": "u"})
    assert commit.phase is Phase.DONE
    assert commit.urls == {"b": "u"}
    assert commit.doubtful() == ("a",)


def test_without_any_rename_nobody_is_sure() -> None:
    commit = begin(("a",), 1, 1).wrote({"a": True}).renamed({"a": None})
    assert commit.phase is Phase.UNSURE
    assert commit.doubtful() == ("a",)


@given(
    st.integers(0, 6),
    st.integers(1, 4),
    st.integers(1, 4),
    st.lists(st.booleans(), min_size=6, max_size=6),
    st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_any_failures(nodes: int, wanted: int, minimum: int, writes: list[bool], renames: list[bool]) -> None:
    names = tuple("abcdef"[:nodes])
    commit: Commit = begin(names, wanted, minimum)
    for _ in range(nodes + 1):
        if asked := commit.to_write():
            commit = commit.wrote({name: writes["abcdef".index(name)] for name in asked})
    assert commit.phase in (Phase.ABORTED, Phase.RENAMING)
    good = [name for name in names if writes["abcdef".index(name)]]
    assert (commit.phase is Phase.ABORTED) == (len(good) < min(minimum, wanted))
    if commit.phase is Phase.RENAMING:
        assert list(commit.to_rename()) == good[:wanted]
        commit = commit.renamed({n: n if renames["abcdef".index(n)] else None for n in commit.to_rename()})
        assert (commit.phase is Phase.DONE) == any(renames["abcdef".index(n)] for n in good[:wanted])
        assert {*(commit.urls or {}), *commit.doubtful()} == set(good[:wanted])
