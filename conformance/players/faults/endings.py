"""Faults in ending: too early, too late, twice, with the wrong status, or with something left behind."""

import os
import select
import signal
import subprocess
import sys
import time

from faults import fault
from faults.frames_written import asking

LONG_S = 60


def around_run(w, change):
    run = w.Session.run
    w.Session.run = lambda self: change(self, lambda: run(self))


@fault("exit-1-after-done", "the status after DONE is 1")
def _(w):
    around_run(w, lambda self, run: run() or 1)


@fault("exit-0-after-error", "the status after ERROR and FATAL is 0")
def _(w):
    give_up = w.Session.give_up

    def gentle(self, name, error):
        try:
            give_up(self, name, error)
        except EOFError:
            os._exit(0)
        return 0

    w.Session.give_up = gentle


@fault("done-without-waiting", "the reply to DONE is not awaited")
def _(w):
    def hasty(self, ask, name, *rest):
        if name == "DONE":
            self.send("DONE")
            return "OK", "ok"
        return ask(name, *rest)

    asking(w, hasty)


@fault("gives-up-without-waiting", "the reply to ERROR and FATAL is not awaited")
def _(w):
    def hasty(self, name, error):
        self.stream.send(name, str(error))
        return 1

    w.Session.give_up = hasty


@fault("stays-after-done", "the worker goes on running after DONE")
def _(w):
    around_run(w, lambda self, run: (run(), time.sleep(LONG_S))[0])


@fault("stays-after-error", "the worker goes on running after ERROR and FATAL")
def _(w):
    give_up = w.Session.give_up
    w.Session.give_up = lambda self, *words: (give_up(self, *words), time.sleep(LONG_S))[0]


@fault("waits-for-the-end", "the worker exits only when its standard input ends")
def _(w):
    def wait(self, run):
        status = run()
        while os.read(0, 1):
            pass
        return status

    around_run(w, wait)


def repeating(w, when, then):
    """After the reply to `when`, `then` is sent and answered as well."""

    def more(self, ask, name, *rest):
        reply = ask(name, *rest)
        if name in when:
            self.send(*then)
        return reply

    asking(w, more)


@fault("done-twice", "DONE is sent twice")
def _(w):
    repeating(w, ("DONE",), ("DONE",))


@fault("msg-after-done", "a message follows DONE")
def _(w):
    def more(self, ask, name, *rest):
        if name == "DONE":
            self.send("DONE")
            self.send("MSG", "good bye")
            return self.receive("OK", "TASK")
        return ask(name, *rest)

    asking(w, more)


@fault("done-after-error", "DONE follows ERROR and FATAL")
def _(w):
    repeating(w, ("ERROR", "FATAL"), ("DONE",))


@fault("done-for-error", "a task that failed says DONE")
def _(w):
    def wrong(self, name, error):
        self.stream.ask("DONE")
        return 1

    w.Session.give_up = wrong


@fault("error-not-sent", "the worker exits without ERROR")
def _(w):
    give_up = w.Session.give_up
    w.Session.give_up = lambda self, name, error: 1 if name == "ERROR" else give_up(self, name, error)


@fault("fatal-not-sent", "the worker exits without FATAL")
def _(w):
    give_up = w.Session.give_up
    w.Session.give_up = lambda self, name, error: 1 if name == "FATAL" else give_up(self, name, error)


@fault("crash-says-done", "a task that crashes says DONE")
def _(w):
    w.BEHAVIOURS["crash"] = w.echo


@fault("reuse-not-kept", "reuse is announced, but a second task is not begun")
def _(w):
    def refuse(self, ask, name, *rest):
        reply = ask(name, *rest)
        return ("OK", "ok") if name == "DONE" else reply

    asking(w, refuse)


@fault("reuse-keeps-task", "the second task is done like the first")
def _(w):
    first = []
    make = w.Task.__init__

    def again(self, stream, prints, payload):
        first.append(payload)
        make(self, stream, prints, first[0])

    w.Task.__init__ = again


@fault("reuse-keeps-inputs", "the inputs of the first task count in the second")
def _(w):
    kept = []
    inputs = w.Task.inputs

    def growing(self):
        for data in inputs(self):
            kept.append(data + b" ")
        yield from kept

    w.Task.inputs = growing


@fault("reuse-checks-first-task-only", "the fields of a second task are not checked")
def _(w):
    check = w.Task.check
    w.Task.check = lambda self, payload: None if once else (once.append(1), check(self, payload))[1]
    once = []


@fault("child-on-the-stream", "a child inherits the stream as its standard output")
def _(w):
    w.Prints.catch = _catching_only_ours(w)


def _catching_only_ours(w):
    def catch(self):
        sys.stdout = os.fdopen(os.dup(self.descriptor), "w")
        return os.dup(2)

    return catch


@fault("leaves-a-child", "a child goes on running when the worker ends")
def _(w):
    def spawn(task):
        subprocess.Popen(["sleep", str(LONG_S)], stdin=subprocess.DEVNULL)
        w.echo(task)

    w.BEHAVIOURS["spawn-child"] = spawn


@fault("child-reads-replies", "a child inherits standard input and reads it")
def _(w):
    def spawn(task):
        child = subprocess.Popen(["head", "-c", "5"])
        w.echo(task)
        child.wait()

    w.BEHAVIOURS["spawn-child"] = spawn


@fault("impatient-with-itself", "a task of more than a second is given up")
def _(w):
    def pause(self, seconds):
        if seconds > 1:
            raise w.Transient("too slow")
        time.sleep(seconds)

    w.Task.pause = pause


@fault("ignores-term", "SIGTERM is ignored")
def _(w):
    def deaf(self, run):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return run()

    clean = w.Session.clean
    w.Session.clean = lambda self: (clean(self), signal.signal(signal.SIGTERM, signal.SIG_IGN))
    around_run(w, deaf)


@fault("unknown-behaviour-is-echo", "a job that is not known is done as an echo")
def _(w):
    run = w.Task.run

    def guess(self):
        if self.behaviour not in w.BEHAVIOURS:
            self.behaviour = "echo"
        run(self)

    w.Task.run = guess


@fault("reuse-keeps-mode", "the second task has the mode of the first")
def _(w):
    start = w.Task.__init__
    modes = []

    def kept(self, stream, prints, payload):
        start(self, stream, prints, payload)
        modes.append(self.info["mode"])
        self.info = {**self.info, "mode": modes[0]}

    w.Task.__init__ = kept


@fault("ignores-noise-after-done", "whatever answers DONE is taken for OK")
def _(w):
    ask = w.Stream.ask

    def lenient(self, name, payload="", *expected):
        try:
            return ask(self, name, payload, *expected)
        except (w.Broken, w.Fatal):
            if name != "DONE":
                raise
            return "OK", "ok"

    w.Stream.ask = lenient


@fault("messages-out-of-order", "messages are sent from the last on")
def _(w):
    def say(task):
        for number in reversed(range(int(task.argument or 3))):
            task.stream.ask("MSG", f"line {number} — ünïcode")
        w.echo(task)

    w.BEHAVIOURS["say"] = say


@fault("repeats-messages", "a message whose reply is late is sent again")
def _(w):
    ask = w.Stream.ask

    def twice(self, name, *rest):
        if name == "MSG":
            self.send(name, *rest)
            if not select.select([self.source], [], [], 0.5)[0]:
                self.send(name, *rest)
            return self.receive("OK")
        return ask(self, name, *rest)

    w.Stream.ask = twice
