"""Connections between nodes and master, encrypted and with certificates on both sides (W10)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.engine.farm import SECRET, Farm
from unit.engine.test_dask import await_log
from unit.node.rooms import WAIT_S, Listener, Packs, spec

from disco_master.engine.dask.engine import DaskEngine
from disco_master.engine.dask.hub import Hub
from disco_master.engine.dask.wire import Tls
from disco_master.model import Outcome

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates"),
]


def certificates(folder: Path) -> Tls:
    """A certificate authority of one's own, and what it has signed, as docs/deployment.md shows it."""
    folder.mkdir()

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "node"):
        ends = ["-x509", "-days", "1", "-out", "ca.pem"] if name == "ca" else ["-out", "node.csr"]
        key = ["-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key"]
        openssl("req", *key, "-subj", f"/CN={name}", *ends)
    signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    openssl("x509", "-req", "-days", "1", "-in", "node.csr", "-out", "node.pem", *signing)
    return Tls(str(folder / "ca.pem"), str(folder / "node.pem"), str(folder / "node.key"))


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    farm = Farm(tmp_path / "farm")
    yield farm
    farm.close()


def test_only_nodes_with_a_certificate_of_the_same_authority_join(farm: Farm, tmp_path: Path) -> None:
    """B17."""
    ours, others = certificates(tmp_path / "ours"), certificates(tmp_path / "others")
    packs, told = Packs(tmp_path / "packs"), Listener()
    farm.engine(packs)
    hub = Hub(port=farm.port, tls=ours)
    engine = DaskEngine(hub, secret=SECRET)
    engine.start(told)
    assert hub.address.startswith("tls://")
    farm.restore("n1")
    farm.tls = [others.ca, others.certificate, others.key]
    farm.restore("n2")
    farm.tls = [ours.ca, ours.certificate, ours.key]
    farm.restore("n3")
    told.wait(lambda: told.up)
    job = packs.script("good@1", "begin(); ask('DONE')")
    engine.launch("n3", told.up[0][1], spec(job, 1))
    assert told.end(1).outcome is Outcome.DONE
    for name in ("n1", "n2"):
        await_log(farm, name, "the master does not answer at")
    assert {name for name, *_ in told.up} == {"n3"}
    assert engine.call("n3", told.up[0][1], "tag_names", {}, WAIT_S) == []
    engine.stop(0.0)
