"""Who may import whom, and what the pure rooms may touch. The rules are in ARCHITECTURE.md."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    "jobpack": ROOT / "jobpack" / "jobpack",
    "disco": ROOT / "python-sdk" / "disco",
    "disco_master": ROOT / "master" / "disco_master",
    "disco_conformance": ROOT / "conformance" / "disco_conformance",
}
OURS = tuple(SOURCES)

# room -> the prefixes of our own modules that it may import (itself is always allowed)
MAY_IMPORT = {
    "jobpack.format": (),
    "jobpack": (),
    "disco.protocol": (),
    "disco.records": ("disco.error",),
    "disco": ("jobpack",),
    "disco_master.model": (),
    "disco_master.events": ("disco_master.model",),
    "disco_master.actions": ("disco_master.model", "disco_master.events"),
    "disco_master.files": (),
    "disco_master.node_table": (),
    "disco_master.plain": (),
    "disco_master.address": (),
    "disco_master.core": (
        "disco_master.model",
        "disco_master.events",
        "disco_master.actions",
        "disco_master.node_table",
    ),
    "disco_master.ddfs": ("disco_master.model", "disco_master.events", "disco_master.actions"),
    **{
        f"disco_master.{room}": (
            "disco_master.model",
            "disco_master.events",
            "disco_master.actions",
            "disco_master.files",
            "disco_master.node_table",
            "disco_master.plain",
            "disco_master.address",
            "disco.protocol",
            "jobpack",
        )
        for room in ("node", "store", "web")
    },
    "disco_master.engine": (
        "disco_master.model",
        "disco_master.events",
        "disco_master.actions",
        "disco_master.plain",
        "disco_master.address",
        "disco_master.node",
        "disco.protocol",
        "jobpack",
    ),
    "disco_master.shell": ("disco_master", "disco.settings", "disco.protocol", "disco.error", "jobpack"),
    "disco_conformance": (),
}
# engine/local *is* the node of this process; names of objects are the pure half of storing them
EXTRA = {"disco_master.node": ("disco_master.ddfs.names",), "disco_master.web": ("disco_master.ddfs.names",)}

PURE = ("jobpack.format", "disco.protocol", "disco_master.model", "disco_master.events",
        "disco_master.actions", "disco_master.node_table", "disco_master.plain", "disco_master.address",
        "disco_master.core", "disco_master.ddfs")  # fmt: skip
IMPURE_MODULES = {"os", "socket", "threading", "asyncio", "subprocess", "time", "uuid", "logging", "flask"}
STDLIB_ONLY = (
    "jobpack.format", "jobpack.unpack", "disco.protocol", "disco.records", "disco.worker", "disco.schemes",
    "disco.task", "disco_master.model", "disco_master.events", "disco_master.actions", "disco_master.core",
    "disco_master.ddfs",
)  # fmt: skip
# used where importable, never required: codecs and the fast pickler
OPTIONAL = {"zstandard", "lz4", "compression", "cloudpickle"}


def modules() -> Iterator[tuple[str, Path]]:
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            yield ".".join((package, *[p for p in parts if p != "__init__"])), path


def imports(name: str, path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    checked = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if id(node) in checked:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*up, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if is_ours(f"{base}.{alias.name}"))


def is_ours(name: str) -> bool:
    """Whether a dotted name is a module of ours (and not a class or function in one)."""
    package, *rest = name.split(".")
    if package not in SOURCES:
        return False
    base = SOURCES[package].joinpath(*rest)
    return base.with_suffix(".py").exists() or (base / "__init__.py").exists()


def under(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == p or name.startswith(p + ".") for p in prefixes)


def room_of(name: str) -> str:
    return max((room for room in MAY_IMPORT if under(name, (room,))), key=len, default="")


ALL = list(modules())


@pytest.mark.parametrize(("name", "path"), ALL, ids=[n for n, _ in ALL])
def test_a_room_imports_only_its_neighbours(name: str, path: Path) -> None:
    room = room_of(name)
    if not room:  # the package's own __init__ imports nothing of ours
        assert not [i for i in imports(name, path) if under(i, OURS)]
        return
    allowed = (room, *MAY_IMPORT[room], *EXTRA.get(room, ()))
    ours = [i for i in imports(name, path) if is_ours(i) and i not in OURS]
    assert [i for i in ours if not under(i, allowed)] == []


@pytest.mark.parametrize(("name", "path"), [m for m in ALL if under(m[0], PURE)])
def test_pure_rooms_touch_no_world(name: str, path: Path) -> None:
    found = {i.partition(".")[0] for i in imports(name, path)} & IMPURE_MODULES
    assert not found
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert "open" not in calls


@pytest.mark.parametrize(("name", "path"), [m for m in ALL if under(m[0], STDLIB_ONLY)])
def test_bare_nodes_need_python_alone(name: str, path: Path) -> None:
    roots = {i.partition(".")[0] for i in imports(name, path)} - OPTIONAL
    assert {r for r in roots if r not in sys.stdlib_module_names and r not in OURS} == set()


@pytest.mark.parametrize(("name", "path"), [m for m in ALL if under(m[0], ("disco",))])
def test_the_sdk_imports_on_a_bare_node(name: str, path: Path) -> None:
    """User modules say `from disco.core import Job` at their top, on nodes too."""
    if under(name, ("disco.cli",)):
        return
    roots = {i.partition(".")[0] for i in imports(name, path, top_level_only=True)}
    assert {r for r in roots if r not in sys.stdlib_module_names and r not in OURS} == set()


def test_nothing_imports_tests_or_examples() -> None:
    for name, path in ALL:
        assert not [i for i in imports(name, path) if under(i, ("tests", "examples", "bench"))]
