"""Faults in dealing with broken replicas: given up too early, read twice, reported wrongly."""

import http.client
import os

from faults import fault
from faults.inputs import polled, read_with


def reporting(w, change):
    """INPUT_ERR is sent in another way: change(task, ask, id, failed)."""
    ask = w.Stream.ask

    def changed(self, name, payload="", *expected):
        if name == "INPUT_ERR":
            payload = change(*payload)
        return ask(self, name, payload, *expected)

    w.Stream.ask = changed


def answering(w, name, react):
    after = w.Task.after_error

    def changed(self, id_, reply, payload, why):
        if reply == name:
            return react(self, payload)
        return after(self, id_, reply, payload, why)

    w.Task.after_error = changed


def raising(error):
    def react(self, payload):
        raise error("given up")

    return react


def first_only(w, count):
    def change(self, whole, id_, status, replicas):
        for _, url in replicas[:count]:
            try:
                return self.fetch(url)
            except (OSError, http.client.HTTPException, ValueError):
                continue
        raise w.Transient("the first replicas are dead")

    read_with(w, change)


@fault("first-replica-or-error", "when the first replica fails the task fails")
def _(w):
    first_only(w, 1)


@fault("two-replicas-or-error", "two replicas are tried, no more")
def _(w):
    first_only(w, 2)


@fault("skips-failed-inputs", "an input that cannot be read is left out")
def _(w):
    fetch = w.Task.fetch

    def lenient(self, url):
        try:
            return fetch(self, url)
        except (OSError, http.client.HTTPException, ValueError):
            return b""

    w.Task.fetch = lenient


@fault("any-status-is-data", "the HTTP status is not looked at")
def _(w):
    w.Task.body = lambda self, reply: reply.read()
    whole = w.Task.http
    w.Task.http = lambda self, url, redirects=w.MAX_REDIRECTS: whole(self, url, w.MAX_REDIRECTS)


@fault("short-body-is-data", "a body that was cut off counts as whole")
def _(w):
    def body(self, reply):
        if reply.status != 200:
            raise OSError("status")
        try:
            return reply.read()
        except http.client.IncompleteRead as error:
            return error.partial

    w.Task.body = body


@fault("keeps-partial-body", "the beginning of a broken body is kept, and the next one read as well")
def _(w):
    kept = []
    whole, fetch = w.Task.body, w.Task.fetch

    def body(self, reply):
        try:
            return whole(self, reply)
        except http.client.IncompleteRead as error:
            kept.append(error.partial)
            raise

    w.Task.body = body
    w.Task.fetch = lambda self, url: (lambda data: b"".join([kept.pop() if kept else b"", data]))(
        fetch(self, url)
    )


@fault("error-without-report", "dead replicas end the task without INPUT_ERR")
def _(w):
    first_only(w, 100)


@fault("ignores-retry", "RETRY is taken for FAIL")
def _(w):
    answering(w, "RETRY", raising(w.Transient))


@fault("retries-once", "a second RETRY is taken for FAIL")
def _(w):
    after, seen = w.Task.after_error, []

    def once(self, id_, name, payload, why):
        seen.append(name)
        return after(self, id_, "FAIL" if len(seen) > 1 and name == "RETRY" else name, payload, why)

    w.Task.after_error = once


@fault("reports-index-not-id", "INPUT_ERR carries the index of the input, not its id")
def _(w):
    order = []

    def remember(self, flag, entries, read):
        order.extend(e[0] for e in entries if e[0] not in order)
        return flag, entries

    polled(w, remember)
    reporting(w, lambda id_, failed: [order.index(id_) + 100, failed])


@fault("rep-ids-are-indexes", "INPUT_ERR carries indexes of replicas, not their ids")
def _(w):
    reporting(w, lambda id_, failed: [id_, list(range(len(failed)))])


@fault("reports-all-again", "INPUT_ERR repeats the replicas that were reported before")
def _(w):
    all_failed = []

    def again(id_, failed):
        all_failed.extend(failed)
        return [id_, list(all_failed)]

    reporting(w, again)


@fault("done-after-fail", "FAIL leaves the input out, and the task ends well")
def _(w):
    read_with(w, lambda self, whole, *entry: _empty_on(w, whole, entry))


def _empty_on(w, whole, entry):
    try:
        return whole(*entry)
    except w.Transient:
        return b""


@fault("fail-is-fatal", "FAIL ends the job")
def _(w):
    answering(w, "FAIL", raising(w.Fatal))


@fault("wait-is-error", "WAIT is taken for FAIL")
def _(w):
    answering(w, "WAIT", raising(w.Transient))


@fault("wait-is-ignored", "WAIT does not wait")
def _(w):
    answering(w, "WAIT", lambda self, payload: None)


@fault("excludes-waiting-input", "an input that waits is excluded from the next request")
def _(w):
    waiting = set()
    whole = w.Task.input
    poll = w.Task.poll

    def input_(self, id_, status, replicas):
        data = whole(self, id_, status, replicas)
        if data is None:
            waiting.add(id_)
        return data

    w.Task.input = input_
    w.Task.poll = lambda self, read: poll(self, read | waiting)


@fault("replicas-in-reverse", "the last replica is tried first")
def _(w):
    read_with(w, lambda self, whole, id_, status, replicas: whole(id_, status, replicas[::-1]))


@fault("replicas-sorted", "replicas are tried in the order of their ids, the largest first")
def _(w):
    read_with(
        w, lambda self, whole, id_, status, replicas: whole(id_, status, sorted(replicas, reverse=True))
    )


@fault("leaks-descriptors", "connections are never closed")
def _(w):
    kept = []

    class Leaky(http.client.HTTPConnection):
        def getresponse(self):
            reply = super().getresponse()
            kept.append(os.open("/dev/null", os.O_RDONLY))
            return reply

    w.http = type(
        "module", (), {"client": type("client", (), {**vars(http.client), "HTTPConnection": Leaky})}
    )
