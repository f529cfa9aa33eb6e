"""Counts words with a map and a reduce in C: python count_words.py URL..."""

import sys
from pathlib import Path

from disco.core import Job, result_iterator
from disco.util import external

if __name__ == "__main__":
    words = external([Path(__file__).with_name("words")])
    job = Job("words").run(input=sys.argv[1:], map=words, reduce=words, partitions=3)
    for word, count in result_iterator(job.wait()):
        sys.stdout.buffer.write(word + b" " + count + b"\n")
