"""The lines below the head: each is one step, blocks nest. Nothing here knows who plays which side."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from disco_conformance.session.matching import compile_payload, load
from disco_conformance.session.model import (
    NAMES_OF_DISCO,
    NAMES_OF_WORKER,
    Block,
    Child,
    Close,
    Deaf,
    Delivery,
    Eof,
    Exit,
    Grow,
    Message,
    Nothing,
    Others,
    Raw,
    ServeInputs,
    SessionError,
    Signal,
    Step,
)
from disco_conformance.session.values import quoted, seconds

_WITHIN = re.compile(r"(?P<rest>.*?)\s+within\s+(?P<time>\S+)$", re.S)
_TIMES = re.compile(r"(?P<rest>.*?)\s+\*\s+(?P<times>\d+)$", re.S)
_RANGE = re.compile(r"(\d+)(?:\.\.(\d+))?")
SIGNALS = ("TERM", "INT", "STOP", "CONT", "PIPE", "HUP", "KILL", "SEGV")
MIDDLES = {"any-of": "or", "unordered": "and"}
OPENERS = ("any-of", "maybe", "repeat", "unordered")
MAX_STEPS = 10_000
MAX_REPEAT = 100_000
MAX_EXIT = 255
MAX_SLICE = 1 << 30
MAX_GROW_MIB = 1 << 20


@dataclass
class _Open:
    """A block that is not closed yet."""

    line: int
    kind: str
    low: int = 1
    high: int = 1
    branches: list[list[Step]] = field(default_factory=lambda: [[]])


def read_steps(body: str, lines_before: int = 0) -> tuple[Step, ...]:
    stack = [_Open(lines_before, "session")]
    rows = body.split("\n")
    if len(rows) > MAX_STEPS:
        raise SessionError(f"more than {MAX_STEPS} lines", lines_before)
    for number, row in enumerate(rows, lines_before + 1):
        text = row.strip()
        if not text or text.startswith("#"):
            continue
        word, _, rest = text.partition(" ")
        if word in OPENERS:
            stack.append(_open(word, rest.strip(), number))
        elif word in ("or", "and"):
            _next_branch(stack[-1], word, rest, number)
        elif word == "end":
            _close_block(stack, rest, number)
        else:
            stack[-1].branches[-1].append(read_step(text, number))
    if len(stack) > 1:
        raise SessionError(f"the {stack[-1].kind} block is not closed: its end is missing", stack[-1].line)
    return tuple(stack[0].branches[0])


def _open(word: str, rest: str, line: int) -> _Open:
    if word != "repeat":
        _no_more(rest, line)
        return _Open(line, word, 0 if word == "maybe" else 1, 1)
    bounds = _RANGE.fullmatch(rest)
    if bounds is None or bounds[2] is None:
        raise SessionError("repeat takes a range: repeat 0..5", line)
    low, high = int(bounds[1]), int(bounds[2])
    if low > high or high == 0 or high > MAX_REPEAT:
        raise SessionError(f"repeat {low}..{high}: the range is empty, or above {MAX_REPEAT}", line)
    return _Open(line, word, low, high)


def _next_branch(block: _Open, word: str, rest: str, line: int) -> None:
    _no_more(rest, line)
    if MIDDLES.get(block.kind) != word:
        raise SessionError(f"{word} stands in no {'any-of' if word == 'or' else 'unordered'} block", line)
    if not block.branches[-1]:
        raise SessionError("the branch before this line is empty", line)
    block.branches.append([])


def _close_block(stack: list[_Open], rest: str, line: int) -> None:
    _no_more(rest, line)
    if len(stack) == 1:
        raise SessionError("end closes no block", line)
    block = stack.pop()
    if not block.branches[-1]:
        raise SessionError(f"the {block.kind} block has an empty branch", line)
    if block.kind in MIDDLES and len(block.branches) < 2:
        raise SessionError(f"{block.kind} with one branch decides nothing", block.line)
    branches = tuple(tuple(branch) for branch in block.branches)
    stack[-1].branches[-1].append(Block(block.line, block.kind, branches, block.low, block.high))


def read_step(text: str, line: int) -> Step:
    word, _, rest = text.partition(" ")
    rest = rest.strip()
    if word in ("W", "M"):
        return _read_side(word, rest, line)
    reader = _READERS.get(word)
    if reader is None:
        raise SessionError(
            f"{word!r} begins no step; known are W, M, {', '.join([*_READERS, *OPENERS])}", line
        )
    return reader(rest, line)


def _read_side(side: str, text: str, line: int) -> Step:
    word, _, rest = text.partition(" ")
    rest = rest.strip()
    if word in ("raw", "hex"):
        return _read_raw(side, word, rest, line)
    if word == "serve":
        rest, within = _within(text, line)
        if side != "W" or rest != "serve inputs":
            raise SessionError("write: W serve inputs", line)
        return ServeInputs(line, within)
    names = NAMES_OF_WORKER if side == "W" else NAMES_OF_DISCO
    if word not in names:
        who = "the worker" if side == "W" else "Disco"
        raise SessionError(
            f"{word!r} is no message of {who} ({', '.join(names)}); a wrong one needs raw", line
        )
    text, within = _within(rest, line)
    if not text:
        raise SessionError(f'{word} has no payload; the empty one is written ""', line)
    compile_payload(load(text, line), line)
    return Message(line, side, word, text, within)


def _read_raw(side: str, word: str, text: str, line: int) -> Raw:
    times = 1
    repeated = _TIMES.match(text)
    if repeated:
        text, times = repeated["rest"], int(repeated["times"])
    if word == "raw":
        data = quoted(text, line)
    else:
        try:
            data = bytes.fromhex(text)
        except ValueError:
            raise SessionError("hex takes pairs of hexadecimal digits", line) from None
    if not data or not times:
        raise SessionError(f"{word} without bytes", line)
    if len(data) * times > MAX_SLICE:
        raise SessionError(f"{word} of more than {MAX_SLICE} bytes", line)
    return Raw(line, side, data, times, word)


def _within(text: str, line: int) -> tuple[str, float | None]:
    match = _WITHIN.fullmatch(text) if not text.startswith("within") else None
    if match is None:
        return text, None
    return match["rest"], seconds(match["time"], line)


def _no_more(rest: str, line: int) -> None:
    if rest:
        raise SessionError(f"unexpected {rest!r}", line)


def _read_chop(rest: str, line: int) -> Step:
    return Delivery(line, "chop", _count(rest, "chop", line))


def _read_split(rest: str, line: int) -> Step:
    if not rest.startswith("at "):
        raise SessionError("write: split at 5", line)
    return Delivery(line, "split", _count(rest[3:].strip(), "split at", line))


def _read_join(rest: str, line: int) -> Step:
    count = _count(rest, "join", line)
    if count < 2:
        raise SessionError("join takes at least 2 messages", line)
    return Delivery(line, "join", count)


def _read_delay(rest: str, line: int) -> Step:
    return Delivery(line, "delay", seconds(rest, line))


def _read_slow(rest: str, line: int) -> Step:
    if not rest.endswith("/s"):
        raise SessionError("slow takes bytes a second: slow 100/s", line)
    return Delivery(line, "slow", _count(rest[:-2], "slow", line))


def _count(text: str, word: str, line: int) -> int:
    if not text.isdigit() or not 0 < int(text) < MAX_SLICE:
        raise SessionError(f"{word} takes a positive number, not {text!r}", line)
    return int(text)


def _read_nothing(rest: str, line: int) -> Step:
    if not rest.startswith("for "):
        raise SessionError("write: nothing for 0.5s", line)
    return Nothing(line, seconds(rest[4:].strip(), line))


def _read_eof(rest: str, line: int) -> Step:
    rest, within = _within(" " + rest, line)
    _no_more(rest.strip(), line)
    return Eof(line, within)


def _read_exit(rest: str, line: int) -> Step:
    what, within = _within(rest, line)
    if what == "any":
        return Exit(line, None, None, within)
    if what == "nonzero":
        return Exit(line, 1, MAX_EXIT, within)
    bounds = _RANGE.fullmatch(what)
    if bounds is None:
        raise SessionError("exit takes a status, a range, nonzero or any: exit 0, exit 1..255", line)
    low, high = int(bounds[1]), int(bounds[2] or bounds[1])
    if low > high or high > MAX_EXIT:
        raise SessionError(f"exit {what}: statuses go from 0 to {MAX_EXIT}", line)
    return Exit(line, low, high, within)


def _read_signal(rest: str, line: int) -> Step:
    if rest not in SIGNALS:
        raise SessionError(f"signal takes one of {', '.join(SIGNALS)}", line)
    return Signal(line, rest)


def _read_close(rest: str, line: int) -> Step:
    _no_more(rest, line)
    return Close(line)


def _read_deaf(rest: str, line: int) -> Step:
    _no_more(rest, line)
    return Deaf(line)


def _read_others(rest: str, line: int) -> Step:
    what, within = _within(rest, line)
    if what != "end":
        raise SessionError("write: others end within 10s", line)
    return Others(line, within)


def _read_grow(rest: str, line: int) -> Step:
    amount, _, unit = rest.partition(" ")
    if unit != "MiB" or not amount.isdigit() or not 0 < int(amount) <= MAX_GROW_MIB:
        raise SessionError("grow takes an amount of memory: grow 64 MiB", line)
    return Grow(line, int(amount))


def _read_child(rest: str, line: int) -> Step:
    _no_more(rest, line)
    return Child(line)


_READERS: dict[str, Callable[[str, int], Step]] = {
    "chop": _read_chop,
    "split": _read_split,
    "join": _read_join,
    "delay": _read_delay,
    "slow": _read_slow,
    "nothing": _read_nothing,
    "eof": _read_eof,
    "exit": _read_exit,
    "signal": _read_signal,
    "close": _read_close,
    "deaf": _read_deaf,
    "others": _read_others,
    "grow": _read_grow,
    "child": _read_child,
}
