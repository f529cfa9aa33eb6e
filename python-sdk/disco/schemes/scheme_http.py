"""`http://…`: read over the network, going on where a cut connection stopped."""

from __future__ import annotations

from functools import cache
from typing import IO, TYPE_CHECKING, Any

from ..worker import current
from .scheme_disco import open_here_or_there

if TYPE_CHECKING:
    from ..client.http import HttpClient

# A task has other replicas to turn to, and Disco other nodes: it is less patient than a client.
TASK_ATTEMPTS = 5
TASK_DEADLINE_S = 5.0


def input_stream(fd: Any, size: int | None, url: str, params: Any) -> tuple[IO[bytes], int | None, str]:
    """Opens the specified url using an http client; a file of this very node is opened as a file."""
    return (*open_here_or_there(url, url), url)


def open_http(url: str) -> tuple[IO[bytes], int | None]:
    """The open body of a web address, and its size where the server said it. Raises CommError."""
    from ..client.http import open_remote
    from ..client.remote import open_replicas

    file = open_remote(url) if current.task is None else open_replicas(_client_of_tasks(), [url])
    return file, getattr(getattr(file, "raw", file), "size", None)


@cache
def _client_of_tasks() -> HttpClient:
    from ..client.http import HttpClient, Patience

    return HttpClient(Patience(attempts=TASK_ATTEMPTS, deadline_s=TASK_DEADLINE_S))
