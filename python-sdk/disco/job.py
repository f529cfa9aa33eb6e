"""Disco jobs. Source: documents 4.1.4."""

from __future__ import annotations

from .client.job import Job, JobChain, SimpleJob
from .client.packing.jobpack import JobPack

__all__ = ["Job", "JobChain", "JobPack", "SimpleJob"]
