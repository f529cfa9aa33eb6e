"""A tag: a list of replica sets with tokens and user attributes, and every change that can be made to it.

A `Tag` is an immutable value, one version of a tag. A change takes a tag and gives the next one, or
the very same object when nothing changed: that is how the caller knows that no new version is due
(M263). Each change first asks whether the token allows it. The version's id and time are set by the
caller when it commits (`stamped`).

Tokens: an unset token (None) protects nothing, an empty one is a token like any other (F9). Whoever may
write may read. A write token alone does not close a tag to readers (F10), and does not open a tag that
has a read token to those who hold neither.

Invariant: `parse(tag.dump()) == tag`.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from .names import set_identity

TAG_VERSION = 1
MAX_ATTRIBUTES = 1000
MAX_ATTRIBUTE_NAME_BYTES = 1024
MAX_ATTRIBUTE_VALUE_BYTES = 1024

URLS = "ddfs:urls"
READ_TOKEN = "ddfs:read-token"
WRITE_TOKEN = "ddfs:write-token"
RESERVED = "ddfs:"
_TOKENS = (READ_TOKEN, WRITE_TOKEN)
_ATTRIBUTE = re.compile(r"[A-Za-z0-9_\-@:]+", re.ASCII)

ReplicaSets = tuple[tuple[str, ...], ...]


class TagFault(Exception):
    """Base of what is wrong with a request for a tag. The text is what the client is told.

    TagFault
    ├── Unauthorized           the token is missing or wrong
    ├── InvalidUrls            not a list of lists of URLs
    ├── InvalidAttribute       a bad attribute name or value
    ├── NoSuchAttribute        ... or one that is not there
    └── DamagedTag             stored bytes that are no tag
    """


class Unauthorized(TagFault):
    def __init__(self) -> None:
        super().__init__("Incorrect or missing token.")


class InvalidUrls(TagFault):
    def __init__(self) -> None:
        super().__init__("Invalid url object")


class InvalidAttribute(TagFault):
    pass


class NoSuchAttribute(TagFault):
    def __init__(self) -> None:
        super().__init__("Tag attribute not found.")


class DamagedTag(TagFault):
    pass


@dataclass(frozen=True)
class Tag:
    """One version of a tag. `id` is its object name, `last_modified` local time as `YYYY/MM/DD HH:MM:SS`."""

    id: str = ""
    last_modified: str = ""
    read_token: str | None = None
    write_token: str | None = None
    urls: ReplicaSets = ()
    user_data: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def identities(self) -> frozenset[str]:
        return frozenset(name for urls in self.urls if (name := set_identity(urls)) is not None)

    def stamped(self, object_name: str, last_modified: str) -> Tag:
        return replace(self, id=object_name, last_modified=last_modified)

    def dump(self) -> str:
        """The text of the tag's file, keys in the documented order."""
        return json.dumps(self._fields(tokens=True), ensure_ascii=False, separators=(",", ":"))

    def public(self) -> dict[str, object]:
        """What a reader is given: everything but the tokens."""
        return self._fields(tokens=False)

    def _fields(self, *, tokens: bool) -> dict[str, object]:
        secrets = {"read-token": self.read_token, "write-token": self.write_token} if tokens else {}
        return {
            "version": TAG_VERSION,
            "id": self.id,
            "last-modified": self.last_modified,
            **secrets,
            "urls": self.urls,
            "user-data": dict(self.user_data),
        }


def parse(text: str) -> Tag:
    """Raises DamagedTag."""
    try:
        raw = json.loads(text)
        tag = Tag(
            id=_text(raw["id"]),
            last_modified=_text(raw["last-modified"]),
            read_token=_token(raw["read-token"]),
            write_token=_token(raw["write-token"]),
            urls=check_urls(raw["urls"]),
            user_data={_text(key): _text(value) for key, value in raw["user-data"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidUrls) as error:
        raise DamagedTag(f"not a tag object: {type(error).__name__}: {error}") from error
    if raw.get("version") != TAG_VERSION:
        raise DamagedTag(f"tag object of version {raw.get('version')!r}; this program knows {TAG_VERSION}")
    return tag


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _token(value: Any) -> str | None:
    return None if value is None else _text(value)


def new(token: str | None) -> Tag:
    """A tag as its first request makes it: the token it carried protects it both ways (M230)."""
    return Tag(read_token=token, write_token=token)


def check_urls(value: object) -> ReplicaSets:
    """`[["url", …], …]` as replica sets. Raises InvalidUrls."""
    if not isinstance(value, (list, tuple)):
        raise InvalidUrls
    return tuple(_check_set(urls) for urls in value)


def _check_set(urls: object) -> tuple[str, ...]:
    if not isinstance(urls, (list, tuple)) or not urls:
        raise InvalidUrls
    for url in urls:
        if not isinstance(url, str) or not url or not _is_utf8(url):
            raise InvalidUrls
    return tuple(urls)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _same(token: str, offered: str | None) -> bool:
    return offered is not None and hmac.compare_digest(
        token.encode(errors="surrogatepass"), offered.encode(errors="surrogatepass")
    )


def may_write(tag: Tag, token: str | None) -> bool:
    return tag.write_token is None or _same(tag.write_token, token)


def may_read(tag: Tag, token: str | None) -> bool:
    if tag.read_token is None or _same(tag.read_token, token):
        return True
    return tag.write_token is not None and _same(tag.write_token, token)


def require_write(tag: Tag, token: str | None) -> None:
    if not may_write(tag, token):
        raise Unauthorized


def require_read(tag: Tag, token: str | None) -> None:
    if not may_read(tag, token):
        raise Unauthorized


def append(tag: Tag, urls: ReplicaSets, token: str | None, *, update: bool = False) -> Tag:
    """New sets go in front of the old (F6). With `update`, sets that the tag has already are left out."""
    require_write(tag, token)
    if update:
        urls = _unseen(urls, tag.identities)
    return replace(tag, urls=urls + tag.urls) if urls else tag


def _unseen(urls: ReplicaSets, seen: frozenset[str]) -> ReplicaSets:
    known, kept = set(seen), []
    for replicas in urls:
        name = set_identity(replicas)
        if name is None or name not in known:
            kept.append(replicas)
        if name is not None:
            known.add(name)
    return tuple(kept)


def replace_urls(tag: Tag, urls: ReplicaSets, token: str | None) -> Tag:
    require_write(tag, token)
    return tag if urls == tag.urls else replace(tag, urls=urls)


def without(tag: Tag, sets: Sequence[tuple[str, ...]]) -> Tag:
    """The tag less these replica sets."""
    gone = frozenset(sets)
    kept = tuple(urls for urls in tag.urls if urls not in gone)
    return tag if len(kept) == len(tag.urls) else replace(tag, urls=kept)


def get_attribute(tag: Tag, attribute: str, token: str | None) -> object:
    """A user attribute's text, a token (None if unset), or the URLs."""
    _check_length(attribute)
    if attribute == WRITE_TOKEN:  # readers must not learn how to write
        require_write(tag, token)
    else:
        require_read(tag, token)
    if attribute == URLS:
        return [list(urls) for urls in tag.urls]
    if attribute in _TOKENS:
        return tag.read_token if attribute == READ_TOKEN else tag.write_token
    if attribute.startswith(RESERVED) or attribute not in tag.user_data:
        raise NoSuchAttribute
    return tag.user_data[attribute]


def set_attribute(tag: Tag, attribute: str, value: str, token: str | None) -> Tag:
    """Set a user attribute or a token. Raises InvalidAttribute when a limit is passed."""
    require_write(tag, token)
    _check_attribute(attribute, value)
    if attribute in _TOKENS:
        return _with_token(tag, attribute, value)
    if attribute.startswith(RESERVED):
        raise NoSuchAttribute
    if tag.user_data.get(attribute) == value:
        return tag
    if attribute not in tag.user_data and len(tag.user_data) >= MAX_ATTRIBUTES:
        raise InvalidAttribute("Too many attributes")
    return replace(tag, user_data={**tag.user_data, attribute: value})


def delete_attribute(tag: Tag, attribute: str, token: str | None) -> Tag:
    """No error if a user attribute is not there (M249)."""
    require_write(tag, token)
    _check_length(attribute)
    if attribute in _TOKENS:
        return _with_token(tag, attribute, None)
    if attribute.startswith(RESERVED):
        raise NoSuchAttribute
    if attribute not in tag.user_data:
        return tag
    return replace(tag, user_data={key: value for key, value in tag.user_data.items() if key != attribute})


def _with_token(tag: Tag, attribute: str, value: str | None) -> Tag:
    if attribute == READ_TOKEN:
        return tag if tag.read_token == value else replace(tag, read_token=value)
    return tag if tag.write_token == value else replace(tag, write_token=value)


def _check_attribute(attribute: str, value: str) -> None:
    _check_length(attribute)
    if not _ATTRIBUTE.fullmatch(attribute) or not _is_utf8(value):
        raise InvalidAttribute("Invalid attribute key or value")
    if len(value.encode()) > MAX_ATTRIBUTE_VALUE_BYTES:
        raise InvalidAttribute("Attribute value too big.")


def _check_length(attribute: str) -> None:
    if len(attribute.encode(errors="surrogatepass")) > MAX_ATTRIBUTE_NAME_BYTES:
        raise InvalidAttribute("Attribute name too big.")
