#!/usr/bin/env python3
"""An external map and reduce for tests, on its own as a user would write it: counts words.

Parameters, as netstrings: `split` is what words are parted by; `say` goes to standard error as it is.
"""

import os
import struct
import sys

inp, out = sys.stdin.buffer, sys.stdout.buffer


def read_string():
    size = inp.read(4)
    return inp.read(struct.unpack("<I", size)[0]) if size else None


def write_list(pairs):
    out.write(struct.pack("<I", len(pairs)))
    for pair in pairs:
        for string in pair:
            out.write(struct.pack("<I", len(string)) + string)
    out.flush()


def read_params():
    lines = inp.read(int(inp.readline())).splitlines()
    words = [line.split(b" ", 3) for line in lines]
    return {key: value for _, key, _, value in words}


def pairs():
    while (key := read_string()) is not None:
        yield key, read_string()


params = read_params()
if b"say" in params:
    sys.stderr.write(params[b"say"].decode() + "\n")
    sys.stderr.flush()
if b"kill" in params:
    os.kill(os.getpid(), int(params[b"kill"]))
if sys.argv[1:] == ["map"]:
    for key, value in pairs():
        write_list([(word, key or b"1") for word in value.split(params.get(b"split"))])
elif sys.argv[1:] == ["reduce"]:
    counts = {}
    for key, value in pairs():
        counts[key] = counts.get(key, 0) + int(value)
    write_list([(word, b"%d" % count) for word, count in counts.items()])
