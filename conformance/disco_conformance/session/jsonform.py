"""The canonical JSON form of a session, for runners in other languages, and its published schema.

`to_json` and `from_json` are inverse to each other. Bytes are hexadecimal, durations are seconds, absent
means default; the text of a message is kept as it was written, because its spelling is what is sent.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from typing import Any

from disco_conformance.session.model import (
    Block,
    Child,
    Close,
    Ddfs,
    Deaf,
    Delivery,
    Eof,
    Exit,
    File,
    Grow,
    Head,
    Input,
    Job,
    Message,
    Nothing,
    Others,
    Outcome,
    Raw,
    ServeInputs,
    Session,
    SessionError,
    Signal,
    Step,
)

FORMAT = 1
STEP_WORDS: dict[str, type[Step]] = {
    "message": Message,
    "raw": Raw,
    "serve-inputs": ServeInputs,
    "delivery": Delivery,
    "close": Close,
    "deaf": Deaf,
    "nothing": Nothing,
    "eof": Eof,
    "exit": Exit,
    "signal": Signal,
    "others": Others,
    "grow": Grow,
    "child": Child,
    "block": Block,
}
_WORD_OF = {kind: word for word, kind in STEP_WORDS.items()}


def to_json(session: Session) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "head": _plain(session.head),
        "steps": [step_to_json(step) for step in session.steps],
    }


def step_to_json(step: Step) -> dict[str, Any]:
    if isinstance(step, Block):
        branches = [[step_to_json(inner) for inner in branch] for branch in step.branches]
        return {
            "step": "block",
            "line": step.line,
            "kind": step.kind,
            "branches": branches,
            "low": step.low,
            "high": step.high,
        }
    return {"step": _WORD_OF[type(step)], **_plain(step)}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        kept = {}
        for item in fields(value):
            inner = getattr(value, item.name)
            if item.default is MISSING or inner != item.default:
                kept[item.name] = _plain(inner)
        return kept
    return value


def from_json(value: dict[str, Any]) -> Session:
    if value.get("format") != FORMAT:
        raise SessionError(f"format {value.get('format')!r} is not {FORMAT}")
    try:
        head = _head(value["head"])
        return Session(head, tuple(step_from_json(step) for step in value["steps"]))
    except (KeyError, TypeError, ValueError) as error:
        raise SessionError(f"not a session in JSON form: {error}") from None


def _head(value: dict[str, Any]) -> Head:
    table = dict(value)
    table["inputs"] = tuple(Input(**_deep(item)) for item in value.get("inputs", []))
    table["files"] = tuple(
        File(**{**_deep(item), "data": bytes.fromhex(item["data"])}) for item in value.get("files", [])
    )
    table["job"] = Job(**_deep(value.get("job", {})))
    table["outcome"] = Outcome(**value.get("outcome", {}))
    if value.get("ddfs") is not None:
        table["ddfs"] = Ddfs(**_deep(value["ddfs"]))
    return Head(**{key: _tuple(item) for key, item in table.items()})


def _deep(item: dict[str, Any]) -> dict[str, Any]:
    return {key: _tuple(value) for key, value in item.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(item) for item in value) if isinstance(value, list | tuple) else value


def step_from_json(value: dict[str, Any]) -> Step:
    table = {key: item for key, item in value.items() if key != "step"}
    kind = STEP_WORDS[value["step"]]
    if kind is Block:
        table["branches"] = tuple(
            tuple(step_from_json(inner) for inner in branch) for branch in value["branches"]
        )
    if kind is Raw:
        table["data"] = bytes.fromhex(value["data"])
    return kind(**table)


def dumps(session: Session) -> str:
    return json.dumps(to_json(session), ensure_ascii=False, sort_keys=True)


def schema() -> dict[str, Any]:
    """The JSON Schema of the form, made from the same classes, so that it cannot lag behind them."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A session of the Disco worker protocol",
        "type": "object",
        "required": ["format", "head", "steps"],
        "additionalProperties": False,
        "properties": {
            "format": {"const": FORMAT},
            "head": {"$ref": "#/$defs/Head"},
            "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
        },
        "$defs": {
            "step": {"oneOf": [{"$ref": f"#/$defs/{word}"} for word in STEP_WORDS]},
            **{word: _object(kind, word) for word, kind in STEP_WORDS.items()},
            **{kind.__name__: _object(kind) for kind in (Head, Input, File, Job, Outcome, Ddfs)},
        },
    }


def _object(kind: type, word: str | None = None) -> dict[str, Any]:
    properties: dict[str, Any] = {"step": {"const": word}} if word else {}
    required = ["step"] if word else []
    for item in fields(kind):
        properties[item.name] = _type(str(item.type))
        if item.default is MISSING:
            required.append(item.name)
    return {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": properties,
    }


def _type(annotation: str) -> dict[str, Any]:
    if annotation.endswith(" | None"):
        return {"anyOf": [_type(annotation.removesuffix(" | None")), {"type": "null"}]}
    if annotation.startswith("tuple["):
        inner = annotation.removeprefix("tuple[").removesuffix("]")
        if inner.endswith(", ..."):
            return {"type": "array", "items": _type(inner.removesuffix(", ..."))}
        return {"type": "array", "prefixItems": [_type(part) for part in inner.split(", ")]}
    simple: dict[str, dict[str, Any]] = {
        "str": {"type": "string"},
        "int": {"type": "integer"},
        "float": {"type": "number"},
        "bool": {"type": "boolean"},
        "bytes": {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
        "Step": {"$ref": "#/$defs/step"},
        "Input": {"$ref": "#/$defs/Input"},
        "File": {"$ref": "#/$defs/File"},
        "Job": {"$ref": "#/$defs/Job"},
        "Outcome": {"$ref": "#/$defs/Outcome"},
        "Ddfs": {"$ref": "#/$defs/Ddfs"},
    }
    return simple[annotation]
