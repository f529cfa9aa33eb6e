"""Faults in saving outputs: blobs that are cut or missing, tags that are wrong, errors that are not seen."""

import base64
import json

from faults import fault

MEGABYTE = 1 << 20


def saved_with(w, change):
    save = w.Saver.save
    w.Saver.save = lambda self, *words: change(self, lambda *changed: save(self, *(changed or words)), *words)


@fault("output-before-tag", "OUTPUT names a tag before it is there")
def _(w):
    held = []
    saved_with(w, lambda self, save, *words: held.append(save))
    ask = w.Stream.ask

    def late(self, name, *rest):
        reply = ask(self, name, *rest)
        if name == "OUTPUT" and held:
            held.pop()()
        return reply

    w.Stream.ask = late


@fault("tag-without-blob", "a tag holds the URLs to which the blob was sent")
def _(w):
    put = w.Saver.put

    def sent(self, target, data):
        status, _ = put(self, target, data)
        return status, json.dumps(target)

    w.Saver.put = sent


@fault("saves-nothing", "an output is reported as saved, and is not")
def _(w):
    saved_with(w, lambda self, save, *words: None)


@fault("tag-is-replaced", "what a tag holds is replaced")
def _(w):
    ask = w.Saver.ask
    w.Saver.ask = lambda self, method, *rest: ask(self, "PUT" if method == "POST" else method, *rest)


@fault("stores-one-replica", "a blob is sent to the first node only")
def _(w):
    targets = w.Saver.targets
    w.Saver.targets = lambda self, *words: targets(self, *words)[:1]


@fault("saves-no-empty-output", "an empty output is not saved")
def _(w):
    saved_with(w, lambda self, save, data, *rest: save() if data else None)


@fault("saves-the-first-megabyte", "a blob ends after a megabyte")
def _(w):
    saved_with(w, lambda self, save, data, *rest: save(data[:MEGABYTE], *rest))


@fault("one-node-is-enough", "a node that takes no blob is asked for again and again")
def _(w):
    targets = w.Saver.targets
    tries = []

    def stubborn(self, name, excluded):
        tries.append(name)
        if len(tries) > 5:
            raise OSError("the node takes no blob")
        return targets(self, name, [])

    w.Saver.targets = stubborn


@fault("busy-is-an-error", "a DDFS that is busy is not asked again")
def _(w):
    w.Saver.ask = lambda self, method, url, body=None, headers=None: self.ask_once(
        method, url, body, headers or {}
    )


def authorized_by(w, make):
    def header(self):
        token = w.os.environ.get("DDFS_WRITE_TOKEN", "")
        return {"Authorization": make(token)} if make(token) else {}

    w.Saver.authorization = header


@fault("tags-without-token", "the token is not sent")
def _(w):
    authorized_by(w, lambda token: None)


@fault("token-as-user", "the token is sent as the name of the user")
def _(w):
    authorized_by(w, lambda token: "Basic " + base64.b64encode(f"{token}:".encode()).decode())


@fault("ignores-ddfs-errors", "an output that could not be saved is reported as saved")
def _(w):
    def lenient(self, save, *words):
        try:
            save()
        except OSError:
            return

    saved_with(w, lenient)


@fault("blobs-named-by-attempt", "every attempt at a task saves a blob of its own")
def _(w):
    count = []

    def named(self, save, data, name, tag):
        count.append(name)
        save(data, f"{name}-{len(count)}", tag)

    saved_with(w, named)
