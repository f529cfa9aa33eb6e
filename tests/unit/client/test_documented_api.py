"""Every name that the documents print, where they print it, with its parameters and defaults (M284-M473).

The table is `documented_api.txt`. A parameter written `name=` must have a default, `name=VALUE` this default;
`**` must take any others. What is here may take more than is printed, never less: a call that the documents
allow is a call that works.
"""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
TABLE = (Path(__file__).parent / "documented_api.txt").read_text()
ROW = re.compile(r"(?P<row>[MC]\d+)\s+(?P<name>[\w.]+)\((?P<parameters>.*)\)")
ROWS = [found.groupdict() for line in TABLE.strip().splitlines() if (found := ROW.fullmatch(line))]
VALUES = {"None": None, "True": True, "False": False, "()": (), "''": "", "'10%'": "10%"}


def find(name: str) -> Any:
    """The object behind a dotted name: as much as can be imported, then attributes."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise AssertionError(f"no module of {name}")


def test_every_line_of_the_table_is_read() -> None:
    assert len(ROWS) == len(TABLE.strip().splitlines())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['row']} {row['name']}")
def test_what_is_printed_can_be_called_as_printed(row: dict[str, str]) -> None:
    """M284-M473: by position and by name."""
    found = find(row["name"])
    if isinstance(found, type) and not row["parameters"]:
        assert found.__mro__
        return
    signature = inspect.signature(found)
    is_method = inspect.isfunction(found) and "self" in signature.parameters
    here = [p for name, p in signature.parameters.items() if not (is_method and name == "self")]
    kinds = {p.kind for p in here}
    printed = [part.strip() for part in row["parameters"].split(",") if part.strip()]
    if row["parameters"].count("()"):
        printed = [part for part in printed if part != ")"]
    wanted = [part for part in printed if part not in ("*", "**")]
    assert ("**" in printed) <= (inspect.Parameter.VAR_KEYWORD in kinds or len(here) > len(wanted))
    assert ("*" in printed) <= (inspect.Parameter.VAR_POSITIONAL in kinds)
    positional = [p for p in here if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    for place, part in enumerate(wanted):
        name, has_default, default = part.partition("=")
        assert place < len(positional) and positional[place].name == name, f"{part}: {signature}"
        assert bool(has_default) <= (positional[place].default is not inspect.Parameter.empty), part
        if default:
            value = VALUES[default] if default in VALUES else int(default)
            assert positional[place].default == value, part
    for extra in positional[len(wanted) :]:
        assert extra.default is not inspect.Parameter.empty, f"{extra} must be given, and is not printed"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['row']} {row['name']}")
def test_what_is_printed_says_what_it_does(row: dict[str, str]) -> None:
    """A docstring, and types, on each."""
    found = find(row["name"])
    assert inspect.getdoc(found)
    if inspect.isfunction(found):
        signature = inspect.signature(found)
        assert signature.return_annotation is not inspect.Signature.empty
        untyped = [n for n, p in signature.parameters.items() if p.annotation is p.empty and n != "self"]
        assert not untyped


def test_the_page_of_the_interface_is_current() -> None:
    tool = ROOT / "tools" / "api.py"
    done = subprocess.run([sys.executable, tool, "--check"], check=False, timeout=60)
    assert done.returncode == 0, "run tools/api.py"


def test_defaults_that_are_numbers() -> None:
    """M666, M672, M673: bytes of a chunk; seconds and milliseconds of waiting; nodes that may fail a blob."""
    from disco.core import Disco
    from disco.ddfs import DDFS

    def default(function: Any, name: str) -> Any:
        return inspect.signature(function).parameters[name].default

    assert default(DDFS.chunk, "chunk_size") == 64 * 2**20 == 67108864
    assert (default(Disco.wait, "poll_interval"), default(Disco.results, "timeout")) == (2, 2000)
    assert default(DDFS.push, "retries") == default(DDFS.chunk, "retries") == 10


def test_the_old_place_of_the_job_functions() -> None:
    """C31: all that the documents print under `disco.func` is the same object there."""
    import disco.func
    from disco.worker.classic import func

    assert all(getattr(disco.func, name) is getattr(func, name) for name in func.__all__)
