"""Faults in turning URLs into data."""

import base64
import os
from pathlib import Path
from urllib.parse import unquote, unquote_plus, unquote_to_bytes, urlsplit

from faults import fault


def raw_as(w, decode):
    fetch = w.Task.fetch
    w.Task.fetch = lambda self, url: decode(url[6:]) if url.startswith("raw://") else fetch(self, url)


def fetched(w, change):
    fetch = w.Task.fetch
    w.Task.fetch = lambda self, url: change(fetch(self, url))


def at_url(w, change):
    fetch = w.Task.fetch
    w.Task.fetch = lambda self, url: fetch(self, change(url))


def without_scheme(w, scheme):
    fetch = w.Task.fetch

    def poorer(self, url):
        if url.startswith(scheme + "://"):
            raise ValueError(f"unknown scheme {scheme}")
        return fetch(self, url)

    w.Task.fetch = poorer


@fault("reads-nothing", "every input is empty")
def _(w):
    fetched(w, lambda data: b"")


@fault("raw-undecoded", "the data of raw:// is not decoded")
def _(w):
    raw_as(w, str.encode)


@fault("raw-plus-is-space", "a plus sign in raw:// is decoded as a space")
def _(w):
    raw_as(w, lambda rest: unquote_plus(rest).encode())


@fault("raw-decoded-twice", "the data of raw:// is decoded twice")
def _(w):
    raw_as(w, lambda rest: unquote_to_bytes(unquote_to_bytes(rest)))


@fault("raw-base64", "the data of raw:// is decoded as base64 where that works")
def _(w):
    def decode(rest):
        try:
            return base64.b64decode(rest, validate=True)
        except ValueError:
            return unquote_to_bytes(rest)

    raw_as(w, decode)


@fault("raw-as-path", "raw:// is taken apart like other URLs, and its path is the data")
def _(w):
    raw_as(w, lambda rest: unquote_to_bytes(urlsplit("raw://" + rest).netloc))


@fault("strips-data", "white space at the ends of the data is cut off")
def _(w):
    fetched(w, bytes.strip)


@fault("ascii-data", "bytes outside ASCII become question marks")
def _(w):
    fetched(w, lambda data: bytes(byte if 32 <= byte < 128 or byte in (9, 10, 13) else 63 for byte in data))


@fault("adds-newline", "data without LF at its end gets one")
def _(w):
    fetched(w, lambda data: data if data.endswith(b"\n") or not data else data + b"\n")


@fault("universal-newlines", "CR LF becomes LF")
def _(w):
    fetched(w, lambda data: data.replace(b"\r\n", b"\n"))


@fault("lower-cases-urls", "URLs are put into lower case")
def _(w):
    at_url(w, str.lower)


@fault("decodes-paths", "paths are decoded before they are asked for")
def _(w):
    at_url(w, lambda url: unquote(url) if url.startswith("http") else url)


@fault("no-http", "http:// is not known")
def _(w):
    without_scheme(w, "http")


@fault("no-disco", "disco:// is not known")
def _(w):
    without_scheme(w, "disco")


@fault("unknown-scheme-is-empty", "an unknown scheme is an empty input")
def _(w):
    fetch = w.Task.fetch

    def lenient(self, url):
        known = url.partition("://")[0] in ("raw", "http", "https", "disco", "dir")
        return fetch(self, url) if known else b""

    w.Task.fetch = lenient


@fault("one-read-of-a-body", "one read is taken for the whole body")
def _(w):
    def body(self, reply):
        if reply.status != 200:
            raise OSError("status")
        return reply.read(1 << 20)

    w.Task.body = body


@fault("disco-is-always-local", "disco:// is always opened as a file")
def _(w):
    def disco(self, rest):
        prefix, _, inside = rest.partition("/")[2].partition("/")
        return (Path(self.info[f"{prefix}_data"]) / inside).read_bytes()

    w.Task.disco = disco


@fault("disco-is-always-remote", "disco:// always goes over HTTP")
def _(w):
    w.Task.local = lambda self, host, path: None


@fault("disco-port-8989", "disco:// is fetched from port 8989, whatever TASK says")
def _(w):
    check = w.Task.check

    def fixed(self, payload):
        check(self, payload)
        payload["disco_port"] = 8989

    w.Task.check = fixed


@fault("trusts-environment", "the port of Disco is taken from the environment")
def _(w):
    check = w.Task.check

    def trust(self, payload):
        check(self, payload)
        payload["disco_port"] = int(os.environ.get("DISCO_PORT", payload["disco_port"]))

    w.Task.check = trust


@fault("no-local-fallback", "a local file that is missing is not asked for over HTTP")
def _(w):
    disco = w.Task.disco

    def only_local(self, rest):
        host, _, path = rest.partition("/")
        local = self.local(host, path)
        if local and not local.exists():
            raise OSError("no such file")
        return disco(self, rest)

    w.Task.disco = only_local


@fault("ddfs-below-disco-data", "ddfs/ is looked for below disco_data")
def _(w):
    local = w.Task.local

    def confused(self, host, path):
        found = local(self, host, path)
        return found and Path(str(found).replace(self.info["ddfs_data"], self.info["disco_data"]))

    w.Task.local = confused


@fault("dir-ignores-labels", "every line of an index is read")
def _(w):
    w.Task.wanted = lambda self, label: True


@fault("label-is-prefix", "a label counts when it begins with the taskid")
def _(w):
    w.Task.wanted = lambda self, label: label.startswith(str(self.info["taskid"]))


@fault("map-picks-a-label", "a map task picks the lines of its taskid too")
def _(w):
    w.Task.wanted = lambda self, label: int(label) == self.info["taskid"]


@fault("no-gzip-index", "an index that is gzip data is read as text")
def _(w):
    w.gzip = type("module", (), {"decompress": staticmethod(lambda data: data[:0])})


@fault("first-line-of-index", "one line of an index is read")
def _(w):
    wanted = w.Task.wanted
    seen = []

    def first(self, label):
        if seen or not wanted(self, label):
            return False
        seen.append(label)
        return True

    w.Task.wanted = first


@fault("skips-lost-lines", "a line of an index that cannot be read is left out")
def _(w):
    directory, fetch = w.Task.directory, w.Task.fetch

    def lenient(self, url):
        try:
            return fetch(self, url)
        except OSError:
            return b""

    def skipping(self, rest):
        w.Task.fetch = lenient
        try:
            return directory(self, rest)
        finally:
            w.Task.fetch = fetch

    w.Task.directory = skipping


@fault("spins-on-sockets", "a body is awaited in a busy loop")
def _(w):
    def body(self, reply):
        reply.fp.raw._sock.setblocking(False)
        parts = []
        while True:
            try:
                part = reply.read1(1 << 16)
            except BlockingIOError:
                continue
            if not part:
                return b"".join(parts)
            parts.append(part)

    w.Sources.body = body
