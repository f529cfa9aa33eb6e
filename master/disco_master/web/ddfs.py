"""Tags and blobs by REST (`/ddfs/…`): requests become calls of the tag door, its TagErrors become replies."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request

from .config import doors
from .guard import tag_token
from .replies import JSON, Refusal, body, json_body, json_reply, whole_number

URLS = "ddfs:urls"
DELETED = "deleted"

blueprint = Blueprint("ddfs", __name__)


@blueprint.get("/ddfs/new_blob/<name>")
def new_blob(name: str) -> Response:
    text = request.args.get("replicas", "")
    replicas = whole_number(text)
    if text and replicas is None:
        raise Refusal(403, "Invalid request.")
    urls = doors().tags.new_blob(
        name,
        replicas=replicas,
        exclude=_hosts("exclude"),
        include=_hosts("include"),
    )
    return json_reply(urls)


def _hosts(parameter: str) -> list[str]:
    return [host for host in request.args.get(parameter, "").split(",") if host]


@blueprint.get("/ddfs/tags")
@blueprint.get("/ddfs/tags/")
@blueprint.get("/ddfs/tags/<path:prefix>")
def tags(prefix: str = "") -> Response:
    return json_reply(doors().tags.names(prefix.strip("/").replace("/", ":")))


@blueprint.get("/ddfs/tag/<name>")
def get_tag(name: str) -> Response:
    return json_reply(doors().tags.get(name, tag_token()))


@blueprint.post("/ddfs/tag/<name>")
def append(name: str) -> Response:
    update, delayed = (bool(request.args.get(option)) for option in ("update", "delayed"))
    return json_reply(doors().tags.append(name, _urls(), tag_token(), update=update, delayed=delayed))


@blueprint.put("/ddfs/tag/<name>")
def replace(name: str) -> Response:
    return json_reply(doors().tags.replace(name, _urls(), tag_token()))


@blueprint.delete("/ddfs/tag/<name>")
def delete(name: str) -> Response:
    doors().tags.delete(name, tag_token())
    return json_reply(DELETED)


@blueprint.get("/ddfs/tag/<name>/<path:attribute>")
def get_attribute(name: str, attribute: str) -> Response:
    return json_reply(doors().tags.get_attribute(name, attribute, tag_token()))


@blueprint.put("/ddfs/tag/<name>/<path:attribute>")
def set_attribute(name: str, attribute: str) -> Response:
    if attribute == URLS:
        return replace(name)
    return json_reply(doors().tags.set_attribute(name, attribute, _attribute_value(), tag_token()))


@blueprint.delete("/ddfs/tag/<name>/<path:attribute>")
def delete_attribute(name: str, attribute: str) -> Response:
    doors().tags.delete_attribute(name, attribute, tag_token())
    return json_reply(DELETED)


@blueprint.post("/ddfs/ctrl/hosted_tags")
def hosted_tags() -> Response:
    host = json_body(doors().config.max_control_bytes, "a host name as a string")
    if not isinstance(host, str):
        raise Refusal(404, "Unknown host.")
    return json_reply(doors().tags.hosted(host))


def _body() -> bytes:
    return body(doors().config.max_tag_body_bytes)


def _urls() -> Any:
    """The body as JSON; the tag door judges its shape."""
    try:
        return json.loads(_body())
    except (ValueError, RecursionError):
        raise Refusal(403, "Invalid request body.") from None


def _attribute_value() -> str:
    """The value as the body gives it: a JSON string, or the text itself (C11).

    A body that declares itself as JSON must be a JSON string.
    """
    data = _body()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Refusal(403, "Invalid attribute key or value") from None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, str):
        return value
    if request.mimetype == JSON:
        raise Refusal(403, "Invalid attribute key or value")
    return text
