"""Faults in what becomes of outputs: indexes, joined parts, results, the tasks of the reduce."""

import gzip

from master_faults import fault
from master_faults.answers import answering, at, task_with


def storing(name, sentence, method, change):
    """A method of the store gives something else; `change` is given the store, the arguments and the rest."""

    @fault(name, sentence)
    def _(m):
        right = getattr(m.Store, method)
        setattr(m.Store, method, lambda self, *words: change(self, words, lambda *w: right(self, *w)))


storing("master-index-unsorted", "the index is in reverse", "ordered", lambda s, w, a: a(*w)[::-1])
storing("master-index-repeats", "the index has every line twice", "ordered", lambda s, w, a: sorted(w[0] * 2))
storing(
    "master-index-by-text", "labels are sorted as text", "ordered",
    lambda s, w, a: sorted(w[0], key=lambda line: (str(line[0]), line[1])),
)  # fmt: skip
storing(
    "master-index-plain",
    "an index called .gz is no gzip data",
    "packed",
    lambda s, w, a: gzip.decompress(a(*w)),
)
storing(
    "master-index-without-label", "the lines of an index are bare URLs", "packed",
    lambda s, w, a: gzip.compress("".join(f"{url}\n" for _, url in w[0]).encode()),
)  # fmt: skip
storing(
    "master-index-without-lf", "the last line of an index has no LF", "packed",
    lambda s, w, a: gzip.compress(gzip.decompress(a(*w))[:-1]),
)  # fmt: skip
storing("master-index-missing", "results name no index", "index", lambda s, w, a: [])
storing("master-index-lists-one", "an index lists one output only", "lines", lambda s, w, a: a(*w)[:1])
storing(
    "master-disco-label-1", "outputs of type disco have label 1", "lines",
    lambda s, w, a: [(1 if "/out-" in url else label, url) for label, url in a(*w)],
)  # fmt: skip
storing(
    "master-joins-backwards", "parts are joined in reverse", "joined",
    lambda s, w, a: a(w[0], w[1], w[2][::-1]),
)  # fmt: skip
storing(
    "master-joins-first", "of the parts of a label one is kept", "joined",
    lambda s, w, a: a(w[0], w[1], w[2][:1]),
)  # fmt: skip
storing(
    "master-loses-tags", "tags are left out of the results", "results",
    lambda s, w, a: [url for url in a(*w) if not url.startswith("tag:")],
)  # fmt: skip
storing("master-results-of-map", "the results are those of the map", "results", lambda s, w, a: a("map"))


def reporting(name, sentence, change):
    """The last output that was reported is kept otherwise."""

    @fault(name, sentence)
    def _(m):
        def keep(self, payload, answer):
            reply = answer()
            self.outputs[-1:] = change(*self.outputs[-1])
            return reply

        at(m, "output", keep)


reporting("master-all-labels-0", "every label is 0", lambda where, kind, label: [(where, kind, 0)])
reporting(
    "master-disco-is-part",
    "outputs of type disco are joined",
    lambda where, kind, label: [(where, "part", label)],
)
reporting(
    "master-part-is-disco",
    "parts are listed one by one",
    lambda where, kind, label: [(where, "disco", label)],
)


@fault("master-keeps-lost-outputs", "outputs of an attempt that failed stay")
def _(m):
    run = m.Attempt.run

    def kept(self):
        before = self.job.__dict__.setdefault("lost", {}).get((self.task.mode, self.task.number), [])
        self.outputs = list(before)
        self.job.lost[self.task.mode, self.task.number] = self.outputs
        run(self)

    m.Attempt.run = kept


def phases(name, sentence, change):
    @fault(name, sentence)
    def _(m):
        right = m.Job.phases

        def changed(self):
            for mode, tasks in right(self):
                yield mode, change(m, mode, tasks) if mode == "reduce" else tasks

        m.Job.phases = changed


phases("master-one-reduce", "one reduce task, however many are asked for", lambda m, mode, tasks: tasks[:1])
phases(
    "master-reduces-number-0", "every reduce task has the number 0",
    lambda m, mode, tasks: [m.Task("reduce", 0, task.inputs) for task in tasks],
)  # fmt: skip
phases(
    "master-reduce-without-inputs", "a reduce task has no inputs",
    lambda m, mode, tasks: [m.Task("reduce", task.number, []) for task in tasks],
)  # fmt: skip
phases(
    "master-reduce-has-one-input", "a reduce task has the first input only",
    lambda m, mode, tasks: [m.Task("reduce", task.number, task.inputs[:1]) for task in tasks],
)  # fmt: skip
phases(
    "master-reduce-of-files", "a reduce task is given files in place of indexes",
    lambda m, mode, tasks: [
        m.Task("reduce", t.number, [[url.replace("dir://", "disco://") for url in one] for one in t.inputs])
        for t in tasks
    ],
)  # fmt: skip
phases("master-no-reduce", "the job ends after the map", lambda m, mode, tasks: [])
answering("master-mode-map", "TASK says map in the reduce", "task", task_with(lambda i: {**i, "mode": "map"}))


@fault("master-forgets-failed-inputs", "an input without replicas is no longer listed")
def _(m):
    def skip(self, payload, answer):
        name, (flag, listed) = answer()
        return name, [flag, [entry for entry in listed if entry[0] not in self.reported]]

    at(m, "input", skip)
