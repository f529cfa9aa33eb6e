"""The inputs: public-domain text repeated to size, and rows to join. Made once, in a folder given in."""

from __future__ import annotations

import csv
import gzip
import random
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "examples" / "data"
MB = 1_000_000


def text_files(folder: Path, total_mb: int, files: int) -> list[Path]:
    """`files` files of real English lines, together a little over `total_mb` MB."""
    text = b"".join(gzip.decompress(p.read_bytes()) for p in sorted(DATA.glob("*.txt.gz")))
    each = total_mb * MB // files
    made = []
    for number in range(files):
        path = folder / f"text-{number}.txt"
        start = (number * 997_001) % len(text)
        start = text.index(b"\n", start) + 1
        with path.open("wb") as file:
            piece = text[start:] + text[:start]
            for _ in range(each // len(piece)):
                file.write(piece)
            rest = each % len(piece)
            file.write(piece[: piece.index(b"\n", rest) + 1])
        made.append(path)
    return made


def rows_to_join(folder: Path, rows: int, files: int, seed: int = 20) -> list[Path]:
    """Two sets of `rows` CSV rows `key, number` with the same keys, cut into `files` files each."""
    chance = random.Random(seed)
    made = []
    for side in "ab":
        for number in range(files):
            path = folder / f"set-{side}-{number}.csv"
            with path.open("w", newline="") as file:
                writer = csv.writer(file)
                for key in range(number, rows, files):
                    writer.writerow([key, int(999_999 * chance.random())])
            made.append(path)
    return made
