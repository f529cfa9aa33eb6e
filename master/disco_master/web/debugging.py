"""For a person who looks for what is wrong: why tasks wait, what attempts said, what the master does."""

from __future__ import annotations

import re

from flask import Blueprint, Response, request

from ..model import Mode
from .config import doors
from .door import TaskName
from .jobs import named_job
from .replies import NOT_FOUND, Refusal, json_reply, text_reply

_TASK = re.compile(r"(map|reduce):(\d{1,9})", re.ASCII)
_ATTEMPT = re.compile(r"\d{1,19}", re.ASCII)

blueprint = Blueprint("debugging", __name__)


@blueprint.get("/disco/ctrl/why")
def why() -> Response:
    """A JSON list of sentences."""
    return json_reply(doors().master.why(named_job().name))


@blueprint.get("/disco/ctrl/attempt_logs")
def attempt_logs() -> Response:
    """`[[node, mode, task, attempt, bytes], …]`, of `?task=map:7` or of all tasks."""
    task = named_task() if "task" in request.args else None
    return json_reply(doors().master.attempt_logs(named_job().name, task))


@blueprint.get("/disco/ctrl/attempt_log")
def attempt_log() -> Response:
    """The text of the log that `?task=map:7&attempt=N&node=HOST` name."""
    attempt = request.args.get("attempt", "")
    if not _ATTEMPT.fullmatch(attempt):
        raise Refusal(400, "attempt: expected a whole number, as attempt_logs gives it")
    node = request.args.get("node", "")
    text = doors().master.attempt_log(named_job().name, named_task(), int(attempt), node)
    if text is None:
        raise Refusal(404, NOT_FOUND)
    return text_reply(text.encode("utf-8", "replace"))


@blueprint.get("/disco/ctrl/state")
def state() -> Response:
    """A JSON object about the master's process: version, pid, queue, nodes, threads."""
    return json_reply({"version": doors().config.version, **doors().master.state()})


def named_task() -> TaskName:
    """The task of `?task=`. Raises Refusal (400)."""
    match = _TASK.fullmatch(request.args.get("task", ""))
    if match is None:
        raise Refusal(400, "task: expected MODE:NUMBER, like map:7")
    return TaskName(Mode(match[1]), int(match[2]))
