#!/usr/bin/env python3
"""The reference master: runs one job pack, map and reduce, and prints the outcome as JSON.

It is its own adapter: `reference_master.py PACK`, or without a word, to be handed one pack after the other on
standard input. It keeps every rule that the protocol asks of Disco, and nothing else of a master: one node,
whose slots are threads that take one task after the other. What ends an attempt is one of Retry (tried again)
and Dead (the job ends). Files stay beside the pack, for whoever reads the results. A reduce starts beside the
map only if the scheduler's part of the pack says `early-reduce`, so that a case can be sure of it.
"""

import contextlib
import io
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from reference_store import HOST, Store

SLOTS = 64
MAX_PAYLOAD, MAX_ATTEMPTS = 100 << 20, 4
START_S, FRAME_S, IDLE_S, EXIT_S = 30, 30, 600, 10
FREE_MESSAGES, DELAY_S = 10, 0.1
LAST_WORDS = 100 << 10
MEMORY_KIB = 4 << 20
WAIT_S, MAX_REMAKES = 1, 2
HEADER = re.compile(rb"([A-Z_]{1,10}) (0|[1-9][0-9]{0,9}) ")
HEADER_BEGUN = re.compile(rb"[A-Z_]{1,10}( (0|[1-9][0-9]{0,9})?)?")
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "USER", "TZ")
ENDINGS = ("DONE", "ERROR", "FATAL")


class Retry(Exception):
    """The attempt is lost, the task is tried again."""


class Dead(Exception):
    """The job ends."""


class Stream:
    def __init__(self, process):
        self.process, self.buffer = process, bytearray()

    def frame(self, limit_s):
        """The next frame of the worker."""
        end = time.monotonic() + limit_s
        while True:
            found = self.take()
            if found:
                return found
            if self.buffer:
                end = min(end, time.monotonic() + FRAME_S)
            self.more(end - time.monotonic())

    def take(self):
        header = HEADER.match(self.buffer)
        if not header:
            if self.buffer and not HEADER_BEGUN.fullmatch(self.buffer):
                raise Retry(f"no frame: {self.last_words()}")
            return None
        name, length, start = header[1].decode(), int(header[2]), header.end()
        if length > MAX_PAYLOAD:
            raise Retry(f"a payload of {length} bytes is too long")
        if len(self.buffer) <= start + length:
            return None
        if self.buffer[start + length] != 0x0A:
            raise Retry(f"no LF after the payload of {name}")
        payload = bytes(self.buffer[start : start + length])
        del self.buffer[: start + length + 1]
        return name, payload

    def last_words(self):
        return bytes(self.buffer[:LAST_WORDS]).decode("utf-8", "replace").strip()

    def more(self, limit_s):
        if not select.select([self.process.stdout], [], [], max(limit_s, 0))[0]:
            raise Retry("the worker is silent")
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        if not data:
            raise Retry(f"the worker ended with {self.status()}, without DONE; {self.last_words()}")
        self.buffer += data

    def status(self):
        """How the worker ended; None when it only closed its outputs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(1)

    def send(self, name, payload):
        data = json.dumps(payload).encode()
        try:
            self.process.stdin.write(b"%s %d %s\n" % (name.encode(), len(data), data))
        except BrokenPipeError:
            raise Retry("the worker no longer reads") from None


class Rules:
    """What a payload may be; anything else ends the job."""

    def decode(self, name, payload):
        try:
            return json.loads(payload.decode("utf-8"), parse_constant=self.no_constant)
        except ValueError:
            raise Dead(f"the payload of {name} is no JSON") from None

    def no_constant(self, word):
        raise ValueError(word)

    def empty(self, name, payload):
        if payload != "":
            raise Dead(f"{name} carries {payload!r}, not the empty string")

    def wanted(self, payload):
        """Says of an input's id whether it is asked for."""
        if payload == "":
            return lambda id_: True
        if not (isinstance(payload, list) and len(payload) == 2 and payload[0] in ("exclude", "include")):
            raise Dead("INPUT carries neither the empty string, exclude nor include")
        if not (isinstance(payload[1], list) and all(type(id_) is int for id_ in payload[1])):
            raise Dead("INPUT carries ids that are no integers")
        return lambda id_: (id_ in payload[1]) == (payload[0] == "include")

    def text(self, name, payload):
        if not isinstance(payload, str):
            raise Dead(f"{name} carries no string")

    def is_label(self, kind, label):
        if kind != "part":
            return False
        return (type(label) is int and label >= 0) or (isinstance(label, str) and label.isdecimal())

    def is_inside(self, location):
        path = PurePosixPath(location)
        return bool(location) and not path.is_absolute() and ".." not in path.parts


class Inputs(Rules):
    """What a task is told of its inputs, and of those that it cannot read."""

    def on_input(self, payload):
        wanted = self.wanted(payload)
        if self.task.inputs is None:
            return "INPUT", ["more", []]
        listed = [self.entry(id_) for id_ in range(len(self.task.inputs)) if wanted(id_)]
        return "INPUT", ["more" if self.lost() else "done", listed]

    def entry(self, id_):
        return [id_, "busy", []] if self.lost() else [id_, "ok", self.replicas(id_)]

    def lost(self):
        """Whether what the task reads is just being made again."""
        return self.job.remaking and self.task.mode == "reduce"

    def replicas(self, id_):
        return [[self.job.remade + at, url] for at, url in enumerate(self.task.inputs[id_])]

    def on_input_err(self, payload):
        if not (isinstance(payload, list) and len(payload) == 2 and type(payload[0]) is int):
            raise Dead("INPUT_ERR carries no [id, [rep_id]]")
        if not (isinstance(payload[1], list) and all(type(rep) is int for rep in payload[1])):
            raise Dead("INPUT_ERR carries no list of replicas")
        if payload[0] not in range(len(self.task.inputs or [])):
            return "FAIL", ""
        reported = self.reported.setdefault(payload[0], set())
        reported.update(payload[1])
        left = [[at, url] for at, url in self.replicas(payload[0]) if at not in reported]
        if left and not self.lost():
            return "RETRY", left
        return ("WAIT", WAIT_S) if self.job.remake(self.task) else ("FAIL", "")


class Attempt(Inputs):
    """One run of the worker: the order of its requests, and a reply for each; one task or several."""

    def __init__(self, job, task, stream):
        self.job, self.stream = job, stream
        self.greeted = self.asked = self.reusable = self.over = False
        self.messages = []
        self.begin(task)

    def begin(self, task):
        self.task, self.reported, self.outputs = task, {}, []

    def run(self):
        """Returns when the worker said DONE and there is no other task for it."""
        while not self.over:
            name, payload = self.stream.frame(IDLE_S if self.greeted else START_S)
            self.order(name)
            self.stream.send(*self.answer(name, self.decode(name, payload)))

    def order(self, name):
        if not hasattr(self, f"on_{name.lower()}"):
            raise Dead(f"unknown message {name}")
        if self.greeted == (name == "WORKER"):
            raise Dead(f"{name} out of order: WORKER comes first, and once")
        if name in ("INPUT", "INPUT_ERR") and not self.asked:
            raise Dead(f"{name} before TASK")

    def answer(self, name, payload):
        return getattr(self, f"on_{name.lower()}")(payload)

    def on_worker(self, payload):
        if not isinstance(payload, dict) or type(payload.get("pid")) is not int or payload["pid"] < 1:
            raise Dead("WORKER carries no version and pid")
        if payload.get("version") != "1.0":
            raise Dead(f"WORKER has version {payload.get('version')!r}, this is 1.0")
        self.greeted, self.reusable = True, payload.get("reuse") is True
        return "OK", "ok"

    def on_task(self, payload):
        self.empty("TASK", payload)
        self.asked = True
        return "TASK", self.job.info(self.task)

    def on_msg(self, payload):
        self.text("MSG", payload)
        now = time.monotonic()
        self.messages = [at for at in self.messages if now - at < 1] + [now]
        if len(self.messages) > FREE_MESSAGES:
            time.sleep(DELAY_S)
        return "OK", "ok"

    def on_output(self, payload):
        if not (isinstance(payload, list) and len(payload) in (2, 3) and isinstance(payload[0], str)):
            raise Dead("OUTPUT carries no [location, type, label]")
        location, kind, *label = payload
        if kind not in ("disco", "part", "tag"):
            raise Dead(f"OUTPUT has the unknown type {kind!r}")
        if label and not self.is_label(kind, label[0]):
            raise Dead(f"OUTPUT has the bad label {label[0]!r}")
        if kind != "tag" and not self.is_inside(location):
            raise Dead(f"OUTPUT has the bad location {location!r}")
        self.outputs.append((location, kind, int(label[0]) if label else 0))
        return "OK", "ok"

    def on_ping(self, payload):
        self.empty("PING", payload)
        return "OK", "ok"

    def on_done(self, payload):
        self.empty("DONE", payload)
        self.job.store.keep(self.task.mode, self.task.number, self.outputs)
        following = self.job.take(self.task.mode) if self.reusable else None
        if following is None:
            self.over = True
            return "OK", "ok"
        self.begin(following)
        return "TASK", self.job.info(following)

    def on_error(self, payload):
        self.text("ERROR", payload)
        self.stream.send("OK", "ok")
        raise Retry(payload)

    def on_fatal(self, payload):
        self.text("FATAL", payload)
        self.stream.send("OK", "ok")
        raise Dead(payload)


class Task:
    def __init__(self, mode, number, inputs):
        self.mode, self.number, self.inputs = mode, number, inputs


class Job:
    def __init__(self, data, root):
        magic, version, *offsets = struct.unpack_from(">HH4I", data)
        if (magic, version) != (0xD5C0, 1):
            raise Dead("not a job pack")
        ends = [*offsets[1:], len(data)]
        parts = [data[start:end] for start, end in zip(offsets, ends, strict=True)]
        self.dict, self.envs = json.loads(parts[0]), json.loads(parts[1])
        self.inputs = [one if isinstance(one, list) else [one] for one in self.dict["input"]]
        self.name, self.root = f"{self.dict['prefix']}@1:2:3", root
        self.home = root / "data" / HOST / "ab" / self.name
        self.store = Store(self.home, f"disco/{HOST}/ab/{self.name}")
        self.scheduler = self.dict["scheduler"]
        self.waiting, self.remade, self.remaking = {}, 0, False
        zipfile.ZipFile(io.BytesIO(parts[2])).extractall(self.home)
        (self.home / self.dict["worker"]).chmod(0o755)
        (self.home / "jobfile").write_bytes(data)

    def phases(self):
        """The tasks of each phase; those of the reduce once the map is done."""
        inputs = self.inputs
        if self.dict["map?"]:
            yield "map", self.maps()
            inputs = [[url] for url in self.store.index("map")]
        if self.dict["reduce?"]:
            yield "reduce", self.reduces(inputs)

    def maps(self):
        return [Task("map", at, [one]) for at, one in enumerate(self.inputs)]

    def reduces(self, inputs):
        """`inputs` are None while they are not known."""
        return [Task("reduce", at, inputs) for at in range(self.dict["nr_reduces"])]

    def take(self, mode):
        """The next task that nobody has yet, or None."""
        with contextlib.suppress(IndexError):
            return self.waiting[mode].popleft()

    def remake(self, task):
        """Has the map carried out again beside a task that cannot read it; False where that is no use."""
        if task.mode != "reduce" or not self.dict["map?"] or self.remade == MAX_REMAKES:
            return False
        if not self.remaking:
            self.remaking, self.remade = True, self.remade + 1
            threading.Thread(target=self.run_again, daemon=True).start()
        return True

    def run_again(self):
        run_phase(self, "map", self.maps())
        self.store.index("map")
        self.remaking = False

    def info(self, task):
        return {
            "host": HOST,
            "master": "http://localhost:8989",
            "jobname": self.name,
            "taskid": task.number,
            "mode": task.mode,
            "disco_port": 8989,
            "put_port": 8990,
            "disco_data": str(self.root / "data"),
            "ddfs_data": str(self.root / "ddfs"),
            "jobfile": str(self.home / "jobfile"),
        }

    def environment(self):
        return {**{key: os.environ[key] for key in KEPT if key in os.environ}, **self.envs}

    def start(self):
        limited = f'ulimit -v {MEMORY_KIB}; exec "$0"'
        return subprocess.Popen(
            ["/bin/sh", "-c", limited, str(self.home / self.dict["worker"])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.home,
            env=self.environment(),
            start_new_session=True,
            bufsize=0,
        )


def end(process, limit_s):
    """After its last reply a worker may take 10 seconds to exit; its group is killed in any case."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(limit_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def run_task(job, task, attempt=Attempt):
    reason = ""
    for _ in range(MAX_ATTEMPTS):
        process = job.start()
        polite = False
        running = attempt(job, task, Stream(process))
        try:
            running.run()
            polite = True
            return
        except Retry as error:
            task, reason = running.task, str(error)
        finally:
            end(process, EXIT_S if polite else 0.2)
    raise Dead(f"task {task.number} failed {MAX_ATTEMPTS} times: {reason}")


def run_slot(job, mode):
    while (task := job.take(mode)) is not None:
        run_task(job, task)


def run_phase(job, mode, tasks):
    job.waiting[mode] = deque(tasks)
    slots = min(SLOTS, job.scheduler.get("max_cores", SLOTS), len(tasks))
    with ThreadPoolExecutor(max(slots, 1)) as pool:
        for running in [pool.submit(run_slot, job, mode) for _ in range(slots)]:
            running.result()


def run_job(job):
    results = []
    if job.scheduler.get("early-reduce"):
        return run_early(job)
    for mode, tasks in job.phases():
        run_phase(job, mode, tasks)
        results = job.store.results(mode)
    return results


def run_early(job):
    """The reduce tasks run beside the map, and are told their inputs when it is done."""
    early = job.reduces(None)
    with ThreadPoolExecutor(1) as pool:
        reducing = pool.submit(run_phase, job, "reduce", early)
        run_phase(job, "map", job.maps())
        inputs = [[url] for url in job.store.index("map")]
        for task in early:
            task.inputs = inputs
        reducing.result()
    return job.store.results("reduce")


def outcome(path):
    root = tempfile.mkdtemp(prefix="reference-master-", dir=Path(path).resolve().parent)
    try:
        results = run_job(Job(Path(path).read_bytes(), Path(root)))
        return {"status": "ready", "reason": "", "results": results}
    except Dead as error:
        return {"status": "dead", "reason": str(error), "results": []}


def main(paths):
    for path in paths or (line.rstrip("\n") for line in sys.stdin):
        print(json.dumps(outcome(path)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
