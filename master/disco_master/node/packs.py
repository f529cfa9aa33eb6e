"""Job packs on a node that is not the master's machine: fetched over HTTP, once for each job home.

A pack is written below DISCO_DATA/HOST/.packs and linked into the job home. What is linked there, or was left
by an earlier run, is removed with the next fetch.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import shutil
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

FETCH_TIMEOUT_S = 60.0  # without a byte
BLOCK_BYTES = 1024 * 1024
_serial = itertools.count(1)


class Packs:
    """`fetch` is a `NodeConfig.fetch`; any thread may call it."""

    def __init__(self, master_url: str, folder: Path, *, timeout_s: float = FETCH_TIMEOUT_S) -> None:
        self._master_url, self._folder, self._timeout_s = master_url, folder, timeout_s
        self._opener = build_opener(ProxyHandler({}))  # nodes and master are one network
        shutil.rmtree(folder, ignore_errors=True)

    def fetch(self, job: str) -> Path:
        """Raises OSError when the master does not give the whole pack."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._remove_linked()
        path = self._folder / f"{next(_serial)}"
        url = f"{self._master_url}/disco/ctrl/parameters?name={quote(job, safe='')}"
        try:
            with self._opener.open(url, timeout=self._timeout_s) as reply, path.open("xb") as file:
                shutil.copyfileobj(reply, file, BLOCK_BYTES)
                wanted = reply.headers.get("Content-Length")
                if wanted is not None and int(wanted) != file.tell():
                    raise OSError(f"the pack is cut off at {file.tell()} of {wanted} bytes: {url}")
        except (HTTPError, URLError, http.client.HTTPException) as error:
            path.unlink(missing_ok=True)
            raise OSError(f"the job pack can't be fetched from {url}: {error}") from error
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path

    def _remove_linked(self) -> None:
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_nlink > 1:
                    path.unlink()
