"""The tag service over nodes that fail, come back and restart (M234, M259–M266, M242)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from unit.web.fakes import MemoryNodes

from disco_master.ddfs.names import parse_object
from disco_master.shell.tag_service import TagConfig, TagService
from disco_master.web.door import TagError

Make = Callable[..., TagService]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[TagService] = []

    def service(nodes: MemoryNodes, **options: Any) -> TagService:
        clock = {"clock_us": options.pop("clock_us")} if "clock_us" in options else {}
        made.append(TagService(nodes.list, nodes.call, TagConfig(**options), seed=1, **clock))
        return made[-1]

    yield service
    for one in made:
        one.close()


def blob(name: object) -> list[list[str]]:
    return [[f"disco://n1/ddfs/vol0/blob/4e/{name}$1-2-3"]]


def add(service: TagService, name: str, what: object, *, delayed: bool = False) -> list[str]:
    return service.append(name, blob(what), None, update=False, delayed=delayed)


def sets(service: TagService, name: str) -> set[str]:
    found: Any = service.get(name, None)["urls"]
    return {urls[0].split("/")[-1].split("$")[0] for urls in found}


@pytest.mark.parametrize("delayed", [False, True])
def test_64_threads_lose_nothing(make: Make, delayed: bool) -> None:
    """M260: each append is in the tag, and each is answered after the commit that holds it."""
    nodes = MemoryNodes("n1", "n2", "n3")
    service = make(nodes, delay_s=0.3)
    add(service, "t", "first")
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda number: add(service, "t", number, delayed=delayed), range(640)))
    assert sets(service, "t") == {"first", *map(str, range(640))}
    assert all(len(answer) == 3 for answer in answers)
    if delayed:  # M242: many a commit
        assert len(nodes.versions("t")) < 320


def test_delayed_appends_share_one_commit(make: Make) -> None:
    """M242."""
    nodes = MemoryNodes("n1")
    service = make(nodes, delay_s=100)
    add(service, "t", "first")
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(add, service, "t", number, delayed=True) for number in range(8)]
        with service._slots.use("t") as slot:
            while len(slot.pending) < 8:
                time.sleep(0.01)
        service.get("t", None)  # a reader sees what is delayed, so it is committed now
        answers = [one.result() for one in asked]
    assert len(nodes.versions("t")) == 2
    assert len({answer[0] for answer in answers}) == 1


@pytest.mark.parametrize(
    "operation",
    [
        lambda service: service.get("t", None),
        lambda service: service.delete("t", None),
        lambda service: service.replace("t", [], None),
        lambda service: service.get_attribute("t", "ddfs:urls", None),
    ],
)
def test_any_other_operation_commits_what_is_delayed(
    make: Make, operation: Callable[[TagService], Any]
) -> None:
    """M242: a reader after a delayed append sees it, long before its time."""
    nodes = MemoryNodes("n1")
    service = make(nodes, delay_s=60)
    add(service, "t", "first")
    late = threading.Thread(target=lambda: add(service, "t", "late", delayed=True))
    late.start()
    while late.is_alive():
        if "late" in sets(service, "t"):
            break
    operation(service)
    late.join(10)
    assert not late.is_alive()
    assert len(nodes.versions("t")) >= 2


def test_a_refused_append_does_not_stop_the_others_of_its_commit(make: Make) -> None:
    nodes = MemoryNodes("n1")
    service = make(nodes, delay_s=0.5)
    service.append("t", blob("first"), "secret", update=False, delayed=False)
    refused: list[int] = []

    def append(number: int) -> None:
        try:
            service.append("t", blob(number), "secret" if number % 2 else None, update=False, delayed=True)
        except TagError as error:
            refused.append(error.status)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append, range(8)))
    assert refused == [401] * 4
    found: Any = service.get("t", "secret")["urls"]
    assert len(found) == 5


def test_tags_do_not_wait_for_each_other(make: Make) -> None:
    """M260."""
    nodes = MemoryNodes("n1")
    service = make(nodes)
    add(service, "other", 1)
    nodes.hold["tag_commit"] = threading.Event()
    stuck = threading.Thread(target=lambda: add(service, "t", 1))
    stuck.start()
    assert sets(service, "other") == {"1"}
    nodes.hold["tag_commit"].set()
    stuck.join(10)
    assert sets(service, "t") == {"1"}


def test_no_tag_waits_for_the_delete_of_another(make: Make) -> None:
    """M260: not even while a node keeps the delete waiting."""
    nodes = MemoryNodes("n1")
    service = make(nodes)
    add(service, "other", 1)
    add(service, "t", 1)
    nodes.hold["tag_commit"] = threading.Event()
    stuck = threading.Thread(target=lambda: service.delete("t", None))
    reader = threading.Thread(target=lambda: service.get("other", None))
    stuck.start()
    while ("n1", "tag_write") not in nodes.calls[-1:]:
        assert stuck.is_alive()
    reader.start()
    reader.join(3)
    waited = reader.is_alive()
    nodes.hold["tag_commit"].set()
    stuck.join(10)
    reader.join(10)
    assert not waited
    assert service.names("") == ["other"]


def test_a_restarted_service_finds_everything(make: Make) -> None:
    """M221, M259, M261: the newest of several versions wins; deleted tags stay deleted."""
    nodes = MemoryNodes("n1", "n2", "n3")
    service = make(nodes)
    for number in range(3):
        add(service, "t", number)
    add(service, "gone", 1)
    service.delete("gone", None)
    before = service.get("t", None)
    again = make(nodes)
    assert again.get("t", None) == before
    assert again.names("") == ["t"]
    with pytest.raises(TagError, match="404"):
        again.get("gone", None)


def test_a_change_of_nothing_after_a_restart_tells_the_replicas(make: Make) -> None:
    """M263."""
    nodes = MemoryNodes("n1", "n2")
    first = add(make(nodes), "t", 1)
    again = make(nodes)
    assert sorted(again.replace("t", blob(1), None)) == sorted(first)
    assert len(nodes.versions("t")) == 1


def test_the_newest_stamp_wins_as_a_number(make: Make) -> None:
    nodes = MemoryNodes("n1")
    service = make(nodes)
    add(service, "t", 1)
    (version,) = nodes.versions("t")
    text = nodes.tags["n1"].pop(version)
    for stamp, name in (("9-1-1", "older"), ("10-1-1", "newer")):
        nodes.tags["n1"][f"t${stamp}"] = text.replace("/1$", f"/{name}$")
    assert sets(make(nodes), "t") == {"newer"}


def test_stamps_grow_even_if_the_clock_is_set_back(make: Make) -> None:
    nodes = MemoryNodes("n1")
    times = iter([10**15, 10**15, 5, 5, 5, 5, 5, 5, 5, 5])
    service = make(nodes, clock_us=lambda: next(times))
    add(service, "t", 1)
    add(service, "t", 2)
    assert sets(service, "t") == {"1", "2"}
    again = make(nodes, clock_us=lambda: 5)
    add(again, "t", 3)
    assert sets(again, "t") == {"1", "2", "3"}
    stamps = [parse_object(name).stamp for name in nodes.tags["n1"] if name.startswith("t$")]
    assert stamps == sorted(set(stamps))


def test_k_replicas_are_written(make: Make) -> None:
    """B35, M218, C9."""
    assert len(add(make(MemoryNodes("n1")), "t", 1)) == 1
    assert len(add(make(MemoryNodes("n1", "n2")), "t", 1)) == 2
    assert len(add(make(MemoryNodes(*"abcde")), "t", 1)) == 3


def test_another_node_takes_the_place_of_a_failing_one(make: Make) -> None:
    """M262."""
    nodes = MemoryNodes("a", "b", "c", "d")
    service = make(nodes)
    service.names("")
    nodes.failing = {("a", "tag_write"), ("b", "tag_read")}
    for number in range(5):
        hosts = {url.split("/")[2] for url in add(service, f"t{number}", 1)}
        assert hosts == {"b", "c", "d"}


def test_fewer_replicas_are_told(make: Make) -> None:
    """M262: the client sees how many were written and may ask again."""
    nodes = MemoryNodes("a", "b", "c")
    service = make(nodes)
    add(service, "t", 1)
    nodes.failing = {("a", "tag_commit")}
    assert len(add(service, "t", 2)) == 2
    assert sets(service, "t") == {"1", "2"}


def test_below_the_minimum_nothing_is_changed(make: Make) -> None:
    """M262, M92."""
    nodes = MemoryNodes("a", "b", "c")
    service = make(nodes, min_replicas=2)
    add(service, "t", 1)
    nodes.failing = {("a", "tag_write"), ("b", "tag_write")}
    with pytest.raises(TagError, match="503"):
        add(service, "t", 2)
    nodes.failing = set()
    assert sets(service, "t") == {"1"}
    assert not any(nodes.partial.values())


def test_a_commit_whose_answer_is_lost_is_found_out(make: Make) -> None:
    """The rename worked but nobody heard of it: the client may try again, nothing is lost or stale."""
    nodes = MemoryNodes("n1")
    service = make(nodes)
    add(service, "t", 1)
    nodes.lost_answers = {("n1", "tag_commit")}
    with pytest.raises(TagError, match="503"):
        add(service, "t", 2)
    nodes.lost_answers = set()
    assert sets(service, "t") == {"1", "2"}
    add(service, "t", 3)
    assert sets(service, "t") == {"1", "2", "3"}


def test_reading_goes_to_another_replica(make: Make) -> None:
    nodes = MemoryNodes("a", "b", "c")
    add(make(nodes), "t", 1)
    again = make(nodes)
    again.names("")
    nodes.failing = {("a", "tag_read"), ("b", "tag_read")}
    assert sets(again, "t") == {"1"}


def test_k_minus_1_nodes_may_be_missing(make: Make) -> None:
    """M280, M677, M234: with K = 3, two silent nodes are safe, a third one is not."""
    nodes = MemoryNodes(*"abcde")
    add(make(nodes), "t", 1)
    nodes.down = {"a", "b"}
    assert sets(make(nodes), "t") == {"1"}
    nodes.down = {"a", "b", "c"}
    with pytest.raises(TagError, match="503"):
        make(nodes).get("t", None)
    with pytest.raises(TagError, match="503"):
        make(nodes).names("")


def test_a_node_that_goes_down_later_does_not_close_the_tags(make: Make) -> None:
    """What it held is known; the others take the new versions."""
    nodes = MemoryNodes("a", "b", "c")
    service = make(nodes)
    add(service, "t", 1)
    nodes.down = {"a", "b"}
    assert [url.split("/")[2] for url in add(service, "t", 2)] == ["c"]
    assert sets(service, "t") == {"1", "2"}


def test_a_node_that_comes_back_with_something_newer_is_noticed(make: Make) -> None:
    """The cached version is compared with what the nodes told."""
    nodes = MemoryNodes("a", "b")
    service = make(nodes)
    add(service, "t", 1)
    (version,) = nodes.versions("t")
    newer = json.loads(nodes.tags["a"][version]) | {"urls": blob("unseen")}
    nodes.tags["a"]["t$fff-1-1"] = json.dumps(newer)
    assert sets(service, "t") == {"1"}
    nodes.restart("a")
    assert sets(service, "t") == {"unseen"}


def test_a_node_taken_out_of_the_table_is_forgotten(make: Make) -> None:
    """M281."""
    nodes = MemoryNodes("a", "b")
    service = make(nodes, tag_replicas=1)
    hosts = {name: add(service, name, 1)[0].split("/")[2] for name in map(str, range(12))}
    assert set(hosts.values()) == {"a", "b"}
    del nodes.nodes["a"]
    assert service.names("") == sorted(name for name, host in hosts.items() if host == "b")


def test_recreating_takes_the_name_off_the_deleted_list_first(make: Make) -> None:
    """M266: with the new version already written, so that the old one never shows."""
    nodes = MemoryNodes("n1")
    service = make(nodes)
    add(service, "t", "old")
    service.delete("t", None)
    nodes.calls.clear()
    add(service, "t", "new")
    assert [op for _, op in nodes.calls] == ["tag_write", "tag_write", "tag_commit", "tag_commit"]
    assert sets(service, "t") == {"new"}
    newest = max((parse_object(n) for n in nodes.versions("+deleted")), key=lambda name: name.stamp)
    assert json.loads(nodes.tags["n1"][str(newest)])["urls"] == []


def test_a_failed_recreation_leaves_the_tag_deleted(make: Make) -> None:
    nodes = MemoryNodes("n1")
    service = make(nodes)
    add(service, "t", "old")
    service.delete("t", None)
    nodes.failing = {("n1", "tag_commit")}
    with pytest.raises(TagError, match="503"):
        add(service, "t", "new")
    nodes.failing = set()
    with pytest.raises(TagError, match="404"):
        service.get("t", None)


def test_deletes_side_by_side(make: Make) -> None:
    nodes = MemoryNodes("n1", "n2", "n3")
    service = make(nodes)
    names = [f"t{number}" for number in range(48)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: add(service, name, 1), names))
        list(pool.map(lambda name: service.delete(name, None), names[1:]))
    assert service.names("") == ["t0"]
