"""`disco node`: this machine as a node of a master elsewhere."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from ..failing import CommandError
from ..frame import Command, session

_MODULE = "disco_master.shell.cluster.node"
_NEEDED = ("disco_master", "flask", "waitress", "distributed")


@click.command(cls=Command)
@click.option("--master", metavar="ADDRESS", help="The master, HOST or HOST:PORT. Default: DISCO_MASTER.")
@click.option("--name", help="The name under which all others reach this machine. Default: its host name.")
@click.option(
    "--bind", metavar="ADDRESS", help="The address to listen on. Default: what the name means here."
)
@click.option("--slots", type=click.IntRange(1, 10_000), help="Tasks at a time. Default: one a core.")
def node(master: str | None, name: str | None, bind: str | None, slots: int | None) -> None:
    """Run this machine as a node of a cluster, in the foreground. Ctrl-C stops it.

    The node joins the master, and joins again whenever the connection is lost; what runs on it goes on
    meanwhile. It needs the same DISCO_PORT, DDFS_PUT_PORT and DISCO_CLUSTER_PORT as the master, and a copy of
    the master's secret file (DISCO_SECRET_FILE, mode 600).

    Output: none; the log goes to standard error. JSON: none.

    \b
    Example:
      disco node --master master.example --name node1.example
    """
    settings = session().settings.reaching(master, None)
    for package in _NEEDED:
        if find_spec(package) is None:
            raise CommandError(
                f"A node needs {package}, which is not installed: pip install disco-mapreduce[master,cluster]"
            )
    file = ["--settings", str(Path(settings.file).resolve())] if settings.file else []
    given = {"--name": name, "--bind": bind, "--slots": slots}
    options = [word for option, value in given.items() if value for word in (option, str(value))]
    command = [sys.executable, "-u", "-m", _MODULE, *file, *options]
    os.execve(command[0], command, {**os.environ, **settings.env})
