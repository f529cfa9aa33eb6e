"""The user's own readers and input streams, named on the command line."""

from __future__ import annotations

from typing import Any

import click

from ..naming import named

FUNCTIONS = "disco.worker.classic.func"  # where a plain name is looked for

reader_option = click.option("-R", "--reader", metavar="MODULE.FUNC", help="Reader of the records.")
stream_option = click.option("-T", "--stream", metavar="MODULE.FUNC", help="Input stream before the reader.")


def function_named(dotted: str | None) -> Any:
    """The function, or None for no name."""
    return named(dotted, FUNCTIONS) if dotted else None
