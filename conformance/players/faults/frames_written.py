"""Faults in writing: frames spelt wrongly, a bad greeting, messages out of turn."""

import json
import os
import sys

from faults import fault


def encoded_as(w, encode):
    w.Stream.encode = lambda self, name, payload: encode(
        name.encode(), json.dumps(payload, ensure_ascii=False).encode(), payload
    )


def greeting(w, change):
    hello = w.Session.hello
    w.Session.hello = lambda self: change(hello(self))


def before_all(w, data):
    run = w.Session.run

    def first(self):
        self.stream.write(data)
        return run(self)

    w.Session.run = first


@fault("writes-length-in-characters", "LENGTH counts characters")
def _(w):
    encoded_as(w, lambda name, data, _: b"%s %d %s\n" % (name, len(data.decode()), data))


@fault("ascii-frames", "characters outside ASCII become question marks")
def _(w):
    def encode(name, data, _):
        data = data.decode().encode("ascii", "replace")
        return b"%s %d %s\n" % (name, len(data), data)

    encoded_as(w, encode)


@fault("space-before-lf", "a space stands before the LF")
def _(w):
    encoded_as(w, lambda name, data, _: b"%s %d %s \n" % (name, len(data), data))


@fault("two-spaces", "two spaces stand before the payload")
def _(w):
    encoded_as(w, lambda name, data, _: b"%s  %d %s\n" % (name, len(data), data))


@fault("zero-padded-length", "LENGTH is padded with zeros")
def _(w):
    encoded_as(w, lambda name, data, _: b"%s %04d %s\n" % (name, len(data), data))


@fault("signed-length", "LENGTH has a plus sign")
def _(w):
    encoded_as(w, lambda name, data, _: b"%s +%d %s\n" % (name, len(data), data))


@fault("crlf-written", "frames end with CR LF")
def _(w):
    encoded_as(w, lambda name, data, _: b"%s %d %s\r\n" % (name, len(data), data))


@fault("lower-case-written", "names are written in lower case")
def _(w):
    encoded_as(w, lambda name, data, _: b"%s %d %s\n" % (name.lower(), len(data), data))


@fault("blank-lines-written", "an empty line follows each frame")
def _(w):
    encoded_as(w, lambda name, data, _: b"%s %d %s\n\n" % (name, len(data), data))


@fault("no-lf-written", "the LF at the end of a frame is forgotten")
def _(w):
    encoded_as(w, lambda name, data, _: b"%s %d %s" % (name, len(data), data))


@fault("utf-16-payloads", "payloads are written in UTF-16")
def _(w):
    def encode(name, data, _):
        data = data.decode().encode("utf-16-le")
        return b"%s %d %s\n" % (name, len(data), data)

    encoded_as(w, encode)


@fault("python-literals", "payloads are written as Python literals")
def _(w):
    def encode(name, _, payload):
        data = repr(payload).encode()
        return b"%s %d %s\n" % (name, len(data), data)

    encoded_as(w, encode)


@fault("banner-first", "a greeting for people comes before the first frame")
def _(w):
    before_all(w, b"worker starting\n")


@fault("bom-first", "a byte order mark comes before the first frame")
def _(w):
    before_all(w, b"\xef\xbb\xbf")


def payload_for(w, names, change):
    encode = w.Stream.encode
    w.Stream.encode = lambda self, name, payload: encode(
        self, name, change(payload) if name in names else payload
    )


@fault("null-for-empty", "an absent payload is written as null")
def _(w):
    payload_for(w, ("TASK", "PING", "DONE"), lambda payload: None)


@fault("task-payload-null", "TASK carries null")
def _(w):
    payload_for(w, ("TASK",), lambda payload: None)


@fault("ping-with-null", "PING carries null")
def _(w):
    payload_for(w, ("PING",), lambda payload: None)


@fault("msg-as-object", "MSG carries an object")
def _(w):
    payload_for(w, ("MSG",), lambda payload: {"text": payload})


@fault("error-as-object", "ERROR and FATAL carry an object")
def _(w):
    payload_for(w, ("ERROR", "FATAL"), lambda payload: {"reason": payload})


@fault("mute-errors", "ERROR and FATAL carry no text")
def _(w):
    payload_for(w, ("ERROR", "FATAL"), lambda payload: "")


@fault("done-with-text", "DONE carries a text")
def _(w):
    payload_for(w, ("DONE",), lambda payload: "done")


@fault("version-as-number", "the version is a number")
def _(w):
    w.VERSION = 1.0


@fault("version-0-9", "the version is 0.9")
def _(w):
    w.VERSION = "0.9"


@fault("wrong-pid", "the pid is that of the parent")
def _(w):
    greeting(w, lambda hello: {**hello, "pid": os.getppid()})


@fault("pid-as-text", "the pid is text")
def _(w):
    greeting(w, lambda hello: {**hello, "pid": str(hello["pid"])})


@fault("extra-key-in-worker", "WORKER has a key of its own")
def _(w):
    greeting(w, lambda hello: {**hello, "language": "python"})


def asking(w, change):
    ask = w.Stream.ask

    def changed(self, name, payload="", *expected):
        return change(self, lambda *words: ask(self, *words), name, payload, *expected)

    w.Stream.ask = changed


@fault("no-worker-message", "the worker begins with TASK")
def _(w):
    asking(w, lambda self, ask, name, *rest: ("OK", "ok") if name == "WORKER" else ask(name, *rest))


@fault("worker-twice", "WORKER is sent again after TASK")
def _(w):
    def twice(self, ask, name, *rest):
        reply = ask(name, *rest)
        if name == "TASK":
            ask("WORKER", {"version": "1.0", "pid": os.getpid()})
        return reply

    asking(w, twice)


@fault("input-before-task", "INPUT is asked before TASK")
def _(w):
    def early(self, ask, name, *rest):
        if name == "TASK":
            ask("INPUT", "", "INPUT")
        return ask(name, *rest)

    asking(w, early)


@fault("says-nothing", "messages are not sent")
def _(w):
    asking(w, lambda self, ask, name, *rest: ("OK", "ok") if name == "MSG" else ask(name, *rest))


@fault("drops-messages", "every second message is lost")
def _(w):
    count = []

    def lossy(self, ask, name, *rest):
        if name == "MSG":
            count.append(name)
            if len(count) % 2 == 0:
                return "OK", "ok"
        return ask(name, *rest)

    asking(w, lossy)


@fault("pings-nothing", "pings are not sent")
def _(w):
    asking(w, lambda self, ask, name, *rest: ("OK", "ok") if name == "PING" else ask(name, *rest))


@fault("floods", "messages are sent without awaiting replies, which are read at the end")
def _(w):
    owed = []

    def flood(self, ask, name, *rest):
        if name == "MSG":
            self.send(name, *rest)
            owed.append(name)
            return "OK", "ok"
        while owed:
            owed.pop()
            self.receive("OK")
        return ask(name, *rest)

    asking(w, flood)


@fault("prints-to-the-stream", "prints of the task go where the frames go")
def _(w):
    w.Prints.catch = lambda self: os.dup(2)


@fault("swallows-prints", "prints of the task are lost")
def _(w):
    w.Prints.tell = lambda self, stream: sys.stdout.flush()


@fault("deaf-to-sigpipe", "a write that nobody reads is taken for a good one")
def _(w):
    write = w.Stream.write

    def deaf(self, data):
        try:
            write(self, data)
        except BrokenPipeError:
            return

    w.Stream.write = deaf
