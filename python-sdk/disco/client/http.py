"""HTTP as the whole client side uses it.

`request` sends one request and gives the whole reply, or its stream. `open_remote` gives a binary file
that continues where it was cut (see `remote`).

What is tried again, and for how long, is one value: `Patience`. A server that can't be reached is given up
after a few quick attempts, because there are other replicas and a user waits; a busy one (503) and a cut
connection are tried until the deadline. A request that may already have been carried out is repeated only
if doing it twice is harmless: a POST is not.

Plain http is spoken by the standard library, so that short commands start fast and user code on a bare
node can use DDFS; https goes through requests, which knows certificates and the environment's proxies.
Nothing here knows what Disco is, except `web_url`, which turns Disco's own URLs into web addresses.
"""

from __future__ import annotations

import base64
import json
import os
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urljoin, urlsplit, urlunsplit

from ..error import CommError

if TYPE_CHECKING:
    from http.client import HTTPConnection

    from ..settings import DiscoSettings

MAX_REDIRECTS = 5
BAD_HOST_S = 30.0  # how long an unreachable host is tried last
TELL_AFTER_S = 1.0  # a pause that a waiting user should know of
MAX_REASON_CHARS = 500
MASTER_HINT = "(is disco master running at {url}? start it with `disco start`, or set DISCO_MASTER)"
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
SECRET_HEADER = "X-Disco-Secret"
_PRIVATE = ("Authorization", SECRET_HEADER)  # not for another host
_ASK_AGAIN = 503


@dataclass(frozen=True)
class Patience:
    """How long to try. All pauses are random between half and the whole of the named time."""

    connect_s: float = 3.0
    silence_s: float = 60.0
    attempts: int = 10
    unreachable_attempts: int = 3
    first_pause_s: float = 0.1
    longest_pause_s: float = 5.0
    deadline_s: float = 60.0


@dataclass
class Response:
    """A reply with a status below 400. `body` is the whole of it; asked with `stream=True`, read `stream`."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    stream: BinaryIO | None = None

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON; CommError when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise CommError(f"the reply is no JSON: {self.text[:80]!r}", self.url, self.status) from None


class _Unreachable(Exception):
    """No connection: nothing was sent."""


class _Cut(Exception):
    """The connection ended too early: the server may or may not have acted."""


@dataclass
class _Attempts:
    """Counts the failures of one request; `pause` sleeps, or raises CommError when it is time to give up."""

    patience: Patience
    url: str
    started_s: float = field(default_factory=time.monotonic)
    failures: int = 0
    unreachable: int = 0

    def pause(self, error: CommError, *, unreachable: bool = False, at_least_s: float = 0.0) -> None:
        self.failures += 1
        self.unreachable += unreachable
        patience = self.patience
        wanted_s = min(patience.longest_pause_s, patience.first_pause_s * 2 ** (self.failures - 1))
        pause_s = max(at_least_s, random.uniform(wanted_s / 2, wanted_s))
        left_s = self.started_s + patience.deadline_s - time.monotonic()
        tired = self.failures >= patience.attempts or self.unreachable >= patience.unreachable_attempts
        if tired or pause_s > left_s:
            raise error
        if pause_s >= TELL_AFTER_S:
            import logging

            logging.getLogger("disco.http").warning("%s; trying again in %.0f s", error, pause_s)
        time.sleep(pause_s)


class HttpClient:
    """Requests with one patience. `hint` is added to the errors of unreachable servers; it may hold `{url}`.
    `secret` is the cluster's, for a client that speaks to its master alone.

    May be shared by threads: every request has its own connection.
    """

    def __init__(self, patience: Patience | None = None, hint: str = "", secret: str = "") -> None:
        self.patience = patience or Patience()
        self.hint = hint
        self._secret = secret
        self._bad_until_s: dict[str, float] = {}

    def request(
        self,
        method: str,
        url: str,
        data: bytes | str | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        stream: bool = False,
        offset: int | None = None,
    ) -> Response:
        """Send, follow redirects, retry; `data` may be a file, sent from where it stands to its end.

        Raises CommError with the URL, the reason and the HTTP status, if there was one.
        """
        body = data.encode() if isinstance(data, str) else data
        start = body.tell() if body is not None and not isinstance(body, bytes) else 0
        wanted = _headers(headers, token, offset)
        if self._secret:
            wanted[SECRET_HEADER] = self._secret
        attempts = _Attempts(self.patience, url)
        while True:
            if body is not None and not isinstance(body, bytes):
                body.seek(start)
            try:
                reply = self._follow(method, url, body, wanted, stream)
            except _Unreachable as failure:
                self._mark_bad(url)
                attempts.pause(CommError(self._with_hint(failure, url), url), unreachable=True)
            except _Cut as failure:
                error = CommError(f"the connection was cut: {failure}", url)
                if method not in _REPEATABLE:
                    raise error from None
                attempts.pause(error)
            else:
                if reply.status < 400:
                    return reply
                error = CommError(
                    reply.text.strip()[:MAX_REASON_CHARS] or "no reason given", url, reply.status
                )
                if reply.status != _ASK_AGAIN:
                    raise error
                attempts.pause(error, at_least_s=_retry_after(reply.headers))

    def in_order(self, urls: Sequence[str]) -> list[str]:
        """The URLs, those on hosts that were lately out of reach last."""
        now = time.monotonic()
        return sorted(urls, key=lambda url: self._bad_until_s.get(urlsplit(url).netloc, 0.0) > now)

    def _mark_bad(self, url: str) -> None:
        self._bad_until_s[urlsplit(url).netloc] = time.monotonic() + BAD_HOST_S

    def _with_hint(self, failure: Exception, url: str) -> str:
        parts = urlsplit(url)
        hint = self.hint.format(url=f"{parts.scheme}://{parts.netloc}")
        return f"no connection: {failure} {hint}".rstrip()

    def _follow(
        self, method: str, url: str, body: bytes | BinaryIO | None, headers: dict[str, str], stream: bool
    ) -> Response:
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._exchange(method, url, body, headers)
            if reply.status in _REDIRECTS and method in ("GET", "HEAD") and "location" in reply.headers:
                target = urljoin(url, reply.headers["location"])
                if urlsplit(target).netloc != urlsplit(url).netloc:
                    headers = {name: text for name, text in headers.items() if name not in _PRIVATE}
                close_quietly(reply.stream)
                url = target
                continue
            if not (stream and reply.status < 400):
                reply.body = _read_all(reply)
                reply.stream = None
            return reply
        raise CommError(f"more than {MAX_REDIRECTS} redirects", url)

    def _exchange(
        self, method: str, url: str, body: bytes | BinaryIO | None, headers: dict[str, str]
    ) -> Response:
        parts = urlsplit(url)
        if parts.scheme == "https":
            return self._exchange_tls(method, url, body, headers)
        if parts.scheme != "http" or not parts.hostname:
            raise CommError("not an http:// or https:// address", url)
        from http.client import HTTPConnection, HTTPException

        connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=self.patience.connect_s)
        try:
            connection.connect()
            connection.sock.settimeout(self.patience.silence_s)
        except OSError as error:
            raise _Unreachable(reason_of(error)) from None
        try:
            target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
            _send(connection, method, target, body, headers)
            reply = connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            raise _Cut(reason_of(error)) from None
        names = {name.lower(): text for name, text in reply.getheaders()}
        return Response(url, reply.status, names, stream=cast(BinaryIO, reply))

    def _exchange_tls(
        self, method: str, url: str, body: bytes | BinaryIO | None, headers: dict[str, str]
    ) -> Response:
        import requests

        patience = (self.patience.connect_s, self.patience.silence_s)
        try:
            reply = requests.request(
                method, url, data=body, headers=headers, timeout=patience, stream=True, allow_redirects=False
            )
        except requests.exceptions.SSLError as error:
            raise CommError(f"no trusted connection: {error}", url) from None
        except (requests.ConnectTimeout, requests.ConnectionError) as error:
            raise _Unreachable(str(error)) from None
        except requests.RequestException as error:
            raise _Cut(str(error)) from None
        names = {name.lower(): text for name, text in reply.headers.items()}
        return Response(url, reply.status_code, names, stream=cast(BinaryIO, reply.raw))


_shared = HttpClient()
request = _shared.request


def open_remote(url: str | Sequence[str], token: str | None = None) -> BinaryIO:
    """Open a URL, or the best of several replicas, as a buffered binary file.

    Disco's own URLs are understood. Raises CommError when none can be opened, or later when the data
    can't be read to its end.
    """
    urls = [url] if isinstance(url, str) else url
    from .remote import open_replicas

    return open_replicas(_shared, [web_url(one) for one in urls], token)


def web_url(url: str, settings: DiscoSettings | None = None, method: str = "GET") -> str:
    """The web address of a `disco://`, `dir://` or `http://` URL of a node; through DISCO_PROXY if it is set.

    A proxied node's address is PROXY/proxy/NODE/METHOD/PATH.
    """
    parts = urlsplit(url)
    if settings is None:
        if parts.scheme in ("http", "https"):
            return url
        from ..settings import DiscoSettings

        settings = DiscoSettings()
    proxy = settings["DISCO_PROXY"]
    if proxy and (parts.scheme in ("disco", "dir") or method == "PUT"):
        rest = urlunsplit(("", "", parts.path, parts.query, ""))
        return f"{proxy}/proxy/{parts.hostname}/{method}{rest}"
    if parts.scheme in ("disco", "dir"):
        host = parts.netloc if parts.port else f"{parts.netloc}:{settings.port}"
        return urlunsplit(("http", host, parts.path, parts.query, ""))
    return url


def _headers(given: Mapping[str, str] | None, token: str | None, offset: int | None) -> dict[str, str]:
    headers = {"Connection": "close", "Accept-Encoding": "identity", **(given or {})}
    if token:
        headers["Authorization"] = "Basic " + base64.b64encode(f"token:{token}".encode()).decode()
    if offset:
        headers["Range"] = f"bytes={offset}-"
    return headers


def _send(
    connection: HTTPConnection,
    method: str,
    target: str,
    body: bytes | BinaryIO | None,
    headers: dict[str, str],
) -> None:
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, text in headers.items():
        connection.putheader(name, text)
    if body is None:
        if method in ("POST", "PUT"):
            connection.putheader("Content-Length", "0")
        connection.endheaders()
        return
    size = len(body) if isinstance(body, bytes) else _size_from_here(body)
    connection.putheader("Content-Length", str(size))
    # A server may refuse before it has read everything: its reply then says more than the broken pipe.
    with suppress(BrokenPipeError, ConnectionResetError):
        if isinstance(body, bytes):
            connection.endheaders(body)
        else:
            connection.endheaders()
            connection.sock.sendfile(body, body.tell(), size) if size else None


def _size_from_here(file: BinaryIO) -> int:
    here = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(here)
    return end - here


def _read_all(reply: Response) -> bytes:
    assert reply.stream is not None
    try:
        return reply.stream.read()
    except Exception as error:  # http.client and urllib3 each have their own tree
        raise _Cut(reason_of(error)) from None
    finally:
        close_quietly(reply.stream)


def _retry_after(headers: Mapping[str, str]) -> float:
    text = headers.get("retry-after", "")
    return float(text) if text.isdigit() else 0.0


def reason_of(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def close_quietly(stream: BinaryIO | None) -> None:
    if stream is not None:
        with suppress(OSError):
            stream.close()
