"""Faults in outputs: reported wrongly, too early, twice or not at all, or with the wrong content."""

import os
from pathlib import Path

from faults import fault
from faults.frames_written import asking


def reported_as(w, change):
    asking(
        w,
        lambda self, ask, name, payload="", *rest: ask(
            name, change(payload) if name == "OUTPUT" else payload, *rest
        ),
    )


@fault("disco-output-with-label", "a disco output has a label")
def _(w):
    reported_as(w, lambda output: [*output, 0] if output[1] == "disco" else output)


@fault("unknown-output-type", "a disco output is called a file")
def _(w):
    reported_as(w, lambda output: [output[0], "file"] if output[1] == "disco" else output)


@fault("negative-label", "a label is negative")
def _(w):
    reported_as(w, lambda output: [*output[:2], -1])


@fault("label-as-float", "a label is a floating-point number")
def _(w):
    reported_as(w, lambda output: [*output[:2], float(output[2])] if len(output) > 2 else output)


@fault("absolute-location", "the location is an absolute path")
def _(w):
    reported_as(w, lambda output: [str(Path(output[0]).absolute()), *output[1:]])


@fault("dotdot-location", "the location leads out of the job home and in again")
def _(w):
    reported_as(w, lambda output: [f"../{Path.cwd().name}/{output[0]}", *output[1:]])


@fault("output-names-directory", "the location is the directory of the file")
def _(w):
    reported_as(w, lambda output: [str(Path(output[0]).parent), *output[1:]])


@fault("output-before-file", "an output is reported before its file is written")
def _(w):
    def output(self, name, data, kind="part", label=0):
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        location = f"{self.folder}/{name}"
        self.stream.ask("OUTPUT", [location, kind, label] if kind == "part" else [location, kind])
        self.store(location, data)

    w.Task.output = output


@fault("output-unflushed", "the second half of an output is written after it was reported")
def _(w):
    whole = w.Task.output

    def output(self, name, data, *rest):
        whole(self, name, data[: len(data) // 2], *rest)
        self.store(f"{self.folder}/{name}", data)

    w.Task.output = output


@fault("output-twice", "an output is reported twice")
def _(w):
    whole = w.Task.output

    def output(self, *words):
        whole(self, *words)
        whole(self, *words)

    w.Task.output = output


@fault("output-not-reported", "an output is written and not reported")
def _(w):
    asking(w, lambda self, ask, name, *rest: ("OK", "ok") if name == "OUTPUT" else ask(name, *rest))


@fault("done-before-output", "DONE comes before OUTPUT")
def _(w):
    asking(
        w,
        lambda self, ask, name, *rest: ask(
            "DONE" if name == "OUTPUT" else name, *([] if name == "OUTPUT" else rest)
        ),
    )


@fault("label-per-record", "every word is an output of its own")
def _(w):
    def split(task):
        for data in task.inputs():
            for at, word in enumerate(data.split()):
                task.output(f"part-{at}", word + b"\n", "part", w.zlib.crc32(word) % int(task.argument or 3))

    w.BEHAVIOURS["split"] = split


@fault("partition-by-python-hash", "the label is another function of the word")
def _(w):
    w.zlib = type("module", (), {"crc32": staticmethod(lambda word: sum(word) + 1)})


@fault("label-0-always", "every word goes to label 0")
def _(w):
    def split(task):
        words = [word + b"\n" for data in task.inputs() for word in data.split()]
        task.output("part-0", b"".join(words))

    w.BEHAVIOURS["split"] = split


@fault("fixed-output-name", "every attempt writes the same file")
def _(w):
    whole = w.Task.output

    def output(self, name, *rest):
        self.folder = ".out"
        whole(self, "result", *rest)

    w.Task.output = output


@fault("counts-in-insertion-order", "counts are not sorted")
def _(w):
    w.sorted = lambda values: list(values)


@fault("reduce-counts-lines", "a reduce counts lines instead of adding numbers up")
def _(w):
    wordcount = w.BEHAVIOURS["wordcount"]

    def mistaken(task):
        task.info = {**task.info, "mode": "map"}
        wordcount(task)

    w.BEHAVIOURS["wordcount"] = mistaken


@fault("ignores-write-errors", "a write that fails is taken for a good one")
def _(w):
    store = w.Task.store

    def lenient(self, location, data):
        try:
            store(self, location, data)
        except OSError:
            return

    w.Task.store = lenient


@fault("needs-a-file", "a file of the job home is taken for granted")
def _(w):
    run = w.Task.run

    def needy(self):
        with Path("lib/settings.ini").open():
            run(self)

    w.Task.run = needy


@fault("needs-home", "the home directory is taken for granted")
def _(w):
    run = w.Task.run

    def needy(self):
        list(Path(os.environ["HOME"]).iterdir())
        run(self)

    w.Task.run = needy


@fault("splits-environment", "environment variables are split at every equals sign")
def _(w):
    run = w.Task.run

    def needy(self):
        for line in [f"{key}={value}" for key, value in os.environ.items()]:
            assert len(line.split("=")) == 2
        run(self)

    w.Task.run = needy


def stored_as(name, sentence, change):
    @fault(name, sentence)
    def _(w):
        store = w.Task.store
        w.Task.store = lambda self, location, data: store(self, location, change(data))


stored_as(
    "outputs-in-text-mode",
    "line ends of outputs are set right",
    lambda d: d.replace(b"\r\n", b"\n").replace(b"\r", b"\n"),
)
stored_as("outputs-end-at-nul", "an output ends at its first NUL", lambda d: d.partition(b"\0")[0])
stored_as("outputs-end-in-lf", "an output without LF at its end gets one", lambda d: d.rstrip(b"\n") + b"\n")
stored_as(
    "outputs-without-last-lf", "the last LF of an output is taken away", lambda d: d.removesuffix(b"\n")
)


@fault("label-is-task-number", "the label is the number of the task")
def _(w):
    whole = w.Task.output
    w.Task.output = lambda self, name, data, kind="part", label=0: whole(
        self, name, data, kind, label or self.info["taskid"]
    )


@fault("label-in-hexadecimal", "a label is written as hexadecimal text")
def _(w):
    reported_as(w, lambda output: [*output[:2], hex(output[2])] if len(output) > 2 else output)


@fault("label-in-16-bits", "a label is cut to 16 bits")
def _(w):
    reported_as(w, lambda output: [*output[:2], output[2] & 0xFFFF] if len(output) > 2 else output)


@fault("splits-at-spaces-only", "words end at spaces only")
def _(w):
    inputs = w.Task.inputs
    blank = bytes.maketrans(b"\t\n", b"__")
    w.Task.inputs = lambda self: (data.translate(blank) for data in inputs(self))


@fault("home-through-a-shell", "the path of an output goes through a shell")
def _(w):
    def store(self, location, data):
        Path("data").write_bytes(data)
        os.system(f"cp data {Path.cwd()}/{location} 2>/dev/null")

    w.Task.store = store


@fault("environment-in-64-kib", "the environment is copied into 64 kilobytes")
def _(w):
    run = w.Task.run

    def small(self):
        assert sum(len(key) + len(value) for key, value in os.environ.items()) < 1 << 16
        run(self)

    w.Task.run = small
