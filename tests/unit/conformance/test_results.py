"""What a job left behind: indexes followed to their files, and compared with what was reported."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from disco_conformance.master.results import Done, check, latest
from disco_conformance.play.result import Failed

INDEX = "dir://here/disco/here/j/index.txt"


def info(root: Path, **other: Any) -> dict[str, Any]:
    return {"host": "here", "mode": "map", "taskid": 0, "disco_port": 9, "disco_data": str(root), **other}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "here" / "j"
    folder.mkdir(parents=True)
    (folder / "p0").write_text("zero")
    (folder / "p1").write_text("one")
    (folder / "d").write_text("all")
    return folder


def line(label: int | str, name: str) -> str:
    return f"{label} disco://here/disco/here/j/{name}\n"


def judged(home: Path, index: str, *reported: tuple[str, int, str], name: str = "index.txt") -> str:
    data = index.encode()
    (home / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    url = INDEX.replace("index.txt", name)
    try:
        check([url], [Done(info(home.parents[1]), list(reported))])
    except Failed as failed:
        return failed.reason
    return ""


@pytest.mark.parametrize("name", ["index.txt", "index.txt.gz"])
def test_a_good_index(home: Path, name: str) -> None:
    """index.line, index.gzip."""
    index = line(0, "d") + line(0, "p0") + line(1, "p1")
    reported = [("disco", 0, "all"), ("part", 1, "one"), ("part", 0, "zero")]
    assert judged(home, index, *reported, name=name) == ""


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (line(1, "p1") + line(0, "p0"), "not sorted"),
        (line(0, "p0") * 2 + line(1, "p1"), "not sorted and unique"),
        ((line(0, "p0") + line(1, "p1"))[:-1], "has no LF"),
        (line("00", "p0"), "no line of an index"),
        (line(-1, "p0"), "no line of an index"),
        (line(0, "p0"), "label 1 is not the parts"),
        (line(0, "p1") + line(1, "p0"), "label 0 is not the parts"),
        (line(0, "p0") + line(1, "p1") + line(2, "d"), "label 2, which nobody reported"),
        (line(0, "p0") + line(1, "absent"), "cannot be read"),
    ],
)
def test_a_bad_index(home: Path, index: str, reason: str) -> None:
    """index.sorted, index.line, index.part."""
    assert reason in judged(home, index, ("part", 0, "zero"), ("part", 1, "one"))


def test_disco_outputs_are_never_joined(home: Path) -> None:
    """index.disco."""
    assert "listed under label 0" in judged(home, line(1, "d"), ("disco", 0, "all"))
    (home / "joined").write_text("allall")
    assert "whole" in judged(home, line(0, "joined"), ("disco", 0, "all"), ("disco", 0, "all"))


def test_a_gz_that_is_no_gzip(home: Path) -> None:
    """index.gzip."""
    (home / "index.txt.gz").write_text(line(0, "p0"))
    with pytest.raises(Failed, match="no gzip data"):
        check([INDEX + ".gz"], [Done(info(home.parents[1]), [("part", 0, "zero")])])


@pytest.mark.parametrize("results", [None, "dir://x", [["dir://x"]], ["disco://here/x"]])
def test_results_of_another_shape(tmp_path: Path, results: object) -> None:
    with pytest.raises(Failed, match=r"no list of results|neither an index nor a tag"):
        check(results, [Done(info(tmp_path))])


def test_tags_are_results(tmp_path: Path) -> None:
    done = [Done(info(tmp_path), [("tag", 0, "tag://a")])]
    check(["tag://a"], done)
    with pytest.raises(Failed, match="tags are not those"):
        check([], done)


def test_numbers_of_tasks(tmp_path: Path) -> None:
    """task.fields: from 0 on, each once."""
    check([], [Done(info(tmp_path, taskid=number)) for number in (1, 0)])
    with pytest.raises(Failed, match="the map tasks have the numbers"):
        check([], [Done(info(tmp_path, taskid=0))] * 2)


def test_a_reduce_reads_what_the_map_left(home: Path) -> None:
    (home / "index.txt").write_text(line(0, "p0"))
    maps = Done(info(home.parents[1]), [("part", 0, "zero")])
    check([], [maps, Done(info(home.parents[1], mode="reduce"), inputs=[INDEX])])
    with pytest.raises(Failed, match="label 0 is not the parts"):
        check([], [maps, Done(info(home.parents[1], mode="reduce"))])


def test_an_input_belongs_to_one_map_task(tmp_path: Path) -> None:
    """input.reply: as the tasks were told."""
    first, second = (Done(info(tmp_path, taskid=at), inputs=[f"raw://{at}"]) for at in (0, 1))
    check([], [first, second])
    second.inputs = first.inputs
    with pytest.raises(Failed, match="two map tasks have the same input"):
        check([], [first, second])


def test_results_of_nobody(tmp_path: Path) -> None:
    check([], [])
    with pytest.raises(Failed, match="no task came to DONE"):
        check([INDEX], [])


def test_what_was_done_again_counts_once(home: Path) -> None:
    """Where map outputs are made again, the last ones are the task's."""
    before = Done(info(home.parents[1]), [("part", 0, "lost")])
    after = Done(info(home.parents[1]), [("part", 0, "zero")])
    (home / "index.txt").write_text(line(0, "p0"))
    assert latest([before, after]) == [after]
    check([INDEX], latest([before, after]))
    with pytest.raises(Failed, match="the map tasks have the numbers"):
        check([INDEX], [before, after])
