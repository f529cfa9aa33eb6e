"""Counts words with a map and a reduce in C, Go or OCaml: python count_words.py [words-go|words-ml] URL..."""

import sys
from pathlib import Path

from disco.core import Job, result_iterator
from disco.util import external

if __name__ == "__main__":
    first, *rest = sys.argv[1:]
    program, urls = ("words", [first, *rest]) if "://" in first else (first, rest)
    words = external([Path(__file__).with_name(program)])
    job = Job("words").run(input=urls, map=words, reduce=words, partitions=3)
    for word, count in result_iterator(job.wait()):
        sys.stdout.buffer.write(word + b" " + count + b"\n")
