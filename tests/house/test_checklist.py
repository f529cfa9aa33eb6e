"""The page of features says what the tests say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("checklist", ROOT / "tools" / "checklist.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["checklist"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


checklist = load()


def test_the_page_is_current() -> None:
    current = checklist.PAGE.read_text() == checklist.page()
    assert current, "run tools/checklist.py"


def test_every_row_that_is_named_is_a_row_of_the_table() -> None:
    known = {feature.row for feature in checklist.features()}
    beyond = {
        row: where[0] for row, where in checklist.proofs().items() if row not in known and row[0] == "M"
    }
    assert not beyond


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("M7 and C12", ["M7", "C12"]),
        ("M121-M123, M130", ["M121", "M122", "M123", "M130"]),
        ("F17–19", ["F17", "F18", "F19"]),
        ("M30-M7", []),
        ("M1-M700", []),
        ("MSG1 AM12 M1234", []),
    ],
)
def test_rows_in_a_text(text: str, rows: list[str]) -> None:
    assert list(checklist.rows_named(text)) == rows


def test_rows_in_the_name_of_a_test() -> None:
    assert list(checklist.rows_of_a_name("test_push_m297_c9")) == ["M297", "C9"]
    assert not list(checklist.rows_of_a_name("test_b2b_of_m3u_files"))
    assert not list(checklist.rows_of_a_name(None))


def test_a_row_that_nothing_shows_is_open() -> None:
    row = checklist.Feature("M1", "area", "name", "")
    assert checklist.state(row, []) == "open"
    assert checklist.state(checklist.Feature("M1", "area", "name", "a reason"), []) == "a reason"
    assert "test_it" in checklist.state(row, [checklist.Proof("tests/test_it.py", "test_it")])
