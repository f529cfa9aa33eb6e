"""A page in a real browser: Chromium without a window, spoken to over two pipes (DevTools protocol)."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WAIT_S = 60.0
LOOK_AGAIN_MS = 20
FIRST_FREE = 10  # above the two descriptors that the browser expects


class Page:
    """The browser's one tab. Descriptors are those of its pipes: what it reads, and what it writes."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = os.fdopen(to_browser, "wb"), from_browser
        self._kept = b""
        self._number = 0
        self._session: str | None = None
        self._dialogs: list[str] = []
        targets = self._call("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._call("Page.enable")

    def open(self, url: str) -> None:
        self._call("Page.navigate", url=url)
        self.until("location.href != 'about:blank'")

    def run(self, script: str) -> Any:
        """What the expression gives; None where the page went away meanwhile."""
        reply = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in reply, reply
        return reply.get("result", {}).get("value")

    def until(self, condition: str) -> Any:
        """Wait for an expression to be true of a page whose scripts run, and give its value."""
        deadline = time.monotonic() + WAIT_S
        loaded = f"document.readyState == 'complete' && ({condition})"
        look = f"new Promise(done => setTimeout(() => done({loaded}), {LOOK_AGAIN_MS}))"
        while not (value := self.run(look)):
            assert time.monotonic() < deadline, (
                f"never true: {condition}: {self.run('document.body.innerText')}"
            )
        return value

    def answer(self, *, accept: bool = True) -> str:
        """Wait for a dialog and answer it; returns its text."""
        while not self._dialogs:
            self._hear()
        self._call("Page.handleJavaScriptDialog", accept=accept)
        return self._dialogs.pop(0)

    def picture(self) -> bytes:
        """A PNG file, in base64."""
        return str(self._call("Page.captureScreenshot")["data"]).encode()

    def close(self) -> None:
        self._session = None
        self._call("Browser.close")
        self._to.close()
        os.close(self._from)

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        while (reply := self._hear()).get("id") != self._number:
            pass
        # An expression that waits is left without a value when its page is loaded anew.
        assert "error" not in reply or method == "Runtime.evaluate", reply
        result: dict[str, Any] = reply.get("result", {})
        return result

    def _hear(self) -> dict[str, Any]:
        while b"\0" not in self._kept:
            data = os.read(self._from, 65536)
            assert data, "the browser has ended"
            self._kept += data
        message, self._kept = self._kept.split(b"\0", 1)
        heard: dict[str, Any] = json.loads(message)
        if heard.get("method") == "Page.javascriptDialogOpening":
            self._dialogs.append(heard["params"]["message"])
        return heard


@contextmanager
def browser(home: Path) -> Iterator[Page]:
    """A browser of its own, with its profile below `home`."""
    assert CHROMIUM
    reads, to_browser = os.pipe()
    from_browser, writes = os.pipe()
    theirs = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE) for descriptor in (reads, writes)]
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-first-run", "--disable-extensions", "--window-size=1200,760", f"--user-data-dir={home}",
        "--remote-debugging-pipe", "about:blank",
    ]  # fmt: skip
    quiet = os.open(os.devnull, os.O_RDWR)
    pid = os.posix_spawn(
        CHROMIUM,
        command,
        {**os.environ, "HOME": str(home)},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, quiet, 1),
            (os.POSIX_SPAWN_DUP2, quiet, 2),
            (os.POSIX_SPAWN_DUP2, theirs[0], 3),
            (os.POSIX_SPAWN_DUP2, theirs[1], 4),
        ],
    )
    for descriptor in (reads, writes, quiet, *theirs):
        os.close(descriptor)
    try:
        page = Page(to_browser, from_browser)
        yield page
        page.close()
    except BaseException:
        os.kill(pid, 9)
        raise
    finally:
        os.waitpid(pid, 0)
