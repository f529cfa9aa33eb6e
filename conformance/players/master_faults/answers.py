"""Faults in answering: requests not checked, refused though good, or answered wrongly."""

import json
from urllib.parse import unquote

from master_faults import fault


def at(m, name, change):
    """The answer to one request is changed."""
    answer = getattr(m.Attempt, f"on_{name}")
    setattr(
        m.Attempt, f"on_{name}", lambda self, payload: change(self, payload, lambda: answer(self, payload))
    )


def answering(name, sentence, request, change):
    @fault(name, sentence)
    def _(m):
        at(m, request, change)


def task_with(change):
    return lambda self, payload, answer: (lambda reply: (reply[0], change(dict(reply[1]))))(answer())


def without(key):
    return task_with(lambda info: {name: value for name, value in info.items() if name != key})


for _key in ("host", "master", "jobname", "taskid", "mode", "jobfile"):
    answering(f"master-task-without-{_key}", f"TASK lacks {_key}", "task", without(_key))
for _key in ("disco_port", "put_port", "disco_data", "ddfs_data"):
    _name = _key.replace("_", "-")
    answering(f"master-task-without-{_name}", f"TASK lacks {_key}", "task", without(_key))
answering(
    "master-task-id-as-text",
    "the number of the task is text",
    "task",
    task_with(lambda i: {**i, "taskid": str(i["taskid"])}),
)
answering(
    "master-relative-paths",
    "paths in TASK are relative",
    "task",
    task_with(lambda i: {k: v.lstrip("/") if isinstance(v, str) else v for k, v in i.items()}),
)
answering(
    "master-without-scheme",
    "the master in TASK is no URL",
    "task",
    task_with(lambda i: {**i, "master": i["master"].removeprefix("http://")}),
)
answering(
    "master-port-as-text",
    "a port in TASK is text",
    "task",
    task_with(lambda i: {**i, "disco_port": str(i["disco_port"])}),
)
answering("master-input-empty", "inputs are never listed", "input", lambda s, p, a: ("INPUT", ["done", []]))
answering(
    "master-input-entry-short", "inputs have no status", "input",
    lambda s, p, a: ("INPUT", ["done", [[0, a()[1][1][0][2]]]]),
)  # fmt: skip
answering(
    "master-retry-names-all", "RETRY names every replica", "input_err", lambda s, p, a: _retry_all(s, a)
)
answering(
    "master-always-fails-inputs",
    "INPUT_ERR is always answered with FAIL",
    "input_err",
    lambda s, p, a: ("FAIL", ""),
)
answering("master-ping-pong", "PING is answered with OK pong", "ping", lambda s, p, a: ("OK", "pong"))
answering(
    "master-task-after-done",
    "DONE is answered with TASK",
    "done",
    lambda s, p, a: ("TASK", s.job.info(s.task)),
)


def _retry_all(attempt, answer):
    answer()
    return "RETRY", attempt.replicas(0)


@fault("master-forgets-reports", "RETRY forgets earlier reports")
def _(m):
    def forget(self, payload, answer):
        self.reported.clear()
        return answer()

    at(m, "input_err", forget)


@fault("master-retries-without-replicas", "RETRY without replicas in place of FAIL")
def _(m):
    at(m, "input_err", lambda self, payload, answer: ("RETRY", []) if answer()[0] == "FAIL" else answer())


def refusing(name, sentence, request, when):
    """A good request ends the job."""

    @fault(name, sentence)
    def _(m):
        def refuse(self, payload, answer):
            if when(payload):
                raise m.Dead("refused")
            return answer()

        at(m, request, refuse)


refusing("master-done-is-dead", "DONE ends the job", "done", lambda p: True)
refusing("master-closed-worker-object", "other keys in WORKER are refused", "worker", lambda p: len(p) > 2)
refusing("master-unknown-input-is-dead", "an unknown input ends the job", "input_err", lambda p: p[0] != 0)
refusing("master-outputs-are-dead", "outputs end the job", "output", lambda p: len(p) in (2, 3))
refusing(
    "master-text-label-is-dead",
    "a label that is text is refused",
    "output",
    lambda p: isinstance(p[-1], str) and len(p) > 2,
)
refusing(
    "master-label-required",
    "a part without label is refused",
    "output",
    lambda p: p[1] == "part" and len(p) == 2,
)
refusing(
    "master-short-messages", "messages above 1000 characters end the job", "msg", lambda p: len(p) > 1000
)


def believing(name, sentence, requests, reply=("OK", "ok")):
    """A request is not checked."""

    @fault(name, sentence)
    def _(m):
        for request in requests:
            at(m, request, lambda self, payload, answer: _checked(m, answer, reply))


def _checked(m, answer, reply):
    try:
        return answer()
    except m.Dead:
        return reply


believing("master-msg-unchecked", "MSG carries anything", ["msg"])
believing("master-any-empty", "requests without content carry anything", ["ping", "done", "task"])
believing("master-input-unchecked", "INPUT carries anything", ["input"], ("INPUT", ["done", []]))
believing("master-input-err-unchecked", "INPUT_ERR carries anything", ["input_err"], ("FAIL", ""))
believing("master-output-unchecked", "OUTPUT carries anything", ["output"])
believing("master-worker-unchecked", "WORKER carries anything", ["worker"])


@fault("master-any-version", "the version is not looked at")
def _(m):
    at(m, "worker", lambda self, payload, answer: answer() if not isinstance(payload, dict) else _greet(self))


def _greet(attempt):
    attempt.greeted = True
    return "OK", "ok"


@fault("master-any-type", "the type of an output is not looked at")
def _(m):
    at(
        m,
        "output",
        lambda self, payload, answer: _checked(m, answer, ("OK", "ok")) if len(payload) == 2 else answer(),
    )


@fault("master-any-location", "the location of an output is not looked at")
def _(m):
    m.Attempt.is_inside = lambda self, location: True


@fault("master-any-label", "labels are not looked at")
def _(m):
    m.Attempt.is_label = lambda self, kind, label: True


@fault("master-error-unchecked", "ERROR and FATAL carry anything")
def _(m):
    m.Attempt.text = lambda self, name, payload: None


@fault("master-any-order", "requests come in any order")
def _(m):
    def order(self, name):
        self.asked = True

    m.Attempt.order = order


@fault("master-input-before-task", "INPUT may come before TASK")
def _(m):
    order = m.Attempt.order

    def early(self, name):
        self.asked = True
        order(self, name)

    m.Attempt.order = early


@fault("master-ignores-unknown", "unknown messages are answered with OK")
def _(m):
    order, answer = m.Attempt.order, m.Attempt.answer
    known = [name[3:].upper() for name in vars(m.Attempt) if name.startswith("on_")]
    m.Attempt.order = lambda self, name: order(self, name) if name in known else None
    m.Attempt.answer = lambda self, name, payload: (
        answer(self, name, payload) if name in known else ("OK", "ok")
    )


@fault("master-accepts-nan", "NaN passes for JSON")
def _(m):
    m.Attempt.no_constant = lambda self, word: ""


@fault("master-no-json-check", "a payload that is no JSON is an empty string")
def _(m):
    def decode(self, name, payload):
        try:
            return json.loads(payload.decode())
        except ValueError:
            return ""

    m.Attempt.decode = decode


@fault("master-latin-1", "payloads are decoded as Latin-1")
def _(m):
    m.Attempt.decode = lambda self, name, payload: json.loads(payload.decode("latin-1"))


@fault("master-requotes-urls", "URLs of inputs are decoded before they are listed")
def _(m):
    right = m.Attempt.replicas
    m.Attempt.replicas = lambda self, id_: [[at, unquote(url) + "#"] for at, url in right(self, id_)]
