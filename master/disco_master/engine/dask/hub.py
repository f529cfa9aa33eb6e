"""The master's contact with Dask: its Scheduler, embedded, in a thread with an event loop of its own.

A *peer* is the address of a Dask worker, and means one connection of one node: a node that comes back has
another. Dask says that a peer has left when its connection breaks or its heartbeats stay away.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from distributed import Scheduler
from distributed.comm.core import CommClosedError
from distributed.diagnostics.plugin import SchedulerPlugin

from ...address import bracketed
from .tuning import OP, SILENT_S, configure, keep_only, security
from .wire import Tls

START_S = 30.0
CLOSE_S = 5.0

log = logging.getLogger(__name__)
Heard = Callable[[str, object], None]
Left = Callable[[str], None]


class Hub:
    """`heard` and `left` are called on the hub's thread, in the order in which things happened."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, tls: Tls | None = None, silent_s: float = SILENT_S
    ) -> None:
        """With port 0 a free one is taken at the first start, and kept."""
        self._host, self._port, self._tls, self._silent_s = host, port, tls, silent_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduler: Scheduler | None = None
        self._thread: threading.Thread | None = None
        self._over: asyncio.Event | None = None

    @property
    def address(self) -> str:
        """Where nodes connect to, like `tcp://127.0.0.1:8991`."""
        return f"{'tls' if self._tls else 'tcp'}://{bracketed(self._host)}:{self._port}"

    def start(self, heard: Heard, left: Left) -> None:
        """Raises OSError when the port can't be had."""
        self._check_port()
        configure(self._silent_s)
        started = threading.Event()
        failures: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(self._serve(heard, left, started))
            except BaseException as error:
                failures.append(error)
            finally:
                started.set()

        self._thread = threading.Thread(target=run, name="dask-hub", daemon=True)
        self._thread.start()
        if not started.wait(START_S):
            raise OSError(f"Dask's scheduler did not start within {START_S:g} s")
        if failures:
            self._thread.join()
            raise OSError(f"can't listen for nodes at {self.address}: {failures[0]}") from failures[0]

    def _check_port(self) -> None:
        """Dask leaves sockets open when it can't have its port."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._host, self._port))
            except OSError as error:
                raise OSError(
                    f"can't listen for nodes at {self.address} ({error.strerror}): is another master "
                    "running? Stop it, or set DISCO_CLUSTER_PORT to a free port"
                ) from error

    def stop(self) -> None:
        over, loop, thread = self._over, self._loop, self._thread
        if over is not None and loop is not None:
            loop.call_soon_threadsafe(over.set)
        if thread is not None:
            thread.join()
        self._loop, self._thread = None, None

    def send(self, peer: str, message: bytes) -> None:
        """From any thread. What is sent to a peer that has left is lost; `left` tells of it."""
        self._soon(self._send, peer, message)

    def drop(self, peer: str) -> None:
        """End a connection, once what was sent before is on its way. From any thread."""
        self._soon(self._drop, peer)

    async def _serve(self, heard: Heard, left: Left, started: threading.Event) -> None:
        self._over = asyncio.Event()
        scheduler = _Scheduler(
            host=self.address, dashboard=False, security=security(self._tls), extensions={}
        )
        keep_only(scheduler.handlers, "register-worker", "heartbeat_worker", "unregister", "identity")
        keep_only(scheduler.stream_handlers, "keep-alive", "worker-status-change", "log-event")
        scheduler.stream_handlers[OP] = lambda worker, body: heard(worker, body)
        scheduler.add_plugin(_Leavers(left), name=OP)
        await scheduler
        self._scheduler, self._port = scheduler, scheduler.port
        self._loop = asyncio.get_running_loop()
        started.set()
        try:
            await self._over.wait()
        finally:
            self._scheduler = None
            logging.getLogger("distributed").setLevel(logging.CRITICAL)  # all connections break now: no news
            await asyncio.wait_for(scheduler.close(), CLOSE_S)

    def _soon(self, function: Callable[..., None], *args: Any) -> None:
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(function, *args)
            except RuntimeError:  # the loop has just been closed
                log.debug("the hub is stopping")

    def _send(self, peer: str, message: bytes) -> None:
        stream = self._scheduler.stream_comms.get(peer) if self._scheduler else None
        if stream is not None:
            try:
                stream.send({"op": OP, "body": message})
            except CommClosedError:
                log.debug("%s has just left", peer)

    def _drop(self, peer: str) -> None:
        if self._scheduler is not None:
            removal: Coroutine[Any, Any, Any] = self._scheduler.remove_worker(peer, stimulus_id=OP)
            task = asyncio.ensure_future(removal)
            _running.add(task)
            task.add_done_callback(_running.discard)


_running: set[asyncio.Future[Any]] = set()  # the loop itself holds tasks only weakly


class _Scheduler(Scheduler):
    """Without the HTTP server, which would listen on every address."""

    def start_http_server(self, *_args: Any, **_options: Any) -> None:
        return


class _Leavers(SchedulerPlugin):
    def __init__(self, left: Left) -> None:
        self._left = left

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: Any) -> None:
        self._left(worker)
