"""`https://…`: as http, with the server's certificate checked."""

from __future__ import annotations

from .scheme_http import input_stream

__all__ = ["input_stream"]
