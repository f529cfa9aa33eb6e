"""A job pack whose worker is the relay: built here, since the harness takes nothing from what it judges."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

from disco_conformance.master.crew import EARLY
from disco_conformance.session.model import Head

MAGIC, VERSION, HEADER_BYTES = 0xD5C0, 1, 128
RELAY = Path(__file__).with_name("relay.py")
WORKER = "relay.py"
PREFIX = "conformance"


def build(head: Head, port: int, key: str, prefix: str = PREFIX) -> bytes:
    """`port` and `key` are how the relay finds its player."""
    job = head.job
    listed = [[url for _, url in item.replicas] for item in head.inputs]
    listed += [[f"raw://crowd-{at}"] for at in range(job.crowd)]
    limits = (("max_failures", job.max_failures), ("max_cores", job.max_cores))
    scheduler: dict[str, object] = {key: value for key, value in limits if value is not None}
    if EARLY in head.needs:
        scheduler[EARLY] = True
    jobdict = {
        "prefix": prefix,
        "input": listed,
        "worker": WORKER,
        "owner": "conformance@localhost",
        "map?": job.has_map,
        "reduce?": job.has_reduce,
        "nr_reduces": job.nr_reduces,
        "scheduler": scheduler,
    }
    envs = {"CONFORMANCE_PORT": str(port), "CONFORMANCE_KEY": key, **dict(head.env)}
    sections = [json.dumps(jobdict).encode(), json.dumps(envs).encode(), _home(), b""]
    offsets, at = [], HEADER_BYTES
    for section in sections:
        offsets.append(at)
        at += len(section)
    header = struct.pack(">HH4I", MAGIC, VERSION, *offsets).ljust(HEADER_BYTES, b"\0")
    return header + b"".join(sections)


def _home() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(WORKER, (1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, RELAY.read_bytes())
    return buffer.getvalue()
