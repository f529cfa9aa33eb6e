"""`gs://BUCKET/KEY`: a file in Google Cloud Storage; see `arrow`."""

from __future__ import annotations

from .arrow import input_stream

__all__ = ["input_stream"]
