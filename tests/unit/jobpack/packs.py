"""Job packs and archives for these tests, made by hand so that they can be wrong in one place."""

from __future__ import annotations

import copy
import io
import json
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

from jobpack.format import JobPack
from jobpack.unpack import unpack_pack, verify_home

SCRIPT = b"#!/bin/sh\nexit 0\n"
JOBDICT: dict[str, Any] = {
    "prefix": "wc",
    "input": ["raw://the%20cat"],
    "worker": "wc",
    "owner": "ann@host",
    "nr_reduces": 1,
    "scheduler": {},
    "map?": True,
    "reduce?": True,
}


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.filename = name  # ZipInfo cuts at a NUL
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def archive(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A ZIP archive of these entries, in this order, whatever they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in entries:
            # zipfile writes into the ZipInfo that it is given.
            info = entry(name) if isinstance(name, str) else copy.copy(name)
            target.writestr(info, content, method)
    return buffer.getvalue()


WORKER = (entry("wc", stat.S_IFREG | 0o755), SCRIPT)
HOME = archive(WORKER)


def jobdict(**changes: Any) -> dict[str, Any]:
    """The job dict of a good word count, with changes; `map_` and `reduce_` are `map?` and `reduce?`."""
    changed = {key[:-1] + "?" if key.endswith("_") else key: value for key, value in changes.items()}
    return JOBDICT | changed


def pack(
    job: dict[str, Any] | bytes = JOBDICT,
    envs: dict[str, Any] | bytes = b"{}",
    home: bytes = HOME,
    data: bytes = b"",
    *,
    offsets: tuple[int, int, int, int] | None = None,
    magic: int = 0xD5C0,
    version: int = 1,
) -> bytes:
    """The bytes of a pack, written without any of the code under test."""
    sections = [json.dumps(s, sort_keys=True).encode() if isinstance(s, dict) else s for s in (job, envs)]
    sections += [home, data]
    starts = [128]
    for section in sections[:3]:
        starts.append(starts[-1] + len(section))
    head = struct.pack(">HH4I", magic, version, *(offsets or starts))
    return head.ljust(128, b"\0") + b"".join(sections)


def accept(content: bytes) -> JobPack:
    """Take a pack as the master and then a node would. Raises PackError."""
    made = JobPack.loads(content)
    verify_home(made.jobhome, made.job().worker)
    return made


def unpack_file(content: bytes, folder: Path) -> Path:
    """Unpack a pack's job home as a node does; gives the home."""
    jobfile = folder / "jobfile"
    jobfile.write_bytes(content)
    unpack_pack(jobfile, folder / "home")
    return folder / "home"
