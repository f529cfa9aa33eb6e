"""How the reference worker saves an output in DDFS: a blob on each node that the master names, then a tag."""

import base64
import http.client
import json
import os
import re
import time
from urllib.parse import quote, urlsplit

STORED = (200, 201)
BUSY = 503
MAX_TRIES, PAUSE_S = 5, 0.05
TIMEOUT_S = 60


class Saver:
    """`master` is the URL in TASK."""

    def __init__(self, master):
        self.master = master

    def save(self, data, name, tag):
        self.tag(tag, self.blob(data, re.sub(r"[^A-Za-z0-9_\-@:]", "_", name)))

    def blob(self, data, name):
        """Stores the data on every node that the master names; one that refuses it is not named again."""
        excluded = []
        while True:
            targets = self.targets(name, excluded)
            urls, refused = [], None
            for target in targets:
                status, reply = self.put(target, data)
                if status not in STORED:
                    refused = target
                    break
                urls.append(json.loads(reply))
            if refused is None:
                return urls
            excluded.append(urlsplit(refused).hostname)

    def targets(self, name, excluded):
        query = f"?exclude={','.join(excluded)}" if excluded else ""
        status, reply = self.ask("GET", f"{self.master}/ddfs/new_blob/{quote(name, safe='@:')}{query}")
        if status != 200:
            raise OSError(f"no node takes the blob {name}: HTTP status {status}")
        return json.loads(reply)

    def put(self, target, data):
        return self.ask("PUT", target, data)

    def tag(self, name, urls):
        url = f"{self.master}/ddfs/tag/{quote(name, safe='@:')}?update=1"
        status, _ = self.ask("POST", url, json.dumps([urls]).encode(), self.authorization())
        if status not in STORED:
            raise OSError(f"the tag {name} was refused: HTTP status {status}")

    def authorization(self):
        token = os.environ.get("DDFS_WRITE_TOKEN")
        if not token:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(f"token:{token}".encode()).decode()}

    def ask(self, method, url, body=None, headers=None):
        """Status and body of the reply; one that says to try again is asked again."""
        for tries in range(1, MAX_TRIES + 1):
            status, reply = self.ask_once(method, url, body, headers or {})
            if status != BUSY or tries == MAX_TRIES:
                break
            time.sleep(PAUSE_S * tries)
        return status, reply

    def ask_once(self, method, url, body, headers):
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
        try:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()
