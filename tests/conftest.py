"""For all tests: what the programs that they start inherit does not depend on who started pytest."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    # A shell starts what runs in its background with SIGINT ignored; then Ctrl-C would end nothing here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
