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


def texts_as(w, spell):
    """How a payload that is a text is spelt."""

    def encode(name, data, payload):
        data = spell(payload) if isinstance(payload, str) else data
        return b"%s %d %s\n" % (name, len(data), data)

    encoded_as(w, encode)


@fault("payloads-by-hand", "a text is put between quotes as it is")
def _(w):
    texts_as(w, lambda text: b'"%s"' % text.encode())


@fault("escapes-quotes-only", "control characters in texts are not escaped")
def _(w):
    texts_as(w, lambda text: b'"%s"' % text.replace("\\", "\\\\").replace('"', '\\"').encode())


@fault("escapes-like-python", "characters outside ASCII are escaped as in Python")
def _(w):
    texts_as(w, lambda text: b'"%s"' % text.encode("unicode_escape").replace(b'"', b'\\"'))


@fault("payloads-end-at-nul", "a text ends at its first NUL, and its LENGTH does not")
def _(w):
    def encode(name, data, payload):
        whole = b'"%s"' % payload.encode() if isinstance(payload, str) else data
        written = whole.partition(b"\0")[0] + b'"' if b"\0" in whole else data
        return b"%s %d %s\n" % (name, len(whole) if b"\0" in whole else len(data), written)

    encoded_as(w, encode)


@fault("length-in-16-bits", "LENGTH is kept in 16 bits")
def _(w):
    encoded_as(w, lambda name, data, _: b"%s %d %s\n" % (name, len(data) & 0xFFFF, data))


@fault("cuts-texts-in-bytes", "a long text is cut in the middle of a character")
def _(w):
    def spell(text):
        data = text.encode()
        if len(data) <= 16_001:
            return json.dumps(text).encode()
        is_middle = data[16_001] & 0xC0 == 0x80
        return b'"%s"' % data[: 16_001 if is_middle else 16_000]

    texts_as(w, spell)


@fault("prints-as-they-are", "bytes that a task prints go into a payload as they are")
def _(w):
    class Lenient(bytes):
        def decode(self, *_):
            return super().decode("utf-8", "surrogateescape")

    pread = os.pread
    w.os = type("module", (), {**vars(os), "pread": staticmethod(lambda *words: Lenient(pread(*words)))})

    def encode(self, name, payload):
        data = json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogateescape")
        return b"%s %d %s\n" % (name.encode(), len(data), data)

    w.Stream.encode = encode
