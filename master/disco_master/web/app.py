"""The web application: REST interface, pages and files, wired to the doors it is handed."""

from __future__ import annotations

import logging
from threading import Semaphore

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from . import admin, ddfs, debugging, files, guard, jobs, pages
from .config import EXTENSION, Doors, WebConfig
from .door import MasterDoor, TagDoor, TagError, Unavailable
from .replies import NOT_FOUND, Refusal, text_reply

TRY_AGAIN = "Temporary server error. Try again."

log = logging.getLogger(__name__)


def create_app(master: MasterDoor, tags: TagDoor, config: WebConfig) -> Flask:
    app = Flask(__name__)
    app.extensions[EXTENSION] = Doors(master, tags, config, Semaphore(config.max_long_polls))
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False  # clients of the original follow no redirect
    app.url_map.converters.update(files.CONVERTERS)
    guard.install(app)
    for room in (jobs, admin, debugging, ddfs, files, pages):
        app.register_blueprint(room.blueprint)
    app.register_error_handler(Refusal, Refusal.reply)
    app.register_error_handler(TagError, _tag_error)
    app.register_error_handler(Unavailable, _unavailable)
    app.register_error_handler(MethodNotAllowed, _method_not_allowed)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _defect)
    return app


def _tag_error(error: TagError) -> Response:
    if error.status == 503:
        return _unavailable(error)
    return text_reply(error.reason, error.status)


def _unavailable(error: Exception) -> Response:
    reply = text_reply(TRY_AGAIN, 503)
    reply.headers["Retry-After"] = "1"
    return reply


def _method_not_allowed(error: MethodNotAllowed) -> Response:
    allowed = sorted(set(error.valid_methods or ()) - {"HEAD", "OPTIONS"})
    hint = " or ".join(f"{method} {request.path}" for method in allowed)
    reply = text_reply(f"{request.method} is not allowed here. Use {hint}", 405)
    reply.headers["Allow"] = ", ".join(allowed)
    return reply


def _http_error(error: HTTPException) -> Response:
    if error.code == 404:
        return text_reply(NOT_FOUND, 404)
    return text_reply(error.description or error.name, error.code or 500)


def _defect(error: Exception) -> Response:
    log.exception("%s %s failed", request.method, request.path)
    return text_reply("Internal server error", 500)
