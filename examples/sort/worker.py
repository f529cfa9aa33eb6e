#!/usr/bin/env python3
from mapreduce import main

KEY_BYTES = 10


def by_key(record):
    yield record[:KEY_BYTES], record[KEY_BYTES:]


def as_they_come(key, rests):
    for rest in rests:
        yield key, rest


main(map=by_key, reduce=as_they_come)
