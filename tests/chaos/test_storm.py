"""Word count, join and sort over real text while processes are killed and stopped: the same bytes (W1-W3).

A failing seed is replayed by `pytest tests/chaos/test_storm.py -k 'storm[SEED]' -m "slow or soak"`. When its
faults come depends on the machine; what they are does not.
"""

from __future__ import annotations

from collections import Counter

import pytest
from chaos.cluster import BoxCluster
from chaos.jobs import Files, Three
from chaos.storm import Storm

SEEDS_SLOW, SEEDS_SOAK = 2, 100


def seeds() -> list[object]:
    slow = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(SEEDS_SLOW)]
    return slow + [pytest.param(seed, marks=pytest.mark.soak) for seed in range(SEEDS_SLOW, SEEDS_SOAK)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", seeds())
def test_storm(
    cluster: BoxCluster, inputs: list[str], expected: Files, faults: Counter[str], seed: int
) -> None:
    three = Three(cluster.master, inputs)
    with Storm(cluster, seed) as storm:
        outputs = three.outputs()
    assert outputs == expected
    cluster.await_nodes()
    assert storm.faults.total() > 0
    faults.update(storm.faults)
