"""The page of features by language: current, and every test that it names is there."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("parity", ROOT / "tools" / "parity.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["parity"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


parity = load()
PROOFS = list(parity.proofs())


def test_the_page_is_current() -> None:
    assert parity.PAGE.read_text() == parity.page(), "run tools/parity.py"


@pytest.mark.parametrize("proof", PROOFS, ids=lambda p: f"{p.language}: {p.feature}")
def test_every_test_that_is_named_exists(proof: Any) -> None:
    assert proof.exists(), f"{proof.path} has no test {proof.test!r}"


def test_a_test_that_is_not_there_is_noticed() -> None:
    real = PROOFS[0]
    gone = parity.Proof(real.section, real.feature, real.language, real.path, real.test + "_at_all")
    assert real.exists() and not gone.exists()
    assert not parity.Proof("", "", "go", "sdk-go/none_test.go", real.test).exists()
