"""A map function without its generator: what takes the pairs puts its body where the map yields.

A third of the time of a word count goes into handing pairs from the map to the loop that takes them. So for
maps that yield plainly, the same function is compiled once more, from its source, with each

    yield KEY, VALUE        as        sums[KEY] = get(KEY, 0) + VALUE                       (`summing`)
                            or as     keys.append(KEY); values.append(VALUE), and a call    (`collecting`)
                                      when there are enough of them

The client sends the source; the worker compiles it and uses it only if that gives the very code of the map
it was sent. What the map does is the same in the same order: it runs until it would yield, the pair is
taken, it goes on. Where that could not be told for sure, the map stays a generator: yields that are part of
an expression or lie within try or with, closures, calls that look at frames or local variables.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable, Iterable
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

from .shuffling.runs import VALUES_ALIKE

Replace = Callable[[ast.expr, ast.expr], list[ast.stmt]]

SUMS, GET = "__disco_sums", "__disco_get"
KEYS, VALUES, LIMIT = "__disco_keys", "__disco_values", "__disco_limit"
LEN, FLUSH = "__disco_len", "__disco_flush"
_KEY, _VALUE = "__disco_key", "__disco_value"
_A_KEY, _A_VALUE = "A_KEY", "A_VALUE"  # in the templates
_SUM = f"{SUMS}[{_A_KEY}] = {GET}({_A_KEY}, 0) + {_A_VALUE}"
_TAKE_KEY = f"{KEYS}.append({_A_KEY})\n"
_TAKE_VALUE = f"{VALUES}.append({_A_VALUE})\n"
_FLUSH_IF_FULL = f"if {LEN}({KEYS}) >= {LIMIT}:\n    {LIMIT} = {FLUSH}()\n"
_LOOKS_AT_FRAMES = frozenset(
    {"locals", "vars", "dir", "eval", "exec", "globals", "inspect", "sys", "super", "__class__"}
)
KIND_OF_FUNCTION = 0xEF  # of a code's flags, those that say how it is called; not whether it is nested
_HOLDS_YIELDS_BADLY = (ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.AsyncFor, ast.Match)
_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def source_of(function: Any) -> str:
    """The source of a function as its file has it; empty if it can't be found."""
    import inspect

    try:
        return inspect.getsource(getattr(function, "__func__", function))
    except (OSError, TypeError):
        return ""


class Collecting(NamedTuple):
    """A map as `run(entry, params, keys, values, len, limit, flush)`.

    When `limit` keys are there it calls `flush`, which must take them all and returns the next limit. If all
    of its yields have one plain value, `same` holds it, and `values` stays empty.
    """

    run: Callable[[Any, Any, list[Any], list[Any], Callable[[Any], int], int, Callable[[], int]], None]
    same: tuple[Any] | None


def summing(function: Any, source: str) -> Callable[[Any, Any, dict[Any, Any], Any], None] | None:
    """`function` as one that adds its pairs to a dictionary: f(entry, params, sums, sums.get).

    None if it can't be sure to do the same.
    """
    definition = _plain_definition(function, source)
    return None if definition is None else _remade(function, definition, (SUMS, GET), _sum)


def collecting(function: Any, source: str) -> Collecting | None:
    """`function` as one that fills two columns. None if it can't be sure to do the same."""
    definition = _plain_definition(function, source)
    if definition is None:
        return None
    same = _one_value([pair.elts[1] for pair in _pairs(definition)])
    template = _TAKE_KEY + ("" if same else _TAKE_VALUE) + _FLUSH_IF_FULL
    arguments = (KEYS, VALUES, LEN, LIMIT, FLUSH)
    return Collecting(_remade(function, definition, arguments, partial(_filled, template)), same)


def _plain_definition(function: Any, source: str) -> ast.FunctionDef | None:
    """The function's definition, if it is a map that yields plainly and `source` is really its own."""
    plain = getattr(function, "__func__", function)
    if not source or not isinstance(plain, FunctionType) or plain.__closure__ or plain.__kwdefaults__:
        return None
    try:
        tree = ast.parse(textwrap.dedent(source))
    except SyntaxError:
        return None
    if len(tree.body) != 1 or not isinstance(definition := tree.body[0], ast.FunctionDef):
        return None
    definition.decorator_list = []
    is_own = _same(_code(tree, plain.__code__.co_filename), plain.__code__)
    return definition if is_own and _is_plain(definition) else None


def _remade(function: Any, definition: ast.FunctionDef, arguments: Iterable[str], replace: Replace) -> Any:
    """The function with further arguments, and other statements for its yields."""
    plain = getattr(function, "__func__", function)
    tree = ast.Module([definition], [])
    ast.increment_lineno(tree, plain.__code__.co_firstlineno - 1)  # the source begins at that line
    definition.args.args += map(ast.arg, arguments)
    _Replaced(replace).generic_visit(definition)
    code = _code(ast.fix_missing_locations(tree), plain.__code__.co_filename)
    made = FunctionType(code, plain.__globals__, plain.__name__)
    return MethodType(made, function.__self__) if isinstance(function, MethodType) else made


class _Replaced(ast.NodeTransformer):
    """Puts other statements in the place of each yield."""

    def __init__(self, replace: Replace) -> None:
        self._replace = replace

    def visit_Expr(self, node: ast.Expr) -> Any:
        if not isinstance(node.value, ast.Yield):
            return node
        assert isinstance(node.value.value, ast.Tuple)
        made = self._replace(*node.value.value.elts)
        for statement in made:
            for part in ast.walk(statement):
                ast.copy_location(part, node)
        return made


def _sum(key: ast.expr, value: ast.expr) -> list[ast.stmt]:
    if isinstance(key, ast.Name) and isinstance(value, ast.Constant):
        return _filled(_SUM, key, value)
    # the key may be looked at twice, and must be made only once, before the value
    return _filled(f"{_KEY} = {_A_KEY}\n{_VALUE} = {_A_VALUE}", key, value) + _filled(
        _SUM, ast.Name(_KEY, ast.Load()), ast.Name(_VALUE, ast.Load())
    )


def _filled(template: str, key: ast.expr, value: ast.expr) -> list[ast.stmt]:
    """The statements of a template, with the expressions for key and value in their places."""
    filling = _Filling({_A_KEY: key, _A_VALUE: value})
    return [filling.visit(statement) for statement in ast.parse(template).body]


class _Filling(ast.NodeTransformer):
    def __init__(self, expressions: dict[str, ast.expr]) -> None:
        self._expressions = expressions

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._expressions.get(node.id, node)


def _one_value(values: list[ast.expr]) -> tuple[Any] | None:
    """The value of expressions that all are one and the same plain constant."""
    found = {(type(one.value), one.value) for one in values if isinstance(one, ast.Constant)}
    if len(found) != 1 or not all(isinstance(one, ast.Constant) for one in values):
        return None
    [(kind, value)] = found
    return (value,) if kind in VALUES_ALIKE else None


def _is_plain(definition: ast.FunctionDef) -> bool:
    arguments = definition.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs:
        return False
    if arguments.defaults:
        return False
    yields = [
        node for node in ast.walk(definition) if isinstance(node, ast.Yield | ast.YieldFrom | ast.Await)
    ]
    statements = [
        node for node in ast.walk(definition) if isinstance(node, ast.Expr) and node.value in yields
    ]
    if not yields or len(statements) != len(yields):
        return False
    for node in ast.walk(definition):
        if isinstance(node, _HOLDS_YIELDS_BADLY) or (isinstance(node, _OWN_SCOPE) and node is not definition):
            return False
        if isinstance(node, ast.Name) and (node.id in _LOOKS_AT_FRAMES or node.id.startswith("__disco")):
            return False
        if isinstance(node, ast.Global | ast.Nonlocal | ast.Delete):
            return False
    return all(_is_pair(node.value) for node in statements)


def _pairs(definition: ast.FunctionDef) -> list[ast.Tuple]:
    """What a plain map yields."""
    yields = (node.value for node in ast.walk(definition) if isinstance(node, ast.Yield))
    return [pair for pair in yields if isinstance(pair, ast.Tuple)]


def _is_pair(node: ast.expr) -> bool:
    if not isinstance(node, ast.Yield) or not isinstance(node.value, ast.Tuple) or len(node.value.elts) != 2:
        return False
    return not any(isinstance(part, ast.Starred) for part in node.value.elts)


def _code(tree: ast.Module, file: str) -> CodeType:
    """The code of the one function in a module's tree."""
    module = compile(tree, file, "exec", dont_inherit=True)
    return next(one for one in module.co_consts if isinstance(one, CodeType))


def _shape(code: CodeType) -> tuple[Any, ...]:
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_flags & KIND_OF_FUNCTION


def _same(compiled: CodeType, given: CodeType) -> bool:
    """Whether two functions are the same program, wherever their lines stand."""
    if _shape(compiled) != _shape(given):
        return False
    if len(compiled.co_consts) != len(given.co_consts):
        return False
    for one, other in zip(compiled.co_consts, given.co_consts, strict=True):
        if isinstance(one, CodeType) and isinstance(other, CodeType):
            if not _same(one, other):
                return False
        elif (type(one), repr(one)) != (type(other), repr(other)):
            return False
    return True
