"""Write the job pack vectors: `python -m unit.jobpack.make_vectors`, with tests/ on the path.

Each invalid pack has one fault, and beside it a `.reason`: the faulty field on the first line, the
requirement in general words on the second. Archives are stored, not deflated, so that the bytes
depend on nothing but this file.
"""

from __future__ import annotations

import json
import stat
import struct
from pathlib import Path
from typing import NamedTuple

from unit.jobpack.packs import HOME, JOBDICT, WORKER, archive, entry, jobdict, pack

FOLDER = Path(__file__).resolve().parents[3] / "conformance" / "vectors" / "jobpack"


class Fault(NamedTuple):
    content: bytes
    field: str
    requirement: str


def valid() -> dict[str, bytes]:
    replicas = [["http://a/1", "http://b/1"], ["http://a/2"]]
    scheduler = {"max_cores": 4, "force_local": True, "force_remote": False, "max_failures": 3, "later": 1}
    bare = {key: value for key, value in JOBDICT.items() if not key.endswith("?")}
    text = json.dumps(JOBDICT, sort_keys=True).encode()
    gap = struct.pack(">HH4I", 0xD5C0, 1, 160, *(160 + len(text) + at for at in (0, 2, 2 + len(HOME))))
    nested = archive(WORKER, (entry("lib/", stat.S_IFDIR | 0o755), b""), ("lib/words.txt", b"a b\n"))
    return {
        "map-reduce": pack(),
        "map-only": pack(jobdict(reduce_=False)),
        "reduce-only": pack(jobdict(map_=False, nr_reduces=2)),
        "flags-absent": pack(bare),
        "no-inputs": pack(jobdict(input=[])),
        "replicas": pack(jobdict(input=replicas)),
        "scheduler": pack(jobdict(scheduler=scheduler)),
        "unknown-keys": pack(jobdict(later={"a": [1]})),
        "environment": pack(envs={"LANG": "C", "EMPTY": "", "PAIR": "a=b", "WORD": "größe"}),
        "job-data": pack(data=bytes(range(256))),
        "nested-home": pack(home=nested),
        "worker-below": pack(jobdict(worker="bin/wc"), home=archive(("bin/wc", WORKER[1]))),
        "gap-after-header": gap.ljust(160, b"\0") + text + b"{}" + HOME,
        "no-reduces": pack(jobdict(nr_reduces=0, reduce_=False)),
    }


def invalid() -> dict[str, Fault]:
    return {**_header_faults(), **_json_faults(), **_job_faults(), **_home_faults()}


def _header_faults() -> dict[str, Fault]:
    starts = struct.unpack(">4I", pack()[4:20])
    far = 1 << 31
    order = "offsets are at least 128, ascending and inside the file"
    return {
        "empty-file": Fault(b"", "header", "a pack starts with 128 bytes of header"),
        "short-header": Fault(pack()[:100], "header", "a pack starts with 128 bytes of header"),
        "magic": Fault(pack(magic=0xC0D5), "magic", "the magic number is 0xd5c0, big-endian"),
        "version": Fault(pack(version=7), "version", "the version is 1"),
        "offset-in-header": Fault(pack(offsets=(64, *starts[1:])), "jobdict_offset", order),
        "offsets-not-ascending": Fault(
            pack(offsets=(starts[0], starts[2], starts[1], starts[3])), "jobhome_offset", order
        ),
        "offset-behind-end": Fault(pack(offsets=(*starts[:3], far)), "jobdata_offset", order),
    }


def _json_faults() -> dict[str, Fault]:
    twice = json.dumps(JOBDICT)[:-1].encode() + b', "owner": "eve"}'
    return {
        "jobdict-no-json": Fault(pack(b"{'prefix': 1}"), "jobdict", "the job dict is JSON"),
        "jobdict-a-list": Fault(pack(b"[]"), "jobdict", "the job dict is an object"),
        "jobdict-key-twice": Fault(pack(twice), "jobdict", "no key is there twice"),
        "jobdict-no-utf8": Fault(pack(b'{"prefix": "\xff"}'), "jobdict", "JSON is UTF-8"),
        "jobenvs-empty": Fault(pack(envs=b""), "jobenvs", "the environment is JSON, at least {}"),
        "jobenvs-number": Fault(pack(envs={"A": 1}), "jobenvs", "values of the environment are texts"),
        "jobenvs-equals": Fault(pack(envs={"A=B": "c"}), "jobenvs", "names of variables hold no '='"),
        "jobenvs-nul": Fault(pack(envs={"A": "b\0c"}), "jobenvs", "the environment holds no NUL"),
    }


def _job_faults() -> dict[str, Fault]:
    no_owner = {key: value for key, value in JOBDICT.items() if key != "owner"}
    changes = {
        "prefix-character": ("prefix", {"prefix": "word-count"}, "a prefix holds only a-z, A-Z, 0-9 and _"),
        "prefix-empty": ("prefix", {"prefix": ""}, "a prefix is not empty"),
        "nr-reduces-negative": ("nr_reduces", {"nr_reduces": -1}, "nr_reduces is not negative"),
        "nr-reduces-text": ("nr_reduces", {"nr_reduces": "1"}, "nr_reduces is a whole number"),
        "nr-reduces-flag": ("nr_reduces", {"nr_reduces": True}, "nr_reduces is a whole number"),
        "worker-absolute": ("worker", {"worker": "/bin/sh"}, "the worker is a path below the job home"),
        "worker-above": ("worker", {"worker": "../wc"}, "the worker is a path below the job home"),
        "worker-not-there": ("worker", {"worker": "other"}, "the worker is a file of the job home"),
        "input-text": ("input", {"input": "http://a/1"}, "input is a list"),
        "input-no-replica": ("input", {"input": [[]]}, "a list of replicas is not empty"),
        "replicas-without-map": (
            "input",
            {"input": [["http://a/1", "http://b/1"]], "map?": False},
            "lists of replicas need a map phase",
        ),
        "map-number": ("map?", {"map?": 1}, "map? is true or false"),
        "scheduler-list": ("scheduler", {"scheduler": []}, "scheduler is an object"),
        "max-cores-negative": (
            "scheduler.max_cores",
            {"scheduler": {"max_cores": -1}},
            "max_cores is at least 1",
        ),
    }
    faults = {
        name: Fault(pack(JOBDICT | change), f"jobdict.{key}", requirement)
        for name, (key, change, requirement) in changes.items()
    }
    faults["owner-missing"] = Fault(pack(no_owner), "jobdict.owner", "the job dict has an owner")
    return faults


def _home_faults() -> dict[str, Fault]:
    def fault(home: bytes, requirement: str) -> Fault:
        return Fault(pack(home=home), "jobhome", requirement)

    link = entry("link", stat.S_IFLNK | 0o777)
    return {
        "home-empty": fault(b"", "the job home is a ZIP archive"),
        "home-no-zip": fault(b"#!/bin/sh\n", "the job home is a ZIP archive"),
        "home-damaged": fault(HOME.replace(b"exit 0", b"exit 1"), "entries agree with their checksums"),
        "home-above": fault(archive(WORKER, ("../up", b"x")), "entries stay below the job home"),
        "home-absolute": fault(archive(WORKER, ("/up", b"x")), "entries stay below the job home"),
        "home-backslash": fault(archive(WORKER, ("..\\up", b"x")), "entries stay below the job home"),
        "home-link": fault(archive(WORKER, (link, b"/etc")), "entries are files or directories"),
        "home-reserved": fault(archive(WORKER, (".disco/x", b"x")), ".disco is reserved"),
        "home-collision": fault(archive(WORKER, ("wc/x", b"x")), "no path is both file and directory"),
    }


def files() -> dict[str, bytes]:
    """All files below FOLDER, by their paths in it."""
    found = {f"valid/{name}.pack": content for name, content in valid().items()}
    for name, fault in invalid().items():
        found[f"invalid/{name}.pack"] = fault.content
        found[f"invalid/{name}.reason"] = f"{fault.field}\n{fault.requirement}\n".encode()
    return found


def main() -> None:
    for name, content in files().items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main()
