"""`s3://BUCKET/KEY`: a file in Amazon S3, or on a server that speaks its protocol; see `arrow`."""

from __future__ import annotations

from .arrow import input_stream

__all__ = ["input_stream"]
