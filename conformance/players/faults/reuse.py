"""Faults that only a second task in the same process shows: something of the first one is left."""

import os
import signal
from pathlib import Path

from faults import fault


@fault("reuse-leaks-descriptors", "every task leaves a file open")
def _(w):
    run = w.Task.run
    kept = []

    def leaky(self):
        kept.append(os.open("/dev/null", os.O_RDONLY))
        run(self)

    w.Task.run = leaky


@fault("reuse-keeps-data", "the data of a task stays in memory")
def _(w):
    fetch = w.Sources.fetch
    kept = []

    def hoarding(self, url):
        kept.append(fetch(self, url))
        return kept[-1]

    w.Sources.fetch = hoarding


def cleaning(w, change):
    clean = w.Session.clean
    w.Session.clean = lambda self: change(self, lambda: clean(self))


@fault("reuse-keeps-directory", "a task begins in the directory in which the one before ended")
def _(w):
    def stay(self, clean):
        here = Path.cwd()
        clean()
        os.chdir(here)

    cleaning(w, stay)


@fault("reuse-keeps-signals", "a signal that a task ignores stays ignored")
def _(w):
    def stay(self, clean):
        handler = signal.getsignal(signal.SIGTERM)
        clean()
        signal.signal(signal.SIGTERM, handler)

    cleaning(w, stay)


@fault("reuse-cleans-once", "surroundings are set right once, after the first task")
def _(w):
    times = []

    def twice(self, clean):
        times.append(1)
        if len(times) <= 2:
            clean()

    cleaning(w, twice)


@fault("reuse-keeps-places", "hosts, ports and directories are those of the first task")
def _(w):
    start = w.Sources.__init__
    kept = {}

    def first(self, info):
        for key in ("host", "disco_port", "disco_data", "ddfs_data"):
            kept.setdefault(key, info[key])
        start(self, {**info, **kept})

    w.Sources.__init__ = first


@fault("reuse-tells-prints-again", "what an earlier task printed is told again")
def _(w):
    tell = w.Prints.tell

    def again(self, stream):
        self.told = 0
        tell(self, stream)

    w.Prints.tell = again


@fault("reuse-keeps-pause", "the pauses between polls go on growing in the next task")
def _(w):
    last = [w.FIRST_PAUSE_S]
    start = w.Task.__init__

    def begin(self, *words):
        w.FIRST_PAUSE_S = last[0]
        start(self, *words)

    pause = w.Task.pause

    def note(self, seconds):
        last[0] = min(seconds * 2, w.LAST_PAUSE_S)
        pause(self, seconds)

    w.Task.__init__, w.Task.pause = begin, note


@fault("reuse-keeps-bad-replicas", "a replica that failed in one task is not tried in the next")
def _(w):
    fetch_input = w.Task.input
    ask = w.Stream.ask
    bad = set()

    def noting(self, name, payload="", *expected):
        if name == "INPUT_ERR":
            bad.update((payload[0], rep_id) for rep_id in payload[1])
        return ask(self, name, payload, *expected)

    def picky(self, id_, status, replicas):
        return fetch_input(self, id_, status, [pair for pair in replicas if (id_, pair[0]) not in bad])

    w.Stream.ask, w.Task.input = noting, picky
