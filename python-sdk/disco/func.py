"""The old name of `disco.worker.classic.func`."""

from __future__ import annotations

from .worker.classic.func import *  # noqa: F403 - an alias of the whole module
