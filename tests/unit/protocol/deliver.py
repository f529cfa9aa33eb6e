"""Ways in which the same bytes can arrive, and vectors from their folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from disco.protocol.frames import Frame, FrameReader

VECTORS = Path(__file__).resolve().parents[3] / "conformance" / "vectors"


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def read_frames(data: bytes, size: int | None = None) -> list[Frame]:
    """The frames of a whole stream that arrives in pieces of `size`. Raises what the reader raises."""
    reader = FrameReader()
    found = []
    for piece in pieces(data, size or len(data) or 1):
        reader.feed(piece)
        while (frame := reader.next_frame()) is not None:
            found.append(frame)
    reader.end_of_input()
    return found


def vector_names(folder: str, suffix: str = ".json") -> list[str]:
    return sorted(path.stem for path in (VECTORS / folder).glob(f"*{suffix}"))


def vector_json(folder: str, name: str) -> Any:
    return json.loads((VECTORS / folder / f"{name}.json").read_text("utf-8"))


def vector_bytes(folder: str, name: str) -> bytes:
    return (VECTORS / folder / f"{name}.bin").read_bytes()
