"""The table of faults: a name, a sentence, and a function that changes the reference worker."""

import importlib
from typing import NamedTuple

FAULTS = {}
PARTS = (
    "frames_read",
    "payloads_read",
    "frames_written",
    "inputs",
    "replicas",
    "schemes",
    "outputs",
    "endings",
    "reuse",
    "saving",
)


class Fault(NamedTuple):
    sentence: str
    apply: object


def fault(name, sentence):
    def register(apply):
        assert name not in FAULTS, f"two faults are called {name}"
        FAULTS[name] = Fault(sentence, apply)
        return apply

    return register


def load():
    for part in PARTS:
        importlib.import_module(f"{__name__}.{part}")
