"""Session files written: `spell` makes one out of a Session, `tidy` sets the lines of an existing file in
order.

Both keep the meaning: parse(spell(s)) is s, and parse(tidy(text)) is parse(text). `tidy` leaves the head
and the comments as their author wrote them, and so works on files with `[[each]]`, whose lines are not
steps until they are filled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields

from disco_conformance.session.lines import OPENERS
from disco_conformance.session.model import (
    DEFAULT_TIMEOUT_S,
    Block,
    Child,
    Close,
    Deaf,
    Delivery,
    Eof,
    Exit,
    File,
    Grow,
    Head,
    Input,
    Message,
    Nothing,
    Others,
    Raw,
    ServeInputs,
    Session,
    Signal,
    Step,
)
from disco_conformance.session.parse import FENCE, split_source
from disco_conformance.session.values import quote, spell_seconds

INDENT = "  "


def tidy(text: str) -> str:
    head, body, _ = split_source(text)
    rows = [FENCE, *[row.rstrip() for row in head.strip("\n").split("\n")], FENCE]
    depth = 0
    for row in body.split("\n"):
        line = row.strip()
        word = line.partition(" ")[0]
        if word == "end":
            depth -= 1
        level = depth - 1 if word in ("or", "and") else depth
        if line or (rows[-1] and rows[-1] != FENCE):
            rows.append(INDENT * max(level, 0) + line if line else "")
        if word in OPENERS:
            depth += 1
    return "\n".join(rows).rstrip("\n") + "\n"


def spell(session: Session) -> str:
    return "\n".join([FENCE, *spell_head(session.head), FENCE, *spell_steps(session.steps)]) + "\n"


def spell_head(head: Head) -> Iterator[str]:
    yield f"id = {toml_string(head.id)}"
    yield f"title = {toml_string(head.title)}"
    yield f"proves = {_strings(head.proves)}"
    yield f"level = {toml_string(head.level)}"
    yield f"roles = {_strings(head.roles)}"
    for key in ("needs", "kills"):
        if getattr(head, key):
            yield f"{key} = {_strings(getattr(head, key))}"
    if head.axes != ("plain",):
        yield f"axes = {_strings(head.axes)}"
    if head.timeout_s != DEFAULT_TIMEOUT_S:
        yield f"timeout = {toml_string(spell_seconds(head.timeout_s))}"
    if head.cpu_s is not None:
        yield f"cpu = {toml_string(spell_seconds(head.cpu_s))}"
    if head.inputs_grow:
        yield "inputs_grow = true"
    if head.home:
        yield f"home = {toml_string(head.home)}"
    if head.memory_bytes is not None:
        yield f"memory_bytes = {head.memory_bytes}"
    for name, pairs in (("limits", head.limits), ("env", head.env), ("outputs", head.outputs)):
        if pairs:
            yield f"[{name}]"
            yield from (
                f"{toml_string(key)} = {value if isinstance(value, int) else toml_string(value)}"
                for key, value in pairs
            )
    for name, part in (("job", head.job), ("outcome", head.outcome), ("ddfs", head.ddfs)):
        if part is not None:
            changed = {f.name: getattr(part, f.name) for f in fields(part)}
            changed = {f.name: changed[f.name] for f in fields(part) if changed[f.name] != f.default}
            if changed or part is head.ddfs:
                yield f"[{name}]"
                yield from (f"{key} = {_scalar(value)}" for key, value in changed.items())
    for file in head.files:
        yield from _spell_file(file)
    for item in head.inputs:
        yield from _spell_input(item)


def _spell_input(item: Input) -> Iterator[str]:
    yield "[[inputs]]"
    yield f"id = {item.id}"
    yield f"replicas = {_replicas(item.replicas)}"
    if item.status != ("ok",):
        yield f"status = {_strings(item.status)}"
    if item.from_poll != 1:
        yield f"from_poll = {item.from_poll}"
    if item.spare:
        yield f"spare = {_replicas(item.spare)}"
    if item.made:
        yield f"made = {_replicas(item.made)}"
    if item.wait_s is not None:
        yield f"wait = {item.wait_s}"


def _spell_file(file: File) -> Iterator[str]:
    yield f"[files.{toml_string(file.path)}]"
    yield f'hex = "{file.data.hex()}"'
    if file.gzip:
        yield "gzip = true"
    yield f"at = {_strings(file.at)}"
    for key, default in (("repeat", 1), ("status", 200), ("cut", None), ("fails", 0), ("stall", None)):
        if getattr(file, key) != default:
            yield f"{key} = {getattr(file, key)}"
    if file.location:
        yield f"location = {toml_string(file.location)}"


def _scalar(value: bool | int | str | tuple[str | tuple[str, str], ...]) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        pairs = [
            f"{toml_string(item[0])} = {toml_string(item[1])}" for item in value if isinstance(item, tuple)
        ]
        return "{" + ", ".join(pairs) + "}" if pairs else _strings(tuple(str(item) for item in value))
    return str(value) if isinstance(value, int) else toml_string(value)


def toml_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _strings(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(toml_string(value) for value in values) + "]"


def _replicas(pairs: tuple[tuple[int, str], ...]) -> str:
    return "[" + ", ".join(f"[{rep_id}, {toml_string(url)}]" for rep_id, url in pairs) + "]"


def spell_steps(steps: tuple[Step, ...], depth: int = 0) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Block):
            yield from _spell_block(step, depth)
        else:
            yield INDENT * depth + spell_step(step)


def _spell_block(block: Block, depth: int) -> Iterator[str]:
    opening = f"repeat {block.low}..{block.high}" if block.kind == "repeat" else block.kind
    yield INDENT * depth + opening
    for at, branch in enumerate(block.branches):
        if at:
            yield INDENT * depth + ("or" if block.kind == "any-of" else "and")
        yield from spell_steps(branch, depth + 1)
    yield INDENT * depth + "end"


def spell_step(step: Step) -> str:
    match step:
        case Message():
            return f"{step.side} {step.name} {step.text}" + _within(step.within_s)
        case Raw():
            data = quote(step.data) if step.spelt == "raw" else step.data.hex(" ")
            return f"{step.side} {step.spelt} {data}" + (f" * {step.times}" if step.times > 1 else "")
        case ServeInputs():
            return "W serve inputs" + _within(step.within_s)
        case Delivery():
            return _spell_delivery(step)
        case Nothing():
            return f"nothing for {spell_seconds(step.for_s)}"
        case Eof():
            return "eof" + _within(step.within_s)
        case Exit():
            return f"exit {_statuses(step)}" + _within(step.within_s)
        case Signal():
            return f"signal {step.name}"
        case Close():
            return "close"
        case Deaf():
            return "deaf"
        case Others():
            return "others end" + _within(step.within_s)
        case Grow():
            return f"grow {step.mib} MiB"
        case Child():
            return "child"
    raise AssertionError(f"a step without a spelling: {step}")


def _spell_delivery(step: Delivery) -> str:
    if step.kind == "delay":
        return f"delay {spell_seconds(step.amount)}"
    if step.kind == "slow":
        return f"slow {int(step.amount)}/s"
    return f"{'split at' if step.kind == 'split' else step.kind} {int(step.amount)}"


def _statuses(step: Exit) -> str:
    if step.low is None or step.high is None:
        return "any"
    return str(step.low) if step.low == step.high else f"{step.low}..{step.high}"


def _within(value: float | None) -> str:
    return "" if value is None else f" within {spell_seconds(value)}"
