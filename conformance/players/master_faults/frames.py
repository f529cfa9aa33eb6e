"""Faults in reading the frames of a worker."""

import re

from master_faults import fault


def loose(name, sentence, header, number=int, strip=b""):
    """A header read by another pattern."""

    @fault(name, sentence)
    def _(m):
        pattern = re.compile(header)

        def take(self):
            while strip and self.buffer[:1] and self.buffer[:1] in strip:
                del self.buffer[:1]
            found = pattern.match(self.buffer)
            if not found:
                if len(self.buffer) > 40 or (b"\n" in self.buffer and not strip):
                    raise m.Retry("no frame")
                return None
            length, start = number(found[2]), found.end()
            if length > m.MAX_PAYLOAD:
                raise m.Retry("too long")
            if len(self.buffer) <= start + length:
                return None
            name, payload = found[1].decode().upper(), bytes(self.buffer[start : start + length])
            del self.buffer[: start + length + 1]
            return name, payload

        m.Stream.take = take


loose("master-lower-case-names", "names are read in any case", rb"([A-Za-z_]{1,10}) (0|[1-9][0-9]*) ")
loose(
    "master-any-space",
    "header parts are separated by any white space",
    rb"([A-Z_]{1,10})[ \t]+([0-9]+)[ \t]+",
)
loose(
    "master-loose-length",
    "LENGTH may be spelt otherwise",
    rb"([A-Z_]{1,10}) ([^ ]+) ",
    lambda d: int(d.decode()),
)
loose(
    "master-strips-space", "white space before a frame is skipped", rb"([A-Z_]{1,10}) ([0-9]+) ", strip=b" \n"
)
loose("master-any-terminator", "any byte ends a frame", rb"([A-Z_]{1,10}) (0|[1-9][0-9]*) ")


@fault("master-no-limit", "any LENGTH is believed")
def _(m):
    m.MAX_PAYLOAD = 1 << 200
    m.HEADER = re.compile(rb"([A-Z_]{1,10}) ([0-9]+) ")
    m.HEADER_BEGUN = re.compile(rb"[A-Z_]{1,10}( [0-9]*)?")


@fault("master-noise-is-dead", "what is no frame ends the job")
def _(m):
    take = m.Stream.take

    def strict(self):
        try:
            return take(self)
        except m.Retry as error:
            raise m.Dead(str(error)) from None

    m.Stream.take = strict


@fault("master-skips-noise", "lines that are no frame are skipped")
def _(m):
    take = m.Stream.take

    def skip(self):
        while True:
            try:
                return take(self)
            except m.Retry:
                self.buffer = bytearray(bytes(self.buffer).partition(b"\n")[2])

    m.Stream.take = skip


@fault("master-forgets-last-words", "the last words of a worker end the job")
def _(m):
    m.Stream.last_words = lambda self: (_ for _ in ()).throw(m.Dead("confused"))


@fault("master-one-frame-a-read", "what was read behind a frame is thrown away")
def _(m):
    take = m.Stream.take

    def one(self):
        found = take(self)
        if found:
            self.buffer.clear()
        return found

    m.Stream.take = one


@fault("master-one-read-a-frame", "a read that ends inside a frame is no frame")
def _(m):
    take = m.Stream.take

    def whole(self):
        found = take(self)
        if not found and self.buffer:
            raise m.Retry("half a frame")
        return found

    m.Stream.take = whole


@fault("master-impatient", "a worker that is silent for two seconds is given up")
def _(m):
    m.IDLE_S = 2


@fault("master-small-limit", "payloads above 64 KiB are refused")
def _(m):
    m.MAX_PAYLOAD = 64 << 10
