"""Packing external programs: the dictionary that stands for one, and its files in the job home."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ....error import DiscoError
from ... import current
from ..netstring import encode_netstring_fd

OP = "op"  # the name of the program among its files
MODES = ("map", "reduce")
NO_PARAMS = b"0\n"  # netstrings of no pairs: `read_parameters` of the C library has something to read


def package(files: Iterable[str | Path]) -> dict[str, bytes]:
    """The dictionary for an external map or reduce: `files` are paths, that of the program first.

    The directories of the paths are left out. Raises DiscoError for files that can't be read or whose
    names are the same.
    """
    if isinstance(files, str | bytes):
        raise DiscoError(f"the files of an external program are a list of paths: write [{files!r}]")
    paths = [Path(file) for file in files]
    if not paths:
        raise DiscoError("an external program needs a file; give the path of the program first")
    if current.channel is not None:
        return {OP: b""}  # a task imports the job's module: the program is in its job home already
    packed = {OP: _content(paths[0])}
    for path in paths[1:]:
        if path.name in packed:
            raise DiscoError(f"{path} would be a second file named {path.name}; all lie in one directory")
        packed[path.name] = _content(path)
    return packed


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DiscoError(f"{path} of an external program can't be read ({error.strerror})") from error


def is_external(function: Any) -> bool:
    """Whether a job's map or reduce is a program."""
    return isinstance(function, Mapping)


def complaint(mode: str, program: Mapping[Any, Any], ext_params: Any) -> str:
    """What is wrong with the dictionary of an external program, or with its parameters; empty if nothing."""
    if not program.get(OP):
        return f'{mode} is a dictionary without a program; its content belongs under "{OP}"'
    for name, content in program.items():
        if not isinstance(name, str) or not name or name in (".", "..") or "/" in name or "\0" in name:
            return f"{mode}: {name!r} can't be the name of a file; all lie in one directory"
        if not isinstance(content, str | bytes):
            return f"{mode}: {name} must be the content of a file, not {type(content).__name__}"
    try:
        encoded_params(ext_params)
    except (TypeError, ValueError) as error:
        return f"ext_params: {error}"
    return ""


def encoded_params(ext_params: Any) -> bytes:
    """What the program reads before the first pair: a string as it is, a dictionary as netstrings."""
    if ext_params is None:
        return NO_PARAMS
    if isinstance(ext_params, Mapping):
        return encode_netstring_fd(ext_params)
    if isinstance(ext_params, str | bytes):
        return _as_bytes(ext_params)
    raise TypeError(f"give a string, or a dictionary of strings, not {type(ext_params).__name__}")


def program_files(mode: str, program: Any) -> Iterator[tuple[str, bytes, bool]]:
    """(name in the job home, content, whether it can be executed); nothing unless it is a program."""
    if not is_external(program):
        return
    for name, content in program.items():
        data = _as_bytes(content)
        can_run = name == OP or data.startswith((b"#!", b"\x7fELF"))
        yield f"{home_of(mode)}/{name}", data, can_run


def carried(jobargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a job without the content of programs, which travels in the job home."""
    return {
        key: dict.fromkeys(value, b"") if key in MODES and is_external(value) else value
        for key, value in jobargs.items()
    }


def home_of(mode: str) -> str:
    """The directory of the program of a mode, in the job home."""
    return f"ext.{mode}"


def _as_bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
