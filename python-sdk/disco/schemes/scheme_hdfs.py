"""`hdfs://HOST:PORT/PATH`: a file in the Hadoop file system, with its own library (libhdfs); see `arrow`."""

from __future__ import annotations

from .arrow import input_stream

__all__ = ["input_stream"]
