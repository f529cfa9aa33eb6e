"""`url://ANYTHING`: the whole URL, as it stands, is the data."""

from __future__ import annotations

import io
from typing import IO, Any


def input_stream(fd: Any, size: int | None, url: str, params: Any) -> tuple[IO[bytes], int, str]:
    """Opens a file whose data is the url."""
    data = url.encode()
    return io.BytesIO(data), len(data), url
