"""Tags: the names of DDFS and what can be asked of the master about them.

A tag holds replica sets (lists of URLs of the same blob) and links to other tags (`tag://NAME`), so tags
form a graph. It may have cycles and may link to tags that are gone: walks visit a tag once, and either skip
what is missing or raise. Every tag argument may be a name, a `tag://` URL, or a list whose first item is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from ..error import CommError, DataError
from ..settings import DiscoSettings
from .http import MASTER_HINT, HttpClient, Patience, Response

LEGAL_NAME = re.compile(r"[A-Za-z0-9_\-@:]+")
_ILLEGAL_CHARACTER = re.compile(r"[^A-Za-z0-9_\-@:]")
_NOT_FOUND = (403, 404)

Blob = list[str]
Blobs = list[Blob]
Names = list[str]
TagLike = str | Sequence[Any]
Walked = tuple[tuple[str, ...], Any, Any]


class InvalidTag(DataError):
    """Something was given as a tag that can't name one."""


def tag_name(tag: TagLike) -> str:
    """The plain name of a tag argument."""
    return _split_tag(tag)[0]


def replace_illegal(name: str) -> str:
    """A legal name: every other character becomes `_`."""
    return _ILLEGAL_CHARACTER.sub("_", name)


def is_tag(url: str) -> bool:
    return url.startswith("tag://")


def resolve_bare(text: str) -> str:
    """What a word without a scheme means: a file if there is one, else a tag, if it can name one."""
    if "://" in text or not LEGAL_NAME.fullmatch(text) or Path(text).exists():
        return text
    return f"tag://{text}"


class Tags:
    """The tag calls of a DDFS master.

    `master` and `proxy` default to the settings; a proxy is asked instead of the master. Calls raise
    CommError; its `code` is 401 for a wrong token, 403 for a refused request, 404 for what is not there.
    """

    def __init__(
        self,
        master: str | None = None,
        proxy: str | None = None,
        settings: DiscoSettings | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.settings = (DiscoSettings() if settings is None else settings).reaching(master, proxy)
        self.master = self.settings.master
        self.http = HttpClient(patience, hint=MASTER_HINT, secret=self.settings.secret)
        self.nodes = HttpClient(patience)

    def __repr__(self) -> str:
        return f"DDFS master at {self.master}"

    def get(self, tag: TagLike, token: str | None = None) -> dict[str, Any]:
        """The tag object: id, version, last-modified, urls, user-data."""
        return dict(self._tag("GET", tag, token=token).json())

    def urls(self, tag: TagLike, token: str | None = None) -> Blobs:
        """The replica sets of a tag: a list of URLs each; a link to another tag is one of `tag://NAME`."""
        return list(self.get(tag, token)["urls"])

    def exists(self, tag: TagLike) -> bool:
        """True for a protected tag too."""
        try:
            self._tag("GET", tag)
        except CommError as error:
            if error.code in _NOT_FOUND:
                return False
            if error.code != 401:
                raise
        return True

    def list(self, prefix: str = "") -> Names:
        """Names of all tags that begin with `prefix`."""
        return list(self._master("GET", f"/ddfs/tags/{quote(prefix)}" if prefix else "/ddfs/tags").json())

    def tag(
        self,
        tag: TagLike,
        urls: Sequence[Any],
        token: str | None = None,
        *,
        delayed: bool = False,
        update: bool = False,
    ) -> Names:
        """Append replica sets (or single URLs) to a tag; make it if it is not there. Returns the tag's URLs.

        `update` leaves out what the tag already has; `delayed` lets the master commit it with others.
        """
        flags = [name for name, wanted in (("delayed", delayed), ("update", update)) if wanted]
        query = "?" + "&".join(f"{name}=1" for name in flags) if flags else ""
        return list(self._tag("POST", tag, query, _replica_sets(urls), token).json())

    def put(self, tag: TagLike, urls: Sequence[Any], token: str | None = None) -> Names:
        """Replace all URLs of a tag. Programs that share a tag should append with `tag` instead."""
        return list(self._tag("PUT", tag, "", _replica_sets(urls), token).json())

    def delete(self, tag: TagLike, token: str | None = None) -> str:
        """Delete a tag; no error if there is none."""
        return str(self._tag("DELETE", tag, token=token).json())

    def attrs(self, tag: TagLike, token: str | None = None) -> dict[str, str]:
        """All attributes of a tag, with their values."""
        return dict(self.get(tag, token)["user-data"])

    def getattr(self, tag: TagLike, attr: str, token: str | None = None) -> Any:
        """The value of an attribute. Raises CommError (404) if the tag or the attribute is not there."""
        return self._tag("GET", tag, _attribute(attr), token=token).json()

    def setattr(self, tag: TagLike, attr: str, val: str, token: str | None = None) -> Any:
        """Set an attribute to a text. Raises CommError (404) if the tag is not there."""
        return self._tag("PUT", tag, _attribute(attr), val, token).json()

    def delattr(self, tag: TagLike, attr: str, token: str | None = None) -> Any:
        """Delete an attribute; no error if there is none."""
        return self._tag("DELETE", tag, _attribute(attr), token=token).json()

    def walk(
        self,
        tag: TagLike,
        ignore_missing: bool = True,
        tagpath: tuple[str, ...] = (),
        token: str | None = None,
    ) -> Iterator[Walked]:
        """Yield (tagpath, tags, blobs) for the tag and all below it, depth first.

        A missing tag gives ((), ()) if `ignore_missing`, else (None, None) before its CommError.
        """
        waiting = [(*tagpath, tag_name(tag))]
        seen = {waiting[0][-1]}
        while waiting:
            path = waiting.pop()
            try:
                links, blobs = _links_and_blobs(self.urls(path[-1], token))
            except CommError as error:
                if ignore_missing and error.code == 404:
                    yield path, (), ()
                    continue
                yield path, None, None
                raise
            yield path, tuple(links), tuple(blobs)
            new = [name for name in dict.fromkeys(map(tag_name, links)) if name not in seen]
            seen.update(new)
            waiting.extend((*path, name) for name in reversed(new))

    def blobs(self, tag: TagLike, ignore_missing: bool = True, token: str | None = None) -> Iterator[Blob]:
        """All replica sets that can be reached from the tag."""
        for _path, _tags, blobs in self.walk(tag, ignore_missing=ignore_missing, token=token):
            if blobs:
                yield from blobs

    def findtags(
        self,
        tags: str | Sequence[str] | None = None,
        ignore_missing: bool = True,
        token: str | None = None,
    ) -> Iterator[tuple[str, Names, Blobs]]:
        """Yield (name, linked tags, blobs) of each reachable tag once, breadth first."""
        waiting = [tag_name(tag) for tag in ([tags] if isinstance(tags, str) else tags or self.list())]
        seen = set(waiting)
        for name in waiting:  # grows while it is walked
            try:
                links, blobs = _links_and_blobs(self.urls(name, token))
            except CommError as error:
                if ignore_missing and error.code == 404:
                    continue
                raise
            yield name, links, blobs
            new = [link for link in map(tag_name, links) if link not in seen]
            seen.update(new)
            waiting.extend(new)

    def _tag(
        self,
        method: str,
        tag: TagLike,
        rest: str = "",
        value: Any = None,
        token: str | None = None,
    ) -> Response:
        name, own_token = _split_tag(tag)
        setting = "DDFS_READ_TOKEN" if method == "GET" else "DDFS_WRITE_TOKEN"
        token = token or own_token or self.settings[setting]
        body = None if value is None else json.dumps(value)
        return self._master(method, f"/ddfs/tag/{name}{rest}", body, token)

    def _master(self, method: str, path: str, body: str | None = None, token: str | None = None) -> Response:
        return self.http.request(method, f"{self.master}{path}", body, token=token)


def _split_tag(tag: TagLike) -> tuple[str, str | None]:
    """A tag argument's name, and the token that its URL may carry."""
    first = tag
    while not isinstance(first, str):
        if not first:
            raise InvalidTag("an empty list names no tag", "")
        first = first[0]
    token, name = None, first
    if "://" in first:
        parts = urlsplit(first)
        if parts.scheme != "tag":
            raise InvalidTag("only a tag:// URL or a plain name can be a tag", first)
        name = parts.netloc
        if parts.path.strip("/"):  # tag://user:TOKEN@host/NAME; without a path, `@` belongs to the name
            name, token = parts.path.strip("/"), parts.password
    if not LEGAL_NAME.fullmatch(name):
        raise InvalidTag("a tag name is made of A-Z a-z 0-9 : @ - _ (a local file is written ./NAME)", first)
    return name, token


def _attribute(attr: str) -> str:
    return "/" + quote(attr, safe=":")


def _replica_sets(urls: Sequence[Any]) -> list[list[str]]:
    return [[url] if isinstance(url, str) else list(url) for url in urls]


def _links_and_blobs(urls: list[Blob]) -> tuple[list[str], list[Blob]]:
    """The tags a tag links to, and its replica sets; an empty set is neither."""
    links = [replicas[0] for replicas in urls if replicas and is_tag(replicas[0])]
    return links, [replicas for replicas in urls if replicas and not is_tag(replicas[0])]
