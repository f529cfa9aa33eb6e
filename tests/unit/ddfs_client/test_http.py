"""Requests and remote files over real sockets: retries, limits, tokens, resumed reads (M305, W14)."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import time

import pytest
from unit.ddfs_client.fake_master import Files

from disco.client.http import TELL_AFTER_S, HttpClient, Patience, open_remote, web_url
from disco.client.remote import MAX_RESUMES, open_replicas
from disco.error import CommError
from disco.settings import DiscoSettings

CONTENT = bytes(range(256)) * 4096


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_whole_reply(site, quick):
    reply = HttpClient(quick).request("GET", f"{site.url}/data")
    assert (reply.status, reply.body) == (200, CONTENT)


def test_an_error_names_url_reason_and_status(site, quick):
    with pytest.raises(CommError) as caught:
        HttpClient(quick).request("GET", f"{site.url}/absent")
    assert (caught.value.code, caught.value.msg, caught.value.url) == (
        404,
        "Not found.",
        f"{site.url}/absent",
    )


def test_nobody_there_fails_fast_with_the_way_out_w14():
    url = f"http://127.0.0.1:{free_port()}/disco/version"
    started = time.monotonic()
    with pytest.raises(CommError, match=r"Connection refused \(is it running at http://127\.0\.0\.1:\d+\?\)"):
        HttpClient(hint="(is it running at {url}?)").request("GET", url)
    assert time.monotonic() - started < 1.5


def test_a_silent_address_is_given_up_after_the_connect_limit_w14():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(3)]  # the backlog is full, so no further connection is made
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        started = time.monotonic()
        with pytest.raises(CommError, match="no answer in time"):
            HttpClient(Patience(connect_s=0.2, unreachable_attempts=2)).request(
                "GET", f"http://127.0.0.1:{address[1]}/"
            )
        assert 0.4 <= time.monotonic() - started < 2
        for filler in fillers:
            filler.close()


def test_503_is_tried_again_m305(site, quick):
    site.faults = [503, 503]
    assert HttpClient(quick).request("GET", f"{site.url}/data").status == 200
    assert len(site.log) == 3


def test_a_long_pause_is_told_w14(site, caplog):
    site.faults = [503]
    patience = Patience(first_pause_s=TELL_AFTER_S * 2, longest_pause_s=TELL_AFTER_S * 2, deadline_s=5)
    assert HttpClient(patience).request("GET", f"{site.url}/data").status == 200
    assert "trying again in" in caplog.text


def test_503_is_given_up_after_so_many_attempts(site):
    patience = Patience(attempts=3, first_pause_s=0.001)
    site.faults = [503] * 3
    with pytest.raises(CommError) as caught:
        HttpClient(patience).request("GET", f"{site.url}/data")
    assert (caught.value.code, len(site.log)) == (503, 3)


def test_503_is_given_up_at_the_deadline(site):
    site.faults = [503] * 100
    started = time.monotonic()
    with pytest.raises(CommError):
        HttpClient(Patience(attempts=100, first_pause_s=0.05, deadline_s=0.3)).request(
            "GET", f"{site.url}/data"
        )
    assert time.monotonic() - started < 0.4


def test_a_cut_get_is_repeated_and_a_cut_post_is_not_m305(site, quick):
    site.faults = ["drop", ("cut", 10)]
    assert HttpClient(quick).request("GET", f"{site.url}/data").body == CONTENT
    site.faults, site.log = ["drop"], []
    with pytest.raises(CommError, match="the connection was cut"):
        HttpClient(quick).request("POST", f"{site.url}/job", b"pack")
    assert len(site.log) == 1


def test_a_file_is_sent_again_from_where_it_stood(site, quick, tmp_path):
    path = tmp_path / "big"
    path.write_bytes(b"skip" + CONTENT)
    site.faults = ["drop", 503]
    with path.open("rb") as file:
        file.seek(4)
        assert HttpClient(quick).request("PUT", f"{site.url}/ddfs/x$1", file).status == 201
    assert site.files["/ddfs/vol0/blob/00/x$1"] == CONTENT


@pytest.mark.parametrize("body", [b"", b"x", io.BytesIO(b""), io.BytesIO(b"x" * 100_000)])
def test_bodies_carry_their_length(site, quick, body):
    content = body if isinstance(body, bytes) else body.getvalue()
    HttpClient(quick).request("PUT", f"{site.url}/ddfs/x$1", body)
    assert site.heads[0]["Content-Length"] == str(len(content))
    assert site.files["/ddfs/vol0/blob/00/x$1"] == content


def test_the_token_goes_as_basic_authorization(site, quick):
    HttpClient(quick).request("GET", f"{site.url}/data", token="TOKEN")
    assert site.heads[0]["Authorization"] == "Basic dG9rZW46VE9LRU4="


def test_a_stream_and_an_offset(site, quick):
    reply = HttpClient(quick).request("GET", f"{site.url}/data", stream=True, offset=1000)
    assert reply.status == 206
    assert reply.stream is not None
    with reply.stream as stream:
        assert stream.read() == CONTENT[1000:]


class Redirecting(Files):
    def reply(self, method, path, body, headers):
        if path.startswith("/go/"):
            return 302, b"", {"Location": self.target}
        return super().reply(method, path, body, headers)


def test_redirects_are_followed_without_the_token_for_another_host_m305(site, quick):
    other = Redirecting("127.0.0.2")
    try:
        other.target = f"{site.url}/data"
        assert HttpClient(quick).request("GET", f"{other.url}/go/x", token="secret").body == CONTENT
        assert "Authorization" in other.heads[0]
        assert "Authorization" not in site.heads[0]
        other.target = "/go/round"
        with pytest.raises(CommError, match="more than 5 redirects"):
            HttpClient(quick).request("GET", f"{other.url}/go/x")
    finally:
        other.close()


def test_other_schemes_are_refused(quick):
    with pytest.raises(CommError, match="not an http"):
        HttpClient(quick).request("GET", "ftp://127.0.0.1/x")


def test_a_remote_file_reads_like_a_file(site):
    with open_remote(f"{site.url}/data") as file:
        assert file.read(10) == CONTENT[:10]
        assert list(file) == list(io.BytesIO(CONTENT[10:]))


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_download_is_resumed(site, quick, ranges):
    site.ranges = ranges
    site.faults = [("cut", 300_000), ("cut", 500_000), "drop"]
    with open_replicas(HttpClient(quick), [f"{site.url}/data"]) as file:
        assert file.read() == CONTENT
    assert "Range" in site.heads[1]


def test_a_cut_download_goes_on_at_another_replica(site, quick):
    other = Files("127.0.0.2", data=CONTENT)
    try:
        site.faults = [("cut", 300_000)]
        with open_replicas(HttpClient(quick), [f"{site.url}/data", f"{other.url}/data"]) as file:
            assert file.read() == CONTENT
        assert other.heads[0]["Range"] == "bytes=300000-"
    finally:
        other.close()


def test_a_replica_of_another_size_is_not_mixed_in(site, quick):
    other = Files("127.0.0.2", data=b"short" * 100_000)
    try:
        site.faults = [("cut", 300_000), 404]
        file = open_replicas(HttpClient(quick), [f"{site.url}/data", f"{other.url}/data"])
        with file, pytest.raises(CommError):
            file.read()
    finally:
        other.close()


def test_a_download_that_never_gets_on_is_given_up(site, quick):
    site.faults = [("cut", 0)] * (MAX_RESUMES + 1)
    with (
        open_replicas(HttpClient(quick), [f"{site.url}/data"]) as file,
        pytest.raises(CommError, match="at byte 0"),
    ):
        file.read()
    site.faults = [("cut", 0)] * MAX_RESUMES
    with open_replicas(HttpClient(quick), [f"{site.url}/data"]) as file:
        assert file.read() == CONTENT


def test_a_dead_replica_is_tried_last_for_a_while_w14(site, quick):
    client = HttpClient(quick)
    dead = f"http://127.0.0.1:{free_port()}/data"
    with open_replicas(client, [dead, f"{site.url}/data"]) as file:
        assert file.read() == CONTENT
    assert client.in_order([dead, f"{site.url}/data"]) == [f"{site.url}/data", dead]


@pytest.mark.parametrize(
    ("url", "method", "address"),
    [
        ("disco://node1/ddfs/vol0/blob/aa/x$1", "GET", "http://node1:7000/ddfs/vol0/blob/aa/x$1"),
        ("dir://node1/disco/node1/aa/job/index", "GET", "http://node1:7000/disco/node1/aa/job/index"),
        ("disco://node1:81/x", "GET", "http://node1:81/x"),
        ("http://elsewhere/x?y=1", "GET", "http://elsewhere/x?y=1"),
        ("http://node1:8990/ddfs/x$1", "PUT", "http://node1:8990/ddfs/x$1"),
    ],
)
def test_disco_urls_become_web_addresses(url, method, address):
    assert web_url(url, DiscoSettings(environ={}, DISCO_PORT=7000), method) == address


@pytest.mark.parametrize(
    ("url", "method", "address"),
    [
        ("disco://node1/ddfs/x$1", "GET", "http://gate:8999/proxy/node1/GET/ddfs/x$1"),
        ("http://node1:8990/ddfs/x$1", "PUT", "http://gate:8999/proxy/node1/PUT/ddfs/x$1"),
        ("http://elsewhere/x", "GET", "http://elsewhere/x"),
    ],
)
def test_nodes_are_reached_through_the_proxy_m581(url, method, address):
    """M584: downloads and uploads."""
    assert web_url(url, DiscoSettings(environ={}, DISCO_PROXY="http://gate:8999"), method) == address


def test_https_checks_certificates(tmp_path, quick):
    """A server with a certificate of its own is refused, and trusted once its certificate is named."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", *options.split(), *names, "-keyout", str(key), "-out", str(certificate)]
    made = subprocess.run(command, capture_output=True, check=False)
    assert made.returncode == 0, made.stderr
    program = """
import http.server, ssl, sys, threading
from disco.client.http import HttpClient
from disco.error import CommError

class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.wfile.write(b"HTTP/1.0 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhello")
    def log_message(self, *_): pass

class Server(http.server.HTTPServer):
    def handle_error(self, *_): pass

server = Server(("127.0.0.1", 0), Hello)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
try:
    print(HttpClient().request("GET", f"https://127.0.0.1:{server.server_address[1]}/").text)
except CommError as error:
    print(error.msg[:21])
"""
    clean = {name: value for name, value in os.environ.items() if name != "REQUESTS_CA_BUNDLE"}
    said = [
        subprocess.run(
            [sys.executable, "-c", program, str(certificate), str(key)],
            capture_output=True,
            text=True,
            check=False,
            env={**clean, **extra},
        ).stdout.strip()
        for extra in ({}, {"REQUESTS_CA_BUNDLE": str(certificate)})
    ]
    assert said == ["no trusted connection", "hello"]
