"""The flags of `jobpack pack`, turned into the options of the builder."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import click

from jobpack.build import PackOptions
from jobpack.config import SCHEDULER_KEYS, named_files

STANDARD_STREAM = "-"


def apply(flags: dict[str, Any], options: PackOptions) -> None:
    """Let flags win over the file: they replace its value, and --env and --scheduler theirs of the name."""
    if flags["inputs"]:
        options["inputs"] = _inputs(flags["inputs"])
    if flags["files"]:
        options["files"] = _files(flags["files"])
    if flags["envs"]:
        options["envs"] = {**options.get("envs", {}), **_pairs("--env", flags["envs"])}
    if flags["scheduler"]:
        options["scheduler"] = {**options.get("scheduler", {}), **_scheduler(flags["scheduler"])}
    if flags["map"] is not None:
        options["map"] = flags["map"]
    if flags["reduce"] is not None:
        options["reduce"] = flags["reduce"]
    if flags["partitions"] is not None:
        options["partitions"] = flags["partitions"]
    if flags["prefix"] is not None:
        options["prefix"] = flags["prefix"]
    if flags["data"] is not None:
        options["data"] = _data(flags["data"])
    if flags["owner"] is not None or "owner" not in options:
        options["owner"] = flags["owner"] or os.environ.get("DISCO_JOB_OWNER") or _who()


def require_work(options: PackOptions) -> None:
    if not options.get("map") and not options.get("reduce"):
        raise click.UsageError("no phase: give --map, --reduce or both")
    if "inputs" not in options:
        raise click.UsageError("no input: give --input URL")


def _inputs(urls: tuple[str, ...]) -> list[str | list[str]]:
    inputs: list[str | list[str]] = []
    for url in urls:
        if url != STANDARD_STREAM:
            inputs.append(url)
            continue
        for line in sys.stdin:
            replicas = line.rstrip("\r\n").split("\t")
            if replicas != [""]:
                inputs.append(replicas if len(replicas) > 1 else replicas[0])
    return inputs


def _files(files: tuple[str, ...]) -> dict[str, Path]:
    plain: list[Path] = []
    named: dict[str, Path] = {}
    for item in files:
        name, is_named, path = item.partition("=")
        if is_named and not Path(item).exists():
            if name in named:
                raise click.UsageError(f"--file gives {name!r} twice; keep one")
            named[name] = Path(path)
        else:
            plain.append(Path(item))
    own = named_files(plain)
    if both := next((name for name in named if name in own), None):
        raise click.UsageError(f"--file gives {both!r} twice; keep one")
    return {**own, **named}


def _pairs(flag: str, items: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for item in items:
        name, found, value = item.partition("=")
        if not found:
            raise click.UsageError(f"{flag} {item!r} has no '='; write {flag} NAME=VALUE")
        pairs[name] = value
    return pairs


def _scheduler(items: tuple[str, ...]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in _pairs("--scheduler", items).items():
        if name not in SCHEDULER_KEYS:
            known = ", ".join(SCHEDULER_KEYS)
            raise click.UsageError(f"--scheduler does not know {name!r}; known are {known}")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value  # for the format to refuse by its name
    return options


def _data(value: str) -> bytes:
    if value.startswith("@"):
        return Path(value[1:]).read_bytes()
    return os.fsencode(value)


def _who() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return f"{os.getuid()}@{socket.gethostname()}"
