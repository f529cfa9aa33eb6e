"""`python -m disco_master.shell.main`: one master, and the nodes of its machine, until SIGTERM or SIGINT.

Prints one line on standard output when it serves, `READY {"url": …, "pid": …}`; says on standard error, in
one sentence, why it can't, and exits with 1. Exit status 70 means that the core itself broke.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import FrameType

from disco.error import DiscoError
from disco.settings import DiscoSettings

from ..actions import Action
from ..core.master import Core
from ..model import MasterView
from ..store.eventlog import EventLog
from ..store.journal import Journal, JournalError
from ..web.app import create_app
from ..web.config import WebConfig
from ..web.server import Server, serve
from .cluster.roster import Roster
from .cluster.secret import make_secret
from .cluster.site import make_site
from .config import LOG_FORMAT, LOG_LEVELS, MasterConfig
from .door import Door
from .inspection import Inspection
from .jobs import JobFiles, JobNames
from .loop import Loop
from .members import Members
from .node_table import NodeTableFile
from .orders import Orders
from .tag_service import TagConfig, TagService

GRACE_S = 2.0
CORE_BROKE = 70

log = logging.getLogger(__name__)


class Master:
    """All parts of a running master. `start` raises OSError or JournalError when it can't run."""

    def __init__(self, config: MasterConfig, environment: Mapping[str, str]) -> None:
        """`environment` is what other programs of the cluster need to find the same settings."""
        self._config = config
        config.make_folders()
        self._secret = make_secret(config.secret_file) if config.needs_secret else ""
        self._journal = Journal(config.master_root / "journal.db")
        self.broke = threading.Event()
        self.over = threading.Event()
        core = Core(seed=time.time_ns(), scheduler="fifo" if config.scheduler == "fifo" else "fair")
        for event, now in self._journal.replay():
            core.restore(event, now)
        self._first = core.resume(time.time())
        self._files = JobFiles(config.master_root)
        self._files.delete_unknown(core.snapshot().jobs)
        self._events = EventLog(self._files.events)
        self._site = make_site(config, self._files.pack, self._secret, environment)
        self._engine = self._site.engine
        self._table = NodeTableFile(config.node_table_file)
        self._loop = Loop(core, self._journal, self._carry_out, self._core_broke)
        self._roster = Roster(self._loop.view, self._loop.tell, self._configured, config.port)
        joined = [] if config.engine == "local" else [self._roster.admit]
        self._members = Members(self._loop.put, self._loop.view, *joined)
        self._tags = TagService(self._members.storage_nodes, self._engine.call, self._tag_config())
        self._orders = Orders(
            self._engine, self._events, self._files, self._tags, self._loop.put, self._members.generations
        )
        self._web: Server | None = None

    def start(self) -> None:
        config = self._config
        inspection = Inspection(self._loop, self._members.generations, self._engine.call)
        door = Door(self._loop, self._files, JobNames(), self._configured, inspection)
        secret = self._secret if config.is_exposed else None
        web = WebConfig(config.host, config.data, config.ddfs_data, secret=secret)
        try:
            self._web = serve(create_app(door, self._tags, web), config.bind, config.port)
        except OSError as error:
            raise OSError(
                f"can't listen on {config.bind}:{config.port} ({error.strerror}): is another master running? "
                "Stop it, or set DISCO_PORT to a free port"
            ) from error
        self._loop.start(self._first)
        self._table.load_into(self._loop, self._site.rows, always=config.box_nodes > 0)
        self._configured(self._loop.view())
        self._site.start(self._members)

    def stop(self) -> None:
        """In the order in which the parts depend on each other; nothing of it is left running."""
        if self._web is not None:
            self._web.close()
        self._site.stop(GRACE_S)
        self._roster.stop()
        self._loop.stop()
        self._orders.stop()
        self._tags.close()
        self._events.close()
        self._journal.close()

    def _carry_out(self, actions: list[Action]) -> None:
        self._orders.carry_out(actions)
        for job in self._orders.take_deleted():
            self._journal.forget(job)

    def _configured(self, view: MasterView) -> None:
        """The administrator has changed the nodes: keep it, and make room for the slots."""
        self._table.save(view)
        for node in view.nodes.values():
            self._engine.widen(node.name, node.slots)

    def _core_broke(self, error: BaseException) -> None:
        self.broke.set()
        self.over.set()

    def _tag_config(self) -> TagConfig:
        config = self._config
        return TagConfig(
            put_port=config.put_port,
            tag_replicas=config.tag_replicas,
            min_replicas=config.tag_min_replicas,
            blob_replicas=config.blob_replicas,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m disco_master.shell.main", description=__doc__)
    parser.add_argument("--settings", help="a settings file")
    options = parser.parse_args(arguments)
    try:
        settings = DiscoSettings(options.settings)
        logging.basicConfig(level=LOG_LEVELS[settings["DISCO_DEBUG"]], format=LOG_FORMAT, stream=sys.stderr)
        logging.getLogger("waitress").setLevel(logging.ERROR)
        config = MasterConfig.from_settings(settings)
        if config.needs_secret:
            os.environ["DISCO_SECRET_FILE"] = str(config.secret_file)  # for workers
        master = Master(config, settings.env)
    except (DiscoError, JournalError, OSError) as error:
        print(f"disco: {error}", file=sys.stderr)
        return 1
    return run(master, config)


def run(master: Master, config: MasterConfig) -> int:
    """Serve until a signal comes or the core breaks; returns the exit status."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        master.over.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        master.start()
    except OSError as error:
        print(f"disco: {error}", file=sys.stderr)
        master.stop()
        return 1
    print("READY " + json.dumps({"url": config.url, "pid": os.getpid()}), flush=True)
    log.info("serving at %s, data in %s", config.url, config.root)
    master.over.wait()
    log.info("stopping")
    master.stop()
    return CORE_BROKE if master.broke.is_set() else 0


if __name__ == "__main__":
    sys.exit(main())
