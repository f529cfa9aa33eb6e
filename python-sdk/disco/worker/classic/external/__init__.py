"""The external interface: a map or a reduce that is a program, instead of a function.

    package(["bin/cmap", "cmap.conf"])  ->  {"op": the program, "cmap.conf": its content}
                                             given to a job as `map` or `reduce`

Its files lie in a flat directory of the job home, ext.map/ or ext.reduce/, where the program is started as
`op map` or `op reduce`. It reads parameters and pairs from standard input and writes lists of pairs to
standard output (`pairs`); each line of its standard error is a message (`program`). Source: documents
4.1.10.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .packaging import MODES, carried, complaint, encoded_params, is_external, package, program_files

if TYPE_CHECKING:
    from .program import Program

__all__ = ["MODES", "carried", "complaint", "is_external", "package", "program_files", "start_program"]


def start_program(mode: str, get: Callable[[str], Any]) -> Program:
    """Start the program of a mode; `get` gives the job's parameters. Raises ProgramError."""
    from .program import Program  # what it takes to run programs is loaded where there is one

    return Program(mode, encoded_params(get("ext_params")))
