"""Word count with Disco: `combiner`, `tutorial` (as printed) or `sorted`, then the input files."""

import sys

from disco.core import Job, result_iterator
from disco.worker.classic.func import sum_combiner, sum_reduce


def map(line, params):
    for word in line.split():
        yield word, 1


def tutorial_reduce(iter, params):
    from disco.util import kvgroup

    for word, counts in kvgroup(sorted(iter)):
        yield word, sum(counts)


def sorted_reduce(iter, params):
    from disco.util import kvgroup

    for word, counts in kvgroup(iter):
        yield word, sum(counts)


KINDS = {
    "combiner": {"combiner": sum_combiner, "reduce": sum_reduce},
    "tutorial": {"reduce": tutorial_reduce},
    "sorted": {"reduce": sorted_reduce, "sort": True},
}

if __name__ == "__main__":
    kind, *files = sys.argv[1:]
    job = Job("wordcount").run(input=files, map=map, partitions=2, **KINDS[kind])
    for word, number in sorted(result_iterator(job.wait())):
        print(word.decode(), number)
