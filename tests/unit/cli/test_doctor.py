"""`disco doctor`: each trouble of the documents' list (2.6, M42) is found, with a way out (W7, W8)."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.cli.conftest import Run

from disco.cli.cluster.checks import Finding, examine
from disco.local import LocalMaster, free_port
from disco.settings import DiscoSettings

Make = Callable[..., DiscoSettings]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Settings of a master that does not run."""

    def settings(**given: Any) -> DiscoSettings:
        ports = {"DISCO_PORT": free_port(), "DDFS_PUT_PORT": free_port()}
        return DiscoSettings(environ={}, **{"DISCO_ROOT": tmp_path / "root", **ports, **given})

    return settings


def bad(settings: DiscoSettings) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(settings) if finding.is_bad}


def test_a_master_that_does_not_run(make: Make) -> None:
    found = bad(make())
    assert list(found) == ["master"]
    assert "no master answers at http://localhost:" in found["master"].text
    assert "disco start" in found["master"].advice


def test_a_port_that_another_program_has(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        found = bad(make(DDFS_PUT_PORT=port))
        assert f"another program has port {port}" in found["master"].advice


def test_a_name_that_means_nothing(make: Make) -> None:
    found = bad(make(DISCO_MASTER_HOST="no-such-host.invalid"))
    assert "means no address here" in found["names"].text


def test_a_cluster_whose_master_is_known_by_a_loopback_name(make: Make) -> None:
    """The classic mistake of 2.6.6."""
    assert "no other machine can join" in bad(make(DISCO_ENGINE="dask"))["names"].text
    assert "names" not in bad(make(DISCO_NODES=3))


def test_a_folder_that_can_not_be_written(make: Make) -> None:
    found = bad(make(DISCO_DATA="/proc/disco"))
    assert "/proc/disco can't be written" in found["disk"].text or "0.0 GiB free" in found["disk"].text


@pytest.mark.parametrize(
    ("content", "mode", "said"), [("x", 0o644, "others may read"), ("", 0o600, "is empty or not readable")]
)
def test_a_secret_that_is_none(make: Make, tmp_path: Path, content: str, mode: int, said: str) -> None:
    path = tmp_path / "secret"
    path.write_text(content)
    path.chmod(mode)
    assert said in bad(make(DISCO_SECRET_FILE=path))["secret"].text


def test_certificates_that_do_not_serve(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "cert.pem"
    missing = bad(make(DISCO_TLS_CA=path))["tls"]
    assert "DISCO_TLS_CERT" in missing.text and "set all three" in missing.advice
    path.write_text("no certificate")
    names = ("DISCO_TLS_CA", "DISCO_TLS_CERT", "DISCO_TLS_KEY")
    assert "can't be used" in bad(make(**dict.fromkeys(names, path)))["tls"].text


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMaster]:
    with LocalMaster(tmp_path_factory.mktemp("root")) as master:
        yield master


def test_a_master_that_is_well(running: LocalMaster) -> None:
    findings = list(examine(running.settings))
    assert not [finding for finding in findings if finding.is_bad]
    assert {"settings", "packages", "disk", "names", "master", "node localhost", "slots"} <= {
        finding.check for finding in findings
    }


def test_a_node_that_is_not_there(running: LocalMaster) -> None:
    from disco.core import Disco

    disco = Disco(settings=running.settings)
    before = disco.config
    disco.config = [*before, ["127.0.0.77", "2"]]
    try:
        assert "is not connected" in bad(running.settings)["node 127.0.0.77"].text
        disco.blacklist("localhost")
        assert "is blacklisted" in bad(running.settings)["node localhost"].text
    finally:
        disco.whitelist("localhost")
        disco.config = before


def test_what_answers_as_no_master_does(make: Make) -> None:
    """Its blob server has taken the port of the master here."""
    settings = make()
    with LocalMaster() as other:
        found = bad(settings.with_values(DISCO_MASTER=f"http://localhost:{other.settings.put_port}"))
    assert "answers, but as no Disco master does" in found["master"].text


def test_the_command_prints_findings_and_ends_with_their_verdict(disco: Run) -> None:
    done = disco("doctor", "--json", DISCO_MASTER_HOST="no-such-host.invalid")
    rows = json.loads(done.stdout)
    assert done.exit_code == 1 and not all(row["ok"] for row in rows)
    assert all(set(row) == {"check", "ok", "text", "advice"} for row in rows)
    text = disco("doctor", DISCO_MASTER_HOST="no-such-host.invalid").stdout
    assert "ok  settings: " in text
    assert "BAD names: DISCO_MASTER_HOST = no-such-host.invalid means no address here\n      -> " in text
