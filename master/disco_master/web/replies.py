"""Bodies in and replies out: the few shapes that all views share."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from flask import Response, request
from werkzeug.wsgi import wrap_file

from ..files import RangeError, open_part, plan_reply

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
NOT_FOUND = "Not found."
FORBIDDEN = "Forbidden"
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


class Refusal(Exception):
    """The request is answered with this status and text instead."""

    def __init__(
        self, status: int, text: str, *, mimetype: str = TEXT, headers: dict[str, str] | None = None
    ) -> None:
        self.status, self.text, self.mimetype, self.headers = status, text, mimetype, headers or {}
        super().__init__(f"{status} {text}")

    def reply(self) -> Response:
        return Response(self.text, self.status, self.headers, content_type=self.mimetype)


def json_reply(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value, separators=(",", ":")), status, content_type=JSON)


def text_reply(text: str | bytes, status: int = 200) -> Response:
    return Response(text, status, content_type=TEXT)


def body(limit_bytes: int, too_large: str = "Request body too large") -> bytes:
    """The request's body. Raises Refusal (411, 413) before anything of it is taken into memory."""
    length = request.content_length
    if length is None:
        raise Refusal(411, "Length Required: send a Content-Length header")
    if length > limit_bytes:
        raise Refusal(413, f"{too_large}: {length} bytes, and the limit is {limit_bytes}")
    return request.get_data(cache=False)


def json_body(limit_bytes: int, expected: str) -> Any:
    """The body as JSON. Raises Refusal (400) that says what was expected."""
    try:
        return json.loads(body(limit_bytes))
    except (ValueError, RecursionError):
        raise unexpected(expected) from None


def unexpected(expected: str) -> Refusal:
    return Refusal(400, json.dumps(f"Expected a JSON body: {expected}"), mimetype=JSON)


def whole_number(text: str) -> int | None:
    """The number that up to nine digits stand for; None for any other text."""
    return int(text) if _NUMBER.fullmatch(text) else None


def file_reply(path: Path | None, content_type: str = BYTES) -> Response:
    """The file, or the part of it that the request's Range asks for. Raises Refusal."""
    if path is None:
        raise Refusal(404, NOT_FOUND)
    try:
        part = plan_reply(path, request.headers.get("Range"))
        file = None if request.method == "HEAD" else open_part(part)
    except IsADirectoryError:
        raise Refusal(403, FORBIDDEN) from None
    except RangeError as error:
        headers = {"Content-Range": f"bytes */{error.size}"}
        raise Refusal(416, str(error), headers=headers) from None
    except (FileNotFoundError, NotADirectoryError):
        raise Refusal(404, NOT_FOUND) from None
    except PermissionError:
        raise Refusal(403, FORBIDDEN) from None
    # waitress sends a wrapped file from its own loop, so a slow reader holds no thread.
    sent = () if file is None else wrap_file(request.environ, file)
    reply = Response(sent, part.status, part.headers, direct_passthrough=file is not None)
    reply.headers["Content-Type"] = content_type
    return reply
