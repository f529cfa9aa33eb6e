#!/usr/bin/env python3
from mapreduce import main


def words(line):
    for word in line.split():
        yield word, b"1"


def total(word, counts):
    yield word, b"%d" % sum(map(int, counts))


main(map=words, combine=total, reduce=total)
