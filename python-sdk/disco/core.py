"""Disco's main library: the master, jobs, and their results. Source: documents 4.1.1."""

from __future__ import annotations

from .client.core import Disco
from .client.job import Job, JobChain
from .client.results import classic_iterator, result_iterator

__all__ = ["Disco", "Job", "JobChain", "classic_iterator", "result_iterator"]
