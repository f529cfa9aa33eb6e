"""Writes docs/parity.md: which language has what, each cell a link to the test that shows it.

tools/parity.py [--check]       with --check: exit 1 when the page is not what the table says
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "tools" / "parity.toml"
PAGE = ROOT / "docs" / "parity.md"
LANGUAGES = {"python": "Python", "c": "C", "go": "Go", "ocaml": "OCaml"}
ABSENT = "–"
HEAD = """# What each SDK has

A feature and, for each language, the test that shows it. Made by `tools/parity.py` of `tools/parity.toml`.
"""


@dataclass(frozen=True)
class Proof:
    """A test: the file below the root, and its name there."""

    section: str
    feature: str
    language: str
    path: str
    test: str

    def exists(self) -> bool:
        """Whether the file has the test: its name as a whole word, or as the text of a case."""
        file = ROOT / self.path
        if not file.is_file():
            return False
        name = re.escape(self.test)
        pattern = rf'"{name}"' if file.suffix == ".ml" else rf"\b{name}\b"
        return re.search(pattern, file.read_text()) is not None

    def link(self) -> str:
        return f"[test](../{self.path} '{self.test}')"


def proofs() -> Iterator[Proof]:
    """Every cell of the table that has a test. Raises ValueError for one that names no language or test."""
    table = tomllib.loads(TABLE.read_text())
    folders = table.pop("folders")
    for section, features in table.items():
        for feature, cells in features.items():
            for language, cell in cells.items():
                path, found, test = cell.partition("::")
                if language not in LANGUAGES or not found:
                    raise ValueError(
                        f"{section}, {feature}: {language} = {cell!r} is no FILE::TEST of a language"
                    )
                full = path[1:] if path.startswith("/") else f"{folders[language]}/{path}"
                yield Proof(section, feature, language, full, test)


def page() -> str:
    cells: dict[str, dict[str, dict[str, Proof]]] = {}
    for proof in proofs():
        cells.setdefault(proof.section, {}).setdefault(proof.feature, {})[proof.language] = proof
    lines = [HEAD]
    for section, features in cells.items():
        lines.append(f"## {section.capitalize()}\n")
        lines.append(f"| | {' | '.join(LANGUAGES.values())} |")
        lines.append(f"|---|{'---|' * len(LANGUAGES)}")
        for feature, found in features.items():
            row = [found[language].link() if language in found else ABSENT for language in LANGUAGES]
            lines.append(f"| {feature} | {' | '.join(row)} |")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="parity", description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        return 0 if PAGE.exists() and PAGE.read_text() == page() else 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
