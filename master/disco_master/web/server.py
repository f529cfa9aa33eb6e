"""The HTTP server: waitress in a thread of its own, and the `/proxy/NODE/METHOD/…` prefix taken off."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.server import create_server
from waitress.task import ThreadedTaskDispatcher

from .config import MAX_PACK_BYTES, THREADS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_CONNECTIONS = 4096
BACKLOG = 1024
RECEIVE_BYTES = 256 * 1024
IDLE_CONNECTION_S = 120
CLOSE_S = 2
_PROXIED = re.compile(r"/proxy/[^/]+/[A-Z]+(?P<path>/.*)", re.ASCII)


class UnwrapProxy:
    """What is asked as `/proxy/NODE/METHOD/PATH` is answered as PATH (M497, M581).

    The METHOD in the path only tells a proxy where to send the request; what is done is what was asked.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match = _PROXIED.fullmatch(environ["PATH_INFO"])
        if match is not None:
            environ["PATH_INFO"] = match["path"]
        return self._app(environ, start_response)


class Server:
    """A running server. `port` is the one it was bound to."""

    def __init__(self, app: WSGIApplication, host: str, port: int, threads: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        self.port: int = listener.getsockname()[1]
        self._sockets: dict[Any, Any] = {}
        self._dispatcher = ThreadedTaskDispatcher()
        self._server: Any = create_server(
            UnwrapProxy(app),
            map=self._sockets,
            _dispatcher=self._dispatcher,
            sockets=[listener],
            threads=threads,
            backlog=BACKLOG,
            connection_limit=MAX_CONNECTIONS,
            channel_timeout=IDLE_CONNECTION_S,
            max_request_body_size=MAX_PACK_BYTES + 1,  # waitress refuses a body of exactly this size
            recv_bytes=RECEIVE_BYTES,
            asyncore_use_poll=True,
            ident="disco",
            clear_untrusted_proxy_headers=True,
        )
        self._dispatcher.set_thread_count(threads)
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give running requests a moment to end, then close every connection. A second call does nothing."""
        if not self._thread.is_alive():
            return
        self._dispatcher.shutdown(timeout=CLOSE_S)
        # Sockets are closed by the thread that polls them; the pipe that wakes it by us, who may still be
        # writing to it when somebody else has woken it.
        self._server.trigger.pull_trigger(self._close_sockets)
        self._thread.join(timeout=CLOSE_S)
        if not self._thread.is_alive():
            self._server.trigger.close()

    def _close_sockets(self) -> None:
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()  # lets go of the files that it was sending
        self._server.trigger.del_channel()  # with nothing left to poll the thread ends
        wasyncore.close_all(self._sockets, ignore_all=True)


def serve(app: WSGIApplication, host: str = "127.0.0.1", port: int = 0, threads: int = THREADS) -> Server:
    """Start serving on an address (an empty `host` is every IPv4 one). Raises OSError if it is taken."""
    return Server(app, host, port, threads)
