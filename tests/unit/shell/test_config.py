"""Nothing listens beyond loopback, whatever the settings say."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from disco.settings import DiscoSettings, SettingsError
from disco_master.shell.config import MasterConfig, loopback_address


@pytest.mark.parametrize(("host", "address"), [("localhost", "127.0.0.1"), ("127.0.0.3", "127.0.0.3")])
def test_loopback_names_are_taken(host: str, address: str) -> None:
    assert loopback_address(host) == address


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "no-such-host.invalid"])
def test_other_hosts_are_refused_by_name(host: str) -> None:
    with pytest.raises(SettingsError, match=f"DISCO_MASTER_HOST = '{host}'"):
        loopback_address(host)


def test_layout_on_disk(tmp_path: Path) -> None:
    """M37, M49-M65, C16."""
    settings = DiscoSettings(environ={}, DISCO_ROOT=tmp_path / "root", DISCO_PORT=9001)
    config = MasterConfig.from_settings(settings)
    config.make_folders()
    assert config.master_root == tmp_path / "root/data/_disco_9001"
    assert config.node_table_file == tmp_path / "root/disco_9001.config"
    assert config.ddfs_data == tmp_path / "root/ddfs" and config.ddfs_data.is_dir()
    assert config.slots == os.cpu_count() and config.url == "http://localhost:9001"


def test_the_resolver_answers_here() -> None:
    """The refusals above would prove nothing if every name failed."""
    assert socket.getaddrinfo("localhost", None, family=socket.AF_INET)
