"""Inner join by hand with multiprocessing.Pool(2): OUTPUT FILE... (sorted by key within a partition)."""

import csv
import sys
from itertools import groupby
from multiprocessing import Pool
from operator import itemgetter
from zlib import crc32

PARTITIONS = 2


def split(path):
    parts = [[] for _ in range(PARTITIONS)]
    with open(path, newline="") as file:
        for row in csv.reader(file):
            parts[crc32(row[0].encode()) % PARTITIONS].append((row[0], row[1:]))
    return parts


def join(rows):
    joined = []
    rows.sort(key=itemgetter(0))
    for key, group in groupby(rows, key=itemgetter(0)):
        values = [value for _, row in group for value in row]
        if len(values) > 1:
            joined.append([key, *values])
    return joined


if __name__ == "__main__":
    output, *files = sys.argv[1:]
    partitions = [[] for _ in range(PARTITIONS)]
    with Pool(2) as pool:
        for parts in pool.imap_unordered(split, files):
            for rows, part in zip(partitions, parts, strict=True):
                rows.extend(part)
        with open(output, "w", newline="") as file:
            writer = csv.writer(file)
            for joined in pool.imap(join, partitions):
                writer.writerows(joined)
