"""A small Disco: a master and nodes over real sockets, with the replies of the REST interface.

It keeps tags, blobs and jobs in dictionaries. `Site.faults` makes a site misbehave: each entry is used once,
by the next request: an int is a status to reply with, ("cut", n) ends the reply after n bytes of its body,
"drop" closes the connection without a reply.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Reply = tuple[int, bytes, dict[str, str]]
LEGAL = re.compile(r"[A-Za-z0-9_\-@:]{1,511}")


def as_json(value: object, status: int = 200) -> Reply:
    return status, json.dumps(value).encode(), {"Content-Type": "application/json"}


def as_text(text: str | bytes, status: int = 200) -> Reply:
    return status, text if isinstance(text, bytes) else text.encode(), {"Content-Type": "text/plain"}


class Site:
    """One HTTP server. Subclasses answer in `reply`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.faults: list[Any] = []
        self.log: list[tuple[str, str]] = []  # (method, path with query) of every request
        self.heads: list[dict[str, str]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                site.answer(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - names of http.server

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """Clients that hang up are part of the tests."""

        self._server = Server((host, 0), Handler)
        self.host, self.port = host, self._server.server_address[1]
        self.url = f"http://{host}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.log.append((request.command, request.path))
        self.heads.append(dict(request.headers))
        fault = self.faults.pop(0) if self.faults else None
        if fault == "drop":
            request.close_connection = True
            return
        if isinstance(fault, int):
            status, content, headers = as_text("fault", fault)
        else:
            status, content, headers = self.reply(request.command, request.path, body, dict(request.headers))
        request.send_response(status)
        for name, value in {"Content-Length": str(len(content)), "Connection": "close", **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content[: fault[1]] if isinstance(fault, tuple) else content)

    def reply(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        raise NotImplementedError


class Files(Site):
    """Serves and stores what lies in `files`, by path; knows ranges unless `ranges` is off."""

    def __init__(self, host: str = "127.0.0.1", **files: bytes) -> None:
        self.files: dict[str, bytes] = {f"/{name}": content for name, content in files.items()}
        self.ranges = True
        super().__init__(host)

    def reply(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        path = unquote(urlsplit(path).path)
        if method == "PUT":
            return self._store(path, body)
        content = self.files.get(path)
        if content is None:
            return as_text("Not found.", 404)
        wanted = headers.get("Range")
        if wanted and self.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            about = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return 206, content[start:], {"Content-Range": about}
        return 200, content, {}

    def _store(self, path: str, body: bytes) -> Reply:
        where = path.replace("/ddfs/", "/ddfs/vol0/blob/00/", 1)
        self.files[where] = body
        return as_json(f"disco://{self.host}:{self.port}{where}", 201)


class FakeMaster(Files):
    """A master with `nodes` nodes on 127.0.0.2, 127.0.0.3, …; jobs are what the test puts into `jobs`."""

    def __init__(self, nodes: int = 1) -> None:
        self.nodes = [Files(f"127.0.0.{number + 2}") for number in range(nodes)]
        self.tags: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}  # name -> job info with "status", "events" and "pack" added
        self.orders: list[tuple[str, Any]] = []  # changing calls to /disco/ctrl
        self._stamps = 0
        self._lock = threading.Lock()
        super().__init__()

    def close(self) -> None:
        for site in self.nodes:
            site.close()
        super().close()

    def reply(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        parts = urlsplit(path)
        where = unquote(parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        proxied = re.fullmatch(r"/proxy/([^/]+)/([A-Z]+)(/.*)", where)
        if proxied:
            node = next(site for site in self.nodes if site.host == proxied[1])
            return node.reply(proxied[2], proxied[3], body, headers)
        with self._lock:
            if where.startswith("/ddfs/new_blob/"):
                return self._new_blob(where.removeprefix("/ddfs/new_blob/"), query)
            if where == "/ddfs/tags" or where.startswith("/ddfs/tags/"):
                prefix = where.removeprefix("/ddfs/tags").strip("/")
                return as_json([name for name in self.tags if name.startswith(prefix)])
            if where.startswith("/ddfs/tag/"):
                name, _, attribute = where.removeprefix("/ddfs/tag/").partition("/")
                return self._tag_call(method, name, attribute, body, query, _token(headers))
            if where.startswith("/disco/"):
                return self._disco_call(method, where.removeprefix("/disco/"), query, body, headers)
        return super().reply(method, path, body, headers)

    def _new_blob(self, name: str, query: dict[str, str]) -> Reply:
        if not LEGAL.fullmatch(name):
            return as_text("Invalid tag", 403)
        left = [site for site in self.nodes if site.host not in query.get("exclude", "").split(",")]
        wanted = int(query.get("replicas") or min(3, len(left)))
        if not left or wanted > len(left):
            return as_text("Not enough nodes for replicas.", 403)
        self._stamps += 1
        return as_json([f"{site.url}/ddfs/{name}$0-0-{self._stamps:x}" for site in left[:wanted]])

    def _tag_call(
        self, method: str, name: str, attribute: str, body: bytes, query: dict[str, str], token: str | None
    ) -> Reply:
        if not LEGAL.fullmatch(name):
            return as_text("Invalid tag", 403)
        tag = self.tags.get(name)
        if tag:
            guard = tag["read" if method == "GET" else "write"]
            if guard and token not in (guard, tag["write"]):
                return as_text("Incorrect or missing token.", 401)
        if method == "DELETE":
            if attribute and tag:
                tag["user-data"].pop(attribute, None)
            elif not attribute:
                self.tags.pop(name, None)
            return as_json("deleted")
        if method == "GET":
            if tag is None:
                return as_text("Tag not found.", 404)
            return self._attribute(tag, attribute) if attribute else as_json(_public(name, tag))
        tag = self.tags.setdefault(
            name,
            {"urls": [], "user-data": {}, "read": token, "write": token, "modified": "2013/12/16 10:00:00"},
        )
        value = json.loads(body)
        if attribute.startswith("ddfs:"):
            tag[attribute.removeprefix("ddfs:").removesuffix("-token")] = value
        elif attribute:
            tag["user-data"][attribute] = value
        else:
            old = tag["urls"] if method == "POST" else []
            have = {_blob_id(replicas) for replicas in old} if query.get("update") else set()
            tag["urls"] = [replicas for replicas in value if _blob_id(replicas) not in have] + old
        return as_json([f"disco://{self.host}/ddfs/vol0/tag/00/{name}$1-1-1"])

    def _attribute(self, tag: dict[str, Any], attribute: str) -> Reply:
        if attribute not in tag["user-data"]:
            return as_text("Tag attribute not found.", 404)
        return as_json(tag["user-data"][attribute])

    def _disco_call(
        self, method: str, where: str, query: dict[str, str], body: bytes, headers: dict[str, str]
    ) -> Reply:
        if where == "version":
            return as_json("1.0.0")
        if where.startswith("job/"):
            name = f"job@{len(self.jobs):x}:0:1"
            self.jobs[name] = {"status": "active", "pack": body, "events": [], "results": []}
            return as_json(["ok", name])
        call = where.removeprefix("ctrl/")
        if call == "joblist":
            return as_json([[1386000000, job["status"], name] for name, job in reversed(self.jobs.items())])
        if call == "get_results":
            return self._results(json.loads(body)[1])
        if method == "POST":
            self.orders.append((call, json.loads(body)))
            return as_json("")
        return self._about(call, query.get("name", ""), headers)

    def _results(self, names: list[str]) -> Reply:
        known = [(name, self.jobs.get(name, {"status": "unknown job", "results": []})) for name in names]
        return as_json([[name, [job["status"], job["results"]]] for name, job in known])

    def _about(self, call: str, name: str, headers: dict[str, str]) -> Reply:
        if call == "nodeinfo":
            about = {"max_workers": 2, "connected": True, "blacklisted": False, "job_ok": 3}
            return as_json(
                {"localhost": {**about, "data_error": 0, "error": 0, "diskfree": 2048, "diskused": 1024}}
            )
        if call == "load_config_table":
            return as_json([["localhost", "2"]])
        job = self.jobs.get(name)
        if job is None:
            return as_text("Not found.", 404)
        if call == "jobinfo":
            return as_json(
                {key: value for key, value in job.items() if key not in ("pack", "events", "status")}
            )
        if call == "parameters":
            return as_text(job["pack"])
        if call == "rawevents":
            lines = "".join(json.dumps(event) + "\n" for event in job["events"]).encode()
            start = int((headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
            return as_text(lines[start:], 206 if "Range" in headers else 200)
        if call == "get_mapresults" and job.get("mapresults") is not None:
            return as_json(job["mapresults"])
        return as_text("Not found.", 404)


def _public(name: str, tag: dict[str, Any]) -> dict[str, Any]:
    stamp = f"{zlib.crc32(name.encode()):x}"
    about = {"version": 1, "id": f"{name}$1-1-{stamp}", "last-modified": tag["modified"]}
    return {**about, "urls": tag["urls"], "user-data": tag["user-data"]}


def _blob_id(replicas: list[str]) -> str:
    return replicas[0].rpartition("/")[2].partition("$")[0]


def _token(headers: dict[str, str]) -> str | None:
    scheme, _, packed = headers.get("Authorization", "").partition(" ")
    if scheme != "Basic":
        return None
    return base64.b64decode(packed).decode().partition(":")[2]
