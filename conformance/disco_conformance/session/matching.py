"""Payloads with matchers: what fits, what is bound, and what is sent when the matcher's side is ours.

A payload is JSON in which a string that begins with `$` stands for a set of values: `$any`, `$int`,
`$int>0`, `$str`, `$list`, `$object`, `$pid`, `$re:PATTERN`. ` ~ value` after it is the sample that is sent,
` as name` binds what was met, `$=name` recalls it, and `$$` is a literal dollar. Objects are closed unless
they hold `"...": true`, and a key that ends in `?` may be absent. `compile_payload` refuses what makes no
sense; `match` returns the reason why a value does not fit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from disco_conformance.session.model import SessionError

OPEN = "..."
_BINDING = re.compile(r"^(?P<head>.*?)(?: as (?P<bind>[a-z][a-z0-9_]*))?(?: ~ (?P<sample>.*))?$", re.S)
_PAD = re.compile(r"\$pad:\d+(?::.)?")
_COMPARISON = re.compile(r"^int(?:(?P<op>>=|<=|>|<)(?P<bound>-?\d+))?$")


@dataclass
class Scope:
    """What a matcher may look at: bound values, the worker's process, and the world's variables."""

    bound: dict[str, Any] = field(default_factory=dict)
    is_worker_pid: Callable[[int], bool] = lambda pid: pid > 0
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Matcher:
    kind: str
    argument: str = ""
    bind: str | None = None
    sample: Any = None
    has_sample: bool = False


def load(text: str, line: int | None = None) -> Any:
    """JSON, strictly: no NaN, no repeated keys."""
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except ValueError as error:
        reason = f"the payload is not JSON: {error}; write raw or hex to send what is no JSON"
        raise SessionError(reason, line) from None


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key is repeated")
    return dict(pairs)


def compile_payload(value: Any, line: int | None = None) -> Any:
    """The value with its matcher strings made into `Matcher`s."""
    if isinstance(value, str) and value.startswith("$$"):
        return value[1:]
    if isinstance(value, str) and value.startswith("$"):
        return _matcher(value, line)
    if isinstance(value, list):
        return [compile_payload(item, line) for item in value]
    if isinstance(value, dict):
        return {key: compile_payload(item, line) if key != OPEN else item for key, item in value.items()}
    return value


def _matcher(text: str, line: int | None) -> Matcher:
    if text.startswith("$="):
        return Matcher("recall", text[2:])
    if text.startswith("$pad:"):
        if not _PAD.fullmatch(text):
            raise SessionError(
                f"{text!r}: $pad takes a number of bytes, and a character to fill them with", line
            )
        return Matcher("pad", text[5:])
    parts = _BINDING.match(text[1:])
    assert parts is not None  # the pattern fits every string
    head, bind, sample = parts["head"], parts["bind"], parts["sample"]
    kind, _, argument = head.partition(":")
    if kind == "re":
        try:
            re.compile(argument)
        except re.error as error:
            raise SessionError(f"{text!r}: no regular expression: {error}", line) from None
    elif _COMPARISON.match(head):
        kind, argument = "int", head[3:]
    elif head not in ("any", "str", "list", "object", "pid"):
        raise SessionError(f"{text!r} is no matcher; write $$ for a literal dollar", line)
    if sample is None:
        return Matcher(kind, argument, bind)
    value = _sample(kind, sample, text, line)
    if kind != "pid" and mismatch(Matcher(kind, argument), value, Scope()):
        raise SessionError(f"{text!r}: the sample does not fit its own matcher", line)
    return Matcher(kind, argument, bind, value, True)


def _sample(kind: str, sample: str, text: str, line: int | None) -> Any:
    """Text where only text fits, JSON elsewhere."""
    if kind in ("re", "str"):
        return sample
    try:
        return json.loads(sample)
    except ValueError:
        raise SessionError(f"{text!r}: the sample is not JSON", line) from None


def mismatch(want: Any, got: Any, scope: Scope, where: str = "the payload") -> str | None:
    """None when `got` fits `want` (names are bound in scope), else one sentence that says why not."""
    if isinstance(want, Matcher):
        return _mismatch_matcher(want, got, scope, where)
    if isinstance(want, dict):
        return _mismatch_object(want, got, scope, where)
    if isinstance(want, list):
        return _mismatch_list(want, got, scope, where)
    if isinstance(want, str):
        want = fill(want, scope.words)
    if type(want) is type(got) and want == got:
        return None
    return f"{where} is {show(got)}, not {show(want)}"


def _mismatch_matcher(want: Matcher, got: Any, scope: Scope, where: str) -> str | None:
    if want.kind == "recall":
        expected = scope.bound.get(want.argument)
        return None if expected == got else f"{where} is {show(got)}, not {show(expected)} as before"
    if not _fits(want, got, scope):
        return f"{where} is {show(got)}, which is not {describe(want)}"
    if want.bind:
        scope.bound[want.bind] = got
    return None


def _fits(want: Matcher, got: Any, scope: Scope) -> bool:
    whole = isinstance(got, int) and not isinstance(got, bool)
    match want.kind:
        case "any" | "pad":
            return True
        case "str":
            return isinstance(got, str)
        case "list":
            return isinstance(got, list)
        case "object":
            return isinstance(got, dict)
        case "pid":
            return whole and scope.is_worker_pid(got)
        case "re":
            return isinstance(got, str) and re.search(want.argument, got) is not None
        case _:
            return whole and _compare(got, want.argument)


def _compare(got: int, comparison: str) -> bool:
    if not comparison:
        return True
    operator, bound = re.match(r"(>=|<=|>|<)(-?\d+)", comparison).groups()  # type: ignore[union-attr]
    limit = int(bound)
    return {">": got > limit, "<": got < limit, ">=": got >= limit, "<=": got <= limit}[operator]


def _mismatch_object(want: dict[str, Any], got: Any, scope: Scope, where: str) -> str | None:
    if not isinstance(got, dict):
        return f"{where} is {show(got)}, not an object"
    known = set()
    for key, item in want.items():
        if key == OPEN:
            continue
        name = key.removesuffix("?")
        known.add(name)
        if name not in got:
            if key.endswith("?"):
                continue
            return f"{where} lacks the key {name!r}"
        reason = mismatch(item, got[name], scope, f"{name!r}")
        if reason:
            return reason
    extra = sorted(set(got) - known)
    if extra and not want.get(OPEN):
        return f"{where} has the unexpected key {extra[0]!r}"
    return None


def _mismatch_list(want: list[Any], got: Any, scope: Scope, where: str) -> str | None:
    if not isinstance(got, list):
        return f"{where} is {show(got)}, not a list"
    rest = bool(want) and want[-1] == OPEN
    items = want[:-1] if rest else want
    if len(got) < len(items) or (len(got) > len(items) and not rest):
        return f"{where} has {len(got)} elements, not {len(items)}: {show(got)}"
    for at, (item, value) in enumerate(zip(items, got, strict=False)):
        reason = mismatch(item, value, scope, f"element {at} of {where}")
        if reason:
            return reason
    return None


def realise(value: Any, scope: Scope) -> Any:
    """The value to send: samples for matchers, recalled names, variables of the world filled in."""
    if isinstance(value, Matcher):
        return _realise_matcher(value, scope)
    if isinstance(value, list):
        return [realise(item, scope) for item in value if item != OPEN]
    if isinstance(value, dict):
        return {k.removesuffix("?"): realise(v, scope) for k, v in value.items() if k != OPEN}
    if isinstance(value, str):
        return fill(value, scope.words)
    return value


def _realise_matcher(matcher: Matcher, scope: Scope) -> Any:
    if matcher.kind == "recall":
        return scope.bound[matcher.argument]
    value = matcher.sample if matcher.has_sample else SAMPLES[matcher.kind]
    if matcher.bind:
        scope.bound[matcher.bind] = value
    return value


SAMPLES: dict[str, Any] = {
    "any": "",
    "str": "",
    "list": [],
    "object": {},
    "int": 1,
    "pid": 4242,
    "pad": "\0pad",
    "re": "",
}


def fill(text: str, words: Mapping[str, str]) -> str:
    """`{here}` and its like, replaced; other braces are left alone."""
    if "{" not in text:
        return text
    return re.sub(r"\{([a-z_]+)\}", lambda m: words.get(m[1], m[0]), text)


def describe(matcher: Matcher) -> str:
    words = {
        "str": "a string",
        "list": "a list",
        "object": "an object",
        "pid": "the process id of the worker",
        "re": f"a string like /{matcher.argument}/",
    }
    return words.get(matcher.kind, f"an integer {matcher.argument}".strip())


def show(value: Any, limit: int = 120) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
