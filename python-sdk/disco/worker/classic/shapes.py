"""What a job function gave that it must not: told with the function's name and line.

Such a mistake shows up in Disco's own loop, after the function has returned; Python's words for it ("cannot
unpack non-iterable int object") name neither the function nor what was expected of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from .signatures import innermost

PAIRS = "(key, value) pairs: yield them, or return an iterable of them"
_SDK = Path(__file__).resolve().parents[2]
_LOOPS = tuple(str(_SDK / folder) for folder in ("worker/classic", "records"))  # where what was given is used


@contextmanager
def blaming(role: str, function: Callable[..., Any] | None) -> Iterator[None]:
    """Around a loop over what `function` gives, the job's map, combiner or reduce (`role`): an error that
    arises in the loop itself is told as one of the function. Errors of its own pass as they are."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError) or not _arose_here(error.__traceback__):
            raise
        text = f"what the {_named(role, function)} gave can't be used: {error}; it must give {PAIRS}"
        raise type(error)(text) from error


def _arose_here(trace: TracebackType | None) -> bool:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(_LOOPS)


def _named(role: str, function: Callable[..., Any] | None) -> str:
    code = getattr(innermost(function), "__code__", None)
    if code is None:
        return role
    return f"{role} ({Path(code.co_filename).name}, line {code.co_firstlineno})"
