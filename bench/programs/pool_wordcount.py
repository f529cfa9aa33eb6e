"""Word count by hand with multiprocessing.Pool(2): what Disco is measured against."""

import sys
from multiprocessing import Pool


def count(path):
    counts = {}
    with open(path, "rb") as file:
        for line in file:
            for word in line.split():
                counts[word] = counts.get(word, 0) + 1
    return counts


if __name__ == "__main__":
    total = {}
    with Pool(2) as pool:
        for part in pool.imap_unordered(count, sys.argv[1:]):
            for word, number in part.items():
                total[word] = total.get(word, 0) + number
    for word in sorted(total):
        print(word.decode(), total[word])
