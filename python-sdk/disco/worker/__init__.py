"""Running tasks of a job in Python: documents 4.1.9.

Worker      says how a job is packed on the client and run on the nodes; `classic` builds on it
Input…      records of inputs, surviving failed replicas
Output      a file that appears when it is complete
"""

from __future__ import annotations

from .base import Worker
from .inputs import Input, MergedInput, ParallelInput, SerialInput
from .outputs import Output

__all__ = ["Input", "MergedInput", "Output", "ParallelInput", "SerialInput", "Worker"]
