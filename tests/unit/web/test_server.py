"""The server itself: bound port, prefix of proxies, closing (M497, M581, M681)."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from unit.web.fakes import Site, job_view

from disco_master.model import JobStatus
from disco_master.web.server import serve


@pytest.mark.parametrize("node", ["n1", "other", "127.0.0.1"])
def test_the_proxy_prefix_is_dropped(site: Site, node: str) -> None:
    """M583, M497, M581."""
    assert site.get(f"/proxy/{node}/GET/disco/version").json() == site.config.version
    assert site.get(f"/proxy/{node}/GET/disco/ctrl/jobevents?name=x&num=1").text == ""
    assert site.post(f"/proxy/{node}/POST/ddfs/tag/t", json=[]).status_code == 200
    assert site.get(f"/proxy/{node}/GET/ddfs/tag/t").status_code == 200
    assert site.get(f"/proxy/{node}/GET/").status_code == 200


def test_the_prefix_never_changes_the_method(site: Site) -> None:
    """A link can't make a GET into a POST."""
    site.master.set_job(job_view("a@1:1:1"))
    reply = site.get("/proxy/n1/POST/disco/ctrl/kill_job?name=a@1:1:1")
    assert reply.status_code == 405
    assert site.get("/proxy/n1/GET").status_code == 404


def test_a_taken_port_is_told(site: Site) -> None:
    before = threading.active_count()
    with pytest.raises(OSError, match="in use"):
        serve(lambda environ, start: [], port=site.server.port)
    gc.collect()
    assert threading.active_count() == before


def test_close_frees_the_port_and_the_threads(make_site: Callable[..., Site]) -> None:
    before = threading.active_count()
    site = make_site()
    session = requests.Session()
    assert session.get(site.url + "/disco/version").status_code == 200
    site.server.close()
    site.server.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", site.server.port), timeout=5)
    session.close()
    while threading.active_count() > before:  # the test's own time limit ends it
        time.sleep(0.01)


def test_many_connections_are_served_beside_long_polls(make_site: Callable[..., Site]) -> None:
    """M681: 128 connections, half of them waiting."""
    site = make_site(threads=128)
    site.master.set_job(job_view("a@1:1:1"))
    with ThreadPoolExecutor(128) as pool:
        waiting = [
            pool.submit(site.post, "/disco/ctrl/get_results", json=[60_000, ["a@1:1:1"]], timeout=100)
            for _ in range(60)
        ]
        quick = list(pool.map(lambda _: site.get("/disco/ctrl/joblist").status_code, range(60)))
        site.master.set_job(job_view("a@1:1:1", JobStatus.READY))
        assert quick == [200] * 60
        assert {one.result().json()[0][1][0] for one in waiting} == {"ready"}
