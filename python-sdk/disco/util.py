"""What the documents promise under `disco.util`: names that live elsewhere, gathered here.

`msg`, `err` and `data_err` are deprecated since 0.4: print, and raise DiscoError or DataError.
"""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import unquote
from urllib.parse import urlsplit as split_web_address

from .deprecation import deprecated
from .error import DataError, DiscoError
from .oldnames import (
    argcount,
    chainify,
    dsorted,
    flatten,
    format_size,
    globalize,
    hexhash,
    inputexpand,
    inputlist,
    ispartitioned,
    iterify,
    listify,
    load_oob,
    localize,
    partition,
    reify,
    save_oob,
    schemesplit,
    shuffled,
    urljoin,
    urlresolve,
    urlsplit,
    urltoken,
)
from .schemes.scheme_dir import parse_dir, read_index
from .worker.classic.external import package as external
from .worker.classic.grouping import kvgroup

__all__ = [
    "argcount", "chainify", "data_err", "dsorted", "err", "external", "flatten", "format_size", "globalize",
    "hexhash", "inputexpand", "inputlist", "ispartitioned", "iterify", "jobname", "kvgroup", "listify",
    "load_oob", "localize", "msg", "parse_dir", "partition", "read_index", "reify", "save_oob",
    "schemesplit", "shuffled", "urljoin", "urlresolve", "urlsplit", "urltoken",
]  # fmt: skip


def msg(message: str) -> None:
    """Sends the string message to the master for logging. Deprecated since 0.4: use print instead."""
    deprecated("disco.util.msg", "0.4", "use print")
    print(message)


def err(message: str) -> NoReturn:
    """Raises a DiscoError, which ends the job. Deprecated since 0.4: raise it yourself."""
    deprecated("disco.util.err", "0.4", "raise disco.error.DiscoError")
    raise DiscoError(message)


def data_err(message: str, url: str) -> NoReturn:
    """Raises a DataError: the task is tried elsewhere. Deprecated since 0.4: raise it yourself."""
    deprecated("disco.util.data_err", "0.4", "raise disco.error.DataError")
    raise DataError(message, url)


def jobname(url: str) -> str:
    """Extracts the job name from the url of one of its results. Raises ValueError if it holds none."""
    parts = split_web_address(url)
    places = [parts.netloc.rpartition(":job:results:")[2]] if parts.scheme == "tag" else []
    places += [part for part in parts.path.split("/") if "@" in part]
    for place in places:
        if "@" in place:
            return unquote(place)
    raise ValueError(f"{url} does not hold the name of a job (NAME@xxx:xxxxx:xxxxx)")
