"""The pages: what they show, and that nothing a user wrote becomes markup (M500–M512, M516)."""

from __future__ import annotations

import re

import pytest
from unit.web.fakes import Site, job_view, node_view

from disco_master.model import JobStatus

JOB = "wc@1:2:3"
NASTY = "<script>alert(1)</script>\"'&"


def test_the_status_page_shows_nodes_and_jobs(site: Site) -> None:
    """M496, B10, M500–M506."""
    nodes = {
        "n2": node_view("n2", connected=False, running=(), slots=2),
        "n1": node_view("n1", blacklisted=True, running=(JOB,), slots=3),
    }
    site.master.change(nodes=nodes)
    site.master.set_job(job_view(JOB))
    site.master.set_job(job_view("done@1:2:4", JobStatus.READY))
    page = site.get("/").text
    assert page == site.get("/index.html").text
    assert page.index(">n1<") < page.index(">n2<")
    assert page.index(">done@1:2:4<") < page.index(f">{JOB}<")
    assert page.count('class="core busy"') == 1
    assert page.count('class="core"') == 4
    assert 'class="node blacklisted"' in page
    assert 'class="away"' in page
    assert "5 done" in page
    assert f"Disco {site.config.version}" in page


def test_the_job_filter_is_kept_in_the_address(site: Site) -> None:
    site.master.set_job(job_view(JOB))
    site.master.set_job(job_view("other@1:2:4"))
    page = site.get("/?filter=WC").text
    assert JOB in page
    assert "other@1:2:4" not in page
    assert 'value="WC"' in page


def test_the_job_page(site: Site) -> None:
    """M508–M512."""
    site.master.set_job(job_view(JOB))
    site.master.write_events(JOB, '["2026/01/02 03:04:05","n1","ERROR: it broke"]\n')
    page = site.get("/job.html", params={"name": JOB}).text
    assert "me@here" in page
    assert re.findall(r"<td>(\d+)</td>", page) == ["1", "2", "3", "4"]
    assert 'class="error"' in page
    assert "it broke" in page
    assert "http://b/2" in page
    assert 'data-action="kill_job"' in page
    assert "data-live" in page


def test_a_dead_job_shows_why_and_has_no_kill(site: Site) -> None:
    site.master.set_job(job_view(JOB, JobStatus.DEAD, failure="because of this"))
    page = site.get("/job.html", params={"name": JOB}).text
    assert "because of this" in page
    assert "kill_job" not in page
    assert "purge_job" in page


def test_the_event_filter(site: Site) -> None:
    site.master.set_job(job_view(JOB))
    site.master.write_events(JOB, "".join(f'["t","n{n}","text {n}"]\n' for n in range(3)))
    page = site.get("/job.html", params={"name": JOB, "filter": "n1"}).text
    assert "text 1" in page
    assert "text 2" not in page


def test_an_unknown_job_has_no_page(site: Site) -> None:
    assert site.get("/job.html?name=nobody").status_code == 404
    assert site.get("/job.html").status_code == 404


@pytest.mark.parametrize("path", ["/", "/job.html", "/?filter={nasty}", "/job.html?filter={nasty}"])
def test_nothing_a_user_wrote_becomes_markup(site: Site, path: str) -> None:
    """M688, M509: names with quotes."""
    name = NASTY + JOB
    site.master.change(nodes={NASTY: node_view(NASTY, running=(name,))})
    job = job_view(name, JobStatus.DEAD, owner=NASTY, worker=NASTY, failure=NASTY, results=(NASTY,))
    site.master.set_job(job)
    page = site.get(path.format(nasty=NASTY), params={"name": name}).text
    assert "<script>alert" not in page
    assert "alert(1)" in page


def test_no_page_needs_anything_from_elsewhere(site: Site) -> None:
    site.master.set_job(job_view(JOB))
    for path in ("/", f"/job.html?name={JOB}"):
        page = site.get(path).text
        for address in re.findall(r'\s(?:src|href|action)="([^"]*)"', page):
            assert address.startswith("/")
        assert not re.search(r"\son\w+=|style=|<script>", page)
    for asset in ("disco.css", "disco.js"):
        reply = site.get(f"/static/{asset}")
        assert reply.status_code == 200
        assert "http:" not in reply.text
