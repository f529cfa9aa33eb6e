"""The node's contact with Dask: a Worker that runs no task of Dask's, and whose stream carries our messages.

Each connection is a generation of the node. Dask's workers never reconnect, so the agent makes a new one when
a connection is over, until it is told to end; what runs on the node meanwhile goes on (see `resident`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import uuid
from asyncio import FIRST_COMPLETED
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import Worker
from distributed.comm.core import connect
from distributed.security import Security

from ...address import bracketed
from ...model import TaskSpec
from ...node.config import NodeConfig
from ...node.operations import OperationError, run_operation
from . import wire
from .resident import Resident
from .tuning import CONNECT_S, OP, SILENT_S, configure, keep_only, security

REJOIN_S, REJOIN_MAX_S = 0.5, 5.0  # between two tries, at first and after many
STATS_S = 10.0
CALL_THREADS = 8
CLOSE_S = 5.0
JOIN_S = 30.0  # from the first word to the master's Dask to its answer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Membership:
    """How a node joins. `bind` is an address of its own; the master never connects to it."""

    master: str  # tcp://HOST:PORT or tls://HOST:PORT
    release: str
    bind: str = "127.0.0.1"
    secret: str = ""
    tls: wire.Tls | None = None
    stats_s: float = STATS_S
    rejoin_s: float = REJOIN_S


class Agent:
    """`run` returns after `end`, which may be called from any thread or signal handler."""

    def __init__(self, config: NodeConfig, membership: Membership) -> None:
        self._config, self._membership = config, membership
        self._resident = Resident(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()
        configure(SILENT_S)
        shutil.rmtree(_scratch(config), ignore_errors=True)  # of a process that was killed

    def run(self) -> None:
        asyncio.run(self._main())

    def end(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ending.set)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        said, pause_s = "", self._membership.rejoin_s
        while not self._ending.is_set():
            connection = _Connection(self._config, self._membership, self._resident)
            why = await connection.serve(self._ending)
            if why != said and not self._ending.is_set():
                log.warning("node %s is not connected: %s; trying again", self._config.name, why)
            said = "" if connection.welcomed else why
            pause_s = self._membership.rejoin_s if connection.welcomed else min(2 * pause_s, REJOIN_MAX_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause_s)
        await asyncio.to_thread(self._resident.stop, 0.0, "the node was told to end")


class _Worker(Worker):
    """Without the HTTP server, which would listen on every address."""

    def start_http_server(self, *_args: Any, **_options: Any) -> None:
        return


class _Connection:
    """One generation of the node, from the first attempt to connect to the end of the connection."""

    def __init__(self, config: NodeConfig, membership: Membership, resident: Resident) -> None:
        self.welcomed = False
        self._config, self._membership, self._resident = config, membership, resident
        self._why = "the connection to the master is lost"
        self._calls = ThreadPoolExecutor(CALL_THREADS, thread_name_prefix="node-call")
        self._loop = asyncio.get_running_loop()
        self._worker: _Worker | None = None
        self._tasks: set[asyncio.Future[Any]] = set()  # the loop itself holds them only weakly

    async def serve(self, ending: asyncio.Event) -> str:
        """Join, and serve until the connection is over or `ending` is set; returns why it is over."""
        unreachable = await self._why_unreachable()
        if unreachable:
            return unreachable
        self._worker = worker = _make_worker(self._membership, self._config)
        worker.stream_handlers[OP] = self._heard
        starting = asyncio.ensure_future(worker.start())
        told_to_end = asyncio.ensure_future(ending.wait())
        try:
            await asyncio.wait([starting, told_to_end], timeout=JOIN_S, return_when=FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await self._converse(worker, told_to_end)
            else:
                self._why = f"{self._membership.master} takes no nodes"
        except Exception as error:  # whatever it is, the node tries again
            self._why = f"{type(error).__name__}: {error}"
        finally:
            told_to_end.cancel()
            await self._leave(worker, starting)
        return self._why

    async def _why_unreachable(self) -> str:
        """Empty when the master answers. Dask's worker would knock for ever, and never say at which door."""
        member = self._membership
        wanted = (security(member.tls) or Security()).get_connection_args("worker")
        try:
            comm = await connect(member.master, timeout=CONNECT_S, **wanted)
            await comm.close()
        except (OSError, ValueError, RuntimeError) as error:
            return (
                f"the master does not answer at {member.master} ({error.__cause__ or error}): is it running "
                "with DISCO_ENGINE=dask, is DISCO_CLUSTER_PORT the same there and open, is TLS set up on "
                "both sides or on neither?"
            )
        return ""

    async def _converse(self, worker: _Worker, told_to_end: asyncio.Future[Any]) -> None:
        config, member = self._config, self._membership
        found = await asyncio.to_thread(self._resident.join, self._from_thread)
        hello = wire.Hello(
            node=config.name,
            slots=config.slots,
            pid=os.getpid(),
            release=member.release,
            secret=member.secret,
            attempts=found,
        )
        self._send(wire.dump("hello", **wire.plain(hello)))
        finished = asyncio.ensure_future(worker.finished())
        while not finished.done():
            await asyncio.wait([finished, told_to_end], timeout=member.stats_s, return_when=FIRST_COMPLETED)
            if told_to_end.done() and not finished.done():
                await self._stop(0.0, "the node was told to end")
                await asyncio.wait([finished], timeout=CLOSE_S)
                return
            if self.welcomed:
                await self._tell_disk()

    async def _leave(self, worker: _Worker, starting: asyncio.Future[Any]) -> None:
        self._resident.part()
        starting.cancel()
        with contextlib.suppress(Exception):  # it may never have begun
            await asyncio.wait_for(worker.close(reason=self._why, executor_wait=False), CLOSE_S)
        self._calls.shutdown(wait=False, cancel_futures=True)

    async def _stop(self, grace_s: float, why: str) -> None:
        """End the node, tell so, and leave it to the master to end the connection."""
        self._why = why
        await asyncio.to_thread(self._resident.stop, grace_s, why)
        await asyncio.sleep(0)  # what the node's threads have said last is handed over first
        self._send(wire.dump("bye", why=why))

    async def _tell_disk(self) -> None:
        disk = await asyncio.to_thread(self._resident.node.volumes.disk)
        self._send(wire.dump("stats", free=disk.free_bytes, used=disk.used_bytes))

    def _send(self, message: bytes) -> None:
        if self._worker is not None:
            self._worker.batched_send({"op": OP, "body": message})

    def _from_thread(self, message: bytes) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is ending
            self._loop.call_soon_threadsafe(self._send, message)

    # -- what the master says

    def _heard(self, body: object) -> None:
        try:
            self._obey(wire.load(body))
        except (wire.WireError, KeyError, TypeError, ValueError) as error:
            log.error("the master sent what this node does not understand: %r", error)
            self._begin(self._stop(0.0, f"the master is not understood: {error!r}"))

    def _obey(self, message: wire.Message) -> None:
        node, resident = self._resident.node, self._resident
        match message["op"]:
            case "launch":
                node.launch(wire.typed(TaskSpec, message["spec"]))
            case "kill":
                resident.kill(message["attempt"], message["reason"])
            case "end_job":
                resident.end_job(message["job"])
            case "widen":
                node.widen(message["slots"])
            case "call":
                self._calls.submit(self._carry_out, message)
            case "welcome":
                log.info("node %s is connected to %s", self._config.name, self._membership.master)
                self.welcomed = True
                resident.joined()
                self._begin(self._tell_disk())
            case "refused":
                self._why = message["why"]
            case "stop":
                self._begin(self._stop(message["grace_s"], message["why"]))
            case other:
                raise wire.WireError(f"unknown op {other!r}")

    def _carry_out(self, message: wire.Message) -> None:
        number = message["call"]
        try:
            value = run_operation(self._resident.node, message["name"], message["args"])
            answer = wire.dump("answer", call=number, value=value)
        except OperationError as error:
            answer = wire.dump("answer", call=number, error=str(error))
        except Exception as error:  # a fault of ours must not leave the master waiting
            log.exception("operation %s", message["name"])
            answer = wire.dump("answer", call=number, error=f"the node failed: {error!r}")
        self._from_thread(answer)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _scratch(config: NodeConfig) -> Path:
    """Where Dask's worker keeps its lock files; nothing else."""
    return config.disco_data / config.name / ".dask"


def _make_worker(member: Membership, config: NodeConfig) -> _Worker:
    """Dask knows each connection by a name of its own, so that a node may come back before its old
    connection is found dead."""
    worker = _Worker(
        member.master,
        name=f"{config.name}/{uuid.uuid4().hex}",
        host=bracketed(member.bind),
        nthreads=1,
        memory_limit=0,
        local_directory=str(_scratch(config)),
        extensions={},
        security=security(member.tls),
        deserialize=False,  # no pickle that comes in is ever loaded
    )
    keep_only(worker.handlers, "identity")
    keep_only(worker.stream_handlers, "close", "remove-worker", "worker-status-change")
    return worker
