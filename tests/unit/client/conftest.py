from __future__ import annotations

from collections.abc import Iterator

import pytest
from unit.client.http_master import HttpMaster, running_master

from disco.client.core import Disco
from disco.client.http import Patience
from disco.settings import DiscoSettings

QUICK = Patience(attempts=2, unreachable_attempts=1, first_pause_s=0.01, longest_pause_s=0.01, deadline_s=2)


@pytest.fixture
def master() -> Iterator[HttpMaster]:
    with running_master() as running:
        yield running


@pytest.fixture
def disco(master: HttpMaster) -> Disco:
    return Disco(master.url, settings=DiscoSettings(environ={}), patience=QUICK)
