"""Nothing listens beyond loopback, whatever the settings say."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from disco.settings import DiscoSettings, SettingsError
from disco_master.shell.config import MasterConfig, bind_address

HOSTS = [("localhost", "127.0.0.1"), ("127.0.0.3", "127.0.0.3"), ("::1", "::1")]


@pytest.mark.parametrize(("host", "address"), HOSTS)
def test_loopback_names_are_taken(host: str, address: str) -> None:
    assert bind_address(DiscoSettings(environ={}, DISCO_MASTER_HOST=host)) == address


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "2001:db8::1", "no-such-host.invalid"])
def test_other_hosts_are_refused_by_name(host: str) -> None:
    with pytest.raises(SettingsError, match=f"DISCO_MASTER_HOST = '{host}'"):
        bind_address(DiscoSettings(environ={}, DISCO_MASTER_HOST=host))


def test_the_address_to_listen_on_may_be_another_than_the_one_that_is_told() -> None:
    """W8."""
    settings = DiscoSettings(environ={}, DISCO_MASTER_HOST="master.example", DISCO_BIND="127.0.0.1")
    assert bind_address(settings) == "127.0.0.1"
    with pytest.raises(SettingsError, match=r"DISCO_BIND = '192\.0\.2\.1'"):
        bind_address(settings.with_values(DISCO_BIND="192.0.2.1"))


def test_with_certificates_other_machines_may_reach_it(tmp_path: Path) -> None:
    names = ("DISCO_TLS_CA", "DISCO_TLS_CERT", "DISCO_TLS_KEY")
    files = {name: tmp_path / name for name in names}
    for path in files.values():
        path.touch()
    settings = DiscoSettings(
        environ={}, DISCO_MASTER_HOST="192.0.2.1", **{n: str(p) for n, p in files.items()}
    )
    assert bind_address(settings) == "192.0.2.1"
    assert MasterConfig.from_settings(settings).needs_secret
    with pytest.raises(SettingsError, match="DISCO_TLS_KEY is not set"):
        bind_address(settings.with_values(DISCO_TLS_KEY=""))
    files["DISCO_TLS_CERT"].unlink()
    with pytest.raises(SettingsError, match=r"DISCO_TLS_CERT = .* can't be read"):
        bind_address(settings)


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
