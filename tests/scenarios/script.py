"""A small language for what happens to a master, and for what it then orders.

A trace is a text file of steps and the orders that each step gives:

    # prose
    > up a 2                       a step; "+1.5" before the verb lets 1.5 s pass first
    < launch map:0 on a raw://x    an order of the core, in the order in which they come

Attempts are named by their tasks: `done map:0` ends the attempt that was last launched for it. Log lines come
as `log HOST TEXT`, line feeds as `|`. `views JOB` shows the job as outsiders see it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from disco_master.actions import Action, DeleteJob, EndJob, Kill, Launch, Log, Record, Shuffle
from disco_master.core.master import Core
from disco_master.events import (
    AttemptEnded,
    AttemptMessage,
    BlacklistChanged,
    Event,
    JobCleaned,
    JobKilled,
    JobSubmitted,
    NodeDown,
    NodeStats,
    NodeTableSaved,
    NodeUp,
    SettingChanged,
    ShuffleEnded,
    Tick,
)
from disco_master.model import (
    AttemptEnd,
    FoundAttempt,
    JobSpec,
    Mode,
    Outcome,
    Output,
    OutputKind,
    SchedulerOptions,
)

START_S = 1000.0
Words = list[str]
Options = dict[str, str]


class Script:
    """Feeds steps to a core, and keeps what a later step may have to name."""

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        self.core = Core(seed)
        self.now = START_S
        self.generations: dict[str, int] = {}
        self.attempts: dict[str, Launch] = {}  # "job/map:0" -> the last launch of it
        self.merges: dict[tuple[str, str, str], int] = {}  # the last order to merge
        self.journal: list[Record] = []
        self.job = ""  # the last one submitted: steps mean this one unless they say job=

    def step(self, text: str) -> list[str]:
        """Carry out one step; the orders as lines."""
        words = shlex.split(text)
        if words[0].startswith("+"):
            self.now += float(words.pop(0)[1:])
        verb, rest = words[0], words[1:]
        options = dict(word.split("=", 1) for word in rest if re.match(r"[a-z_]+=", word))
        plain = [word for word in rest if not re.match(r"[a-z_]+=", word)]
        if verb == "views":
            return self._views(plain)
        if verb == "why":
            return self.core.why(plain[0] if plain else self.job)
        if verb == "restart":
            return self._restart()
        return self._orders(self.core.handle(self._events[verb](self, plain, options), self.now))

    # -- steps

    def _up(self, words: Words, options: Options) -> Event:
        """up NODE SLOTS [TASK…]: with the attempts that were last launched for the tasks still there."""
        generation = self.generations.get(words[0], 0) + 1
        self.generations[words[0]] = generation
        specs = [self.attempts[f"{self.job}/{task}"].spec for task in words[2:]]
        found = tuple(FoundAttempt(spec.attempt, spec.job, spec.mode, spec.task) for spec in specs)
        return NodeUp(words[0], generation, int(words[1]), found)

    def _disk(self, words: Words, options: Options) -> Event:
        """disk NODE FREE_MIB"""
        return NodeStats(words[0], self.generations[words[0]], int(words[1]) * 1024 * 1024, 1)

    def _down(self, words: Words, options: Options) -> Event:
        return NodeDown(words[0], self.generations[words[0]], "gone")

    def _table(self, words: Words, options: Options) -> Event:
        """table HOSTS/SLOTS…"""
        return NodeTableSaved(tuple((w.partition("/")[0], w.partition("/")[2]) for w in words))

    def _submit(self, words: Words, options: Options) -> Event:
        """submit NAME map=URL,URL|REPLICA reduce=N, then the options of the scheduler:

        max_cores=N force=local|remote max_failures=N max_job_failures=N backups=1 timeout=SECONDS
        """
        self.job = words[0]
        urls = options.get("map", options.get("input", ""))
        inputs = tuple(tuple(one.split("|")) for one in urls.split(",") if one)
        scheduler = SchedulerOptions(
            max_cores=int(options.get("max_cores", 2**31)),
            force_local=options.get("force") == "local",
            force_remote=options.get("force") == "remote",
            max_failures=int(options["max_failures"]) if "max_failures" in options else None,
            max_job_failures=int(options["max_job_failures"]) if "max_job_failures" in options else None,
            backup_tasks="backups" in options,
            task_timeout_s=int(options["timeout"]) if "timeout" in options else None,
        )
        reduces = int(options.get("reduce", 0))
        spec = JobSpec(
            words[0], words[0], "me", "worker", inputs, "map" in options, reduces > 0, reduces, scheduler
        )
        return JobSubmitted(spec)

    def _end(self, words: Words, options: Options, end: AttemptEnd) -> Event:
        """A task is that of its last launch; `map:0@a` is that on node a."""
        launch = self.attempts[f"{options.get('job', self.job)}/{words[0]}"]
        spec = launch.spec
        return AttemptEnded(spec.attempt, spec.job, spec.mode, spec.task, launch.node, end)

    def _done(self, words: Words, options: Options) -> Event:
        """done TASK [OUTPUT…]; an output is part:LABEL, disco, or tag:NAME"""
        launch = self.attempts[f"{options.get('job', self.job)}/{words[0]}"]
        outputs = tuple(_output(launch, word, i) for i, word in enumerate(words[1:]))
        return self._end(words, options, AttemptEnd(Outcome.DONE, outputs=outputs))

    def _fail(self, words: Words, options: Options) -> Event:
        """fail TASK MESSAGE [unreadable=URL]"""
        unreadable = (options["unreadable"],) if "unreadable" in options else ()
        return self._end(words, options, AttemptEnd(Outcome.FAILED, words[1], unreadable=unreadable))

    def _fatal(self, words: Words, options: Options) -> Event:
        return self._end(words, options, AttemptEnd(Outcome.FAILED, words[1], fatal=True))

    def _crash(self, words: Words, options: Options) -> Event:
        end = AttemptEnd(
            Outcome.CRASHED, words[1], signal=9, last_words="oh no", peak_memory_bytes=3 * 1024 * 1024
        )
        return self._end(words, options, end)

    def _lost(self, words: Words, options: Options) -> Event:
        return self._end(words, options, AttemptEnd(Outcome.NODE_LOST, "node is gone"))

    def _killed(self, words: Words, options: Options) -> Event:
        return self._end(words, options, AttemptEnd(Outcome.KILLED))

    def _message(self, words: Words, options: Options) -> Event:
        launch = self.attempts[f"{options.get('job', self.job)}/{words[0]}"]
        return AttemptMessage(launch.spec.attempt, 1, words[1])

    def _shuffled(self, words: Words, options: Options) -> Event:
        """shuffled MODE NODE [error=TEXT] [empty=1]"""
        job, node = options.get("job", self.job), words[1]
        error = options.get("error", "")
        index = "" if error or "empty" in options else f"dir://{node}/{job}/{words[0]}-index"
        number = self.merges.get((job, words[0], node), 0)
        return ShuffleEnded(job, Mode(words[0]), node, index, error, number=number)

    def _kill(self, words: Words, options: Options) -> Event:
        return JobKilled(words[0])

    def _clean(self, words: Words, options: Options) -> Event:
        return JobCleaned(words[0], purge=False)

    def _purge(self, words: Words, options: Options) -> Event:
        return JobCleaned(words[0], purge=True)

    def _blacklist(self, words: Words, options: Options) -> Event:
        return BlacklistChanged("tasks", words[0], listed=True)

    def _whitelist(self, words: Words, options: Options) -> Event:
        return BlacklistChanged("tasks", words[0], listed=False)

    def _setting(self, words: Words, options: Options) -> Event:
        return SettingChanged("max_failure_rate", int(words[0]))

    def _tick(self, words: Words, options: Options) -> Event:
        return Tick()

    _events: dict[str, Callable[[Script, Words, Options], Event]] = {  # noqa: RUF012
        "up": _up,
        "disk": _disk,
        "down": _down,
        "table": _table,
        "submit": _submit,
        "done": _done,
        "fail": _fail,
        "fatal": _fatal,
        "crash": _crash,
        "lost": _lost,
        "killed": _killed,
        "message": _message,
        "shuffled": _shuffled,
        "kill": _kill,
        "clean": _clean,
        "purge": _purge,
        "blacklist": _blacklist,
        "whitelist": _whitelist,
        "setting": _setting,
        "tick": _tick,
    }

    def _restart(self) -> list[str]:
        """The master is killed and started again: all it has is its journal. The nodes must come up again."""
        self.core = Core(self.seed)
        for record in self.journal:
            self.core.restore(record.event, record.now)
        return self._orders(self.core.resume(self.now))

    def _views(self, words: Words) -> list[str]:
        view = self.core.snapshot().jobs.get(words[0] if words else self.job)
        if view is None:
            return ["unknown job"]
        lines = [
            f"{view.status} phase={view.phase or '-'} map={_counts(view.map)} reduce={_counts(view.reduce)} "
            f"hosts={','.join(view.hosts) or '-'}"
        ]
        if view.map_results is not None:
            lines.append(f"map results: {' '.join(view.map_results) or '-'}")
        if view.results:
            lines.append(f"results: {' '.join(view.results)}")
        if view.failure:
            lines.append(f"failure: {_flat(view.failure)}")
        return lines

    # -- orders

    def _orders(self, actions: list[Action]) -> list[str]:
        return [self._show(action) for action in actions]

    def _show(self, action: Action) -> str:
        match action:
            case Record(event):
                self.journal.append(action)
                return f"record {type(event).__name__}"
            case Launch(node, _, spec):
                for name in (f"{spec.mode}:{spec.task}", f"{spec.mode}:{spec.task}@{node}"):
                    self.attempts[f"{spec.job}/{name}"] = action
                inputs = " ".join("|".join(one.urls) for one in spec.inputs)
                return f"launch {self._of(spec.job)}{spec.mode}:{spec.task} on {node} {inputs}".rstrip()
            case Kill(attempt, node, reason):
                return f"kill {self._task(attempt)} on {node}: {reason}"
            case Shuffle(job, mode, node, _, outputs, number):
                self.merges[job, mode.value, node] = number
                return f"shuffle {self._of(job)}{mode} on {node}: {' '.join(one.url for one in outputs)}"
            case EndJob(job):
                return f"end {job}"
            case DeleteJob(job, data):
                return f"delete {job}{' with its data' if data else ''}"
            case Log(job, host, text):
                return f"log {self._of(job)}{host} {_flat(text)}"

    def _of(self, job: str) -> str:
        return "" if job == self.job else f"{job}/"

    def _task(self, attempt: int) -> str:
        for launch in self.attempts.values():
            if launch.spec.attempt == attempt:
                return f"{self._of(launch.spec.job)}{launch.spec.mode}:{launch.spec.task}"
        return f"attempt {attempt}"


def _output(launch: Launch, word: str, number: int) -> Output:
    kind, _, label = word.partition(":")
    if kind == "tag":
        return Output(f"tag://{label}", OutputKind.TAG)
    spec = launch.spec
    url = f"disco://{launch.node}/{spec.mode}-{spec.task}-{number}"
    return Output(url, OutputKind(kind), int(label or 0))


def _counts(counts: tuple[int, ...]) -> str:
    return "/".join(map(str, counts))


def _flat(text: str) -> str:
    return text.replace("\n", "|")
