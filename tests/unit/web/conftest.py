"""A running web server on a free port, over a master and nodes in memory; `requests` is the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.web.fakes import MemoryMaster, MemoryNodes, Site

from disco_master.shell.tag_service import TagConfig, TagService
from disco_master.web.app import create_app
from disco_master.web.config import WebConfig
from disco_master.web.server import serve


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    closers: list[Callable[[], None]] = []

    def make(*node_names: str, threads: int = 16, **settings: Any) -> Site:
        for name in ("master", "data", "ddfs"):
            (tmp_path / name).mkdir(exist_ok=True)
        master, nodes = MemoryMaster(tmp_path / "master"), MemoryNodes(*(node_names or ("n1",)))
        tags = TagService(nodes.list, nodes.call, TagConfig(delay_s=0.2), seed=1)
        config = WebConfig(host="n1", disco_data=tmp_path / "data", ddfs_data=tmp_path / "ddfs", **settings)
        server = serve(create_app(master, tags, config), threads=threads)
        closers.extend((server.close, tags.close))
        return Site(master, nodes, config, server)

    yield make
    for close in closers:
        close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()
