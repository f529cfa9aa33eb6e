"""`http://…`: read over the network, going on where a cut connection stopped."""

from __future__ import annotations

from typing import IO, Any

from .scheme_disco import local_path


def input_stream(fd: Any, size: int | None, url: str, params: Any) -> tuple[IO[bytes], int | None, str]:
    """Opens the specified url using an http client; a file of this very node is opened as a file."""
    path = local_path(url)
    if path is not None:
        from .scheme_file import open_path

        return (*open_path(path, url), url)
    return (*open_http(url), url)


def open_http(url: str) -> tuple[IO[bytes], int | None]:
    """The open body of a web address, and its size where the server said it. Raises CommError."""
    from ..client.http import open_remote

    file = open_remote(url)
    return file, getattr(getattr(file, "raw", file), "size", None)
