"""The table of faults of masters: a name, a sentence, and a function that changes the reference master."""

import importlib

FAULTS = {}
PARTS = ("frames", "answers", "endings", "starting", "results", "isolation", "again")


def fault(name, sentence):
    def register(apply):
        assert name not in FAULTS, f"two faults are called {name}"
        FAULTS[name] = (sentence, apply)
        return apply

    return register


def load():
    for part in PARTS:
        importlib.import_module(f"{__name__}.{part}")
