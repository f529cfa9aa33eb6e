"""Where the specification, the sessions and the players lie: beside the package in a checkout, else as
shared data."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "DISCO_CONFORMANCE_HOME"
SHARED = Path("share") / "disco-conformance"


def home() -> Path:
    """The folder that holds spec/, sessions/, players/ and players.toml."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen)
    checkout = Path(__file__).resolve().parent.parent
    places = (checkout, Path(sys.prefix) / SHARED)
    return next((place for place in places if (place / "sessions").is_dir()), checkout)
