from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from unit.ddfs_client.fake_master import FakeMaster, Files

from disco.client.ddfs import DDFS
from disco.client.http import Patience
from disco.settings import DiscoSettings

QUICK = Patience(connect_s=0.5, silence_s=2, first_pause_s=0.001, longest_pause_s=0.005, deadline_s=5)


@pytest.fixture
def quick() -> Patience:
    return QUICK


@pytest.fixture
def site() -> Iterator[Files]:
    made = Files(data=bytes(range(256)) * 4096)
    yield made
    made.close()


@pytest.fixture
def make_master() -> Iterator[Callable[[int], FakeMaster]]:
    made: list[FakeMaster] = []

    def make(nodes: int) -> FakeMaster:
        made.append(FakeMaster(nodes))
        return made[-1]

    yield make
    for master in made:
        master.close()


@pytest.fixture
def master(make_master: Callable[[int], FakeMaster]) -> FakeMaster:
    return make_master(2)


def client(master: FakeMaster, **settings: object) -> DDFS:
    given = DiscoSettings(environ={}, DISCO_MASTER=master.url, **settings)
    return DDFS(settings=given, patience=QUICK)


@pytest.fixture
def connect() -> Callable[..., DDFS]:
    """A client of a fake master; settings may be added."""
    return client


@pytest.fixture
def ddfs(master: FakeMaster) -> DDFS:
    return client(master)
