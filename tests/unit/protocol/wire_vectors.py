"""The vectors of frames and messages: written by hand here, laid down as files by `make_vectors`.

Every invalid vector breaks one rule, which its name says.
"""

from __future__ import annotations

import base64
import json
from typing import Any

TASK = {
    "host": "node1",
    "master": "http://master:8989",
    "jobname": "wordcount@5a1:b2c3:d4e5",
    "taskid": 3,
    "mode": "map",
    "disco_port": 8989,
    "put_port": 8990,
    "disco_data": "/var/disco/data",
    "ddfs_data": "/var/disco/ddfs",
    "jobfile": "/var/disco/data/node1/7f/wordcount@5a1:b2c3:d4e5/jobfile",
}

WORKER = {"version": "1.0", "pid": 1}
FRAMES_VALID: dict[str, bytes] = {
    "ok": b'OK 4 "ok"\n',
    "worker-from-the-documents": b'WORKER 32 {"version": "1.0", "pid": 13492}\n',
    "longest-name": b'INPUT_ERRS 2 ""\n',
    "shortest-name": b'X 2 ""\n',
    "underscores": b'___ 2 ""\n',
    "unknown-name": b"HELLO 1 1\n",
    "zero-length": b"OK 0 \n",
    "not-json": b"MSG 5 hello\n",
    "line-feeds-in-payload": b"MSG 8 [\n\n1\n]\n\n\n",
    "blanks-in-payload": b'MSG 9   "a b"  \n',
    "frame-inside-payload": b'MSG 10 OK 4 "ok"\n\n',
    "two-byte-characters": 'MSG 4 "é"\n'.encode(),
    "four-byte-characters": 'MSG 6 "😀"\n'.encode(),
    "several": b'PING 2 ""\nMSG 3 "a"\nDONE 2 ""\n',
    "length-of-four-digits": b"MSG 1025 " + b'"' + b"x" * 1023 + b'"\n',
}

# name: (bytes, fault, reason)
FRAMES_INVALID: dict[str, tuple[bytes, str, str]] = {
    "name-missing": (b' 2 ""\n', "name", "a frame begins with a name"),
    "name-lower-case": (b'ok 4 "ok"\n', "name", "names are upper case"),
    "name-with-digit": (b'OK2 4 "ok"\n', "name", "names have no digits"),
    "name-with-hyphen": (b'INPUT-ERR 2 ""\n', "name", "names have no hyphen"),
    "name-of-11-bytes": (b'INPUT_ERROR 2 ""\n', "name", "a name has at most 10 bytes"),
    "name-not-ascii": ('MSGÉ 2 ""\n'.encode(), "name", "names are ASCII"),
    "name-ended-by-line-feed": (b'PING\n2 ""\n', "name", "a space follows the name"),
    "name-ended-by-tab": (b'PING\t2 ""\n', "name", "a space follows the name, not a tab"),
    "blank-line": (b"\n", "name", "nothing stands between frames"),
    "nul": (b"\x00", "name", "names have no NUL"),
    "stray-print": (b"hello world\n", "name", "plain text is no frame"),
    "traceback": (b"Traceback (most recent call last):\n", "name", "a traceback is no frame"),
    "utf-8-bom": (b'\xef\xbb\xbfOK 4 "ok"\n', "name", "a stream has no byte order mark"),
    "carriage-return-between": (b'OK 4 "ok"\r\n', "terminator", "lines end with a line feed alone"),
    "length-missing": (b'OK  "ok"\n', "length", "a length stands between two spaces"),
    "length-with-plus": (b'OK +4 "ok"\n', "length", "a length has no sign"),
    "length-negative": (b'OK -4 "ok"\n', "length", "a length has no sign"),
    "length-leading-zero": (b'OK 04 "ok"\n', "length", "a length has no leading zero"),
    "length-double-zero": (b"OK 00 \n", "length", "a length has no leading zero"),
    "length-hexadecimal": (b'OK 0x4 "ok"\n', "length", "a length is decimal"),
    "length-fraction": (b'OK 4.0 "ok"\n', "length", "a length is an integer"),
    "length-with-comma": (b"MSG 1,000 \n", "length", "a length has only digits"),
    "length-not-ascii": ('OK ٤ "ok"\n'.encode(), "length", "a length has ASCII digits"),
    "length-ended-by-line-feed": (b'OK 4\n"ok"\n', "length", "a space follows the length"),
    "length-ended-by-payload": (b'OK 4"ok"\n', "length", "a space follows the length"),
    "payload-one-byte-over": (b"MSG 104857601 ", "payload-too-large", "at most 104857600 bytes"),
    "payload-of-nine-nines": (b"MSG 999999999 ", "payload-too-large", "at most 104857600 bytes"),
    "payload-of-64-bits": (b"MSG 18446744073709551616 ", "payload-too-large", "no wrapping around"),
    "length-without-end": (b"MSG " + b"1" * 200, "payload-too-large", "refused before the length ends"),
    "length-too-short": (b'OK 3 "ok"\n', "terminator", "the byte after the payload is a line feed"),
    "length-too-long-by-one": (b'OK 5 "ok"\nPING 2 ""\n', "terminator", "the length takes in the line feed"),
    "length-in-characters": ('MSG 3 "é"\n'.encode(), "terminator", "lengths count bytes"),
    "two-spaces-before-payload": (b'OK 4  "ok"\n', "terminator", "one space, the second is payload"),
    "terminator-missing": (b'OK 4 "ok"PING 2 ""\n', "terminator", "frames do not touch"),
    "terminator-nul": (b'OK 4 "ok"\x00', "terminator", "frames end with a line feed"),
    "ends-in-name": (b"WORK", "truncated", "the stream ends in a name"),
    "ends-after-name": (b"OK ", "truncated", "the stream ends before a length"),
    "ends-in-length": (b"OK 4", "truncated", "the stream ends in a length"),
    "ends-before-payload": (b"OK 4 ", "truncated", "the stream ends before a payload"),
    "ends-in-payload": (b'OK 4 "o', "truncated", "the stream ends in a payload"),
    "ends-before-terminator": (b'OK 4 "ok"', "truncated", "the stream ends before the line feed"),
    "ends-in-second-frame": (b'PING 2 ""\nPI', "truncated", "the stream ends in the second frame"),
}

# name: (from, frame name, payload)
MESSAGES_VALID: dict[str, tuple[str, str, Any]] = {
    "worker": ("worker", "WORKER", {"version": "1.0", "pid": 1}),
    "worker-with-reuse": ("worker", "WORKER", {"version": "1.0", "pid": 77, "reuse": True}),
    "task-request": ("worker", "TASK", ""),
    "input-all": ("worker", "INPUT", ""),
    "input-exclude": ("worker", "INPUT", ["exclude", [0, 5]]),
    "input-exclude-none": ("worker", "INPUT", ["exclude", []]),
    "input-include": ("worker", "INPUT", ["include", [7]]),
    "input-err": ("worker", "INPUT_ERR", [2, [0, 1]]),
    "input-err-no-replica": ("worker", "INPUT_ERR", [2, []]),
    "msg": ("worker", "MSG", "half way"),
    "msg-empty": ("worker", "MSG", ""),
    "msg-unicode": ("worker", "MSG", "naïve 東京 😀 \u2028 \x00"),
    "output-disco": ("worker", "OUTPUT", ["out/0", "disco"]),
    "output-part": ("worker", "OUTPUT", ["out/..0/a b", "part", 12]),
    "output-part-highest-label": ("worker", "OUTPUT", ["o", "part", 2147483647]),
    "output-tag": ("worker", "OUTPUT", ["disco:results:a", "tag"]),
    "ping": ("worker", "PING", ""),
    "done": ("worker", "DONE", ""),
    "error": ("worker", "ERROR", "disk is full"),
    "fatal": ("worker", "FATAL", "no such function"),
    "ok": ("disco", "OK", "ok"),
    "task": ("disco", "TASK", TASK),
    "task-reduce": ("disco", "TASK", TASK | {"mode": "reduce", "taskid": 0}),
    "inputs-none": ("disco", "INPUT", ["done", []]),
    "inputs-more": ("disco", "INPUT", ["more", [[0, "ok", [[0, "raw://a"], [1, "disco://b/c"]]]]]),
    "inputs-statuses": (
        "disco",
        "INPUT",
        ["done", [[4, "busy", []], [5, "failed", [[0, "http://x/y"]]], [6, "ok", [[9, "dir://n/z"]]]]],
    ),
    "retry": ("disco", "RETRY", [[1, "disco://node2/disco/x"]]),
    "wait-least": ("disco", "WAIT", 1),
    "wait-most": ("disco", "WAIT", 60),
    "fail": ("disco", "FAIL", ""),
}

# name: (from, frame, the canonical payload of the same message)
MESSAGES_SPELT_OTHERWISE: dict[str, tuple[str, str, Any]] = {
    "spelt-with-blanks": (
        "worker",
        'WORKER 35 { "pid" :\t1 ,\n "version" : "1.0" } \n',
        {"version": "1.0", "pid": 1},
    ),
    "spelt-with-escapes": ("worker", 'MSG 10 "\\u00e9\\/"\n', "é/"),
    "spelt-with-surrogates": ("worker", 'MSG 14 "\\ud83d\\ude00"\n', "😀"),
    "spelt-with-unknown-keys": (
        "worker",
        'WORKER 37 {"version":"1.0","pid":1,"color":"x"}\n',
        {"version": "1.0", "pid": 1},
    ),
    "label-as-text": ("worker", 'OUTPUT 16 ["o","part","3"]\n', ["o", "part", 3]),
    "part-without-label": ("worker", 'OUTPUT 12 ["o","part"]\n', ["o", "part", 0]),
    "ok-with-any-payload": ("disco", 'OK 6 "pong"\n', "ok"),
}

# name: (from, frame name, payload, reason)
MESSAGES_INVALID: dict[str, tuple[str, str, Any, str]] = {
    "unknown-name": ("worker", "HELLO", "", "the name is unknown"),
    "reply-from-worker": ("worker", "OK", "ok", "only Disco says OK"),
    "request-from-disco": ("disco", "PING", "", "only a worker says PING"),
    "worker-not-object": ("worker", "WORKER", ["1.0", 1], "an object is expected"),
    "worker-without-pid": ("worker", "WORKER", {"version": "1.0"}, "pid is missing"),
    "worker-without-version": ("worker", "WORKER", {"pid": 1}, "version is missing"),
    "worker-version-number": ("worker", "WORKER", {"version": 1.0, "pid": 1}, "version is a string"),
    "worker-version-unknown": ("worker", "WORKER", {"version": "1.1", "pid": 1}, "both versions are named"),
    "worker-pid-text": ("worker", "WORKER", {"version": "1.0", "pid": "1"}, "pid is an integer"),
    "worker-pid-true": ("worker", "WORKER", {"version": "1.0", "pid": True}, "true is no integer"),
    "worker-pid-zero": ("worker", "WORKER", {"version": "1.0", "pid": 0}, "pid is positive"),
    "worker-pid-fraction": ("worker", "WORKER", {"version": "1.0", "pid": 1.0}, "1.0 is no integer"),
    "worker-reuse-text": (
        "worker",
        "WORKER",
        {"version": "1.0", "pid": 1, "reuse": "yes"},
        "reuse is a boolean",
    ),
    "task-request-null": ("worker", "TASK", None, 'no payload is ""'),
    "ping-object": ("worker", "PING", {}, 'no payload is ""'),
    "done-text": ("worker", "DONE", "done", 'no payload is ""'),
    "input-number": ("worker", "INPUT", 1, "a selection is a list"),
    "input-unknown-selection": ("worker", "INPUT", ["only", [1]], "exclude or include"),
    "input-one-element": ("worker", "INPUT", ["include"], "a selection has two elements"),
    "input-ids-number": ("worker", "INPUT", ["include", 1], "ids are a list"),
    "input-id-text": ("worker", "INPUT", ["include", ["1"]], "an id is an integer"),
    "input-err-number": ("worker", "INPUT_ERR", 2, "a list is expected"),
    "input-err-replica-number": ("worker", "INPUT_ERR", [2, 0], "replica ids are a list"),
    "input-err-three-elements": ("worker", "INPUT_ERR", [2, [0], 1], "two elements"),
    "input-err-id-null": ("worker", "INPUT_ERR", [None, [0]], "an id is an integer"),
    "msg-number": ("worker", "MSG", 5, "a string is expected"),
    "error-list": ("worker", "ERROR", ["x"], "a string is expected"),
    "fatal-null": ("worker", "FATAL", None, "a string is expected"),
    "output-text": ("worker", "OUTPUT", "out/0", "a list is expected"),
    "output-one-element": ("worker", "OUTPUT", ["out/0"], "two or three elements"),
    "output-four-elements": ("worker", "OUTPUT", ["out/0", "part", 0, 0], "two or three elements"),
    "output-unknown-type": ("worker", "OUTPUT", ["out/0", "file"], "disco, part or tag"),
    "output-absolute": ("worker", "OUTPUT", ["/etc/passwd", "disco"], "relative to the job home"),
    "output-dot-dot": ("worker", "OUTPUT", ["out/../../x", "part", 0], "no .. in a location"),
    "output-only-dot-dot": ("worker", "OUTPUT", ["..", "disco"], "no .. in a location"),
    "output-job-home-itself": ("worker", "OUTPUT", ["./", "disco"], "the job home is no output"),
    "output-location-empty": ("worker", "OUTPUT", ["", "disco"], "a location is not empty"),
    "output-location-nul": ("worker", "OUTPUT", ["a\x00b", "disco"], "no control characters"),
    "output-location-line-feed": ("worker", "OUTPUT", ["a\nb", "disco"], "no control characters"),
    "output-location-surrogate": ("worker", "OUTPUT", ["a\udc80", "disco"], "UTF-8 cannot express it"),
    "output-location-number": ("worker", "OUTPUT", [1, "disco"], "a location is a string"),
    "output-label-negative": ("worker", "OUTPUT", ["o", "part", -1], "a label is at least 0"),
    "output-label-too-high": ("worker", "OUTPUT", ["o", "part", 2147483648], "a label is below 2**31"),
    "output-label-true": ("worker", "OUTPUT", ["o", "part", True], "true is no label"),
    "output-label-null": ("worker", "OUTPUT", ["o", "part", None], "null is no label"),
    "output-label-signed-text": ("worker", "OUTPUT", ["o", "part", "+1"], "text of an integer is canonical"),
    "output-label-padded-text": ("worker", "OUTPUT", ["o", "part", "01"], "text of an integer is canonical"),
    "output-label-arabic-text": ("worker", "OUTPUT", ["o", "part", "٣"], "ASCII digits"),
    "output-label-for-disco": ("worker", "OUTPUT", ["o", "disco", 1], "a label is for part"),
    "output-label-for-tag": ("worker", "OUTPUT", ["o", "tag", 1], "a label is for part"),
    "task-list": ("disco", "TASK", [], "an object is expected"),
    "task-without-paths": (
        "disco",
        "TASK",
        {k: v for k, v in TASK.items() if k != "jobfile"},
        "missing key",
    ),
    "task-taskid-text": ("disco", "TASK", TASK | {"taskid": "3"}, "taskid is an integer"),
    "task-taskid-negative": ("disco", "TASK", TASK | {"taskid": -1}, "taskid is at least 0"),
    "task-mode-unknown": ("disco", "TASK", TASK | {"mode": "shuffle"}, "map or reduce"),
    "task-master-host": ("disco", "TASK", TASK | {"master": "master"}, "master is a URL"),
    "task-port-too-high": ("disco", "TASK", TASK | {"disco_port": 65536}, "a port is below 65536"),
    "task-jobfile-relative": ("disco", "TASK", TASK | {"jobfile": "jobfile"}, "an absolute path"),
    "inputs-object": ("disco", "INPUT", {}, "a list is expected"),
    "inputs-flag-unknown": ("disco", "INPUT", ["all", []], "more or done"),
    "inputs-not-list": ("disco", "INPUT", ["done", {}], "inputs are a list"),
    "inputs-two-elements": ("disco", "INPUT", ["done", [[0, "ok"]]], "an input has three elements"),
    "inputs-status-unknown": ("disco", "INPUT", ["done", [[0, "lost", []]]], "ok, busy or failed"),
    "inputs-id-text": ("disco", "INPUT", ["done", [["0", "ok", []]]], "an id is an integer"),
    "inputs-replica-text": ("disco", "INPUT", ["done", [[0, "ok", ["raw://a"]]]], "a replica is a pair"),
    "inputs-url-number": ("disco", "INPUT", ["done", [[0, "ok", [[0, 1]]]]], "a URL is a string"),
    "retry-text": ("disco", "RETRY", "raw://a", "a list is expected"),
    "retry-empty": ("disco", "RETRY", [], "at least one replica"),
    "wait-zero": ("disco", "WAIT", 0, "at least 1 second"),
    "wait-too-long": ("disco", "WAIT", 61, "at most 60 seconds"),
    "wait-text": ("disco", "WAIT", "5", "an integer is expected"),
    "fail-text": ("disco", "FAIL", "none", 'no payload is ""'),
}

# name: (from, frame name, payload bytes, reason)
PAYLOADS_INVALID: dict[str, tuple[str, str, bytes, str]] = {
    "json-empty": ("worker", "PING", b"", "no JSON text is empty"),
    "json-plain-text": ("worker", "MSG", b"hello", "text stands in quotation marks"),
    "json-single-quotes": ("worker", "MSG", b"'a'", "text stands in quotation marks"),
    "json-two-texts": ("worker", "MSG", b'"a" "b"', "one JSON text"),
    "json-cut": ("worker", "OUTPUT", b'["o","disco"', "the list does not end"),
    "json-trailing-comma": ("worker", "INPUT_ERR", b"[1,[0,]]", "no trailing comma"),
    "json-nan": ("worker", "MSG", b"NaN", "NaN is not JSON"),
    "json-raw-control": ("worker", "MSG", b'"a\nb"', "control characters are escaped"),
    "json-not-utf-8": ("worker", "MSG", b'"\xe9"', "text is UTF-8"),
    "json-utf-16": ("worker", "MSG", '"a"'.encode("utf-16"), "text is UTF-8"),
    "json-bom": ("worker", "MSG", b'\xef\xbb\xbf"a"', "no byte order mark"),
    "json-nested-20000-deep": ("worker", "MSG", b"[" * 20_000, "nesting is bounded"),
    "json-integer-of-5000-digits": ("disco", "WAIT", b"1" * 5000, "an integer from 1 to 60"),
}


def files() -> dict[str, bytes]:
    """Every file below `vectors/frames` and `vectors/messages`, by its path."""
    made: dict[str, bytes] = {}
    for name, data in FRAMES_VALID.items():
        made[f"frames/valid/{name}.bin"] = data
        made[f"frames/valid/{name}.json"] = document([_frame(*item) for item in split(data)])
    for name, (data, fault, reason) in FRAMES_INVALID.items():
        made[f"frames/invalid/{name}.bin"] = data
        made[f"frames/invalid/{name}.json"] = document({"fault": fault, "reason": reason})
    for name, (sender, word, payload) in MESSAGES_VALID.items():
        frame = frame_of(word, compact(payload))
        made[f"messages/valid/{name}.json"] = document(_message(sender, frame) | {"payload": payload})
    for name, (sender, text, payload) in MESSAGES_SPELT_OTHERWISE.items():
        made[f"messages/valid/{name}.json"] = document(_message(sender, text.encode()) | {"payload": payload})
    for name, (sender, word, payload, reason) in MESSAGES_INVALID.items():
        frame = frame_of(word, compact(payload))
        made[f"messages/invalid/{name}.json"] = document(_message(sender, frame) | {"reason": reason})
    for name, (sender, word, raw, reason) in PAYLOADS_INVALID.items():
        made[f"messages/invalid/{name}.json"] = document(
            _message(sender, frame_of(word, raw)) | {"reason": reason}
        )
    return made


def frame_of(name: str, payload: bytes) -> bytes:
    """Put together without the code under test."""
    return name.encode() + b" " + str(len(payload)).encode() + b" " + payload + b"\n"


def compact(payload: Any) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def document(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=True) + "\n").encode()


def split(data: bytes) -> list[tuple[str, bytes]]:
    """The frames of valid bytes, by the shortest of readers."""
    found = []
    while data:
        name, length, rest = data.split(b" ", 2)
        found.append((name.decode(), rest[: int(length)]))
        data = rest[int(length) + 1 :]
    return found


def _frame(name: str, payload: bytes) -> dict[str, str]:
    return {"name": name, "payload": payload.decode("utf-8")}


def _message(sender: str, frame: bytes) -> dict[str, str]:
    try:
        text = frame.decode("utf-8")
    except UnicodeDecodeError:
        return {"from": sender, "frame_base64": base64.b64encode(frame).decode()}
    return {"from": sender, "frame": text}
