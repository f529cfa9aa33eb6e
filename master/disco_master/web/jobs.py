"""Jobs by REST: submit, look, wait, kill, clean, purge (`/disco/job/…`, `/disco/ctrl/…`)."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, Response, request

from jobpack.format import PackError

from ..events import JobCleaned, JobKilled
from ..model import JobStatus, JobView, MasterView
from .config import doors
from .event_tail import MAX_EVENTS, newest_events
from .replies import (
    NOT_FOUND,
    TEXT,
    Refusal,
    body,
    file_reply,
    json_body,
    json_reply,
    text_reply,
    unexpected,
    whole_number,
)

MAX_WAIT_S = 60.0
EVENTS_BY_DEFAULT = 10
UNKNOWN = "unknown job"
RESULTS_FORM = '[timeout_ms, ["job name", ...]] with a whole number of milliseconds'
_JOB_NAME = re.compile(r"[A-Za-z0-9_\-@:]{1,511}", re.ASCII)

blueprint = Blueprint("jobs", __name__)


@blueprint.post("/disco/job/")
@blueprint.post("/disco/job/<path:ignored>")
def submit(ignored: str = "") -> Response:
    pack = body(doors().config.max_pack_bytes, "Job packet too large")
    try:
        name = doors().master.submit(pack)
    except (PackError, OSError) as error:
        # The status stays 200: clients of the original look at the first element alone.
        return json_reply(["error", f"Job failed to start: {error}"])
    return json_reply(["ok", name])


@blueprint.get("/disco/ctrl/joblist")
def joblist() -> Response:
    jobs = reversed(doors().master.view().jobs.values())
    return json_reply([[int(job.started_s), job.status, job.name] for job in jobs])


@blueprint.get("/disco/ctrl/jobinfo")
def jobinfo() -> Response:
    return json_reply(info_of(named_job()))


@blueprint.get("/disco/ctrl/parameters")
def parameters() -> Response:
    return file_reply(doors().master.job_file(request.args.get("name", "")), TEXT)


@blueprint.get("/disco/ctrl/rawevents")
def rawevents() -> Response:
    return file_reply(doors().master.events_file(request.args.get("name", "")), TEXT)


@blueprint.get("/disco/ctrl/jobevents")
def jobevents() -> Response:
    number = whole_number(request.args.get("num") or str(EVENTS_BY_DEFAULT))
    if number is None:
        raise Refusal(400, f"num: expected a whole number up to {MAX_EVENTS}")
    path = doors().master.events_file(request.args.get("name", ""))
    if path is None:
        return text_reply("")
    lines = newest_events(path, min(number, MAX_EVENTS), request.args.get("filter", ""))
    return text_reply(b"[" + b",".join(lines) + b"]")


@blueprint.get("/disco/ctrl/get_mapresults")
def get_mapresults() -> Response:
    results = named_job().map_results
    if results is None:
        raise Refusal(404, NOT_FOUND)
    return json_reply(results)


@blueprint.post("/disco/ctrl/get_results")
def get_results() -> Response:
    question = json_body(doors().config.max_control_bytes, RESULTS_FORM)
    timeout_s, names = _check_question(question)
    view = wait_for_any(names, timeout_s)
    return json_reply([[name, _result(view.jobs.get(name))] for name in names])


@blueprint.post("/disco/ctrl/kill_job")
def kill_job() -> Response:
    job = doors().master.view().jobs.get(posted_job())
    if job is not None and job.status is JobStatus.ACTIVE:
        doors().master.tell(JobKilled(job.name))
    return json_reply("")


@blueprint.post("/disco/ctrl/clean_job")
def clean_job() -> Response:
    return _forget(purge=False)


@blueprint.post("/disco/ctrl/purge_job")
def purge_job() -> Response:
    return _forget(purge=True)


def _forget(*, purge: bool) -> Response:
    # A job that was cleaned before still has data to purge, so the core is told of unknown jobs too.
    doors().master.tell(JobCleaned(posted_job(), purge=purge))
    return json_reply("")


def posted_job() -> str:
    """The job that a POST names. Raises Refusal."""
    name = json_body(doors().config.max_control_bytes, "a job name as a string")
    if not isinstance(name, str) or not _JOB_NAME.fullmatch(name):
        raise unexpected("a job name as a string")
    return name


def named_job() -> JobView:
    """The job of `?name=`. Raises Refusal (404)."""
    job = doors().master.view().jobs.get(request.args.get("name", ""))
    if job is None:
        raise Refusal(404, NOT_FOUND)
    return job


def info_of(job: JobView) -> dict[str, object]:
    """Job info as programs of the original know it, and why a dead job died."""
    info: dict[str, object] = {
        "timestamp": time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(job.started_s)),
        "active": job.status,
        "mapi": job.map,
        "redi": job.reduce,
        "reduce": job.has_reduce,
        "results": job.results,
        "inputs": [urls[0] if len(urls) == 1 else urls for urls in job.inputs],
        "worker": job.worker,
        "hosts": job.hosts,
        "owner": job.owner,
    }
    if job.status is JobStatus.DEAD:
        info["failure"] = job.failure
    return info


def _result(job: JobView | None) -> tuple[str, tuple[str, ...]]:
    if job is None:
        return UNKNOWN, ()
    return job.status, job.results if job.status is JobStatus.READY else ()


def _check_question(question: object) -> tuple[float, list[str]]:
    match question:
        case [int(timeout_ms), [*names]] if not isinstance(timeout_ms, bool) and timeout_ms >= 0:
            texts = [name for name in names if isinstance(name, str)]
            if len(texts) == len(names):
                return min(timeout_ms / 1000, MAX_WAIT_S), texts
    raise unexpected(RESULTS_FORM)


@contextmanager
def long_poll() -> Iterator[None]:
    """One of the threads that may wait for jobs. Raises Refusal (503) when all of them do."""
    if not doors().long_polls.acquire(blocking=False):
        raise Refusal(503, "Too many clients wait for jobs. Try again.", headers={"Retry-After": "1"})
    try:
        yield
    finally:
        doors().long_polls.release()


def wait_for_any(names: list[str], timeout_s: float) -> MasterView:
    """The view in which the first of `names` to end from now on has ended, or that after the time (F12)."""
    master = doors().master
    view = master.view()
    active = [name for name in names if _is_active(view, name)]
    if not active or timeout_s == 0:
        return view
    started = time.monotonic()
    with long_poll():
        while all(_is_active(view, name) for name in active):
            waited = time.monotonic() - started
            if waited >= timeout_s:
                break
            view = master.wait_for_change(view.version, timeout_s - waited)
            # A busy master changes a thousand times a second: look less often the longer it takes.
            threading.Event().wait(min(0.05, waited / 20))
    return view


def _is_active(view: MasterView, name: str) -> bool:
    job = view.jobs.get(name)
    return job is not None and job.status is JobStatus.ACTIVE
