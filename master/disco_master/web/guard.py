"""Who may ask: checks made before any view runs.

Three dangers. A page of another site may send requests from the user's browser (CSRF): refused by its
Origin. A foreign name may be made to point at this machine (DNS rebinding): refused by the Host header,
since only loopback names, literal addresses and configured names are ours. Anyone on the network may
call a master bound beyond loopback: with a cluster secret, every call that changes something needs it.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from flask import Flask, Response, request

from .config import doors
from .replies import Refusal

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# They ask by POST because their question is long; nothing changes.
QUESTIONS = frozenset({"jobs.get_results", "ddfs.hosted_tags"})
SECRET_HEADER = "X-Disco-Secret"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def install(app: Flask) -> None:
    app.before_request(check_request)
    app.after_request(add_security_headers)


def check_request() -> None:
    """Raises Refusal."""
    _check_host(request.headers.get("Host", ""))
    if request.method in SAFE_METHODS:
        return
    _check_origin()
    if request.endpoint not in QUESTIONS:
        _check_secret()


def add_security_headers(reply: Response) -> Response:
    reply.headers["X-Content-Type-Options"] = "nosniff"
    reply.headers["Content-Security-Policy"] = PAGE_POLICY
    reply.headers["Referrer-Policy"] = "no-referrer"
    return reply


def _check_host(header: str) -> None:
    name = _host_name(header)
    config = doors().config
    if name in ("", "localhost", config.host.lower()) or name in map(str.lower, config.allowed_hosts):
        return
    try:
        ipaddress.ip_address(name)
    except ValueError:
        raise Refusal(
            403,
            f"{name[:100]!r} is not a name of this master ({config.host}). "
            "If it should be one, add it to the master's allowed hosts.",
        ) from None


def _host_name(header: str) -> str:
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return header


def _check_origin() -> None:
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("Host", "").lower():
        raise Refusal(403, "Requests from pages of another site are refused.")
    if origin is None and request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise Refusal(403, "Requests from pages of another site are refused.")


def _check_secret() -> None:
    if doors().config.secret is not None and not carries_secret():
        raise Refusal(
            401,
            "This master has a cluster secret: send it as `Authorization: Bearer SECRET`, "
            f"or as `{SECRET_HEADER}: SECRET` beside a tag's token.",
            headers={"WWW-Authenticate": 'Bearer realm="disco"'},
        )


def carries_secret() -> bool:
    """Whether the request shows the cluster secret, in any of the places for it."""
    secret = doors().config.secret
    return secret is not None and any(
        _equal(secret, offered) for offered in (request.headers.get(SECRET_HEADER), *_authorization())
    )


def _authorization() -> list[str | None]:
    given = request.authorization
    return [] if given is None else [given.token, given.password]


def _equal(secret: str, offered: str | None) -> bool:
    return offered is not None and hmac.compare_digest(
        secret.encode(errors="surrogateescape"), offered.encode(errors="surrogateescape")
    )


def tag_token() -> str | None:
    """The tag token of the request: `Basic token:TOKEN`. Anything else, the cluster secret too, is none."""
    given = request.authorization
    if given is None or given.type != "basic" or given.username != "token":
        return None
    secret = doors().config.secret
    if secret is not None and _equal(secret, given.password):
        return None
    return given.password
