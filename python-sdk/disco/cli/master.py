"""Commands that run the master, and those that ask it about itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from .failing import EXIT_ERROR
from .frame import Command, session

Body = TypeVar("Body", bound=Callable[..., None])


def _site_options(body: Body) -> Body:
    """Where jobs run, for the commands that start a master."""
    engine = click.option(
        "--engine",
        type=click.Choice(["local", "dask"]),
        help="local: a node in the master. dask: nodes that join (`disco node`). Default: DISCO_ENGINE.",
    )
    nodes = click.option(
        "--nodes", type=click.IntRange(1, 250), help="Start so many nodes here, on 127.0.0.2, 127.0.0.3, …"
    )
    return engine(nodes(body))


def _settings(engine: str | None = None, nodes: int | None = None) -> Any:
    given = {"DISCO_ENGINE": "dask" if nodes else engine, "DISCO_NODES": nodes}
    return session().settings.with_values(**{name: value for name, value in given.items() if value})


def _process(engine: str | None = None, nodes: int | None = None) -> Any:
    from .daemon import MasterProcess

    return MasterProcess(_settings(engine, nodes))


def _tell(name: str, state: str) -> None:
    session().emit({"master": name, "state": state}, [f"{name} {state}"])


@click.command(cls=Command)
@_site_options
def start(engine: str | None, nodes: int | None) -> None:
    """Start the master, with one node on this machine, in the background.

    It is ready when the command returns. Its log is DISCO_LOG_DIR/Master-HOST_PORT.log. With --nodes, several
    nodes make a cluster on this machine, each with its own files; they are connected a few seconds later.

    Output: `Master HOST:PORT started`. JSON: {"master", "state"}.

    \b
    Example:
      $ disco start
      Master localhost:8989 started
      $ disco start --nodes 3
    """
    process = _process(engine, nodes)
    process.start()
    _tell(process.name, "started")


@click.command(cls=Command)
def stop() -> None:
    """Stop the master. Jobs that run go on when it is started again.

    Output: `Master HOST:PORT stopped`. JSON: {"master", "state"}.

    \b
    Example:
      $ disco stop
      Master localhost:8989 stopped
    """
    process = _process()
    process.stop()
    _tell(process.name, "stopped")


@click.command(cls=Command)
@_site_options
def restart(engine: str | None, nodes: int | None) -> None:
    """Stop the master and start it again.

    Output: a line for each half. JSON: {"master", "state"}.

    \b
    Example:
      $ disco restart
      Master localhost:8989 stopped
      Master localhost:8989 started
    """
    process = _process(engine, nodes)
    process.stop()
    if not session().json:
        _tell(process.name, "stopped")
    process.start()
    _tell(process.name, "started")


@click.command(cls=Command)
def status() -> None:
    """Say whether the master runs.

    Output: `Master HOST:PORT running`, or `stopped`. JSON: {"master", "state"}. The exit status is 1 if it
    does not run.

    \b
    Example:
      disco status || disco start
    """
    process = _process()
    running = process.pid() is not None
    _tell(process.name, "running" if running else "stopped")
    if not running:
        click.get_current_context().exit(EXIT_ERROR)


@click.command(cls=Command)
@_site_options
def nodaemon(engine: str | None, nodes: int | None) -> None:
    """Run the master in the foreground, with its log on the terminal. Ctrl-C stops it.

    Output: `READY {"url": URL, "pid": PID}` when it serves; the log goes to standard error.
    JSON: the same.

    \b
    Example:
      DISCO_DEBUG=trace disco nodaemon
    """
    from .daemon import master_command

    settings = _settings(engine, nodes)
    command = master_command(settings)
    os.execve(command[0], command, {**os.environ, **settings.env})


@click.command(cls=Command)
def config() -> None:
    """Print the node table.

    Output: HOSTS tab SLOTS a line. JSON: a list of such pairs of strings.

    \b
    Example:
      $ disco config
      node01:12  8
    """
    session().emit(session().disco.config)


@click.command(cls=Command)
def nodeinfo() -> None:
    """Print the status of each node.

    Output: NAME tab OBJECT (as JSON) a line: job_ok, data_error and error count tasks, max_workers is its
    slots, diskfree and diskused are in KiB. JSON: an object of these objects.

    \b
    Example:
      $ disco nodeinfo
      localhost  {"job_ok": 14, "data_error": 0, "error": 0, "max_workers": 2, "connected": true, ...}
    """
    import json

    nodes = session().disco.nodeinfo()
    session().emit(nodes, (f"{name}\t{json.dumps(about)}" for name, about in nodes.items()))


@click.command("client_version", cls=Command)
def client_version() -> None:
    """Print the version of this library.

    Output: the version. JSON: a string.

    \b
    Example:
      test "$(disco client_version)" = "$(disco master_version)"
    """
    session().emit(session().disco.client_version)


@click.command("master_version", cls=Command)
def master_version() -> None:
    """Print the version of the running master.

    Output: the version. JSON: a string.

    \b
    Example:
      disco master_version
    """
    session().emit(session().disco.master_version)


COMMANDS = [start, stop, restart, status, nodaemon, config, nodeinfo, client_version, master_version]
