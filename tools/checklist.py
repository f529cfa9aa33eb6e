"""Writes docs/checklist.md: every feature, and the tests that show it.

    tools/checklist.py            write the page
    tools/checklist.py --check    exit 1 when the page is not what the tests say
    tools/checklist.py --open     print the features that nothing shows yet

A test shows a feature by naming its row (`M402`, or a range, `M121-M132`) in its docstring, a comment, or its
own name (`test_it_m402`); the file's opening docstring speaks for the whole file. The rows are those of
`checklist.tsv`: id, area, name and, where no test can show it, a note: the page or the reason.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "tools" / "checklist.tsv"
PAGE = ROOT / "docs" / "checklist.md"
TESTS = {
    "tests": (".py", ".toml"),
    "tests/scenarios/traces": (".txt",),
    "sdk-c/test": (".c",),
    "sdk-go": ("_test.go",),
    "sdk-ocaml/test": (".ml",),
    "conformance/sessions": (".session",),
}
NO_PROOF = "tests/house/"  # they check how the project is kept, and name rows to test this tool
ROW = re.compile(r"\b([MCFWB])(\d{1,3})(?:\s*(?:-|–|\.\.|to)\s*\1?(\d{1,3}))?\b")
IN_A_NAME = re.compile(r"_([mcfwb])(\d{1,3})(?![^\W_])")
# what begins a test, or ends the one before: a name to link to
BEGINS = re.compile(
    r"\s*def (test_\w+)|(?:class|def) (\w+)|func ((?:Test|Fuzz|Example)\w+)|static void (\w+)|let (\w+)"
)
LONGEST_RANGE = 60
SHOWN = 3
HEAD = """# Every feature, and what shows it

Made by `tools/checklist.py` of the tests: a test shows a feature when it names the feature's row.
"""


@dataclass(frozen=True)
class Feature:
    """A row: its id, the area it belongs to, what it is, and a note where no test can show it."""

    row: str
    area: str
    name: str
    note: str


@dataclass(frozen=True)
class Proof:
    """Where a row is named: the file below the root, and the test there ("" for the file as a whole)."""

    path: str
    test: str

    def link(self) -> str:
        text = self.test or Path(self.path).name
        return f"[{text}](../{self.path})"


def features() -> list[Feature]:
    """The rows of the table, in its order. Raises ValueError for a row that is there twice."""
    found: dict[str, Feature] = {}
    for line in ROWS.read_text().splitlines():
        row, area, name, *note = line.split("\t")
        if row in found:
            raise ValueError(f"{ROWS.name}: the row {row} is there twice")
        found[row] = Feature(row, area, name, note[0] if note else "")
    return list(found.values())


def rows_named(text: str) -> Iterator[str]:
    for letter, first, last in ROW.findall(text):
        end = int(last) if last else int(first)
        if int(first) <= end <= int(first) + LONGEST_RANGE:
            yield from (f"{letter}{number}" for number in range(int(first), end + 1))


def rows_of_a_name(test: str | None) -> Iterator[str]:
    """The rows at the end of a test's name: `test_it_m402_m403`."""
    yield from (f"{letter.upper()}{int(number)}" for letter, number in IN_A_NAME.findall(test or ""))


def proofs() -> dict[str, list[Proof]]:
    """row → the places that name it, in the order of the files."""
    found: dict[str, list[Proof]] = {}
    for folder, endings in TESTS.items():
        for file in sorted((ROOT / folder).rglob("*")):
            if not file.is_file() or not file.name.endswith(endings):
                continue
            path, test = str(file.relative_to(ROOT)), ""
            if path.startswith(NO_PROOF):
                continue
            for line in file.read_text(errors="replace").splitlines():
                if begins := BEGINS.match(line):
                    test = next((name for name in begins.groups() if name), "")
                for row in [*rows_named(line), *rows_of_a_name(begins[1] if begins else None)]:
                    proof = Proof(path, test)
                    if proof not in found.setdefault(row, []):
                        found[row].append(proof)
    return found


def state(feature: Feature, shown: list[Proof]) -> str:
    if not shown:
        return feature.note or "open"
    links = ", ".join(proof.link() for proof in shown[:SHOWN])
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return links + more + (f"; {feature.note}" if feature.note else "")


def page() -> str:
    rows, shown = features(), proofs()
    tested = sum(row.row in shown for row in rows)
    noted = sum(row.row not in shown and bool(row.note) for row in rows)
    lines = [
        HEAD,
        f"Of {len(rows)} rows a test shows {tested}; {noted} have a page or a reason; "
        f"{len(rows) - tested - noted} are open.",
    ]
    area = ""
    for row in rows:
        if row.area != area:
            area = row.area
            lines += ["", f"## {area}", "", "| row | what | shown by |", "|---|---|---|"]
        name = row.name.replace("|", "\\|").replace("<", "&lt;")
        lines.append(f"| {row.row} | {name} | {state(row, shown.get(row.row, []))} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when the page is old")
    parser.add_argument("--open", action="store_true", help="print what nothing shows yet")
    options = parser.parse_args()
    if options.open:
        shown = proofs()
        for row in features():
            if row.row not in shown and not row.note:
                print(row.row, row.area, row.name, sep="\t")
        return 0
    text = page()
    if options.check:
        if not PAGE.exists() or PAGE.read_text() != text:
            print("docs/checklist.md is not what the tests say: run tools/checklist.py", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
