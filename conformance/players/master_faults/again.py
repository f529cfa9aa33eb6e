"""Faults in giving a worker several tasks, and in what a task is told while its inputs are not there yet."""

import time

from master_faults import fault
from master_faults.answers import answering, at, refusing


def reusing(name, sentence, change):
    """The reply to DONE is changed; `change` is given the attempt, the task before, and the right reply."""

    @fault(name, sentence)
    def _(m):
        def changed(self, payload, answer):
            before = self.task
            return change(self, before, answer())

        at(m, "done", changed)


def _same_task(attempt, before, reply):
    if reply[0] == "TASK":
        attempt.job.waiting[before.mode].append(attempt.task)
        attempt.begin(before)
        return "TASK", attempt.job.info(before)
    return reply


def _short_task(attempt, before, reply):
    return (reply[0], {"taskid": reply[1]["taskid"]}) if reply[0] == "TASK" else reply


def _old_inputs(attempt, before, reply):
    attempt.task.inputs = before.inputs
    return reply


reusing("master-reuse-same-task", "a worker that is used again is given its task again", _same_task)
reusing("master-reuse-short-task", "the second TASK has the number only", _short_task)
reusing("master-reuse-old-inputs", "the second task has the inputs of the first", _old_inputs)


def keeping(name, sentence, *fields):
    """Something of the first task stays with the attempt."""

    @fault(name, sentence)
    def _(m):
        begin = m.Attempt.begin

        def again(self, task):
            kept = {field: getattr(self, field) for field in fields if hasattr(self, field)}
            begin(self, task)
            self.__dict__.update(kept)

        m.Attempt.begin = again


keeping("master-reuse-keeps-outputs", "outputs of the first task count for the second too", "outputs")
keeping("master-reuse-keeps-reports", "reports of the first task count for the second too", "reported")


@fault("master-reuses-anyone", "a worker that did not offer it is used again")
def _(m):
    def greet(self, payload, answer):
        reply = answer()
        self.reusable = True
        return reply

    at(m, "worker", greet)


@fault("master-reuse-is-any-word", "a worker that says reuse false is used again")
def _(m):
    def greet(self, payload, answer):
        reply = answer()
        self.reusable = "reuse" in payload
        return reply

    at(m, "worker", greet)


@fault("master-reuse-greets-again", "a worker that is used again may say WORKER again")
def _(m):
    order = m.Attempt.order

    def forgiving(self, name):
        if name == "WORKER" and self.task.number != self.__dict__.setdefault("first", self.task.number):
            self.greeted = False
        order(self, name)

    m.Attempt.order = forgiving


@fault("master-reuse-retries-all", "what a worker did before it failed is done again")
def _(m):
    run_task = m.run_task

    def all_again(job, task, attempt=m.Attempt):
        had = []

        class Noting(attempt):
            def begin(self, task):
                had.append(task)
                super().begin(task)

            def run(self):
                try:
                    super().run()
                except m.Retry:
                    job.waiting[self.task.mode].extend(had[:-1])
                    had.clear()
                    raise

        run_task(job, task, Noting)

    m.run_task = all_again


answering(
    "master-reuse-parks-for-ever", "a worker that offered reuse hears nothing after its last DONE", "done",
    lambda s, p, a: (lambda reply: time.sleep(600) if s.reusable and reply[0] == "OK" else reply)(a()),
)  # fmt: skip


def early(name, sentence, change):
    """What INPUT says while the map runs; `change` is given the attempt and the right answer."""

    @fault(name, sentence)
    def _(m):
        def changed(self, payload, answer):
            return change(self, answer) if self.task.inputs is None else answer()

        at(m, "input", changed)


def _when_done(attempt, answer):
    while attempt.task.inputs is None:
        time.sleep(0.01)
    return answer()


def _more_once(attempt, answer):
    attempt.polls = getattr(attempt, "polls", 0) + 1
    return answer() if attempt.polls == 1 else ("INPUT", ["done", []])


early("master-early-says-done", "the list is called complete while the map runs",
      lambda s, a: ("INPUT", ["done", []]))  # fmt: skip
early("master-early-says-true", "the flag of INPUT is a boolean", lambda s, a: ("INPUT", [True, []]))
early("master-early-says-wait", "INPUT is answered with WAIT", lambda s, a: ("WAIT", 1))
early("master-early-holds-input", "INPUT is answered when the map is done", _when_done)
early("master-early-more-once", "more is said once", _more_once)


@fault("master-early-more-for-ever", "the list of a reduce that began early is never complete")
def _(m):
    def more(self, payload, answer):
        if self.task.inputs is None:
            self.early = True
        return ("INPUT", ["more", []]) if getattr(self, "early", False) else answer()

    at(m, "input", more)


@fault("master-early-lists-the-jobs", "a reduce that began early is given the inputs of the map")
def _(m):
    run_early = m.run_early

    def wrong(job):
        store = job.store
        index = store.index
        store.index = lambda mode: [urls[0] for urls in job.inputs] if mode == "map" else index(mode)
        return run_early(job)

    m.run_early = wrong


def waiting(name, sentence, seconds):
    answering(
        name, sentence, "input_err",
        lambda s, p, a: (lambda reply: ("WAIT", seconds) if reply[0] == "WAIT" else reply)(a()),
    )  # fmt: skip


waiting("master-wait-nothing", "WAIT says 0 seconds", 0)
waiting("master-wait-below-zero", "WAIT says less than no time", -1)
waiting("master-wait-too-long", "WAIT says more than a minute", 61)
waiting("master-wait-fraction", "WAIT says half a second", 0.5)
waiting("master-wait-as-text", "WAIT carries text", "1")
waiting("master-wait-without-time", "WAIT carries no time", "")


def lost(name, sentence, change):
    """What INPUT says while the map is carried out again."""

    @fault(name, sentence)
    def _(m):
        def changed(self, payload, answer):
            name, (flag, listed) = answer()
            return name, (change(self, flag, listed) if self.lost() else [flag, listed])

        at(m, "input", changed)


lost("master-busy-is-left-out", "an input that is made again is not listed", lambda s, f, li: ["done", []])
lost("master-busy-is-ok", "an input that is made again is called ok, without replicas",
     lambda s, f, li: ["done", [[id_, "ok", []] for id_, _, _ in li]])  # fmt: skip
lost("master-busy-is-failed", "an input that is made again is called failed",
     lambda s, f, li: [f, [[id_, "failed", reps] for id_, _, reps in li]])  # fmt: skip
lost("master-busy-is-old", "an input that is made again has its lost replica still",
     lambda s, f, li: [f, [[id_, "ok", [[0, s.task.inputs[id_][0]]]] for id_, _, _ in li]])  # fmt: skip


@fault("master-remakes-nothing", "WAIT is said, and nothing is made")
def _(m):
    m.Job.run_again = lambda self: None


@fault("master-remade-is-lost", "what was made again is never listed")
def _(m):
    def for_ever(self, payload, answer):
        name, (flag, listed) = answer()
        return name, ["more", [[id_, "busy", []] for id_, _, _ in listed]] if self.job.remade else [
            flag,
            listed,
        ]

    at(m, "input", for_ever)


@fault("master-remade-has-old-replica", "what was made again has the number that was reported")
def _(m):
    m.Attempt.replicas = lambda self, id_: [[at, url] for at, url in enumerate(self.task.inputs[id_])]


@fault("master-fails-while-busy", "a report is answered with FAIL while the input is made again")
def _(m):
    def hasty(self, payload, answer):
        return ("FAIL", "") if self.lost() else answer()

    at(m, "input_err", hasty)


@fault("master-remake-is-silent", "nothing is answered while an input is made again")
def _(m):
    answer = m.Attempt.answer

    def later(self, name, payload):
        while self.lost():
            time.sleep(0.01)
        return answer(self, name, payload)

    m.Attempt.answer = later


@fault("master-no-memory-limit", "a worker gets whatever memory it wants")
def _(m):
    m.MEMORY_KIB = "unlimited"


@fault("master-small-memory", "a worker gets hardly any memory beyond what it starts with")
def _(m):
    m.MEMORY_KIB = 256 << 10


refusing("master-reuse-word-is-dead", "a worker that says reuse false is refused", "worker",
         lambda p: p.get("reuse") is False)  # fmt: skip
