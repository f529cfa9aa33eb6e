"""The tag service over real volumes, through the operations that an engine calls (M214, M221, M259–M266)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from disco_master.ddfs.names import hash_dir
from disco_master.ddfs.placement import StorageNode
from disco_master.engine.base import NodeError
from disco_master.node.operations import OperationError, run_operation
from disco_master.node.storage.volumes import Volumes
from disco_master.shell.tag_service import TagConfig, TagService
from disco_master.web.door import TagError

BLOB = [["disco://n1/ddfs/vol0/blob/4e/b$1-2-3"]]
Start = Callable[[], TagService]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Each call is a restarted master over the same two nodes."""
    places: dict[str, Any] = {
        name: SimpleNamespace(volumes=Volumes(tmp_path / name, name)) for name in ("n1", "n2")
    }
    nodes = [StorageNode(name, 1, 2**40, usable=True) for name in places]

    def call(node: str, generation: int, op: str, args: Mapping[str, Any], timeout_s: float) -> Any:
        try:
            return run_operation(places[node], op, args)
        except OperationError as error:
            raise NodeError(node, op, str(error)) from error

    services: list[TagService] = []

    def begin() -> TagService:
        services.append(TagService(lambda: nodes, call, TagConfig(), seed=1))
        return services[-1]

    yield begin
    for service in services:
        service.close()


def append(service: TagService, name: str) -> list[str]:
    return service.append(name, BLOB, None, update=False, delayed=False)


def test_replicas_lie_where_their_urls_say(start: Start, tmp_path: Path) -> None:
    urls = append(start(), "data:x")
    assert {url.split("/")[2] for url in urls} == {"n1", "n2"}
    for url in urls:
        host, path = url.removeprefix("disco://").split("/ddfs/")
        file = tmp_path / host / path
        assert file.parent.name == hash_dir(file.name)
        assert file.stat().st_mode & 0o777 == 0o400


def test_a_restart_finds_the_newest_version(start: Start) -> None:
    service = start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: append(service, "t"), range(32)))
    before: Any = service.get("t", None)
    assert len(before["urls"]) == 32
    again = start()
    assert again.get("t", None) == before
    assert again.names("") == ["t"]


def test_a_change_of_nothing_after_a_restart_tells_the_replicas(start: Start) -> None:
    """M263."""
    urls = append(start(), "t")
    assert sorted(start().replace("t", BLOB, None)) == sorted(urls)


def test_a_deleted_tag_stays_deleted_and_can_be_made_again(start: Start) -> None:
    service = start()
    append(service, "t")
    service.delete("t", None)
    again = start()
    assert again.names("") == []
    with pytest.raises(TagError, match="404"):
        again.get("t", None)
    append(again, "t")
    assert start().names("") == ["t"]
