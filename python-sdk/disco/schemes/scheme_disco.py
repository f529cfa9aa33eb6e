"""`disco://HOST/…`: a file that a node keeps: results of jobs below /disco/, DDFS blobs below /ddfs/.

On that node it is opened as a file; from anywhere else, or if it is not where it should be, it is read
from the node's web server.
"""

from __future__ import annotations

from typing import IO, Any
from urllib.parse import urlsplit

from ..error import CommError, DataError
from ..worker import current


def local_path(url: str) -> str | None:
    """The file behind a URL of this node; None if it is another machine's, or no node's at all."""
    task = current.task
    if task is None or not task.host:
        return None
    parts = urlsplit(url)
    if parts.hostname != task.host.lower() and parts.netloc != task.host:
        return None
    if parts.scheme == "http" and parts.port != task.disco_port:
        return None
    for prefix, root in (("/disco/", task.disco_data), ("/ddfs/", task.ddfs_data)):
        if parts.path.startswith(prefix) and root:
            rest = parts.path[len(prefix) :]
            if ".." in rest.split("/"):
                raise DataError("the path leads out of the node's data", url)
            return f"{root}/{rest}"
    return None


def web_address(url: str) -> str:
    """Where a `disco://` or `dir://` URL is served."""
    task = current.task
    if task is None or task.disco_port is None:
        from ..client.http import web_url

        return web_url(url)
    parts = urlsplit(url)
    host = parts.netloc if parts.port else f"{parts.netloc}:{task.disco_port}"
    return f"http://{host}{parts.path}"


def input_stream(fd: Any, size: int | None, url: str, params: Any) -> tuple[IO[bytes], int | None, str]:
    """Opens the path on host locally if it is local, otherwise over http."""
    return (*open_here_or_there(url, web_address(url)), url)


def open_here_or_there(url: str, address: str) -> tuple[IO[bytes], int | None]:
    """The file behind `url` if this node has it, else what is served at `address`; and its size."""
    from .scheme_http import open_http

    path = local_path(url)
    if path is None:
        return open_http(address)
    from .scheme_file import open_path

    try:
        return open_path(path, url)
    except DataError as error:
        try:
            return open_http(address)
        except CommError:
            raise error from None
