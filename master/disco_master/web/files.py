"""Files of this machine over HTTP: job data below `/disco/HOST/`, DDFS objects below `/ddfs/volN/`."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Blueprint, Response
from werkzeug.routing import BaseConverter

from ..files import UnsafePathError, resolve_under
from .config import doors
from .replies import FORBIDDEN, NOT_FOUND, Refusal, file_reply

# Unfinished files (`!partial…`) are not served.
_OBJECT_PATH = re.compile(r"(?P<kind>blob|tag)(/[0-9a-f]{2}(/[^!/][^/]*)?)?", re.ASCII)
# A tag's file begins with its tokens; whoever could read them could write the tag.
_OPEN_TAG = re.compile(rb'"read-token":\s*null,\s*"write-token":\s*null,')
_TAG_HEAD_BYTES = 4096

blueprint = Blueprint("files", __name__)


class HostConverter(BaseConverter):
    """A host's name: what is no name of an interface."""

    regex = "(?!(?:ctrl|job)(?:/|$))[^/]+"


class VolumeConverter(BaseConverter):
    regex = "vol[^/]*"


CONVERTERS = {"host": HostConverter, "volume": VolumeConverter}


@blueprint.get("/disco/<host:host>/<path:path>")
def job_file(host: str, path: str) -> Response:
    if host != doors().config.host:
        raise Refusal(404, NOT_FOUND)
    return file_reply(_resolve(doors().config.disco_data / host, path))


@blueprint.get("/ddfs/<volume:volume>/<path:path>")
def ddfs_file(volume: str, path: str) -> Response:
    match = _OBJECT_PATH.fullmatch(path)
    if match is None:
        raise Refusal(404, NOT_FOUND)
    file = _resolve(doors().config.ddfs_data, f"{volume}/{path}", mounts=1)
    if match["kind"] == "tag" and not _is_open_tag(file):
        raise Refusal(403, FORBIDDEN)
    return file_reply(file)


def _resolve(root: Path, path: str, *, mounts: int = 0) -> Path:
    try:
        return resolve_under(root, path, mounts=mounts)
    except UnsafePathError:
        raise Refusal(404, NOT_FOUND) from None


def _is_open_tag(path: Path) -> bool:
    """Whether the file names no token, or is none at all: then the reply says what it is."""
    if not path.is_file():
        return True
    with path.open("rb") as file:
        return _OPEN_TAG.search(file.read(_TAG_HEAD_BYTES)) is not None
