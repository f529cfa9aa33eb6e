"""The files of docs/deployment.md: they parse, and what can be run here does what the page says."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos.cluster import eventually
from chaos.outside import BIN, OutsideCluster

from disco.settings import DiscoSettings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PAGE = (ROOT / "docs" / "deployment.md").read_text()


@pytest.mark.parametrize("script", ["ssh/nodes.sh", "slurm/disco.sbatch"])
def test_scripts_parse(script: str) -> None:
    subprocess.run(["sh", "-n", DEPLOY / script], check=True)


def manifest() -> dict[tuple[str, str], dict[str, Any]]:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "disco.yaml").read_text())
    return {(one["kind"], one["metadata"]["name"]): one for one in documents}


def test_the_manifest_holds_together() -> None:
    """Volumes, secrets and services that are used are there, under the names that the page creates."""
    found = manifest()
    for kind, name in (("StatefulSet", "disco-master"), ("StatefulSet", "disco-node")):
        body = found[kind, name]["spec"]
        assert ("Service", body["serviceName"]) in found
        pod = body["template"]["spec"]
        (container,) = pod["containers"]
        volumes = {volume["name"] for volume in pod["volumes"]} | {
            claim["metadata"]["name"] for claim in body["volumeClaimTemplates"]
        }
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        for volume in pod["volumes"]:
            if "secret" in volume:
                assert f"kubectl create secret generic {volume['secret']['secretName']}" in PAGE


def test_the_settings_of_the_manifest_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "settings.py"
    path.write_text(manifest()["ConfigMap", "disco-settings"]["data"]["settings.py"])
    monkeypatch.setenv("POD_IP", "10.1.2.3")
    settings = DiscoSettings(path, environ={})
    assert settings["DISCO_ENGINE"] == "dask" and settings["DISCO_BIND"] == "10.1.2.3"


def test_the_settings_of_the_page_are_settings(tmp_path: Path) -> None:
    path = tmp_path / "settings.py"
    path.write_text(PAGE.split("```python\n")[1].split("```")[0])
    settings = DiscoSettings(path, environ={})
    assert settings["DISCO_TLS_KEY"] == "/etc/disco/node.key"


@pytest.mark.parametrize("unit", ["disco-master", "disco-node"])
def test_units_run_commands_that_there_are(unit: str) -> None:
    """M30: the units of systemd."""
    lines = (DEPLOY / "systemd" / f"{unit}.service").read_text().splitlines()
    (start,) = [line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")]
    _, command, *options = shlex.split(start)
    told = subprocess.run([BIN / "disco", command, "--help"], capture_output=True, text=True, check=True)
    assert all(option in told.stdout for option in options if option.startswith("--"))


@pytest.mark.slow
def test_nodes_over_ssh(tmp_path: Path) -> None:
    """A program that runs the command here, in a home of its own for each host, stands in for ssh."""
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f'#!/bin/sh\nmkdir -p "{tmp_path}/$1" && cd "{tmp_path}/$1" && HOME=$PWD exec sh -c "$2"\n'
    )
    ssh.chmod(0o755)
    with OutsideCluster(tmp_path / "cluster") as cluster:
        environment = {name: v for name, v in cluster.master.environment.items() if name != "DISCO_ROOT"}
        environment |= {
            "SSH": str(ssh),
            "DISCO": str(Path(sys.executable).with_name("disco")),
            "DISCO_MASTER": cluster.master.url.removeprefix("http://"),
            "DISCO_SECRET": str(cluster.master.settings["DISCO_SECRET_FILE"]),
        }

        def nodes(what: str) -> str:
            command = [DEPLOY / "ssh" / "nodes.sh", what, "127.0.0.2", "127.0.0.3"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            return done.stdout

        assert nodes("start") == "127.0.0.2: started\n127.0.0.3: started\n"
        try:
            cluster.await_nodes("127.0.0.2", "127.0.0.3")
            assert nodes("start") == "127.0.0.2: runs already\n127.0.0.3: runs already\n"
            assert nodes("status") == "127.0.0.2: runs\n127.0.0.3: runs\n"
        finally:
            assert nodes("stop") == "127.0.0.2: stopped\n127.0.0.3: stopped\n"
        eventually(lambda: not any(a["connected"] for a in cluster.disco.nodeinfo().values()), "they left")
