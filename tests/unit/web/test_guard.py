"""Who may ask: other sites, foreign names, the cluster secret (W10, M499)."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from typing import Any

import pytest
from unit.web.fakes import Site, job_view

SECRET = "correct horse"
KILL = "/disco/ctrl/kill_job"


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


OURS = "localhost localhost:8989 LOCALHOST 127.0.0.1:1 127.0.0.2 [::1]:8989 10.1.2.3 n1 N1:80 disco.example"
FOREIGN = "evil.example localhost.evil.example n1.evil.example:8989 127.0.0.1.evil.example [bad"


@pytest.mark.parametrize("host", OURS.split())
def test_names_of_this_master(make_site: Callable[..., Site], host: str) -> None:
    site = make_site(allowed_hosts=("disco.Example",))
    assert site.get("/disco/version", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", FOREIGN.split())
def test_foreign_names_are_refused(site: Site, host: str) -> None:
    """A foreign name that is made to point here must not read or change anything."""
    assert site.get("/disco/ctrl/joblist", headers={"Host": host}).status_code == 403
    assert site.post(KILL, json="x", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_pages_of_other_sites_change_nothing(site: Site, headers: dict[str, str], method: str) -> None:
    path = KILL if method == "POST" else "/ddfs/tag/t"
    reply = site.ask(method, path, json="a@1:1:1", headers=headers)
    assert (reply.status_code, reply.text) == (403, "Requests from pages of another site are refused.")


def test_our_own_pages_may(site: Site) -> None:
    headers = {"Origin": site.url, "Sec-Fetch-Site": "same-origin"}
    assert site.post(KILL, json="a@1:1:1", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("POST", KILL, {"json": "a@1:1:1"}),
        ("POST", "/disco/job/new", {"data": b"x"}),
        ("POST", "/disco/ctrl/save_settings", {"json": {}}),
        ("POST", "/ddfs/tag/t", {"json": []}),
        ("PUT", "/ddfs/tag/t/k", {"data": "v"}),
        ("DELETE", "/ddfs/tag/t", {}),
    ],
)
def test_every_change_needs_the_secret(
    make_site: Callable[..., Site], method: str, path: str, options: dict[str, Any]
) -> None:
    """B16."""
    site = make_site(secret=SECRET)
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {SECRET} "[:-2]},
        basic("token", "wrong"),
        {"X-Disco-Secret": ""},
    ):
        refused = site.ask(method, path, headers=headers, **options)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    for headers in (
        {"Authorization": f"Bearer {SECRET}"},
        basic("disco", SECRET),
        basic("token", SECRET),
        {"X-Disco-Secret": SECRET},
    ):
        assert site.ask(method, path, headers=headers, **options).status_code == 200


def test_questions_need_no_secret(make_site: Callable[..., Site]) -> None:
    site = make_site(secret=SECRET)
    site.master.set_job(job_view("a@1:1:1"))
    assert site.get("/disco/ctrl/joblist").status_code == 200
    assert site.post("/disco/ctrl/get_results", json=[1, ["a@1:1:1"]]).status_code == 200
    assert site.post("/ddfs/ctrl/hosted_tags", json="n1").status_code == 200
    assert site.get("/").status_code == 200


def test_a_secret_and_a_tag_token_side_by_side(make_site: Callable[..., Site]) -> None:
    site = make_site(secret=SECRET)
    both = {**basic("token", "t"), "X-Disco-Secret": SECRET}
    assert site.post("/ddfs/tag/t", json=[], headers=both).status_code == 200
    assert site.get("/ddfs/tag/t").status_code == 401
    assert site.get("/ddfs/tag/t", headers=basic("token", "t")).status_code == 200


def test_the_secret_never_becomes_a_tags_token(make_site: Callable[..., Site]) -> None:
    site = make_site(secret=SECRET)
    site.post("/ddfs/tag/t", json=[], headers=basic("token", SECRET))
    assert site.get("/ddfs/tag/t").status_code == 200


def test_the_secret_is_in_no_log_and_no_reply(
    make_site: Callable[..., Site], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site = make_site(secret=SECRET)
    reply = site.post(KILL, json="a@1:1:1", headers={"Authorization": "Bearer wrong-secret"})
    site.post(KILL, json="a@1:1:1", headers={"Authorization": f"Bearer {SECRET}"})
    assert SECRET not in caplog.text + repr(site.config) + reply.text
    assert "wrong-secret" not in caplog.text + reply.text


def test_every_reply_has_the_security_headers(site: Site) -> None:
    for path in ("/", "/nothing", "/disco/version", "/static/disco.js"):
        headers = site.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
