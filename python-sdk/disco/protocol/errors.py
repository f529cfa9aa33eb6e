"""What can be wrong in a conversation, sorted by what the receiver must do.

    ProtocolError
    ├── FrameError          the bytes are no frame: the attempt ends and is tried again
    ├── MessageError        a well-formed frame that must not be sent: the job ends (fatal)
    │   └── VersionMismatch ... because the worker speaks another version of the protocol
    └── OutOfTurn           our own end tried to send what the session does not allow: a bug on this side

A worker that receives such bytes from Disco does the same with the roles exchanged: ERROR for a
`FrameError`, FATAL for a `MessageError`, and it exits non-zero.
"""

from __future__ import annotations

from enum import StrEnum

MAX_QUOTED_CHARS = 200
"""How much of what was received an error text quotes."""


class Fault(StrEnum):
    """Why bytes are no frame: the first byte that could not stand where it stood decides."""

    NAME = "name"
    LENGTH = "length"
    TOO_LARGE = "payload-too-large"
    TERMINATOR = "terminator"
    TRUNCATED = "truncated"


class ProtocolError(Exception):
    """Base of all errors of this package."""


class FrameError(ProtocolError):
    """The bytes received are no frame.

    `fault` is the rule that was broken, `reason` says how; `bytes_so_far` are the bytes from the start of
    the broken frame on, as far as they had come when the fault was found (at most `MAX_LAST_WORDS_BYTES`).
    """

    def __init__(self, fault: Fault, reason: str, bytes_so_far: bytes) -> None:
        self.fault = fault
        self.reason = reason
        self.bytes_so_far = bytes_so_far
        super().__init__(fault, reason, bytes_so_far)

    def __str__(self) -> str:
        return f"Not a frame ({self.fault}): {self.reason}; received {quoted(self.bytes_so_far)}"


class MessageError(ProtocolError):
    """A well-formed frame of an unknown name, or with a wrong payload, or out of order.

    `name` is the frame's name; `reason` says what was expected and what came.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(name, reason)

    def __str__(self) -> str:
        return f"Bad message {self.name}: {self.reason}"


class VersionMismatch(MessageError):
    """The worker announced a version of the protocol that this Disco does not speak."""

    def __init__(self, theirs: str, ours: str) -> None:
        self.theirs = theirs
        self.ours = ours
        super().__init__(
            "WORKER", f"the worker speaks protocol version {quoted(theirs)}, this Disco speaks {quoted(ours)}"
        )

    def __reduce__(self) -> tuple[type[VersionMismatch], tuple[str, str]]:
        return (VersionMismatch, (self.theirs, self.ours))


class OutOfTurn(ProtocolError):
    """This end tried to send a message that the session does not allow now."""


def quoted(value: object) -> str:
    """`value` as an error text shows it: readable, one line, at most `MAX_QUOTED_CHARS` characters."""
    text = _bounded_repr(value)
    return text if len(text) <= MAX_QUOTED_CHARS else text[: MAX_QUOTED_CHARS - 1] + "…"


def _bounded_repr(value: object) -> str:
    """As `repr`, but the work is bounded too: a value can be 100 MiB long."""
    if isinstance(value, bytes | str):
        return repr(value[: MAX_QUOTED_CHARS + 1])
    if isinstance(value, list):
        inner = ", ".join(quoted(item) for item in value[:8])
        return f"[{inner}{', …' if len(value) > 8 else ''}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{quoted(key)}: {quoted(value[key])}" for key in list(value)[:8])
        return f"{{{inner}{', …' if len(value) > 8 else ''}}}"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 1000:
        return "an integer of more than 300 digits"
    return repr(value)
