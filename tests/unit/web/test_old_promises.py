"""What release notes of the original promised its web interface (M686, M689, M692, M704; C30)."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from unit.web.fakes import Site, job_view, node_view

JOB = "wc@1:2:3"


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_many_submissions_at_once_leave_no_file_open(make_site: Callable[..., Site]) -> None:
    """M686: more senders than threads, each with half a pack; then they go away."""
    site = make_site(threads=4)
    before = open_files()
    senders = [socket.create_connection(("127.0.0.1", site.server.port), timeout=30) for _ in range(100)]
    head = "POST /disco/job/new HTTP/1.1\r\nHost: n1\r\nContent-Length: 4096\r\n\r\n"
    for sender in senders:
        sender.sendall(head.encode() + bytes(2048))
    assert site.get("/disco/version").status_code == 200  # others are served meanwhile
    for sender in senders:
        sender.sendall(bytes(2048))
    for sender in senders:
        with sender, sender.makefile("rb") as reply:
            assert reply.readline().split()[1] == b"200"  # and the refusal, since zeros are no pack
    for _ in range(10_000):
        if open_files() <= before:
            return
        site.get("/disco/version")
    raise AssertionError("connections of senders that are gone are still open")


@pytest.mark.parametrize("header", ["authorization", "AUTHORIZATION", "aUTHORIZATION"])
def test_names_of_headers_in_any_case(site: Site, header: str) -> None:
    """M689: a tag that asks for a token."""
    assert site.post("/ddfs/tag/t", json=[], auth=("token", "secret")).status_code == 200
    connection = http.client.HTTPConnection("127.0.0.1", site.server.port, timeout=30)
    connection.putrequest("GET", "/ddfs/tag/t/ddfs:read-token", skip_accept_encoding=True)
    connection.putheader(header, "Basic dG9rZW46c2VjcmV0")
    connection.endheaders()
    reply = connection.getresponse()
    reply.read()
    assert reply.status == 200
    assert site.get("/ddfs/tag/t/ddfs:read-token").status_code == 401
    connection.close()


@pytest.mark.parametrize("path", ["vol0.old/blob/4e/a.b$1-2-3", "vol.1/blob/4e/..a$1-2-3"])
def test_paths_of_ddfs_may_hold_dots(site: Site, path: str) -> None:
    """M692."""
    file = site.config.ddfs_data / path
    file.parent.mkdir(parents=True)
    file.write_bytes(b"data")
    assert site.get(f"/ddfs/{path}").content == b"data"


def test_a_traceback_keeps_its_lines_on_the_page(site: Site) -> None:
    """M704: in the list of events and as the cause of a job's death."""
    text = 'Traceback (most recent call last):\n  File "wc.py", line 3, in map\nValueError: <bad>'
    site.master.set_job(job_view(JOB, failure=text))
    site.master.write_events(JOB, json.dumps(["2013/01/02 03:04:05", "n1", text]) + "\n")
    page = site.get("/job.html", params={"name": JOB}).text
    shown = re.findall(r"<pre[^>]*>(Traceback.*?)</pre>", page, re.S)
    assert len(shown) == 2
    for block in shown:
        assert [line.strip()[:9] for line in block.splitlines()] == ["Traceback", "File &#34", "ValueErro"]
        assert "<bad>" not in block


def test_a_blacklisted_node_is_lavender(site: Site) -> None:
    """C30: the colour of the documents."""
    site.master.change(nodes={"n1": node_view("n1", blacklisted=True)})
    assert 'class="node blacklisted"' in site.get("/").text
    style = site.get("/static/disco.css").text
    assert "--blacklisted: lavender;" in style
    assert ".node.blacklisted { background: var(--blacklisted); }" in style
