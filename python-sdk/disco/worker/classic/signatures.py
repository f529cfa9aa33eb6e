"""How many arguments a job function takes: several kinds of them exist in a short and a long form."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any


def innermost(function: Any) -> Any:
    """The function behind methods and `functools.partial`s of it."""
    while True:
        inner = getattr(function, "__func__", None) or getattr(function, "func", None)
        if inner is None or not callable(inner):
            return function
        function = inner


def positional(function: Callable[..., Any]) -> tuple[tuple[str, ...], int]:
    """Names of the positional parameters, without a bound `self`, and how many of them have no default."""
    code = getattr(function, "__code__", None) or getattr(
        getattr(function, "__func__", None), "__code__", None
    )
    if code is None:
        return _inspected(function)
    names = code.co_varnames[: code.co_argcount]
    bound = 1 if isinstance(function, MethodType) else 0
    defaults = len(function.__defaults__ or ()) if hasattr(function, "__defaults__") else 0
    return names[bound:], len(names) - bound - defaults


def takes_params(stream: Callable[..., Any], place: int) -> bool:
    """Whether a stream function wants the job's params as its argument number `place`.

    A parameter of another name that has a default is the function's own option.
    """
    names, required = positional(stream)
    return len(names) >= place and (required >= place or names[place - 1] == "params")


def yields_pairs(reduce: Callable[..., Any]) -> bool:
    """Whether a reduce function has the two-argument form, which returns its output."""
    names, _ = positional(reduce)
    return len(names) < 3


def _inspected(function: Callable[..., Any]) -> tuple[tuple[str, ...], int]:
    import inspect

    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    found = [p for p in inspect.signature(function).parameters.values() if p.kind in kinds]
    return tuple(p.name for p in found), sum(p.default is inspect.Parameter.empty for p in found)
