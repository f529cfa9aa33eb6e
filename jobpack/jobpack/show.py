"""What a job pack says and holds, for people and for programs."""

from __future__ import annotations

import json
from typing import Any

from jobpack.format import JobPack, shown
from jobpack.unpack import list_home, read_start

SHOWN_INPUTS = 20
SHEBANG_BYTES = 256  # as much as Linux reads of it


def describe(pack: JobPack, size_bytes: int) -> dict[str, Any]:
    """The pack as a JSON object: its two JSON sections as sent, what its home holds, the sizes in bytes.

    Raises PackError if the job home is no archive that a node would take.
    """
    home = [
        {"path": entry.path, "size_bytes": entry.size_bytes, "executable": entry.is_executable}
        for entry in list_home(pack.jobhome)
        if not entry.is_dir
    ]
    return {
        "size_bytes": size_bytes,
        "jobdict": pack.jobdict,
        "jobenvs": pack.jobenvs,
        "jobhome": home,
        "jobhome_bytes": len(pack.jobhome),
        "jobdata_bytes": len(pack.jobdata),
    }


def text(described: dict[str, Any]) -> str:
    """The same for a terminal. Values are shown as JSON, so none of them can control it."""
    lines = ["job dict"]
    for key, value in sorted(described["jobdict"].items()):
        if key == "input" and isinstance(value, list):
            lines.append(f"  {_safe(key):<12} {len(value)}")
            lines += [f"    {json.dumps(url)}" for url in value[:SHOWN_INPUTS]]
            if len(value) > SHOWN_INPUTS:
                lines.append(f"    ... {len(value) - SHOWN_INPUTS} more; --json shows all")
        else:
            lines.append(f"  {_safe(key):<12} {json.dumps(value)}")
    lines.append("environment")
    lines += [f"  {_safe(name)}={json.dumps(value)}" for name, value in sorted(described["jobenvs"].items())]
    lines.append(f"job home, {described['jobhome_bytes']} bytes packed")
    for file in described["jobhome"]:
        lines.append(f"  {'x' if file['executable'] else '-'} {file['size_bytes']:>10} {_safe(file['path'])}")
    lines.append(f"job data, {described['jobdata_bytes']} bytes")
    return "\n".join(lines)


def summary(pack: JobPack) -> str:
    """A checked pack in a few words."""
    job = pack.job()
    phases = [name for name, is_there in (("map", job.has_map), ("reduce", job.has_reduce)) if is_there]
    reduces = f" ({job.nr_reduces})" if job.has_reduce else ""
    inputs = "1 input" if len(job.inputs) == 1 else f"{len(job.inputs)} inputs"
    return f"worker {shown(job.worker)}, {inputs}, {' and '.join(phases) or 'no phase'}{reduces}"


def doubt(pack: JobPack) -> str:
    """Why the worker of a checked pack may not start on a node; empty if nothing speaks against it.

    Only a doubt: a node can have been taught to run other kinds of files.
    """
    worker = pack.job().worker
    start = read_start(pack.jobhome, worker, SHEBANG_BYTES)
    if start.startswith(b"\x7fELF"):
        return ""
    if not start.startswith(b"#!"):
        return (
            f"the worker {shown(worker)} is no ELF binary and has no #! line, so nodes may fail to start it"
        )
    if start.split(b"\n")[0].endswith(b"\r"):
        return (
            f"the #! line of {shown(worker)} ends with CR LF, so nodes look for an interpreter of that name"
        )
    return ""


def _safe(value: str) -> str:
    return json.dumps(value)[1:-1]
