"""What the documents promise under `disco.util`: names that live elsewhere, gathered here.

`msg`, `err` and `data_err` are deprecated since 0.4: print, and raise DiscoError or DataError.
"""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import unquote, urlsplit

from .error import DataError, DiscoError
from .schemes.scheme_dir import parse_dir, read_index
from .worker.classic.external import package as external
from .worker.classic.grouping import kvgroup

__all__ = ["data_err", "err", "external", "jobname", "kvgroup", "msg", "parse_dir", "read_index"]


def msg(message: str) -> None:
    """Sends the string message to the master for logging. Deprecated since 0.4: use print instead."""
    print(message)


def err(message: str) -> NoReturn:
    """Raises a DiscoError, which ends the job. Deprecated since 0.4: raise it yourself."""
    raise DiscoError(message)


def data_err(message: str, url: str) -> NoReturn:
    """Raises a DataError: the task is tried elsewhere. Deprecated since 0.4: raise it yourself."""
    raise DataError(message, url)


def jobname(url: str) -> str:
    """Extracts the job name from the url of one of its results. Raises ValueError if it holds none."""
    parts = urlsplit(url)
    places = [parts.netloc.rpartition(":job:results:")[2]] if parts.scheme == "tag" else []
    places += [part for part in parts.path.split("/") if "@" in part]
    for place in places:
        if "@" in place:
            return unquote(place)
    raise ValueError(f"{url} does not hold the name of a job (NAME@xxx:xxxxx:xxxxx)")
