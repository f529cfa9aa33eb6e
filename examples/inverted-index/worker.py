#!/usr/bin/env python3
import re

from mapreduce import main


def mentions(line):
    number, text = line.split(b"\t", 1)
    for word in set(re.findall(b"[a-z]+", text.lower())):
        yield word, number


def postings(word, numbers):
    yield word, b" ".join(b"%d" % number for number in sorted(set(map(int, numbers))))


main(map=mentions, reduce=postings)
