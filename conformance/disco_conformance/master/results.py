"""What a finished job left behind, compared with what its workers reported.

The results that the adapter names are followed as a client follows them: an index to its lines, a line to
its file. Files of the task's host are opened below disco_data, others are fetched.
"""

from __future__ import annotations

import gzip
import re
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from disco_conformance.play.result import Failed

LINE = re.compile(rb"(0|[1-9][0-9]*) (\S+)")
FETCH_S = 10.0
SHOWN = 400


@dataclass(eq=False)
class Done:
    """A task that was told OK to its DONE: its TASK object, (type, label, text or URL) for each output, and
    the URLs that INPUT listed."""

    info: Mapping[str, Any]
    reported: list[tuple[str, int, str]] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)


def check(results: Any, done: Sequence[Done]) -> None:
    """Raises Failed, without a line."""
    phases = {mode: _phase(done, mode) for mode in ("map", "reduce")}
    for mode, tasks in phases.items():
        numbers = [task.info["taskid"] for task in tasks]
        if numbers != list(range(len(tasks))):
            raise Failed(f"the {mode} tasks have the numbers {numbers}", requirement="task.fields")
    _check_shared_out(phases["map"])
    if not isinstance(results, list) or not all(isinstance(url, str) for url in results):
        raise Failed("the outcome holds no list of results", requirement="index.line", got=str(results))
    if phases["map"]:
        for task in phases["reduce"]:
            _check_phase(task.inputs, phases["map"])
    _check_phase(results, phases["reduce"] or phases["map"])


def _check_shared_out(maps: Sequence[Done]) -> None:
    """Each input of the job belongs to one map task."""
    listed = [url for task in maps for url in task.inputs]
    twice = next((url for url in listed if listed.count(url) > 1), None)
    if twice is not None:
        raise Failed("two map tasks have the same input", requirement="input.reply", got=twice)


def latest(done: Sequence[Done]) -> list[Done]:
    """Where tasks were carried out again: what each did last."""
    return list({(task.info["mode"], task.info["taskid"]): task for task in done}.values())


def _phase(done: Sequence[Done], mode: str) -> list[Done]:
    return sorted((t for t in done if t.info["mode"] == mode), key=lambda task: int(task.info["taskid"]))


def _check_phase(urls: Sequence[str], tasks: Sequence[Done]) -> None:
    """What the URLs lead to is what these tasks reported."""
    if not tasks:
        if urls:
            raise Failed("there are results, but no task came to DONE", got=urls[0])
        return
    outputs = [output for task in tasks for output in task.reported]
    other = [url for url in urls if not url.startswith(("dir://", "tag://"))]
    if other:
        raise Failed("a result is neither an index nor a tag", requirement="index.line", got=other[0])
    _check_tags(urls, [text for kind, _, text in outputs if kind == "tag"])
    indexes = [url for url in urls if url.startswith("dir://")]
    lines = [line for url in indexes for line in _index(url, tasks[0].info)]
    parts: dict[int, str] = {}
    for kind, label, text in outputs:
        if kind == "part":
            parts[label] = parts.get(label, "") + text
    plain = [text for kind, _, text in outputs if kind == "disco"]
    _check_contents(lines, parts, plain, tasks[0].info)


def _check_tags(results: Iterable[str], want: Sequence[str]) -> None:
    tags = sorted(url for url in results if url.startswith("tag://"))
    if tags != sorted(want):
        raise Failed("the tags are not those that were reported", want=str(sorted(want)), got=str(tags))


def _index(url: str, info: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Its lines, in their order."""
    data = _content(url, info)
    if url.endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError):
            raise Failed("the index is no gzip data", requirement="index.gzip", got=url) from None
    rows = data.split(b"\n")
    if rows.pop():
        raise Failed("the last line of the index has no LF", requirement="index.line", got=url)
    lines = []
    for row in rows:
        fitting = LINE.fullmatch(row)
        if fitting is None:
            raise Failed("this is no line of an index", requirement="index.line", got=str(row))
        lines.append((int(fitting[1]), fitting[2].decode()))
    if lines != sorted(set(lines)):
        raise Failed("the lines of the index are not sorted and unique", requirement="index.sorted",
                     got=str(lines)[:SHOWN])  # fmt: skip
    return lines


def _check_contents(
    lines: Sequence[tuple[int, str]], parts: Mapping[int, str], plain: Sequence[str], info: Mapping[str, Any]
) -> None:
    found: dict[int, list[str]] = {}
    for label, url in lines:
        found.setdefault(label, []).append(_content(url, info).decode("utf-8", "replace"))
    for text in plain:
        if text not in found.get(0, []):
            raise Failed("an output of type disco is not listed under label 0, whole", want=text[:SHOWN],
                         got=str(found.get(0))[:SHOWN], requirement="index.disco")  # fmt: skip
        found[0].remove(text)
    for label in sorted({*parts, *found}):
        got, want = found.get(label, []), parts.get(label)
        if got and want is None:
            raise Failed(f"the index lists label {label}, which nobody reported", got=str(got)[:SHOWN],
                         requirement="index.part")  # fmt: skip
        if want is not None and got != [want]:
            raise Failed(f"label {label} is not the parts of the tasks, joined in their order",
                         want=want[:SHOWN], got=str(got)[:SHOWN], requirement="index.part")  # fmt: skip


def _content(url: str, info: Mapping[str, Any]) -> bytes:
    parts = urlsplit(url)
    path = parts.path.lstrip("/")
    try:
        if parts.hostname == info["host"] and path.startswith("disco/"):
            local = Path(info["disco_data"], unquote(path.removeprefix("disco/")))
            if local.is_file():
                return local.read_bytes()
        remote = f"http://{parts.hostname}:{info['disco_port']}/{path}"
        with urllib.request.urlopen(remote, timeout=FETCH_S) as reply:
            return bytes(reply.read())
    except OSError as error:
        reason = f"a result cannot be read: {error}"
        raise Failed(reason, requirement="index.line", got=url) from None
