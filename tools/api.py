"""Writes docs/python-api.md: the Python interface, from the docstrings and signatures of what is documented.

tools/api.py [--check]          with --check: exit 1 when the page is not what the docstrings say

What is shown is PAGE_OF: modules in order, and in each its documented names. A class is shown with its public
methods that have a docstring of their own.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "python-api.md"
PAGE_OF = {
    "disco.core": ("Disco", "classic_iterator", "result_iterator"),
    "disco.job": ("Job", "JobPack", "JobChain", "SimpleJob"),
    "disco.ddfs": ("DDFS",),
    "disco.error": ("DiscoError", "JobError", "DataError", "CommError"),
    "disco.task": ("Task", "jobdata"),
    "disco.worker": ("Worker", "Input", "SerialInput", "ParallelInput", "MergedInput", "Output"),
    "disco.worker.classic.worker": (
        "Worker", "Params", "get", "put", "this_host", "this_inputs", "this_master", "this_name",
        "this_partition",
    ),
    "disco.worker.classic.func": None,
    "disco.worker.classic.modutil": (
        "find_modules", "locate_modules", "parse_function", "ModUtilImportError",
    ),
    "disco.worker.classic.external": ("package",),
    "disco.worker.classic.netstring": None,
    "disco.schemes": ("open", "scheme_of"),
    "disco.util": None,
    "disco.settings": ("DiscoSettings",),
    "disco.local": ("LocalMaster",),
}  # fmt: skip
HEAD = """# The Python interface

Every documented name, with what its docstring says. Made by `tools/api.py` of the docstrings; the same text
is shown by `python -m pydoc disco.core`. How the parts go together: [Jobs in Python](python-jobs.md).
"""


def page() -> str:
    return "\n".join([HEAD, *_contents(), *(line for name in PAGE_OF for line in _module(name))])


def _contents() -> Iterator[str]:
    for name in PAGE_OF:
        yield f"- [{name}](#{name.replace('.', '')})"
    yield ""


def _module(name: str) -> Iterator[str]:
    module = importlib.import_module(name)
    yield f"## {name}\n"
    yield f"{_text(module)}\n"
    for one in PAGE_OF[name] or sorted(_public(module)):
        value = getattr(module, one)
        if not callable(value) or not inspect.getdoc(value):
            continue
        yield f"### `{one}{_signature(value)}`\n"
        yield f"{_text(value)}\n"
        if isinstance(value, type):
            yield from _methods(value)


def _methods(kind: type) -> Iterator[str]:
    shown = [(name, getattr(kind, name)) for base in reversed(kind.__mro__) for name in vars(base)]
    for name, value in dict(shown).items():
        is_ours = str(getattr(value, "__module__", "")).startswith("disco.")
        is_shown = callable(value) and not isinstance(value, type) and inspect.getdoc(value)
        if not name.startswith("_") and is_ours and is_shown:
            yield f"- **`{name}{_signature(value)}`** {_text(value, indent='  ')}"
    yield ""


def _public(module: Any) -> list[str]:
    named = getattr(module, "__all__", None)
    own = (
        name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
    )
    return [name for name in named or own if not name.startswith("_")]


def _signature(value: Any) -> str:
    """The parameters as a caller sees them: names and defaults, without types and without self."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except ValueError:
        return "()"
    shown = [one.replace(annotation=one.empty) for one in parameters if one.name not in ("self", "cls")]
    text = re.sub(r"<function [\w.]*<lambda> at \w+>", "lambda", str(inspect.Signature(shown)))
    return re.sub(r"<(?:function|class) '?([\w.]+)[^>]*>", r"\1", text)  # an address says nothing


def _text(value: Any, indent: str = "") -> str:
    text = inspect.getdoc(value) or ""
    return re.sub(r"\n(?=[^\n])", f"\n{indent}", text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say whether the page is current")
    text = page()
    if parser.parse_args().check:
        return 0 if PAGE.read_text() == text else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
