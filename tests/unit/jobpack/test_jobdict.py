"""The values of the job dict (M99 to M110, C6, W11)."""

from __future__ import annotations

from typing import Any

import pytest
from unit.jobpack.packs import HOME, JOBDICT, jobdict

from jobpack import format as fmt
from jobpack.format import JobDict, JobPack, PackError, path_fault


def job(raw: dict[str, Any]) -> JobDict:
    return JobPack(raw, {}, HOME, b"").job()


def refused(raw: dict[str, Any]) -> PackError:
    with pytest.raises(PackError) as caught:
        job(raw)
    return caught.value


def test_good_job_dict() -> None:
    scheduler = {"max_cores": 3, "force_local": True, "force_remote": False, "max_failures": 0, "odd": [1]}
    raw = jobdict(
        input=["http://a/1", ["http://a/2", "http://b/2"]], scheduler=scheduler, nr_reduces=7, more=1
    )
    assert job(raw) == JobDict(
        prefix="wc",
        inputs=(("http://a/1",), ("http://a/2", "http://b/2")),
        worker="wc",
        owner="ann@host",
        nr_reduces=7,
        has_map=True,
        has_reduce=True,
        max_cores=3,
        force_local=True,
        force_remote=False,
        max_failures=0,
        raw=raw,
    )


def test_defaults() -> None:
    """M668, M102, M103, M107: no phases, as many cores as there are, the master's number of failures."""
    raw = {key: value for key, value in JOBDICT.items() if not key.endswith("?")}
    found = job(raw)
    assert (found.has_map, found.has_reduce, found.force_local, found.force_remote) == (False,) * 4
    assert (found.max_cores, found.max_failures) == (2**31, None)
    assert (found.max_job_failures, found.backup_tasks, found.task_timeout) == (None, False, None)


def test_limits_and_backups_of_a_job() -> None:
    """W11, W16, W23"""
    scheduler = {"max_job_failures": 0, "backup_tasks": True, "task_timeout": 10**9}
    found = job(jobdict(scheduler=scheduler))
    assert (found.max_job_failures, found.backup_tasks, found.task_timeout) == (0, True, 10**9)


@pytest.mark.parametrize("key", ["prefix", "input", "worker", "owner", "nr_reduces", "scheduler"])
def test_missing_key_is_named(key: str) -> None:
    """M97, M99."""
    error = refused({name: value for name, value in JOBDICT.items() if name != key})
    assert error.field == f"jobdict.{key}"
    assert error.reason == f"missing key '{key}'"


@pytest.mark.parametrize("prefix", ["a", "Z9_", "_", "9" * fmt.MAX_PREFIX_CHARS])
def test_prefix_of_the_printed_characters(prefix: str) -> None:
    """M105."""
    assert job(jobdict(prefix=prefix)).prefix == prefix


@pytest.mark.parametrize("character", ["-", ".", "/", "@", " ", "\n", "ä", "٣", "%"])
def test_prefix_names_the_first_other_character(character: str) -> None:
    """C6."""
    error = refused(jobdict(prefix=f"ab{character}c-"))
    assert error.field == "jobdict.prefix"
    assert repr(character) in error.reason


def test_prefix_has_an_end() -> None:
    assert refused(jobdict(prefix="")).field == "jobdict.prefix"
    assert str(fmt.MAX_PREFIX_CHARS) in refused(jobdict(prefix="a" * (fmt.MAX_PREFIX_CHARS + 1))).reason


@pytest.mark.parametrize("value", [0, 1, 50_000, fmt.MAX_REDUCES])
def test_number_of_reduces(value: int) -> None:
    """M104."""
    assert job(jobdict(nr_reduces=value)).nr_reduces == value


@pytest.mark.parametrize("value", [-1, True, "1", 1.0, None, [1], fmt.MAX_REDUCES + 1])
def test_number_of_reduces_is_a_whole_number_of_reason(value: object) -> None:
    """M104: the text "1", which old tests sent, is refused by name too."""
    assert refused(jobdict(nr_reduces=value)).field == "jobdict.nr_reduces"


@pytest.mark.parametrize(
    ("worker", "found"), [("wc", "wc"), ("bin/wc", "bin/wc"), ("./bin//wc", "bin/wc"), ("..wc", "..wc")]
)
def test_worker_is_a_path_below_the_home(worker: str, found: str) -> None:
    """M101."""
    assert job(jobdict(worker=worker)).worker == found


@pytest.mark.parametrize(
    "worker",
    [
        "",
        ".",
        "/bin/sh",
        "../sh",
        "a/../../sh",
        "a/..",
        "bin/",
        "c:wc",
        "a\\b",
        "a\0b",
        ".disco/wc",
        ".jobhome",
        5,
    ],
)
def test_worker_elsewhere_is_refused(worker: object) -> None:
    """M101, M113: not above the job home, and not where Disco keeps its own files."""
    assert refused(jobdict(worker=worker)).field == "jobdict.worker"


def test_paths_have_lengths() -> None:
    longest = "x" * fmt.MAX_NAME_BYTES
    assert path_fault(longest) == ""
    assert "255" in path_fault(longest + "x")
    assert "255" in path_fault("ü" * 128)
    whole = "/".join(["y" * 127] * 8) + "z"
    assert len(whole) == fmt.MAX_PATH_BYTES
    assert path_fault(whole) == ""
    assert "1024" in path_fault(whole + "z")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([], ()),
        (["a"], (("a",),)),
        ([["a"], "b"], (("a",), ("b",))),
        ([["a", "b"], ["c"]], (("a", "b"), ("c",))),
    ],
)
def test_inputs(value: list[Any], found: tuple[tuple[str, ...], ...]) -> None:
    """M100, M199: URLs or lists of the URLs of replicas; none at all is a job that is ready at once."""
    assert job(jobdict(input=value)).inputs == found


@pytest.mark.parametrize(
    "value", ["a", {}, None, 1, [[]], [""], [["a", ""]], [1], [["a", 1]], [[["a"]]], ["a\0"]]
)
def test_other_inputs_are_refused(value: object) -> None:
    """M100."""
    assert refused(jobdict(input=value)).field == "jobdict.input"


def test_replicas_need_a_map() -> None:
    """M100: a reduce can't choose between replicas; a list of one leaves no choice."""
    assert job(jobdict(input=[["a"]], map_=False)).inputs == (("a",),)
    error = refused(jobdict(input=["x", ["a", "b"]], map_=False))
    assert error.field == "jobdict.input"
    assert "redundant inputs in reduce" in error.reason
    assert "input 1" in error.reason


@pytest.mark.parametrize("key", ["map?", "reduce?"])
@pytest.mark.parametrize("value", [1, "true", None, []])
def test_phases_are_flags(key: str, value: object) -> None:
    """M102, M103."""
    assert refused(JOBDICT | {key: value}).field == f"jobdict.{key}"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_cores", 0),
        ("max_cores", -1),
        ("max_cores", "4"),
        ("max_cores", True),
        ("max_cores", 1.5),
        ("force_local", 1),
        ("force_remote", "yes"),
        ("max_failures", -1),
        ("max_failures", False),
        ("max_job_failures", -1),
        ("max_job_failures", "many"),
        ("backup_tasks", 1),
        ("task_timeout", 0),
        ("task_timeout", 1.5),
        ("task_timeout", 10**9 + 1),
    ],
)
def test_scheduler_options_are_named(key: str, value: object) -> None:
    """M106, M107, M108, M109, W11."""
    assert refused(jobdict(scheduler={key: value})).field == f"jobdict.scheduler.{key}"


def test_scheduler_must_be_an_object_and_possible() -> None:
    """M106, M108, M109."""
    assert refused(jobdict(scheduler=[])).field == "jobdict.scheduler"
    both = refused(jobdict(scheduler={"force_local": True, "force_remote": True}))
    assert both.field == "jobdict.scheduler.force_remote"
    assert job(jobdict(scheduler={"max_cores": 1, "max_failures": None})).max_cores == 1


@pytest.mark.parametrize("owner", [None, 1, "a\0", "\ud800"])
def test_owner_is_text(owner: object) -> None:
    """M110."""
    assert refused(jobdict(owner=owner)).field == "jobdict.owner"


def test_messages_are_short_whatever_the_pack_holds() -> None:
    """A hostile value can't flood a log or control a terminal."""
    for raw in (jobdict(worker="\x1b[2J/../" + "x" * 100_000), jobdict(nr_reduces=-(10**4000))):
        reason = refused(raw).reason
        assert len(reason) < 250
        assert "\x1b" not in reason
