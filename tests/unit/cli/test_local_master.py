"""A master of one's own: the ports that it gets, and what happens when somebody else takes them first."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from disco.error import DiscoError
from disco.local import LOOPBACK, LOWEST_EPHEMERAL_PORT, LOWEST_PORT, LocalMaster, free_port, port_is_free


def test_a_free_port_is_none_that_outgoing_connections_get() -> None:
    ports = [free_port() for _ in range(20)]
    assert all(LOWEST_PORT <= port < LOWEST_EPHEMERAL_PORT and port_is_free(port) for port in ports)


def test_a_taken_port_is_not_free() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        assert not port_is_free(taken.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["DISCO_PORT", "DDFS_PUT_PORT"])
def test_ports_that_were_taken_meanwhile_are_replaced(tmp_path: Path, setting: str) -> None:
    master = LocalMaster(tmp_path)
    with socket.create_server((LOOPBACK, master.settings[setting])) as taken, master:
        assert master.settings[setting] != taken.getsockname()[1]
        kept = master.url
        master.kill()
        assert master.start().url == kept  # clients know it now


@pytest.mark.slow
def test_ports_that_were_asked_for_are_not_replaced(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        master = LocalMaster(tmp_path, DISCO_PORT=taken.getsockname()[1])
        with pytest.raises(DiscoError, match="is another master running"):
            master.start()
