"""Counts words: the first job of the tutorial.

    ddfs chunk data:bigtxt ./bigfile.txt
    python count_words.py                          # reads tag://data:bigtxt
    python count_words.py http://host/file.txt     # or any other inputs
"""

import sys

from disco.core import Job, result_iterator


def map(line, params):
    for word in line.split():
        yield word, 1


def reduce(iter, params):
    from disco.util import kvgroup

    for word, counts in kvgroup(sorted(iter)):
        yield word, sum(counts)


if __name__ == "__main__":
    job = Job().run(input=sys.argv[1:] or ["tag://data:bigtxt"], map=map, reduce=reduce)
    for word, count in result_iterator(job.wait(show=True)):
        print(word.decode(), count)
