"""The documented place of the DDFS client."""

from .client.ddfs import DDFS, InvalidTag

__all__ = ["DDFS", "InvalidTag"]
