"""Sorting more records than fit into the buffer, on real worker processes, by the memory that they take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from unit.worker import large_jobs as jobs

MakeDisco = Callable[..., Any]
HOUR_S = 3600


def run(
    make_disco: MakeDisco, map: Any, reduce: Any, records: int, buffer: str
) -> tuple[dict[str, int], int]:
    """The records of the job, and the largest peak of its two tasks in MB."""
    disco = make_disco(
        input=[f"raw://{records}"],
        map=map,
        reduce=reduce,
        sort=True,
        sort_buffer_size=buffer,
        disco={"timeout_s": HOUR_S},
    )
    with disco.start() as process:
        mapped = process.run_task("map", 0, [[f"raw://{records}"]])
        assert mapped.outcome == "done", mapped.text
        reduced = process.run_task("reduce", 0, [[disco.index("map", [mapped.outputs])]])
        assert reduced.outcome == "done", reduced.text
    found = dict(disco.records([disco.index("reduce", [reduced.outputs])]))
    [map_peak] = [int(text.split()[-1]) for text in mapped.messages if text.startswith("map peak")]
    return found, max(map_peak, found.pop("peak"))


@pytest.mark.slow
def test_a_million_records_in_a_buffer_of_ten_megabytes(make_disco: MakeDisco) -> None:
    """M383: in memory they would take 200 MB."""
    found, peak_mb = run(make_disco, jobs.distinct_keys, jobs.checked_order, 1_000_000, "10M")
    assert found == {"count": 1_000_000, "total": sum(range(1_000_000))}
    assert peak_mb < 64


@pytest.mark.slow
def test_a_key_with_more_values_than_fit_into_the_buffer(make_disco: MakeDisco) -> None:
    """M383: a group is never whole in memory either."""
    found, peak_mb = run(make_disco, jobs.two_keys, jobs.counted_groups, 1_000_000, "10M")
    assert found == {"first": 1, "many": 999_999}
    assert peak_mb < 64


@pytest.mark.slow
def test_records_of_100_kb_in_a_buffer_of_ten_megabytes(make_disco: MakeDisco) -> None:
    """M383: batches and hunks are cut by size, not only by number."""
    found, peak_mb = run(make_disco, jobs.large_values, jobs.counted_groups, 2000, "10M")
    assert found == {"first": 1, "many": 1999}
    assert peak_mb < 64


@pytest.mark.soak
@pytest.mark.timeout(HOUR_S)
def test_ten_million_records_with_200_mb_of_memory(make_disco: MakeDisco) -> None:
    """M383."""
    found, peak_mb = run(make_disco, jobs.distinct_keys, jobs.checked_order, 10_000_000, "40M")
    assert found == {"count": 10_000_000, "total": sum(range(10_000_000))}
    assert peak_mb < 200
