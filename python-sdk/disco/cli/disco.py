"""The program `disco`: the master, and the jobs it runs."""

from __future__ import annotations

import click

from . import completion, master
from .cluster.doctor import doctor
from .cluster.node import node
from .debugging import commands as debugging
from .frame import Group, session, setting_lines
from .jobs import looking, results, starting


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Start and stop Disco, run jobs, and look at them.

    Without a command, tell which master is asked; with -v, list all settings.

    Where a job is named, @ is the newest job and @?TEXT the newest whose name contains TEXT. Lists have one
    entry a line, with tabs between fields; with --json every command prints JSON.

    Exit status: 0 done, 1 error, 2 wrong usage, 130 ended by Ctrl-C.

    \b
    Examples:
      disco start
      disco run count.WordCount http://host/a.txt
      disco wait @
      disco results @?WordCount | ddfs xcat
    """
    if ctx.invoked_subcommand is None:
        found = session()
        if found.verbose:
            found.emit(dict(found.settings), setting_lines(found))
        else:
            found.emit(found.settings.master, [f"Disco master at {found.settings.master}"])


for command in (
    *master.COMMANDS,
    *starting.COMMANDS,
    *looking.COMMANDS,
    *results.COMMANDS,
    *debugging.COMMANDS,
    node,
    doctor,
    completion.completion,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
