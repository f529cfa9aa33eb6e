"""Faults in asking for inputs: lists misread, polling ended too early or overdone."""

import time

from faults import fault


def polled(w, change):
    """The answer to a poll is changed before it is used."""
    poll = w.Task.poll

    def changed(self, read):
        self.polls = getattr(self, "polls", 0) + 1
        flag, entries = poll(self, read)
        return change(self, flag, entries, read)

    w.Task.poll = changed


def asked_with(w, make):
    def poll(self, read):
        _, payload = self.stream.ask("INPUT", make(read), "INPUT")
        self.check_input(payload)
        return payload

    w.Task.poll = poll


def read_with(w, change):
    """One input is read in another way: change(task, read, id, status, replicas)."""
    whole = w.Task.input
    w.Task.input = lambda self, *entry: change(self, lambda *e: whole(self, *e), *entry)


@fault("error-without-input", "a task without input is an error")
def _(w):
    def check(self, flag, entries, read):
        if flag == "done" and not entries and not read:
            raise w.Transient("no input")
        return flag, entries

    polled(w, check)


@fault("reads-first-input-only", "only the first input is read")
def _(w):
    polled(w, lambda self, flag, entries, read: (flag, entries[:1]))


@fault("ids-are-indexes", "an input id is taken for an index into the list")
def _(w):
    polled(
        w,
        lambda self, flag, entries, read: (
            flag,
            [e for at, e in enumerate(entries) if at + len(read) == e[0]],
        ),
    )


@fault("id-0-is-none", "the input with id 0 is taken for none")
def _(w):
    polled(w, lambda self, flag, entries, read: (flag, [e for e in entries if e[0]]))


@fault("more-is-done", "the flag more is taken for done")
def _(w):
    polled(w, lambda self, flag, entries, read: ("done", entries))


@fault("more-is-error", "the flag more is an error")
def _(w):
    def check(self, flag, entries, read):
        if flag == "more":
            raise w.Fatal("more")
        return flag, entries

    polled(w, check)


@fault("polls-twice-only", "the second list is taken for the last")
def _(w):
    polled(w, lambda self, flag, entries, read: (flag if self.polls < 2 else "done", entries))


@fault("empty-list-is-done", "an empty list is taken for the end")
def _(w):
    polled(w, lambda self, flag, entries, read: (flag if entries else "done", entries))


@fault("done-list-must-be-full", "an empty last list is an error")
def _(w):
    def check(self, flag, entries, read):
        if flag == "done" and read and not entries:
            raise w.Fatal("empty list")
        return flag, entries

    polled(w, check)


@fault("done-ends-polling", "after done nothing is asked for again")
def _(w):
    polled(
        w, lambda self, flag, entries, read: (flag, [e for e in entries if flag == "more" or e[1] != "busy"])
    )


@fault("excludes-up-to-last", "every id up to the largest that was read is excluded")
def _(w):
    asked_with(w, lambda read: ["exclude", list(range(max(read) + 1))] if read else "")


@fault("exclude-as-object", "exclude is written as an object")
def _(w):
    asked_with(w, lambda read: {"exclude": sorted(read)} if read else "")


@fault("ids-as-text", "the ids to exclude are written as text")
def _(w):
    asked_with(w, lambda read: ["exclude", [str(id_) for id_ in sorted(read)]] if read else "")


@fault("reads-again", "what is listed again is read again")
def _(w):
    def inputs(self):
        flag = "more"
        while flag == "more":
            flag, entries = self.poll(set())
            for id_, status, replicas in entries:
                data = self.input(id_, status, replicas)
                if data is not None:
                    yield data
            self.pause(0.1)

    w.Task.inputs = inputs


@fault("reads-only-when-done", "nothing is read before the list is complete")
def _(w):
    polled(w, lambda self, flag, entries, read: (flag, entries if flag == "done" else []))


@fault("busy-is-skipped", "a busy input is left out")
def _(w):
    def skip(self, flag, entries, read):
        read.update(entry[0] for entry in entries if entry[1] == "busy")
        return flag, [entry for entry in entries if entry[1] != "busy"]

    polled(w, skip)


@fault("busy-is-error", "a busy input is an error")
def _(w):
    def check(self, flag, entries, read):
        if any(entry[1] == "busy" for entry in entries):
            raise w.Transient("busy")
        return flag, entries

    polled(w, check)


@fault("failed-is-skipped", "a failed input is left out")
def _(w):
    polled(w, lambda self, flag, entries, read: (flag, [e for e in entries if e[1] != "failed"]))


@fault("no-replicas-is-empty", "an input without replicas is taken for an empty one")
def _(w):
    read_with(w, lambda self, whole, id_, status, replicas: whole(id_, status, replicas) if replicas else b"")


@fault("empty-data-is-error", "an input without a byte is an error")
def _(w):
    def check(self, whole, id_, status, replicas):
        data = whole(id_, status, replicas)
        if data == b"":
            raise w.Transient("no data")
        return data

    read_with(w, check)


@fault("polls-in-a-loop", "inputs are asked for without a pause")
def _(w):
    w.Task.pause = lambda self, seconds: None


@fault("polls-at-fixed-rate", "the pause between polls does not grow")
def _(w):
    w.LAST_PAUSE_S = w.FIRST_PAUSE_S


@fault("pause-without-limit", "the pause between polls grows without limit")
def _(w):
    w.LAST_PAUSE_S = 1e9


@fault("spins-between-polls", "the pause between polls is a busy loop")
def _(w):
    def spin(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass

    w.Task.pause = spin


@fault("ids-through-doubles", "ids are kept as floating-point numbers")
def _(w):
    ask = w.Stream.ask

    def double(self, name, payload="", *expected):
        if name == "INPUT_ERR":
            payload = [int(float(payload[0])), [int(float(rep_id)) for rep_id in payload[1]]]
        return ask(self, name, payload, *expected)

    w.Stream.ask = double


@fault("reads-a-url-once", "a URL that was read for one input is not read for another")
def _(w):
    fetch_input = w.Task.input
    seen = set()

    def once(self, id_, status, replicas):
        url = replicas[0][1] if replicas else ""
        if url in seen:
            return b""
        seen.add(url)
        return fetch_input(self, id_, status, replicas)

    w.Task.input = once


@fault("recurses-per-input", "each input of a list takes a call inside a call")
def _(w):
    def chain(entries):
        if entries:
            yield entries[0]
            yield from chain(entries[1:])

    polled(w, lambda self, flag, entries, read: (flag, list(chain(entries))))


@fault("forgets-old-inputs", "only the last hundred inputs are known to have been read")
def _(w):
    class Short(dict):
        def add(self, id_):
            self[id_] = True
            if len(self) > 100:
                del self[next(iter(self))]

    w.set = lambda *words: Short()


@fault("rereads-new-urls", "an input that is listed at another place is read again")
def _(w):
    urls = {}

    def change(self, flag, entries, read):
        for id_, _, replicas in entries:
            if urls.setdefault(id_, replicas) != replicas:
                read.discard(id_)
        return flag, entries

    polled(w, change)


@fault("reduce-does-not-poll", "a reduce takes its first list for the whole one")
def _(w):
    polled(w, lambda self, flag, entries, read: ("done" if self.info["mode"] == "reduce" else flag, entries))


@fault("fail-waits-for-the-rest", "after FAIL the other inputs are awaited before the task fails")
def _(w):
    after_error = w.Task.after_error

    def later(self, id_, name, payload, why):
        return None if name == "FAIL" else after_error(self, id_, name, payload, why)

    w.Task.after_error = later


@fault("no-memory-is-the-end", "when memory runs out, what was read so far counts")
def _(w):
    wordcount = w.BEHAVIOURS["wordcount"]

    def lenient(task):
        try:
            wordcount(task)
        except MemoryError:
            task.output("counts", b"")

    w.BEHAVIOURS["wordcount"] = lenient
