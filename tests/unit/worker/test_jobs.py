"""Classic jobs on real worker processes: what job functions are given, and what becomes of their output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from unit.worker import sample_jobs as jobs

from disco.job import Job
from disco.worker.classic import func
from disco.worker.classic.worker import Params

RunJob = Callable[..., list[Any]]
TEXTS = ["the cat and the dog\nand the bird\n", "the dog\n", "a cat\n"]
COUNTS = {word.encode(): n for word, n in Counter(" ".join(TEXTS).split()).items()}


def raw(*texts: str) -> list[str]:
    return [f"raw://{quote(text)}" for text in texts]


@pytest.mark.parametrize("reduce", [jobs.count_sorted, jobs.count_added, func.sum_reduce])
@pytest.mark.parametrize("combiner", [None, func.sum_combiner, jobs.two_at_a_time])
@pytest.mark.parametrize("partitions", [1, 3])
def test_word_count_in_every_form(run_job: RunJob, reduce: Any, combiner: Any, partitions: int) -> None:
    """M171, M366, M372, M373, M399-M401, M421, M422: both reduce signatures, with and without combiners."""
    found = run_job(
        input=raw(*TEXTS), map=jobs.words, reduce=reduce, combiner=combiner, partitions=partitions
    )
    assert dict(found) == COUNTS
    assert len(found) == len(COUNTS)


@pytest.mark.parametrize("combiner", [None, func.sum_combiner])
def test_sort_gives_ascending_groups(run_job: RunJob, combiner: Any) -> None:
    """M172, M382."""
    found = run_job(
        input=raw(*TEXTS), map=jobs.words, reduce=jobs.count_grouped, sort=True, combiner=combiner
    )
    assert found == sorted(COUNTS.items())


def test_values_of_a_key_keep_the_order_of_the_input(run_job: RunJob) -> None:
    """M382: sorting is stable, across batches and maps."""
    lines = [repr([("k", i), ("j", -i), ("k", i + 0.5)]) + "\n" for i in range(50)]
    found = run_job(
        input=raw("".join(lines[:25]), "".join(lines[25:])),
        map=jobs.evaluated,
        reduce=jobs.values_in_order,
        sort=True,
    )
    assert found == [("j", [-i for i in range(50)]), ("k", [x for i in range(50) for x in (i, i + 0.5)])]


def test_keys_of_mixed_types_can_be_sorted(run_job: RunJob) -> None:
    """M382: any key type; unhashable and incomparable ones too."""
    pairs = [
        (3, "c"),
        ("x", 1),
        (None, 2),
        ((1, "a"), 3),
        ([2, 1], 4),
        (b"b", 5),
        (1, "a"),
        (2.5, "b"),
        ("x", 6),
    ]
    found = run_job(input=raw(repr(pairs)), map=jobs.evaluated, reduce=jobs.values_in_order, sort=True)
    assert [key for key, _ in found if isinstance(key, int | float)] == [1, 2.5, 3]
    assert {repr(key): values for key, values in found}["'x'"] == [1, 6]
    assert len(found) == 8


def test_a_job_without_reduce_gives_the_maps_output_in_order(run_job: RunJob) -> None:
    """M163, M373: partitions=None: one file a map."""
    found = run_job(input=raw("b a\n", "c\n"), map=jobs.words, partitions=None)
    assert found == [(b"b", 1), (b"a", 1), (b"c", 1)]


def test_a_job_without_reduce_and_with_partitions(run_job: RunJob) -> None:
    """M162, M164."""
    found = run_job(input=raw(*TEXTS), map=jobs.words, partitions=2, combiner=func.sum_combiner)
    counted: Counter[bytes] = Counter()
    for word, count in found:
        counted[word] += count
    assert counted == COUNTS


def test_partitions_go_where_the_partition_function_says(make_disco: Callable[..., Any]) -> None:
    """M380, M402: labels are numbers, a partition without records has no file (M162)."""
    disco = make_disco(
        input=raw("a bb ccccc d ee"),
        map=jobs.words,
        reduce=jobs.all_pairs,
        partition=jobs.by_length,
        partitions=5,
    )
    end = disco.run_task("map", 0, [raw("a bb ccccc d ee")])
    assert sorted((o.label, o.type) for o in end.outputs) == [(0, "part"), (1, "part"), (2, "part")]
    index = disco.index("map", [end.outputs])
    reduced = disco.run_task("reduce", 2, [[index]])
    assert [o.type for o in reduced.outputs] == ["disco"]
    assert disco.records([disco.index("reduce", [reduced.outputs])]) == [(b"bb", 1), (b"ee", 1)]


def test_a_label_out_of_range_ends_the_job(run_map: Callable[..., Any]) -> None:
    """M402."""
    end = run_map(
        input=raw("a"), map=jobs.words, reduce=jobs.all_pairs, partition=jobs.out_of_range, partitions=2
    )
    assert end.outcome == "fatal" and "not in range(2)" in end.text


def test_merge_partitions_reads_all_labels(make_disco: Callable[..., Any]) -> None:
    """M166, M167, M379."""
    disco = make_disco(
        input=raw(*TEXTS), map=jobs.words, reduce=func.sum_reduce, partitions=4, merge_partitions=True
    )
    assert disco.pack.jobdict["nr_reduces"] == 1
    assert dict(disco.records(disco.run_job())) == COUNTS


def test_lines_are_bytes_with_their_newline(run_job: RunJob, tmp_path: Path) -> None:
    """M371, M467: and a bare path is a local file."""
    path = tmp_path / "lines.txt"
    path.write_bytes("one\nzwei äö\nlast".encode())
    expected = [(line, "bytes") for line in (b"one\n", "zwei äö\n".encode(), b"last")]
    assert run_job(input=[str(path)], map=jobs.entry_itself, partitions=None) == expected
    assert run_job(input=[f"file://{path}"], map=jobs.entry_itself, partitions=None) == expected


def test_raw_input_is_decoded_and_old_plain_text_still_read(run_job: RunJob) -> None:
    """C21, M469, M473."""
    inputs = ["raw://a%20b%2F", "raw://plain:text", "url://x/y"]
    found = run_job(input=inputs, map=jobs.entry_itself, partitions=None)
    assert [entry for entry, _ in found] == [b"a b/", b"plain:text", b"url://x/y"]


def test_readers_and_input_streams(run_job: RunJob, tmp_path: Path) -> None:
    """M369, M371, M405: a reader iterates text; params are passed to functions of four arguments only."""
    found = run_job(
        input=raw("ab\ncd\n"), map=jobs.entry_itself, map_reader=jobs.upper_reader, partitions=None
    )
    assert [entry for entry, _ in found] == ["AB\n", "CD\n"]
    streams = (func.task_input_stream, jobs.reader_without_params)
    found = run_job(input=raw("abc"), map=jobs.entry_itself, map_input_stream=streams, partitions=None)
    assert found == [(("raw://abc", 3, b"abc"), "tuple")]


def test_gzipped_lines(run_job: RunJob, tmp_path: Path) -> None:
    """M414, M423."""
    import gzip

    path = tmp_path / "lines.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n"))
    found = run_job(
        input=[str(path)], map=jobs.entry_itself, map_input_stream=func.gzip_stream, partitions=None
    )
    assert [entry for entry, _ in found] == [b"one\n", b"two\n"]


def test_output_streams_are_chained_and_closed(make_disco: Callable[..., Any]) -> None:
    """M370, M375, M406, M408: a stream of the user's is closed before the file under it."""
    streams = (func.task_output_stream, jobs.line_output)
    disco = make_disco(input=raw("b a"), map=jobs.words, partitions=None, map_output_stream=streams)
    [output] = disco.run_task("map", 0, [raw("b a")]).outputs
    assert (disco.home / output.location).read_bytes() == b"b'b'=1\nb'a'=1\nend\n"


def test_both_sides_of_the_shuffle_in_the_format_of_all_languages(run_job: RunJob) -> None:
    """M411, formats: kv in, kv out; a reduce in Python reads what a map in C writes."""
    found = run_job(
        input=raw("[('a', b'1'), (b'b', '2'), ('a', '3')]"),
        map=jobs.evaluated,
        map_output_stream=(func.task_output_stream, func.kv_output_stream),
        reduce_input_stream=(func.task_input_stream, func.kv_input_stream),
        reduce=jobs.values_in_order,
        sort=True,
    )
    assert found == [(b"a", [b"1", b"3"]), (b"b", [b"2"])]


def test_params_are_each_tasks_own(make_disco: Callable[..., Any]) -> None:
    """M384, M385: a task sees the params as they were submitted, whatever an earlier one did to them."""
    with pytest.warns(DeprecationWarning, match="Params is deprecated since 0.4: give any object"):
        params = Params(seen=5)
    disco = make_disco(input=raw("1\n2\n"), map=jobs.count_calls, partitions=None, params=params)
    with disco.start() as process:
        for _ in range(2):
            end = process.run_task("map", 0, [raw("1\n2\n")])
            assert disco.records([disco.index("map", [end.outputs])]) == [("seen", 6), ("seen", 7)]


def test_map_init_may_skip_entries_and_set_params(run_job: RunJob) -> None:
    """M367, M403."""
    given = {"map": jobs.count_calls, "map_init": jobs.skip_two, "partitions": None}
    with pytest.warns(DeprecationWarning, match="map_init is deprecated since 0.4: use map_reader"):
        found = run_job(input=raw("1\n2\n3\n4\n"), **given)
    assert found == [("seen", 101), ("seen", 102)]


def test_reduce_init_may_skip_entries(run_job: RunJob) -> None:
    """M368."""
    given = {"map": jobs.words, "reduce": jobs.all_pairs, "reduce_init": jobs.skip_two, "sort": True}
    with pytest.warns(DeprecationWarning, match="reduce_init is deprecated since 0.4: use reduce_reader"):
        found = run_job(input=raw("d c b a"), **given)
    assert found == [(b"c", 1), (b"d", 1)]


def test_functions_may_ask_about_their_task(run_job: RunJob) -> None:
    """M392-M396, C2: the master is told as a URL."""
    [(name, (host, master, partition, inputs))] = run_job(
        input=raw("x"), map=jobs.about_task, partitions=None
    )
    assert (name, host, master, partition, inputs) == (
        "Test@5f2:aa:1", "localhost", "http://127.0.0.1:1", 0, [["raw://x"]]
    )  # fmt: skip


def test_status_messages(run_map: Callable[..., Any]) -> None:
    """M387."""
    end = run_map(input=raw("1\n" * 7), map=jobs.words, partitions=None, status_interval=3)
    assert end.messages == ["3 entries mapped", "Done: 7 entries mapped"]  # the one for 6 came too soon
    for interval in (0, 8):
        end = run_map(input=raw("1\n" * 7), map=jobs.words, partitions=None, status_interval=interval)
        assert end.messages == []


def test_required_files_lie_in_the_working_directory(run_job: RunJob, tmp_path: Path) -> None:
    """M377: a list of paths."""
    (tmp_path / "words.txt").write_text("hello")
    found = run_job(
        input=raw("x"), map=jobs.reads_files, partitions=None, required_files=[str(tmp_path / "words.txt")]
    )
    assert found == [("hello", "hello")]


def test_required_files_as_a_dictionary(run_job: RunJob) -> None:
    """M377: names and contents."""
    files = {"words.txt": "one", "lib/words.txt": b"two"}
    assert run_job(input=raw("x"), map=jobs.reads_files, partitions=None, required_files=files) == [
        ("one", "two")
    ]


def test_required_modules_are_there_by_name(run_job: RunJob) -> None:
    """M378, M397, M424."""
    found = run_job(input=raw("x"), map=jobs.uses_global_module, partitions=None, required_modules=["math"])
    assert found == [("pi", 3)]


def test_a_subclass_fixes_parameters(run_job: RunJob) -> None:
    """M330: the documents' Grep; arguments of run come before attributes (M350)."""
    assert run_job(jobs.Grep(), input=raw("ab\nc\n")) == [("raw://ab%0Ac%0A", "ab\n")]
    assert run_job(jobs.Grep(), input=raw("ab\nc\n"), params="c") == [("raw://ab%0Ac%0A", "c\n")]


def test_methods_as_job_functions_and_chained_jobs(make_disco: Callable[..., Any], monkeypatch: Any) -> None:
    """M173, M330, M409: the results of a job are the input of the next."""
    first = make_disco(input=raw("a b", "b"), map=jobs.words, reduce=func.sum_reduce, partitions=2)
    results = first.run_job()
    from disco.schemes.scheme_dir import parse_dir
    from disco.task import Task
    from disco.worker import current

    monkeypatch.setattr(
        current, "task", Task(host="localhost", disco_data=str(first.data), disco_port=first.port)
    )
    paths = [f"{first.data}/{url.split('/disco/')[1]}" for index in results for url in parse_dir(index)]
    monkeypatch.setattr(current, "task", None)
    second = make_disco(jobs.Methods(), input=paths)
    assert len(second.pack.job().inputs) == 2
    assert sorted(second.records(second.run_job())) == [(b"a", 10), (b"b", 20)]


def test_reduce_without_map(run_job: RunJob, make_disco: Callable[..., Any]) -> None:
    """M376: inputs that are no index are all read by the one reduce."""
    first = make_disco(input=raw("a b", "b"), map=jobs.words, partitions=None)
    outputs = [first.run_task("map", i, [[url]]).outputs[0] for i, url in enumerate(raw("a b", "b"))]
    paths = [str(first.home / output.location) for output in outputs]
    second = make_disco(input=paths, reduce=func.sum_reduce)
    end = second.run_task("reduce", 0, [[path] for path in paths])
    assert second.records([second.index("reduce", [end.outputs])]) == [(b"a", 1), (b"b", 2)]


def test_an_empty_input_gives_no_output(run_map: Callable[..., Any]) -> None:
    end = run_map(input=["raw://"], map=jobs.words, reduce=func.sum_reduce, combiner=func.sum_combiner)
    assert (end.outcome, end.outputs) == ("done", [])


def test_old_name_of_the_functions() -> None:
    """The documents' examples import disco.func."""
    import disco.func

    assert disco.func.chain_reader is func.chain_reader
    assert isinstance(Job("x").worker["partitions"], int)
