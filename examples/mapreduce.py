"""Workers of a map and a reduce function in Python whose records every language reads (kv streams).

    main(map=words, combine=total, reduce=total)

`map(line)` takes a line of an input, as bytes without its line feed; `reduce(key, values)` and `combine(key,
values)` take a key with its values. All of them yield (key, value) pairs of bytes. Keys are sorted by their
bytes, on disk where memory does not do. `combine` makes fewer values of some values of a key before they
leave the map, any number of times.

This file and the packages `disco` and `jobpack` travel in the job home, beside the worker.
"""

import itertools
import json
from pathlib import Path

from disco.records.hunks import Encoding, HunkWriter, read_records
from disco.records.partition import partitioner
from disco.schemes import open as open_url
from disco.schemes.scheme_dir import parse_dir
from disco.worker import Worker, boot
from disco.worker.classic.grouping import kvgroup
from disco.worker.classic.shuffling.runs import Pairs
from disco.worker.classic.shuffling.sorting import Sorter
from jobpack.format import read_section

SORT_BYTES = 64 << 20
BATCH_RECORDS = 4096
COMBINED_VALUES = 200_000


class MapReduce(Worker):
    """The functions as a worker of the SDK, which opens inputs and completes outputs."""

    def start(self, task, job, **jobargs):
        super().start(task, job, **jobargs)
        self.writers = {}

    def run_mode(self, task, job, jobargs):
        if self[task.mode] is None:
            raise ValueError(f"the job asks for a {task.mode}, which this program has not")
        getattr(self, f"run_{task.mode}")(task)
        for writer in self.writers.values():
            writer.close()

    def run_map(self, task):
        lines = self.input(task, open=open_url)
        pairs = itertools.chain.from_iterable(self["map"](line.removesuffix(b"\n")) for line in lines)
        with Path(task.jobfile).open("rb") as pack:
            job = json.loads(read_section(pack, "jobdict"))
        if not job.get("reduce?"):
            self.write_all(task, None, pairs)
            return
        if self["combine"]:
            pairs = combined(pairs, self["combine"])
        label_of = partitioner(int(job["nr_reduces"]))
        for key, value in pairs:
            self.writer(task, label_of(key)).add(key, value)

    def run_reduce(self, task):
        sorter = Sorter(SORT_BYTES)
        records = iter(self.input(task, open=lambda url: read_label(url, task.taskid)))
        while batch := list(itertools.islice(records, BATCH_RECORDS)):
            sorter.add(Pairs(*map(list, zip(*batch, strict=True))))
        for key, values in kvgroup(sorter.finish()):
            self.write_all(task, None, self["reduce"](key, values))

    def write_all(self, task, label, pairs):
        writer = self.writer(task, label)
        for key, value in pairs:
            writer.add(key, value)

    def writer(self, task, label):
        if label not in self.writers:
            self.writers[label] = HunkWriter(self.output(task, label).file, Encoding.KV)
        return self.writers[label]


def read_label(url, label):
    """The records that are for the reduce `label`: an index names the files that hold them."""
    for place in parse_dir(url, label) if url.startswith("dir://") else [url]:
        with open_url(place) as file:
            yield from read_records(file, place, entries=False)


def combined(pairs, combine):
    """Fewer pairs that mean the same to the reduce. Holds at most COMBINED_VALUES values."""
    held, count = {}, 0
    for key, value in pairs:
        held.setdefault(key, []).append(value)
        count += 1
        if count >= COMBINED_VALUES:
            held = {key: [v for _, v in combine(key, values)] for key, values in held.items()}
            count = sum(map(len, held.values()))
            if count >= COMBINED_VALUES // 2:
                yield from ((key, value) for key, values in held.items() for value in values)
                held, count = {}, 0
    for key, values in held.items():
        yield from combine(key, values)


def main(map=None, combine=None, reduce=None):
    """Be a worker process: do the tasks that Disco has for it, then exit. Never returns."""
    worker = MapReduce(map=map, combine=combine, reduce=reduce)
    boot.main(lambda jobfile: (worker, None, {}))
