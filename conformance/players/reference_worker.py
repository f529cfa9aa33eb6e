#!/usr/bin/env python3
"""The reference worker: the whole worker protocol in plain Python, for reading and for trying the suite
out.

It does what the conformance sessions ask for: the part of the job name before `@` is the behaviour
(`wordcount`, `echo`, …) and the part after it an argument. Failures are of three kinds, by what has to
happen next: Transient (ERROR, tried again), Fatal (FATAL, the job ends) and Broken (the stream itself makes
no sense: say so if possible, and go).
"""

import gzip
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from reference_saving import Saver

VERSION = "1.0"
MAX_NAME, MAX_PAYLOAD = 10, 100 << 20
HEADER = re.compile(rb"([A-Z_]{1,10}) (0|[1-9][0-9]{0,9}) ")
HEADER_BEGUN = re.compile(rb"[A-Z_]{1,10}( (0|[1-9][0-9]{0,9})?)?")
DISCO_NAMES = ("OK", "TASK", "INPUT", "RETRY", "WAIT", "FAIL")
TASK_FIELDS = {
    "host": str, "master": str, "jobname": str, "taskid": int, "mode": str, "disco_port": int,
    "put_port": int,
    "disco_data": str, "ddfs_data": str, "jobfile": str,
}  # fmt: skip
FIRST_PAUSE_S, LAST_PAUSE_S = 0.1, 5.0
MAX_REDIRECTS = 5


class Transient(Exception):
    """ERROR: another node may do better."""


class Fatal(Exception):
    """FATAL: no node can do this."""


class Broken(Exception):
    """What came is no frame, or nothing comes any more."""


class Stream:
    """Frames in and out, and one reply for each request."""

    def __init__(self, source, sink):
        self.source, self.sink, self.buffer, self.awaited = source, sink, bytearray(), 0

    def write(self, data):
        while data:
            data = data[os.write(self.sink, data) :]

    def more(self):
        data = os.read(self.source, 1 << 16)
        if not data:
            raise EOFError("Disco has closed the pipe")
        self.buffer += data

    def header(self):
        while True:
            found = HEADER.match(self.buffer)
            if found:
                return found[1].decode(), int(found[2]), found.end()
            if self.buffer and not HEADER_BEGUN.fullmatch(self.buffer):
                raise Broken(f"not a frame: {bytes(self.buffer[:40])!r}")
            self.more()

    def frame(self):
        name, length, start = self.header()
        if length > MAX_PAYLOAD:
            raise Broken(f"a payload of {length} bytes is too long")
        while len(self.buffer) <= start + length:
            self.more()
        if self.buffer[start + length] != 0x0A:
            raise Broken(f"no LF after the payload of {name}")
        payload = bytes(self.buffer[start : start + length])
        del self.buffer[: start + length + 1]
        return name, payload

    def encode(self, name, payload):
        data = json.dumps(payload, ensure_ascii=False).encode()
        return b"%s %d %s\n" % (name.encode(), len(data), data)

    def send(self, name, payload=""):
        self.write(self.encode(name, payload))

    def receive(self, *expected):
        name, payload = self.frame()
        if name not in DISCO_NAMES:
            raise Fatal(f"unknown message {name}")
        value = self.decode(name, payload)
        if name not in expected:
            raise Fatal(f"{name} is no answer here; {' or '.join(expected)} would be")
        return name, value

    def decode(self, name, payload):
        try:
            return json.loads(payload.decode("utf-8"), parse_constant=self.no_constant)
        except ValueError as error:
            raise Fatal(f"the payload of {name} is no JSON: {error}") from None

    def no_constant(self, word):
        raise ValueError(f"{word} is no JSON")

    def ask(self, name, payload="", *expected):
        self.send(name, payload)
        return self.receive(*(expected or ("OK",)))


class Prints:
    """Standard output and error of the task and its children, kept off the stream and turned into MSG."""

    def __init__(self):
        handle, name = tempfile.mkstemp()
        Path(name).unlink()
        self.descriptor, self.told = handle, 0

    def catch(self):
        """Returns the descriptor that the protocol owns from now on."""
        sink = os.dup(2)
        os.dup2(self.descriptor, 1)
        os.dup2(self.descriptor, 2)
        return sink

    def tell(self, stream):
        sys.stdout.flush()
        size = os.fstat(self.descriptor).st_size
        if size > self.told:
            text = os.pread(self.descriptor, size - self.told, self.told).decode("utf-8", "replace")
            self.told = size
            for line in text.splitlines():
                stream.ask("MSG", line)


class Sources:
    """From URLs to bytes, by the fields of TASK."""

    def __init__(self, info):
        self.info = info

    def fetch(self, url):
        scheme, _, rest = url.partition("://")
        if scheme == "raw":
            return unquote_to_bytes(rest)
        if scheme in ("http", "https"):
            return self.http(url)
        if scheme == "disco":
            return self.disco(rest)
        if scheme == "dir":
            return self.directory(rest)
        raise ValueError(f"unknown scheme {scheme!r}")

    def disco(self, rest):
        host, _, path = rest.partition("/")
        local = self.local(host, path)
        if local and local.exists():
            return local.read_bytes()
        return self.http(f"http://{host}:{self.info['disco_port']}/{path}")

    def local(self, host, path):
        prefix, _, inside = path.partition("/")
        if host != self.info["host"] or prefix not in ("disco", "ddfs") or ".." in inside.split("/"):
            return None
        return Path(self.info[f"{prefix}_data"]) / inside

    def directory(self, rest):
        data = self.disco(rest)
        if rest.endswith(".gz"):
            data = gzip.decompress(data)
        found = []
        for line in data.decode().split("\n"):
            label, space, url = line.partition(" ")
            if space and self.wanted(label):
                found.append(self.fetch(url))
        return b"".join(found)

    def wanted(self, label):
        return self.info["mode"] == "map" or int(label) == self.info["taskid"]

    def http(self, url, redirects=0):
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        try:
            connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
            reply = connection.getresponse()
            if reply.status in (301, 302, 303, 307, 308) and redirects < MAX_REDIRECTS:
                return self.http(urljoin(url, reply.getheader("Location", "")), redirects + 1)
            return self.body(reply)
        finally:
            connection.close()

    def body(self, reply):
        if reply.status != 200:
            raise OSError(f"HTTP status {reply.status}")
        return reply.read()


class Task(Sources):
    def __init__(self, stream, prints, payload):
        self.stream, self.prints = stream, prints
        self.check(payload)
        super().__init__(payload)
        self.behaviour, _, self.argument = payload["jobname"].partition("@")
        self.folder = f".out/{payload['mode']}-{payload['taskid']}-{os.getpid()}-{time.time_ns()}"

    def check(self, payload):
        if not isinstance(payload, dict):
            raise Fatal("TASK carries no object")
        for key, kind in TASK_FIELDS.items():
            if type(payload.get(key)) is not kind:
                raise Fatal(f"TASK lacks {key}, or it is no {kind.__name__}")
        if payload["mode"] not in ("map", "reduce"):
            raise Fatal(f"unknown mode {payload['mode']!r}")

    # Inputs

    def inputs(self):
        """The data of each input, once."""
        read, pause = set(), FIRST_PAUSE_S
        while True:
            flag, entries = self.poll(read)
            for id_, status, replicas in entries:
                if id_ not in read and status != "busy":
                    data = self.input(id_, status, replicas)
                    if data is not None:
                        read.add(id_)
                        yield data
            if flag == "done" and all(id_ in read for id_, _, _ in entries):
                return
            self.pause(pause)
            pause = min(pause * 2, LAST_PAUSE_S)

    def pause(self, seconds):
        time.sleep(seconds)

    def poll(self, read):
        _, payload = self.stream.ask("INPUT", ["exclude", sorted(read)] if read else "", "INPUT")
        self.check_input(payload)
        return payload

    def check_input(self, payload):
        if not (isinstance(payload, list) and len(payload) == 2 and payload[0] in ("more", "done")):
            raise Fatal("INPUT must carry [more or done, list]")
        if not isinstance(payload[1], list):
            raise Fatal("INPUT must carry a list of inputs")
        for entry in payload[1]:
            if not (isinstance(entry, list) and len(entry) == 3 and type(entry[0]) is int):
                raise Fatal("an input must be [id, status, replicas]")
            if entry[1] not in ("ok", "busy", "failed"):
                raise Fatal(f"unknown status {entry[1]!r} of input {entry[0]}")
            self.check_replicas(entry[2])

    def check_replicas(self, replicas):
        if not isinstance(replicas, list):
            raise Fatal("replicas must be a list")
        for pair in replicas:
            if not (
                isinstance(pair, list)
                and len(pair) == 2
                and type(pair[0]) is int
                and isinstance(pair[1], str)
            ):
                raise Fatal("a replica must be [id, url]")

    def input(self, id_, status, replicas):
        """None when Disco wants us to ask again later."""
        if not replicas:
            raise Transient(f"input {id_} has no replica")
        while True:
            failed, why = [], ""
            for rep_id, url in replicas:
                try:
                    return self.fetch(url)
                except (OSError, http.client.HTTPException, ValueError) as error:
                    failed.append(rep_id)
                    why = f"{url}: {error}"
            name, payload = self.stream.ask("INPUT_ERR", [id_, failed], "RETRY", "WAIT", "FAIL")
            replicas = self.after_error(id_, name, payload, why)
            if replicas is None:
                return None

    def after_error(self, id_, name, payload, why):
        if name == "FAIL":
            raise Transient(f"input {id_} cannot be read: {why}")
        if name == "WAIT":
            if type(payload) is not int or payload < 1:
                raise Fatal("WAIT must carry seconds")
            self.pause(payload)
            return None
        self.check_replicas(payload)
        if not payload:
            raise Fatal("RETRY without replicas")
        return payload

    # Outputs

    def output(self, name, data, kind="part", label=0):
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        location = f"{self.folder}/{name}"
        self.store(location, data)
        self.stream.ask("OUTPUT", [location, kind, label] if kind == "part" else [location, kind])

    def store(self, location, data):
        with Path(location).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def run(self):
        behaviour = BEHAVIOURS.get(self.behaviour)
        if behaviour is None:
            raise Fatal(f"this worker has no behaviour {self.behaviour!r}")
        behaviour(self)
        self.prints.tell(self.stream)


def echo(task):
    """All inputs, one after the other, as one disco output."""
    task.output("echo", b"".join(task.inputs()), "disco")


def wordcount(task):
    """Lines `word count`, sorted by the bytes of the word; a reduce adds such lines up."""
    counts = {}
    for data in task.inputs():
        if task.info["mode"] == "reduce":
            for line in data.splitlines():
                word, _, count = line.rpartition(b" ")
                counts[word] = counts.get(word, 0) + int(count)
        else:
            for word in data.split():
                counts[word] = counts.get(word, 0) + 1
    task.output("counts", b"".join(b"%s %d\n" % pair for pair in sorted(counts.items())))


def split(task):
    """Each word to the label crc32(word) mod n; a label without words has no output."""
    labels = int(task.argument or 3)
    parts = {}
    for data in task.inputs():
        for word in data.split():
            parts.setdefault(zlib.crc32(word) % labels, []).append(word + b"\n")
    for label in sorted(parts):
        task.output(f"part-{label}", b"".join(parts[label]), "part", label)


def say(task):
    """n messages, then echo."""
    for number in range(int(task.argument or 3)):
        task.stream.ask("MSG", f"line {number} — ünïcode")
    echo(task)


def ping(task):
    """n pings, then echo."""
    for _ in range(int(task.argument or 3)):
        task.stream.ask("PING")
    echo(task)


def fail_error(task):
    raise Transient("told to fail: café")


def fail_fatal(task):
    raise Fatal("told to fail for good: café")


def crash(task):
    os.kill(os.getpid(), signal.SIGKILL)


def noisy(task):
    """Prints to both streams, as careless user code does, then echo."""
    print("a print", flush=True)
    print('DONE 2 ""', flush=True)
    os.write(2, b"a warning without end of line")
    echo(task)


def slow(task):
    """Works for n seconds, then echo."""
    task.pause(float(task.argument or 1))
    echo(task)


def spawn_child(task):
    """A child that prints, and is awaited; then echo."""
    child = subprocess.run(
        ["/bin/sh", "-c", "echo from the child; echo and its errors >&2"], stdin=subprocess.DEVNULL
    )
    if child.returncode:
        raise Transient(f"the child ended with {child.returncode}")
    echo(task)


def print_(task):
    """Prints the bytes that the argument spells, HEX or HEX*TIMES, then echo."""
    data, _, times = task.argument.partition("*")
    sys.stdout.flush()
    os.write(1, bytes.fromhex(data) * int(times or 1))
    echo(task)


def litter(task):
    """Leaves its surroundings changed, as careless user code does, then echo."""
    task.output("echo", b"".join(task.inputs()), "disco")
    os.environ["LITTER"] = "left"
    os.umask(0o077)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.chdir("/")


def save(task):
    """As echo, but the output is saved in DDFS."""
    name = task.info["jobname"]
    saver = Saver(task.info["master"])
    tag = f"disco:job:results:{name}"
    saver.save(b"".join(task.inputs()), f"disco:blob:{name}:{task.info['mode']}-{task.info['taskid']}", tag)
    task.stream.ask("OUTPUT", [f"tag://{tag}", "tag"])


BEHAVIOURS = {
    "echo": echo, "wordcount": wordcount, "split": split, "say": say, "ping": ping, "fail-error": fail_error,
    "fail-fatal": fail_fatal, "crash": crash, "noisy": noisy, "slow": slow, "spawn-child": spawn_child,
    "print": print_, "litter": litter, "save": save,
}  # fmt: skip


class Session:
    """WORKER, TASK, the task, DONE; with reuse, the reply to DONE may be the next task."""

    def __init__(self, stream, prints):
        self.stream, self.prints = stream, prints
        self.home, self.environment, self.umask = Path.cwd(), dict(os.environ), os.umask(0o022)

    def clean(self):
        """What a task has changed is set right for the next one."""
        os.chdir(self.home)
        os.umask(self.umask)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(self.environment)

    def hello(self):
        return {"version": VERSION, "pid": os.getpid(), "reuse": True}

    def run(self):
        try:
            self.stream.ask("WORKER", self.hello())
            _, payload = self.stream.ask("TASK", "", "TASK")
            while True:
                self.clean()
                Task(self.stream, self.prints, payload).run()
                name, payload = self.stream.ask("DONE", "", "OK", "TASK")
                if name == "OK":
                    return 0
        except Fatal as error:
            return self.give_up("FATAL", error)
        except (EOFError, BrokenPipeError):
            return 1
        except Broken as error:
            self.stream.send("ERROR", str(error))
            return 1
        except Exception as error:
            return self.give_up("ERROR", error)

    def give_up(self, name, error):
        self.stream.ask(name, f"{type(error).__name__}: {error}")
        return 1


def main(session=Session, stream=Stream):
    prints = Prints()
    try:
        return session(stream(0, prints.catch()), prints).run()
    except (EOFError, BrokenPipeError, Broken, Fatal):
        return 1


if __name__ == "__main__":
    sys.exit(main())
