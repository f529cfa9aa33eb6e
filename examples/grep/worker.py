#!/usr/bin/env python3
import os

from mapreduce import main

PATTERN = os.environb[b"PATTERN"]


def matching(line):
    if PATTERN in line:
        yield PATTERN, line


main(map=matching)
