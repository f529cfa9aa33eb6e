"""The invariants can fail: each deliberate bug is found, by what it does, within a few seeds."""

from __future__ import annotations

import re

import pytest
from simulation.mutants import MUTANTS
from simulation.runs import Failure, run_seed

from disco_master.core.master import Core

SEEDS = 150


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_deliberate_bug_is_found(mutant: type[Core]) -> None:
    for seed in range(SEEDS):
        try:
            run_seed(seed, core=mutant, journal="rows")
        except Failure as failure:
            assert re.search(MUTANTS[mutant], str(failure)), failure
            return
    raise AssertionError(f"{mutant.__name__} was not found in {SEEDS} seeds")
