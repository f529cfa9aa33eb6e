"""Input streams by URL scheme: `scheme_X.input_stream(fd, size, url, params)` opens `X://…`.

A URL without a scheme is a local file. Only the module that is needed is imported. Source: documents 4.1.5.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..error import DiscoError

if TYPE_CHECKING:
    from ..task import Task


def scheme_of(url: str) -> str:
    """The part before `://`; "file" if there is none."""
    scheme, found, _ = url.partition("://")
    return scheme if found and scheme.replace("+", "").isalnum() else "file"


def stream_of(url: str) -> Callable[..., Any]:
    """The `input_stream` function for a URL. Raises DiscoError for a scheme that has none."""
    scheme = scheme_of(url)
    name = f"disco.schemes.scheme_{scheme}"
    try:
        return importlib.import_module(name).input_stream  # type: ignore[no-any-return]
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise DiscoError(
            f"no input stream for {scheme}:// URLs ({url[:200]}); give one as map_reader or "
            f"map_input_stream, or send a module {name}"
        ) from None


def open(url: str, task: Task | None = None) -> Any:
    """Open a URL as a binary file, as `task` (default: the running one) would."""
    from ..worker import current

    previous, current.task = current.task, task or current.task
    try:
        stream = stream_of(url)(None, None, url, None)
    finally:
        current.task = previous
    return stream[0] if isinstance(stream, tuple) else stream
