"""What `disco doctor` looks at: one function a question, each giving findings, none changing anything.

The order is that of the documents' list of troubles (2.6): this machine, then the master, then the nodes.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import ssl
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...client.http import Patience
from ...core import Disco
from ...error import CommError
from ...settings import DiscoSettings

FREE_BYTES = 1024**3  # with less, nodes count as full when blobs are placed
CONNECT_S = 3.0
_QUICK = Patience(attempts=1, deadline_s=CONNECT_S)
_TLS = ("DISCO_TLS_CA", "DISCO_TLS_CERT", "DISCO_TLS_KEY")


@dataclass(frozen=True)
class Finding:
    """`advice` is empty when all is well."""

    check: str
    text: str
    advice: str = ""

    @property
    def is_bad(self) -> bool:
        return bool(self.advice)


Findings = Iterator[Finding]


def examine(settings: DiscoSettings) -> Findings:
    yield from environment(settings)
    yield from packages(settings)
    yield from disks(settings)
    yield from secret(settings)
    yield from certificates(settings)
    yield from resolution(settings)
    disco = Disco(settings=settings, patience=_QUICK)
    found = list(master(settings, disco))
    yield from found
    if not any(finding.is_bad for finding in found):
        yield from nodes(settings, disco)


def environment(settings: DiscoSettings) -> Findings:
    source = str(settings.file) if settings.file else "none; defaults and the environment"
    yield Finding("settings", f"settings file: {source}")
    for name, what in settings.unknown().items():
        yield Finding("settings", f"{name} in the environment is no setting", what)


def packages(settings: DiscoSettings) -> Findings:
    needed = ["flask", "waitress"] + (["distributed"] if settings["DISCO_ENGINE"] == "dask" else [])
    missing = [name for name in needed if find_spec(name) is None]
    extras = "master,cluster" if "distributed" in needed else "master"
    if missing:
        text = f"not installed: {', '.join(missing)}"
        yield Finding("packages", text, f"pip install disco-mapreduce[{extras}]")
    else:
        yield Finding("packages", f"installed: {', '.join(needed)}")


def disks(settings: DiscoSettings) -> Findings:
    for name in ("DISCO_DATA", "DDFS_DATA"):
        path = settings.path(name)
        here = next(folder for folder in (path, *path.parents) if folder.exists())
        if not os.access(here, os.W_OK):
            yield Finding("disk", f"{name} {path} can't be written", f"chown or chmod {here}, or set {name}")
            continue
        free = shutil.disk_usage(here).free
        text = f"{name} {path}: {free / 1024**3:.1f} GiB free"
        full = free < FREE_BYTES
        yield Finding("disk", text, f"free some space, or set {name} to a larger disk" if full else "")


def secret(settings: DiscoSettings) -> Findings:
    path = settings.path("DISCO_SECRET_FILE")
    if not path.exists():
        if settings["DISCO_ENGINE"] == "dask":
            yield Finding("secret", f"there is no {path} yet: the master makes it; nodes need a copy")
        return
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding("secret", f"others may read the cluster secret {path}", f"chmod 600 {path}")
    elif not settings.secret:
        yield Finding("secret", f"{path} is empty or not readable", "remove it, or copy it from the master")
    else:
        yield Finding("secret", f"{path} is there, for its owner alone")


def certificates(settings: DiscoSettings) -> Findings:
    paths = [str(settings[name]) for name in _TLS]
    if not any(paths):
        return
    missing = [name for name, path in zip(_TLS, paths, strict=True) if not path or not Path(path).is_file()]
    if missing:
        yield Finding("tls", f"no such file: {', '.join(missing)}", "set all three to PEM files, or none")
        return
    try:
        context = ssl.create_default_context(cafile=paths[0])
        context.load_cert_chain(paths[1], paths[2])
    except (OSError, ssl.SSLError) as error:
        yield Finding(
            "tls", f"certificate or key can't be used: {error}", "make them again: docs/deployment.md"
        )
    else:
        yield Finding("tls", "certificate and key belong together")


def resolution(settings: DiscoSettings) -> Findings:
    """The classic mistake: a line of /etc/hosts that makes this machine's own name mean 127.0.1.1."""
    host = str(settings["DISCO_MASTER_HOST"])
    found = addresses(host)
    if not found:
        advice = "correct DISCO_MASTER_HOST, or the name server or /etc/hosts"
        yield Finding("names", f"DISCO_MASTER_HOST = {host} means no address here", advice)
    elif settings["DISCO_ENGINE"] == "dask" and not settings["DISCO_NODES"] and is_loopback(found):
        text = f"DISCO_MASTER_HOST = {host} means {', '.join(found)}: no other machine can join"
        yield Finding("names", text, "give a name or address of this machine that the nodes reach")
    else:
        yield Finding("names", f"{host} is {', '.join(found)}")


def master(settings: DiscoSettings, disco: Disco) -> Findings:
    try:
        version = disco.master_version
    except CommError as error:
        yield _no_master(settings, error)
        return
    text = f"{disco.master} answers, release {version}"
    other = version != disco.client_version
    advice = f"install release {version} here too, or this one ({disco.client_version}) there"
    yield Finding("master", text, advice if other else "")


def _no_master(settings: DiscoSettings, error: CommError) -> Finding:
    if error.code:
        text = f"{settings.master} answers, but as no Disco master does: {error.msg} ({error.code})"
        return Finding("master", text, "is another program on DISCO_PORT, or DISCO_PROXY wrong?")
    advice = "start it (`disco start`), or correct DISCO_MASTER; its log is in DISCO_LOG_DIR"
    taken = [port for port in (settings.port, settings.put_port) if is_open("127.0.0.1", port)]
    if taken:
        advice = f"another program has port {taken[0]}: stop it, or set DISCO_PORT or DDFS_PUT_PORT"
    return Finding("master", f"no master answers at {settings.master}: {error.msg}", advice)


def nodes(settings: DiscoSettings, disco: Disco) -> Findings:
    about = disco.nodeinfo()
    if not about:
        advice = "run `disco node` on each machine that shall be one, or start the master with --nodes"
        yield Finding("nodes", "there is no node, so jobs wait", advice)
        return
    for name, node in about.items():
        yield from one_node(settings, name, node)
    slots = sum(node["max_workers"] for node in about.values() if node["connected"])
    none = "give nodes slots in the node table (`disco config`, or the page of the master)"
    yield Finding("slots", f"{slots} slots on connected nodes", "" if slots else none)


def one_node(settings: DiscoSettings, name: str, node: dict[str, Any]) -> Findings:
    check = f"node {name}"
    if not node["connected"]:
        advice = "start it there (`disco node`); its log says why it does not connect; or take its row away"
        yield Finding(check, "is not connected", advice)
        return
    if node["blacklisted"]:
        yield Finding(check, "is blacklisted: it gets no tasks", "whitelist it when it is well again")
    if not addresses(name):
        advice = "add it to the name server, or give it another --name"
        yield Finding(check, "its name means no address here", advice)
        return
    closed = [port for port in (settings.port, settings.put_port) if not answers(name, port)]
    if closed:
        text = f"port {' and '.join(map(str, closed))} can't be reached from here"
        yield Finding(check, text, "open it in the firewall: docs/deployment.md")
    if node["diskfree"] * 1024 < FREE_BYTES:
        yield Finding(check, f"{node['diskfree'] // 1024} MiB free on its disks", "free some space there")
    if not closed:
        yield Finding(check, f"is connected, with {node['max_workers']} slots, and serves its files")


def addresses(host: str) -> list[str]:
    try:
        entries = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(entry[4][0]) for entry in entries})


def is_loopback(found: Sequence[str]) -> bool:
    return all(address.startswith("127.") or address == "::1" for address in found)


def is_open(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), CONNECT_S).close()
    except OSError:
        return False
    return True


def answers(host: str, port: int) -> bool:
    """Whether an HTTP server is there; what it says does not matter."""
    connection = http.client.HTTPConnection(host.strip("[]"), port, timeout=CONNECT_S)
    try:
        connection.request("HEAD", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
