"""A map function without its generator: the loop that sums puts its body where the map yields.

A third of the time of a word count goes into handing pairs from the map to the loop that sums them. So for
maps that yield plainly, the same function is compiled once more, from its source, with each

    yield KEY, VALUE        as        sums[KEY] = get(KEY, 0) + VALUE

The client sends the source; the worker compiles it and uses it only if that gives the very code of the map
it was sent. What the map does is the same in the same order: it runs until it would yield, the pair is
added, it goes on. Where that could not be told for sure, the map stays a generator: yields that are part of
an expression or lie within try or with, closures, calls that look at frames or local variables.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable
from types import CodeType, FunctionType, MethodType
from typing import Any

SUMS, GET = "__disco_sums", "__disco_get"
_KEY, _VALUE = "__disco_key", "__disco_value"
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


def summing(function: Any, source: str) -> Callable[[Any, Any, dict[Any, Any], Any], None] | None:
    """`function` as one that adds its pairs to a dictionary: f(entry, params, sums, sums.get).

    None if it can't be sure to do the same.
    """
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
    file = plain.__code__.co_filename
    if not _same(_code(tree, file), plain.__code__) or not _is_plain(definition):
        return None
    ast.increment_lineno(tree, plain.__code__.co_firstlineno - 1)  # the source begins at that line
    definition.args.args += [ast.arg(SUMS), ast.arg(GET)]
    definition.args.defaults = []
    _Summed().generic_visit(definition)
    made = FunctionType(_code(ast.fix_missing_locations(tree), file), plain.__globals__, plain.__name__)
    return MethodType(made, function.__self__) if isinstance(function, MethodType) else made


class _Summed(ast.NodeTransformer):
    """Puts the sum in the place of each yield."""

    def visit_Expr(self, node: ast.Expr) -> Any:
        if not isinstance(node.value, ast.Yield):
            return node
        assert isinstance(node.value.value, ast.Tuple)
        key, value = node.value.value.elts
        if isinstance(key, ast.Name) and isinstance(value, ast.Constant):
            made = ast.parse(f"{SUMS}[{key.id}] = {GET}({key.id}, 0) + {value.value!r}").body
        else:
            made = ast.parse(f"{_KEY} = 0\n{_VALUE} = 0\n{SUMS}[{_KEY}] = {GET}({_KEY}, 0) + {_VALUE}").body
            for statement, expression in zip(made, (key, value), strict=False):
                assert isinstance(statement, ast.Assign)
                statement.value = expression
        for statement in made:
            for part in ast.walk(statement):
                ast.copy_location(part, node)
        return made


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
