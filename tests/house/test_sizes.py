"""The walls: file, function, class and folder sizes, parameters, and names that say nothing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES, TEST_FILE_LINES, FUNCTION_LINES = 500, 800, 60
PUBLIC_METHODS, PARAMETERS, FILES_IN_FOLDER = 15, 7, 14
EMPTY_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager)$")
ALLOWED_NAMES = {"python-sdk/disco/util.py"}  # promised by the documents; it only re-exports
ALLOWED_FOLDERS = {"examples/util"}  # where the documents say the examples are
# dictionaries of the documents' methods: one each, as printed
WIDE_CLASSES = {"Disco", "DDFS", "Worker", "Job", "Core"}

# as many parameters as the documents print
DOCUMENTED_PARAMETERS = {"push", "chunk", "result_iterator", "classic_iterator"}
DOCUMENTED_FILES = {"python-sdk/disco/task.py"}
# tables that a function returns: data, however long
TABLES = {"records_invalid"}

BUILT = {"_build", "build", ".venv", "node_modules"}

PYTHON = sorted(
    p
    for folder in ("jobpack", "python-sdk", "master", "conformance", "bench", "examples", "tests")
    for p in (ROOT / folder).rglob("*.py")
    if not BUILT & set(p.parts)
)
OTHERS = sorted(
    p
    for folder, pattern in (("sdk-c", "*.[ch]"), ("sdk-go", "*.go"), ("sdk-ocaml", "*.ml"))
    for p in (ROOT / folder).rglob(pattern)
    if not BUILT & set(p.parts)
)


def is_test(path: Path) -> bool:
    return "test" in str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PYTHON + OTHERS, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_is_within_the_wall(path: Path) -> None:
    wall = TEST_FILE_LINES if is_test(path) else FILE_LINES
    assert len(path.read_text().splitlines()) <= wall


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: str(p.relative_to(ROOT)))
def test_functions_and_classes_are_within_the_wall(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES or node.name in TABLES, f"{node.name} has {length} lines"
            if not is_test(path) and "cli" not in path.parts and path.name != "cli.py":
                count = sum(a.arg not in ("self", "cls") for a in node.args.args + node.args.kwonlyargs)
                file = str(path.relative_to(ROOT))
                documented = node.name in DOCUMENTED_PARAMETERS or file in DOCUMENTED_FILES
                assert documented or count <= PARAMETERS, f"{node.name} has {count} parameters"
        if isinstance(node, ast.ClassDef) and not is_test(path) and node.name not in WIDE_CLASSES:
            methods = [n for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
            assert len(methods) <= PUBLIC_METHODS, f"{node.name} has {len(methods)} public methods"


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: str(p.relative_to(ROOT)))
def test_names_say_something(path: Path) -> None:
    relative = str(path.relative_to(ROOT))
    if relative not in ALLOWED_NAMES:
        assert not EMPTY_NAMES.search(path.stem)
        if str(path.parent.relative_to(ROOT)) not in ALLOWED_FOLDERS:
            assert not EMPTY_NAMES.search(path.parent.name)


def test_folders_are_within_the_wall() -> None:
    folders: dict[Path, int] = {}
    for path in PYTHON + OTHERS:
        if not is_test(path):
            folders[path.parent] = folders.get(path.parent, 0) + 1
    assert {str(f): n for f, n in folders.items() if n > FILES_IN_FOLDER} == {}


@pytest.mark.parametrize("path", [p for p in PYTHON if not is_test(p) and "examples" not in p.parts])
def test_source_files_open_with_what_they_are(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"
