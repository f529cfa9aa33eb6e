"""A small DDFS for the outputs that a task saves: names for new blobs, the blobs, and tags.

It answers as a master and its nodes do, on the one port of the case's file server. Nodes are told apart by
the host in the URL. `busy` requests are put off with 503 before the first is served; a host in `broken`
takes no blob, and is not named again to a client that excludes it.
"""

from __future__ import annotations

import json
import re
import threading
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit

from disco_conformance.session.model import Ddfs

OK, CREATED, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 200, 201, 401, 403, 404
BROKEN, BUSY = 500, 503
EARLIER = "earlier"  # the blob of another task, in every tag
LEGAL_NAME = re.compile(r"[A-Za-z0-9_\-@:]+")
Answer = tuple[int, bytes]


class Refused(Exception):
    """What a task did is not how an output is saved. The text is for its author."""

    def __init__(self, requirement: str, reason: str) -> None:
        super().__init__(reason)
        self.requirement, self.reason = requirement, reason


class BlobService:
    def __init__(self, ddfs: Ddfs, hosts: tuple[str, ...]) -> None:
        self._ddfs, self._hosts = ddfs, hosts
        self._lock = threading.Lock()
        self._busy = ddfs.busy
        self._stamp = 0
        self._blobs: dict[str, bytes] = {}
        self._tags: dict[str, list[list[str]]] = {}

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(url)
        path = unquote(parts.path)
        host = (headers.get("Host") or "").rpartition(":")[0]
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        with self._lock:
            if self._busy:
                self._busy -= 1
                return BUSY, b"Temporary server error. Try again.\n"
            if method == "GET" and path.startswith("/ddfs/new_blob/"):
                return self._new_blob(path.removeprefix("/ddfs/new_blob/"), host, headers, query)
            if path.startswith("/ddfs/tag/"):
                return self._tag(method, path.removeprefix("/ddfs/tag/"), query, headers, body)
            if method == "PUT" and path.startswith("/put/"):
                return self._put(path.removeprefix("/put/"), host, body)
        return NOT_FOUND, b"no such thing here\n"

    def _new_blob(self, name: str, host: str, headers: Mapping[str, str], query: Mapping[str, str]) -> Answer:
        if not LEGAL_NAME.fullmatch(name):
            return FORBIDDEN, b"Invalid blob name.\n"
        port = (headers.get("Host") or "").rpartition(":")[2]
        excluded = query.get("exclude", "").split(",")
        able = [one for one in self._hosts if one not in excluded]
        wanted = int(query.get("replicas") or self._ddfs.replicas)
        if not able or wanted > len(able):
            return FORBIDDEN, b"Not enough nodes for replicas.\n"
        self._stamp += 1
        return OK, _json([f"http://{one}:{port}/put/{name}${self._stamp}" for one in able[:wanted]])

    def _put(self, name: str, host: str, body: bytes) -> Answer:
        if host in self._ddfs.broken:
            return BROKEN, b"No volume takes blobs.\n"
        url = f"disco://{host}/ddfs/vol0/blob/00/{name}"
        self._blobs[url] = body
        return CREATED, _json(url)

    def _tag(
        self, method: str, name: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        if self._ddfs.tag_status:
            return self._ddfs.tag_status, b"Tags are not to be had.\n"
        if self._ddfs.token and _token(headers) != self._ddfs.token:
            return UNAUTHORIZED, b"Incorrect or missing token.\n"
        kept = self._tags.setdefault(name, self._earlier())
        if method == "GET":
            return OK, _json({"id": f"{name}$1", "version": 1, "urls": kept, "user-data": {}})
        if method not in ("POST", "PUT"):
            return NOT_FOUND, b"no such method\n"
        sets = _replica_sets(body)
        if sets is None:
            return FORBIDDEN, b"Invalid url object.\n"
        if method == "PUT":
            kept.clear()
        names = {_blob_name(one[0]) for one in kept}
        kept += [one for one in sets if "update" not in query or _blob_name(one[0]) not in names]
        return CREATED, _json([f"disco://{self._hosts[0]}/ddfs/vol0/tag/00/{name}$1"])

    def _earlier(self) -> list[list[str]]:
        if not self._ddfs.earlier:
            return []
        url = f"disco://{self._hosts[0]}/ddfs/vol0/blob/00/{EARLIER}$0"
        self._blobs[url] = self._ddfs.earlier.encode()
        return [[url]]

    def content(self, tag: str) -> bytes:
        """The bytes of a tag's blobs, in their order. Raises Refused when it holds no output."""
        with self._lock:
            sets = self._tags.get(tag, [])
            if not [one for one in sets if _blob_name(one[0]) != EARLIER]:
                raise Refused("save.before", f"OUTPUT names the tag {tag!r}, to which nothing was added")
            content = b"".join(self._blob(urls) for urls in sets)
        if self._ddfs.size_bytes not in (None, len(content)):
            reason = f"the blobs of the tag have {len(content)} bytes, not {self._ddfs.size_bytes}"
            raise Refused("save.blob", reason)
        return content

    def _blob(self, urls: list[str]) -> bytes:
        for url in urls:
            if url not in self._blobs:
                raise Refused("save.tag", f"the tag holds {url!r}, which is no blob that was stored")
        first = self._blobs[urls[0]]
        if any(self._blobs[url] != first for url in urls):
            raise Refused("save.blob", f"the replicas of {urls[0]!r} differ")
        if len(urls) != self._ddfs.replicas and _blob_name(urls[0]) != EARLIER:
            reason = f"the blob has {len(urls)} replicas in the tag; the master named {self._ddfs.replicas}"
            raise Refused("save.blob", reason)
        return first


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _blob_name(url: str) -> str:
    return url.rpartition("/")[2].partition("$")[0]


def _replica_sets(body: bytes) -> list[list[str]] | None:
    try:
        sets = json.loads(body)
    except ValueError:
        return None
    good = isinstance(sets, list) and all(
        isinstance(one, list) and one and all(isinstance(url, str) for url in one) for one in sets
    )
    return sets if good else None


def _token(headers: Mapping[str, str]) -> str | None:
    """The password of `Basic token:PASSWORD`."""
    kind, _, data = (headers.get("Authorization") or "").partition(" ")
    try:
        user, _, password = b64decode(data, validate=True).decode().partition(":")
    except ValueError:
        return None
    return password if kind.lower() == "basic" and user == "token" else None
