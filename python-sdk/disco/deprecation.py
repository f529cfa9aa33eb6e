"""What still works and should not be used any more says so, once, to the line that uses it."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

_PACKAGE = str(Path(__file__).parent)


def deprecated(what: str, since: str, instead: str) -> None:
    """Issue a DeprecationWarning for the nearest caller outside of this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(f"{what} is deprecated since {since}: {instead}", DeprecationWarning, stacklevel=level)
