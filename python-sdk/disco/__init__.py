"""Disco: mapreduce whose workers are any programs that speak a fourteen-word protocol.

This package is the Python SDK. All of it imports with the standard library alone, because job homes
carry it to nodes that have Python and nothing else.
"""

__version__ = "1.0.0.dev0"
