"""`jobpack.toml`: the options of `jobpack pack` in a file, so that a job can be kept beside its code.

Paths in it are relative to the file. A key that is not known is refused by its name, since a misspelt
option that is silently left out is found only when the job has run.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from jobpack.build import PackOptions

FILE_NAME = "jobpack.toml"
SCHEDULER_KEYS = (
    "max_cores", "force_local", "force_remote", "max_failures", "max_job_failures", "backup_tasks",
    "task_timeout",
)  # fmt: skip


class ConfigError(ValueError):
    """A jobpack.toml can't be used; the message names the file, the key and what would be right."""


@dataclass(slots=True)
class Config:
    """What a jobpack.toml says: the worker, where the pack goes, and the options of the builder."""

    worker: Path | None = None
    output: Path | None = None
    options: PackOptions = field(default_factory=lambda: PackOptions())


def read_config(path: Path) -> Config:
    """The options in the file `path`. Raises ConfigError, OSError."""
    try:
        table = tomllib.loads(path.read_bytes().decode("utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is no TOML: {error}") from error
    return _Reader(path, table).config()


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_text_table(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


_TEXT = (_is_text, "a text")
_FLAG = (lambda value: isinstance(value, bool), "true or false")
# Key -> is the value of the right shape, and that shape in words. Ranges are the builder's to check.
_SHAPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "worker": _TEXT,
    "output": _TEXT,
    "owner": _TEXT,
    "prefix": _TEXT,
    "data": _TEXT,
    "data_file": _TEXT,
    "input": (
        lambda value: isinstance(value, list) and all(_is_text(v) or _is_texts(v) for v in value),
        "a list of URLs, or of lists of the URLs of one input's replicas",
    ),
    "map": _FLAG,
    "reduce": _FLAG,
    "partitions": (lambda value: type(value) is int, "a whole number"),
    "files": (lambda v: _is_texts(v) or _is_text_table(v), "a list of paths, or a table of NAME = PATH"),
    "env": (_is_text_table, "a table of NAME = text"),
    "scheduler": (lambda value: isinstance(value, dict), f"a table of {', '.join(SCHEDULER_KEYS)}"),
}
# Those that the builder takes as they are, by its names for them.
_OPTIONS = {"input": "inputs", "env": "envs"} | {
    key: key for key in ("map", "reduce", "partitions", "owner", "prefix", "scheduler")
}


class _Reader:
    def __init__(self, path: Path, table: dict[str, Any]) -> None:
        self._path = path
        self._table = table

    def config(self) -> Config:
        self._check_keys(self._table, tuple(_SHAPES), "")
        for key, value in self._table.items():
            is_right, shape = _SHAPES[key]
            if not is_right(value):
                raise ConfigError(f"{self._path}: {key} must be {shape}")
        self._check_keys(self._table.get("scheduler", {}), SCHEDULER_KEYS, "scheduler.")
        worker, output = self._table.get("worker"), self._table.get("output")
        return Config(
            worker=None if worker is None else self._local(worker),
            output=None if output is None else self._local(output),
            options=self._options(),
        )

    def _options(self) -> PackOptions:
        table = self._table
        options = cast(PackOptions, {_OPTIONS[key]: table[key] for key in table if key in _OPTIONS})
        if "files" in table:
            options["files"] = self._files(table["files"])
        if "data" in table and "data_file" in table:
            raise ConfigError(f"{self._path}: data and data_file exclude each other; keep one")
        if "data" in table:
            options["data"] = table["data"].encode("utf-8")
        if "data_file" in table:
            options["data"] = self._local(table["data_file"]).read_bytes()
        return options

    def _files(self, files: list[str] | dict[str, str]) -> dict[str, Path]:
        if isinstance(files, dict):
            return {name: self._local(path) for name, path in files.items()}
        return named_files([self._local(path) for path in files])

    def _local(self, path: str) -> Path:
        return self._path.parent / Path(path).expanduser()

    def _check_keys(self, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                way_out = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
                raise ConfigError(f"{self._path}: unknown key {where + key!r}; {way_out}")


def named_files(paths: list[Path]) -> dict[str, Path]:
    """Each path under its own name. Raises ConfigError if two have the same."""
    named: dict[str, Path] = {}
    for path in paths:
        name = path.absolute().name
        if name in named:
            raise ConfigError(f"{named[name]} and {path} would both be {name!r} there; use NAME=PATH")
        named[name] = path
    return named
