"""The archive that a worker's `jobzip` makes, under the name that the documents give it."""

from __future__ import annotations

from .client.packing.homezip import DiscoZipFile

__all__ = ["DiscoZipFile"]
