"""Which modules a job's functions use, and which of them have to be sent along.

A *local* module is one whose source is neither part of Python, nor installed, nor part of the SDK: nodes
can't be expected to have it. A module definition is a name (to be imported), or a (name, path) pair (to be
sent, then imported). A module of a package is sent with its whole package.
"""

from __future__ import annotations

import ast
import dis
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ...error import DiscoError
from .signatures import innermost

Definition = str | tuple[str, str]

MAX_PACKAGE_BYTES = 64 * 2**20
OWN = frozenset({"disco", "jobpack", "cloudpickle", "disco_master"})  # sent with every job, or never
_NOT_SENT = frozenset({"__pycache__", ".git", ".hg", ".venv", "venv", "node_modules", ".mypy_cache"})
_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})


class ModUtilImportError(DiscoError, ImportError):
    """A module that a function uses can't be found."""

    def __init__(self, error: Any, function: Any) -> None:
        self.function = function
        where = getattr(function, "__name__", function)
        super().__init__(f"Could not find module defined in {where}: {error}. Maybe it is a typo.")


def find_modules(
    functions: Iterable[Any], send_modules: bool = True, recurse: bool = True, exclude: Iterable[str] = ()
) -> list[Definition]:
    """The modules that `functions` (or classes) use: names, and (name, path) for local ones.

    Without `send_modules` only names, of directly used modules. With `recurse` also what local modules use.
    """
    left_out = set(exclude) | {"__main__"}
    names: dict[str, Any] = {}
    for function in functions:
        for name in parse_function(function):
            names.setdefault(name, function)
    wanted = [name for name in names if name not in left_out and name.partition(".")[0] not in OWN]
    if not send_modules:
        return list(wanted)
    found: list[Definition] = []
    for name in wanted:
        try:
            found += locate_modules([name], recurse)
        except ImportError as error:
            raise ModUtilImportError(error, names[name]) from error
    return [one for one in dict.fromkeys(found) if (one if isinstance(one, str) else one[0]) not in left_out]


def local_modules(functions: Iterable[Any]) -> list[Definition]:
    """What to send for `functions` when the job does not say: every local module that can be found.

    A module that is not here may still be on the nodes, or be imported only if it is there.
    """
    names = dict.fromkeys(name for function in functions for name in parse_function(function))
    found: dict[Definition, None] = {}
    for name in names:
        if name != "__main__":
            with suppress(ImportError):
                found.update(dict.fromkeys(locate_modules([name])))
    return [one for one in found if not isinstance(one, str)]


def locate_modules(
    modules: Iterable[str], recurse: bool = True, include_sys: bool = False
) -> list[Definition]:
    """Definitions for module names: (name, path) if local or `include_sys`, else the name alone."""
    found: dict[str, Definition] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name in found or name.partition(".")[0] in OWN:
            continue
        path = _source_of(name)
        is_sent = path is not None and (include_sys or is_local(path))
        found[name] = (name, str(path)) if is_sent and path is not None else name
        if path is not None and is_sent and recurse and is_local(path):
            waiting += _imported_by(path, name)
    wanted = list(modules)
    return [found[name] for name in found if name in wanted or not isinstance(found[name], str)]


def modules_of(functions: Iterable[Any]) -> list[Definition]:
    """Definitions of the local modules in which `functions` are defined."""
    names = {str(getattr(innermost(f), "__module__", "__main__")) for f in functions}
    names -= {"__main__", "builtins", "None"}
    return [one for one in locate_modules(sorted(names), recurse=False) if not isinstance(one, str)]


def parse_function(function: Callable[..., Any]) -> list[str]:
    """Names of the modules that a function (or the methods of a class) uses, its own module first."""
    names: dict[str, None] = {}
    seen: set[int] = set()
    waiting: list[Any] = [function]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if str(getattr(innermost(item), "__module__", "")).partition(".")[0] in OWN:
            continue
        names.update(dict.fromkeys(_own_module(item)))
        for code, scope in _codes(item):
            for used in _used_by(code, scope):
                if isinstance(used, str):
                    names[used] = None
                else:
                    waiting.append(used)
    return list(names)


def is_local(path: Path) -> bool:
    """Whether the source at `path` is the user's own."""
    return path.suffix == ".py" and not any(path.is_relative_to(root) for root in _installed_roots())


def archive_files(name: str, path: str) -> Iterator[tuple[str, str]]:
    """(name in the archive, path) of the files that make `import name` work: itself, or its package.

    `path` may be the folder of a package. Raises DiscoError when it is not there.
    """
    parts = name.split(".")
    source = Path(path)
    if source.is_dir():
        source = source / "__init__.py"
        if not source.exists():  # a package may have none
            yield from _folder_files(source.parent, "/".join(parts))
            return
    if not source.is_file():
        raise DiscoError(f"module {name} can't be sent: there is no file {path}")
    is_package = source.name == "__init__.py"
    depth = len(parts) if is_package else len(parts) - 1
    roots = list(source.parents)[:depth]
    packages = [root for root in roots if (root / "__init__.py").is_file()]
    if not packages:
        yield f"{'/'.join(parts)}.py", path
        return
    yield from _folder_files(packages[-1], "/".join(parts[: depth - len(packages) + 1]))


def _folder_files(top: Path, below: str) -> Iterator[tuple[str, str]]:
    """All files of a package, named as they lie in the archive. Raises DiscoError when they are too large."""
    total = 0
    for file in sorted(top.rglob("*")):
        inside = file.relative_to(top)
        if file.is_file() and not set(inside.parts) & _NOT_SENT and file.suffix != ".pyc":
            total += file.stat().st_size
            if total > MAX_PACKAGE_BYTES:
                raise DiscoError(
                    f"package {below} at {top} is larger than {MAX_PACKAGE_BYTES} bytes: install it on the "
                    "nodes, or list the modules to send in required_modules"
                )
            yield f"{below}/{inside.as_posix()}", str(file)


@lru_cache(maxsize=1)
def _installed_roots() -> tuple[Path, ...]:
    import site
    import sysconfig

    paths = sysconfig.get_paths()
    roots = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    roots |= {*site.getsitepackages(), site.getusersitepackages()}
    roots |= {str(Path(sys.base_prefix) / "lib" / "python3" / "dist-packages")}
    return tuple(sorted(Path(root) for root in roots))


def _own_module(item: Any) -> list[str]:
    name = getattr(innermost(item), "__module__", None)
    return [name] if isinstance(name, str) and name not in ("__main__", "builtins") else []


def _codes(item: Any) -> Iterator[tuple[CodeType, dict[str, Any]]]:
    """The code objects of a function, method, partial, or class, with their globals."""
    function = innermost(item)
    if isinstance(function, FunctionType):
        yield function.__code__, function.__globals__
    elif isinstance(item, type):
        for base in item.__mro__:
            if base.__module__.partition(".")[0] in OWN or base is object:
                continue
            for member in vars(base).values():
                inner = getattr(member, "__func__", getattr(member, "fget", member))
                if isinstance(inner, FunctionType):
                    yield inner.__code__, inner.__globals__


def _used_by(code: CodeType, scope: dict[str, Any]) -> Iterator[Any]:
    """Module names (text) that a code object uses, and functions and classes to look into."""
    chain: list[str] = []
    constants: tuple[Any, Any] = (0, None)  # the last two: of an import, its level and what is taken from it
    for step in dis.get_instructions(code):
        if step.opname in _ATTRIBUTES and chain:
            dotted = ".".join([*chain, str(step.argval)])
            if dotted in sys.modules:
                chain.append(str(step.argval))
                yield dotted
                continue
        chain = []
        if step.opname == "LOAD_CONST":
            constants = (constants[1], step.argval)
        elif step.opname == "IMPORT_NAME":
            yield _absolute_name(str(step.argval), constants[0], scope)
        elif step.opname in _GLOBALS and step.argval in scope:
            value = scope[step.argval]
            if isinstance(value, ModuleType):
                chain = value.__name__.split(".")
                yield value.__name__
            elif isinstance(value, FunctionType | type):
                yield value
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _used_by(constant, scope)


def _absolute_name(name: str, level: Any, scope: dict[str, Any]) -> str:
    """The name of an imported module; `level` counts the dots before it."""
    if not isinstance(level, int) or level < 1:
        return name
    package = str(scope.get("__package__") or "").split(".")
    base = package[: len(package) - level + 1]
    return ".".join([*base, *([name] if name else [])])


def _source_of(name: str) -> Path | None:
    """The source file of a module; None for built-in ones. Raises ImportError when there is none of it."""
    module = sys.modules.get(name)
    if module is not None:
        source = getattr(module, "__file__", None)
        return Path(source).resolve() if source else None
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        spec = None
    except ValueError:  # a module without a spec
        return None
    if spec is None:
        raise ImportError(f"no module named {name}")
    return Path(spec.origin).resolve() if spec.origin and spec.has_location else None


def _imported_by(path: Path, name: str) -> Iterator[str]:
    """Names of modules that a source file imports and that can be found here."""
    is_package = path.name == "__init__.py"
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = name.split(".")
                parents = parents[: len(parents) - node.level + (1 if is_package else 0)]
                base = ".".join([*parents, *([base] if base else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for found in names:
            try:
                if found and _source_of(found) is not None:
                    yield found
            except (ImportError, AttributeError):
                continue  # a name in a module, or one that is optional there
