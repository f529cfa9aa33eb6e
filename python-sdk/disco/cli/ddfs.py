"""The program `ddfs`: tags and blobs of Disco's distributed filesystem."""

from __future__ import annotations

import click

from . import completion
from .frame import Group, session, setting_lines
from .stored import blobs, moving, space, tags


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Store data in Disco's distributed filesystem, and look at it.

    Without a command, tell which master is asked; with -v, list all settings.

    Data lie in blobs; tags name them. Lists have one entry a line, with tabs between fields and replicas;
    with --json every command prints JSON (the contents of blobs excepted).

    Exit status: 0 done, 1 error, 2 wrong usage, 130 ended by Ctrl-C.

    \b
    Examples:
      ddfs chunk data:chekhov ./chekhov.txt
      ddfs ls data:
      ddfs xcat tag://data:chekhov | head
      ddfs rm data:chekhov
    """
    if ctx.invoked_subcommand is None:
        found = session()
        if found.verbose:
            found.emit(dict(found.settings), setting_lines(found))
        else:
            found.emit(found.settings.master, [f"DDFS master at {found.settings.master}"])


for command in (*tags.COMMANDS, *blobs.COMMANDS, *moving.COMMANDS, *space.COMMANDS, completion.completion):
    main.add_command(command)

if __name__ == "__main__":
    main()
