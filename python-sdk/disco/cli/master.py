"""Commands that run the master, and those that ask it about itself."""

from __future__ import annotations

import os
from typing import Any

import click

from .frame import EXIT_ERROR, Command, session


def _process() -> Any:
    from .daemon import MasterProcess

    return MasterProcess(session().settings)


def _tell(name: str, state: str) -> None:
    session().emit({"master": name, "state": state}, [f"{name} {state}"])


@click.command(cls=Command)
def start() -> None:
    """Start the master, with one node on this machine, in the background.

    It is ready when the command returns. Its log is DISCO_LOG_DIR/Master-HOST_PORT.log.

    \b
    Example:
      $ disco start
      Master localhost:8989 started
    """
    process = _process()
    process.start()
    _tell(process.name, "started")


@click.command(cls=Command)
def stop() -> None:
    """Stop the master. Jobs that run go on when it is started again."""
    process = _process()
    process.stop()
    _tell(process.name, "stopped")


@click.command(cls=Command)
def restart() -> None:
    """Stop the master and start it again."""
    process = _process()
    process.stop()
    _tell(process.name, "stopped")
    process.start()
    _tell(process.name, "started")


@click.command(cls=Command)
def status() -> None:
    """Say whether the master runs. The exit status is 1 if it does not."""
    process = _process()
    running = process.pid() is not None
    _tell(process.name, "running" if running else "stopped")
    if not running:
        click.get_current_context().exit(EXIT_ERROR)


@click.command(cls=Command)
def nodaemon() -> None:
    """Run the master in the foreground, with its log on the terminal. Ctrl-C stops it."""
    from .daemon import master_command

    settings = session().settings
    command = master_command(settings)
    os.execve(command[0], command, {**os.environ, **settings.env})


@click.command(cls=Command)
def config() -> None:
    """Print the node table: host specification, tab, number of slots."""
    session().emit(session().disco.config)


@click.command(cls=Command)
def nodeinfo() -> None:
    """Print the status of each node: name, tab, JSON object."""
    import json

    nodes = session().disco.nodeinfo()
    session().emit(nodes, (f"{name}\t{json.dumps(about)}" for name, about in nodes.items()))


@click.command("client_version", cls=Command)
def client_version() -> None:
    """Print the version of this library."""
    session().emit(session().disco.client_version)


@click.command("master_version", cls=Command)
def master_version() -> None:
    """Print the version of the running master."""
    session().emit(session().disco.master_version)


COMMANDS = [start, stop, restart, status, nodaemon, config, nodeinfo, client_version, master_version]
