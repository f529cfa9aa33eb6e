#!/usr/bin/env python3
"""The adapter for a running Disco master: `disco_adapter.py URL PACK` submits the pack over the REST
interface. Without PACK it is handed one after the other on standard input.

The outcome is one JSON object on standard output: `status` is ready or dead, `reason` what the events of
the job say.
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

POLL_MS = 500
LIMIT_S = 120
EVENTS = 200


def ask(url, data=None):
    with urllib.request.urlopen(url, data, timeout=30) as reply:
        return reply.read().decode()


def outcome(url, path):
    status, name = json.loads(ask(f"{url}/disco/job/new", Path(path).read_bytes()))
    if status != "ok":
        return {"status": "refused", "reason": name}
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        question = json.dumps([POLL_MS, [name]]).encode()
        ((_, (state, results)),) = json.loads(ask(f"{url}/disco/ctrl/get_results", question))
        if state != "active":
            break
    quoted = urllib.parse.quote(name)
    events = ask(f"{url}/disco/ctrl/jobevents?name={quoted}&num={EVENTS}")
    return {"status": state, "results": results, "reason": events}


def main(url, *paths):
    for path in paths or (line.rstrip("\n") for line in sys.stdin):
        print(json.dumps(outcome(url, path)), flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (urllib.error.URLError, ValueError) as error:
        sys.exit(f"disco_adapter: {error}")
