"""How the worker was started, by what the relay tells of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from disco_conformance.play.result import Failed

FIRST_LINE = 1


def check(hello: Mapping[str, Any], env: Mapping[str, str]) -> None:
    """Raises Failed. `env` is the job's."""
    leaked = [name for name in hello["env"] if name.startswith(("DISCO_", "DDFS_"))]
    missing = [name for name, value in env.items() if hello["env"].get(name) != value]
    if leaked:
        raise _failed("launch.env", f"the setting {leaked[0]} leaks into the worker")
    if hello["pgid"] != hello["pid"]:
        raise _failed("launch.group", "the worker has no process group of its own")
    if "relay.py" not in hello["files"]:
        raise _failed("launch.cwd", f"the worker was not started in its job home: {hello['cwd']}")
    if not hello["stdout"]:
        raise _failed("launch.streams", "standard output does not lead to standard error")
    if missing:
        raise _failed("launch.env", f"the job's variable {missing[0]} is missing")


def _failed(requirement: str, reason: str) -> Failed:
    return Failed(reason, requirement=requirement, line=FIRST_LINE)
