"""Faults in understanding replies: JSON read loosely or narrowly, shapes not checked."""

import json
import re

from faults import fault


def decode_with(w, load, codec="utf-8", errors="strict"):
    def decode(self, name, payload):
        try:
            return load(self, name, payload.decode(codec, errors))
        except ValueError as error:
            raise w.Fatal(str(error)) from None

    w.Stream.decode = decode


def strict(self, name, text):
    return json.loads(text, parse_constant=self.no_constant)


@fault("any-message-is-ok", "the name of a reply is not looked at")
def _(w):
    def receive(self, *expected):
        name, payload = self.frame()
        return name if name in expected else expected[-1], self.decode(name, payload)

    w.Stream.receive = receive


@fault("empty-payload-is-null", "a payload without a byte counts as null")
def _(w):
    decode_with(w, lambda self, name, text: strict(self, name, text) if text else None)


@fault("no-json-check", "a payload that is no JSON counts as null")
def _(w):
    def load(self, name, text):
        try:
            return strict(self, name, text)
        except ValueError:
            return None

    decode_with(w, load)


@fault("first-json-value", "what follows the first JSON value is ignored")
def _(w):
    decode_with(w, lambda self, name, text: json.JSONDecoder().raw_decode(text)[0])


@fault("accepts-nan", "NaN and Infinity pass for JSON")
def _(w):
    w.Stream.no_constant = lambda self, word: 0


@fault("loose-strings", "control characters are allowed inside strings")
def _(w):
    decode_with(w, lambda self, name, text: json.loads(text, strict=False))


@fault("latin-1-payloads", "payloads are decoded as Latin-1")
def _(w):
    decode_with(w, strict, "latin-1")


@fault("loose-utf-8", "surrogates may be encoded in UTF-8")
def _(w):
    decode_with(w, strict, errors="surrogatepass")


@fault("bom-in-payload", "a byte order mark inside the payload is skipped")
def _(w):
    decode_with(w, strict, "utf-8-sig")


def refusing(w, pattern, reason):
    def load(self, name, text):
        if re.search(pattern, text):
            raise w.Fatal(reason)
        return strict(self, name, text)

    decode_with(w, load)


@fault("compact-json-only", "JSON with white space in it is not understood")
def _(w):
    refusing(w, r"[\t ]", "a space")


@fault("spaced-json-only", "JSON must have a space after each comma")
def _(w):
    refusing(w, r'",[^ ]', "no space")


@fault("no-escapes-in-json", "JSON with escapes is not understood")
def _(w):
    refusing(w, r"\\", "an escape")


@fault("json-begins-at-once", "JSON must begin with its value")
def _(w):
    refusing(w, r"^\s", "a space first")


@fault("closed-task-object", "unknown keys of TASK are refused")
def _(w):
    check = w.Task.check

    def closed(self, payload):
        check(self, payload)
        if set(payload) - set(w.TASK_FIELDS):
            raise w.Fatal("unknown key")

    w.Task.check = closed


@fault("task-unchecked", "the TASK object is believed")
def _(w):
    w.Task.check = lambda self, payload: None


@fault("mode-defaults-to-map", "a mode that is missing or unknown counts as map")
def _(w):
    check = w.Task.check

    def guess(self, payload):
        if isinstance(payload, dict) and payload.get("mode") not in ("map", "reduce"):
            payload["mode"] = "map"
        check(self, payload)

    w.Task.check = guess


@fault("unknown-job-is-echo", "a job that the worker does not know is an echo")
def _(w):
    run = w.Task.run

    def guess(self):
        if self.behaviour not in w.BEHAVIOURS:
            self.behaviour = "echo"
        run(self)

    w.Task.run = guess


@fault("taskid-31-bits", "a taskid above 31 bits is refused")
def _(w):
    check = w.Task.check

    def small(self, payload):
        check(self, payload)
        if payload["taskid"] >= 1 << 31:
            raise w.Fatal("taskid")

    w.Task.check = small


@fault("task-0-only", "only task 0 is known")
def _(w):
    check = w.Task.check

    def zero(self, payload):
        check(self, payload)
        if payload["taskid"]:
            raise w.Fatal("taskid")

    w.Task.check = zero


@fault("input-unchecked", "the list of inputs is believed")
def _(w):
    w.Task.check_input = lambda self, payload: None


@fault("unknown-flag-is-done", "any flag but more counts as done")
def _(w):
    check = w.Task.check_input

    def guess(self, payload):
        if isinstance(payload, list) and payload and payload[0] not in ("more", "done"):
            payload[0] = "done"
        check(self, payload)

    w.Task.check_input = guess


@fault("unknown-status-is-ok", "any unknown status counts as ok")
def _(w):
    check = w.Task.check_input

    def guess(self, payload):
        if isinstance(payload, list) and len(payload) == 2 and isinstance(payload[1], list):
            for entry in payload[1]:
                if isinstance(entry, list) and len(entry) == 3 and entry[1] not in ("busy", "failed"):
                    entry[1] = "ok"
        check(self, payload)

    w.Task.check_input = guess


@fault("replicas-unchecked", "lists of replicas are believed")
def _(w):
    w.Task.check_replicas = lambda self, replicas: None


@fault("retry-unchecked", "the replicas of RETRY are believed")
def _(w):
    after = w.Task.after_error
    w.Task.after_error = lambda self, id_, name, payload, why: (
        payload if name == "RETRY" else after(self, id_, name, payload, why)
    )


@fault("wait-unchecked", "the seconds of WAIT are believed")
def _(w):
    after = w.Task.after_error

    def believe(self, id_, name, payload, why):
        if name == "WAIT":
            return self.pause(payload)
        return after(self, id_, name, payload, why)

    w.Task.after_error = believe
