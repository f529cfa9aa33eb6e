"""`raw://DATA`: the address is the data, percent-encoded where it needs to be."""

from __future__ import annotations

import io
from typing import IO, Any
from urllib.parse import unquote_to_bytes


def input_stream(fd: Any, size: int | None, url: str, params: Any) -> tuple[IO[bytes], int, str]:
    """Opens a file whose data is everything after the url scheme."""
    data = unquote_to_bytes(url.removeprefix("raw://"))
    return io.BytesIO(data), len(data), url
