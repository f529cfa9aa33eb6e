"""A server that speaks Amazon's S3 protocol, on a free port of this machine, in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

BUCKET = "bucket"
_READY = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")


@contextmanager
def running_s3(files: dict[str, bytes]) -> Iterator[str]:
    """The address of a server whose one bucket holds `files` (by key)."""
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            found = next(filter(None, map(_READY.search, process.stderr)), None)
            assert found, "the server did not start"
            put(found[1], BUCKET, b"")
            for key, content in files.items():
                put(found[1], f"{BUCKET}/{quote(key)}", content)
            yield found[1]
        finally:
            process.kill()


def put(address: str, path: str, content: bytes) -> None:
    kind = {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(f"{address}/{path}", data=content, headers=kind, method="PUT")
    with urllib.request.urlopen(request, timeout=60) as reply:
        reply.read()


def environment(address: str) -> dict[str, str]:
    """What a client of this server, or a job, needs to know."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
