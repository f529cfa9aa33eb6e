"""The pages: what the REST interface tells, for people. `disco.js` fetches them anew and swaps them in.

Everything a worker or user wrote reaches the page through the templates' escaping. Actions are POSTs of
the REST interface, so `guard` checks them like any other.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, render_template, request

from ..model import JobStatus, JobView
from .config import doors
from .event_tail import newest_events
from .jobs import named_job

EVENTS_SHOWN = 100
JOBS_SHOWN = 500

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@blueprint.get("/index.html")
def status() -> str:
    view = doors().master.view()
    text = request.args.get("filter", "")
    jobs = [job for job in reversed(view.jobs.values()) if text.lower() in job.name.lower()]
    nodes = sorted(view.nodes.values(), key=lambda node: node.name)
    return render_template(
        "status.html", nodes=nodes, jobs=jobs[:JOBS_SHOWN], total=len(jobs), filter=text, version=_version()
    )


@blueprint.get("/config.html")
def config_page() -> str:
    return render_template("config.html", view=doors().master.view(), version=_version())


@blueprint.get("/job.html")
def job_page() -> str:
    job = named_job()
    text = request.args.get("filter", "")
    return render_template(
        "job.html", job=job, events=_events(job, text), filter=text, version=_version(), mark=_mark
    )


def _version() -> str:
    return doors().config.version


def _events(job: JobView, text: str) -> list[Any]:
    path = doors().master.events_file(job.name)
    return [] if path is None else [json.loads(line) for line in newest_events(path, EVENTS_SHOWN, text)]


def _mark(text: str) -> str:
    """The colour class of an event."""
    for start, mark in (("WARN", "warning"), ("ERROR", "error"), ("FATAL", "error"), ("READY", "ready")):
        if text.startswith(start):
            return mark
    return ""


@blueprint.app_template_filter("bytes")
def readable_bytes(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


@blueprint.app_template_test("active")
def is_active(job: JobView) -> bool:
    return job.status is JobStatus.ACTIVE
