"""Faults in reading frames: headers read loosely, pieces taken for wholes, the end overlooked."""

import os
import re
import select

from faults import fault

NAME, GAP, LENGTH = rb"[A-Z_]{1,10}", rb" ", rb"0|[1-9][0-9]{0,9}"


def header_like(w, name=NAME, gap=GAP, length=LENGTH, prefix=b"", number=int, rename=str):
    """A header that is read by another pattern. One with a prefix is waited for whatever comes."""
    pattern = re.compile(prefix + b"(" + name + b")" + gap + b"(" + length + b")" + gap)

    def header(self):
        while True:
            found = pattern.match(self.buffer)
            if found:
                return rename(found[1].decode()), number(found[2]), found.end()
            if not prefix and (b"\n" in self.buffer or len(self.buffer) > 60):
                raise w.Broken("not a frame")
            self.more()

    w.Stream.header = header


@fault("lower-case-names", "names are read in any case")
def _(w):
    header_like(w, name=rb"[A-Za-z_]{1,10}", rename=str.upper)


@fault("names-by-prefix", "a name counts by the known name that it begins with")
def _(w):
    header_like(
        w,
        name=rb"[A-Za-z0-9_-]{1,20}",
        rename=lambda name: next((known for known in w.DISCO_NAMES if name.startswith(known)), name),
    )


@fault("ignores-unknown-names", "frames with an unknown name are skipped")
def _(w):
    header_like(w, name=rb"[A-Z_]{1,30}")
    whole = w.Stream.frame

    def frame(self):
        while True:
            name, payload = whole(self)
            if name in w.DISCO_NAMES:
                return name, payload

    w.Stream.frame = frame


@fault("empty-names", "a frame without a name is an OK")
def _(w):
    header_like(w, name=rb"[A-Z_]{0,10}", rename=lambda name: name or "OK")


@fault("strips-space", "white space before a frame is skipped")
def _(w):
    header_like(w, prefix=rb"\s*")


@fault("strips-nul", "NUL bytes before a frame are skipped")
def _(w):
    header_like(w, prefix=rb"\x00*")


@fault("strips-bom", "a byte order mark before a frame is skipped")
def _(w):
    header_like(w, prefix=rb"(?:\xef\xbb\xbf)?")


@fault("any-space", "the parts of a header may be separated by any white space")
def _(w):
    header_like(w, gap=rb"[ \t]+")


@fault("loose-length", "LENGTH is read by a function that knows signs, zeros and underscores")
def _(w):
    header_like(w, length=rb"[^ ]+", number=lambda data: int(data.decode()))


@fault("negative-length", "the sign of LENGTH is ignored")
def _(w):
    header_like(w, length=rb"-?[0-9]+", number=lambda data: abs(int(data)))


@fault("hex-length", "LENGTH may be hexadecimal")
def _(w):
    header_like(
        w, length=rb"(?:0x)?[0-9a-f]+", number=lambda data: int(data, 16 if data.startswith(b"0x") else 10)
    )


@fault("float-length", "LENGTH is read as a floating-point number")
def _(w):
    header_like(w, length=rb"[0-9.e]+", number=lambda data: int(float(data)))


@fault("length-wraps-at-32-bits", "LENGTH is kept in 32 bits")
def _(w):
    header_like(w, length=rb"[0-9]+", number=lambda data: int(data) & 0xFFFFFFFF)


@fault("length-wraps-at-64-bits", "LENGTH is kept in 64 bits")
def _(w):
    header_like(w, length=rb"[0-9]+", number=lambda data: int(data) & 0xFFFFFFFFFFFFFFFF)


@fault("no-limit", "any LENGTH is believed")
def _(w):
    header_like(w, length=rb"[0-9]+")
    w.MAX_PAYLOAD = 1 << 200


@fault("limit-1-mib", "payloads above 1 MiB are refused")
def _(w):
    w.MAX_PAYLOAD = 1 << 20


@fault("limit-not-inclusive", "a payload of exactly 100 MiB is refused")
def _(w):
    w.MAX_PAYLOAD -= 1


def limited(w, limit, name=None):
    header = w.Stream.header

    def checked(self):
        found = header(self)
        if found[1] > limit and name in (None, found[0]):
            raise w.Broken("too long for me")
        return found

    w.Stream.header = checked


@fault("payload-limit-1000", "payloads above 1000 bytes do not fit the buffer")
def _(w):
    limited(w, 1000)


@fault("payload-limit-4096", "payloads above 4096 bytes do not fit the buffer")
def _(w):
    limited(w, 4096)


@fault("small-inputs-only", "lists of inputs above 64 bytes do not fit the buffer")
def _(w):
    limited(w, 64, "INPUT")


@fault("two-digit-inputs", "only two digits of the length of an input list are read")
def _(w):
    header = w.Stream.header

    def two_digits(self):
        name, length, start = header(self)
        return name, length % 100 if name == "INPUT" else length, start

    w.Stream.header = two_digits


@fault("trusts-lines", "a frame is a line, whatever its LENGTH says")
def _(w):
    def frame(self):
        while b"\n" not in self.buffer:
            self.more()
        line, _, rest = bytes(self.buffer).partition(b"\n")
        self.buffer = bytearray(rest)
        name, _, tail = line.partition(b" ")
        head, space, payload = tail.partition(b" ")
        return name.decode("latin-1"), payload if space else head

    w.Stream.frame = frame


@fault("any-terminator", "whatever stands after the payload is taken for its end")
def _(w):
    def frame(self):
        name, length, start = self.header()
        if length > w.MAX_PAYLOAD:
            raise w.Broken("too long")
        while len(self.buffer) <= start + length:
            self.more()
        payload = bytes(self.buffer[start : start + length])
        del self.buffer[: start + length + 1]
        return name, payload

    w.Stream.frame = frame


@fault("reads-length-in-characters", "LENGTH of a reply is taken as a number of characters")
def _(w):
    def frame(self):
        name, length, start = self.header()
        while len(self.buffer[start:].decode("utf-8", "ignore")) <= length:
            self.more()
        text = self.buffer[start:].decode("utf-8", "ignore")
        payload = text[:length].encode()
        del self.buffer[: start + len(payload) + 1]
        return name, payload

    w.Stream.frame = frame


@fault("skips-what-is-no-frame", "bytes that are no frame are skipped")
def _(w):
    def header(self):
        while True:
            found = w.HEADER.search(self.buffer)
            if found:
                name, length = found[1].decode(), int(found[2])
                del self.buffer[: found.start()]
                return name, length, found.end() - found.start()
            self.more()

    w.Stream.header = header


@fault("one-read-a-frame", "one read is taken for one frame; what is missing is NUL")
def _(w):
    def frame(self):
        self.buffer = bytearray()
        name, length, start = self.header()
        payload = bytes(self.buffer[start : start + length]).ljust(length, b"\0")
        return name, payload

    w.Stream.frame = frame


@fault("one-read-a-header", "a header is expected to arrive in one piece")
def _(w):
    def header(self):
        if not self.buffer:
            self.more()
        found = w.HEADER.match(self.buffer)
        if not found:
            raise w.Broken("no header")
        return found[1].decode(), int(found[2]), found.end()

    w.Stream.header = header


@fault("drops-read-ahead", "what was read behind a frame is thrown away")
def _(w):
    whole = w.Stream.frame

    def frame(self):
        found = whole(self)
        self.buffer.clear()
        return found

    w.Stream.frame = frame


@fault("impatient", "a reply that takes longer than 0.4 s is given up")
def _(w):
    more = w.Stream.more

    def hasty(self):
        if not select.select([self.source], [], [], 0.4)[0]:
            raise EOFError("too slow")
        more(self)

    w.Stream.more = hasty


@fault("spins-at-the-end", "the end of standard input is read again and again")
def _(w):
    def more(self):
        data = b""
        while not data:
            data = os.read(self.source, 1 << 16)
        self.buffer += data

    w.Stream.more = more


@fault("spins-while-waiting", "a reply is awaited in a busy loop")
def _(w):
    more = w.Stream.more

    def spin(self):
        while not select.select([self.source], [], [], 0)[0]:
            pass
        more(self)

    w.Stream.more = spin


@fault("takes-short-payload", "a payload that was cut off counts as empty")
def _(w):
    whole = w.Stream.frame

    def frame(self):
        try:
            return whole(self)
        except EOFError:
            found = w.HEADER.match(self.buffer)
            if not found:
                raise
            name = found[1].decode()
            self.buffer.clear()
            return name, b'""'

    w.Stream.frame = frame


@fault("needs-no-lf", "at the end of the pipe the last LF may be missing")
def _(w):
    whole = w.Stream.frame

    def frame(self):
        try:
            return whole(self)
        except EOFError:
            found = w.HEADER.match(self.buffer)
            if not found or len(self.buffer) != found.end() + int(found[2]):
                raise
            name, payload = found[1].decode(), bytes(self.buffer[found.end() :])
            self.buffer.clear()
            return name, payload

    w.Stream.frame = frame


@fault("exit-0-at-the-end", "the end of the pipe is a good end")
def _(w):
    run = w.Session.run

    def quiet(self):
        more = self.stream.more

        def ended():
            try:
                more()
            except EOFError:
                os._exit(0)

        self.stream.more = ended
        return run(self)

    w.Session.run = quiet
