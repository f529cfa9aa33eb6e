"""What the example jobs must give, worked out without Disco: expected.py NAME TEXT

Prints lines `key TAB value` in the order of `LC_ALL=C sort`, as `ddfs xcat` of the results does when it is
sorted. TEXT is the plain text, for every example.
"""

import re
import sys
from collections import Counter, defaultdict

PATTERN = b"Moscow"


def wordcount(text):
    return [(word, b"%d" % count) for word, count in Counter(text.split()).items()]


def grep(text):
    return [(PATTERN, line) for line in text.split(b"\n") if PATTERN in line]


def join(text):
    rows = []
    for story in text.split(b"# Title: ")[1:]:
        title, rest = story.split(b"\n", 1)
        year = re.search(b"## Year: (.*)", rest)[1]
        rows += [(title, year + b"\t" + line) for line in rest.split(b"\n") if PATTERN in line]
    return rows


def inverted_index(text):
    lines = defaultdict(list)
    for number, line in enumerate(text.split(b"\n"), 1):
        for word in set(re.findall(b"[a-z]+", line.lower())):
            lines[word].append(b"%d" % number)
    return [(word, b" ".join(numbers)) for word, numbers in lines.items()]



def sort(text):
    return [(line[:10], line[10:]) for line in text.removesuffix(b"\n").split(b"\n")]


if __name__ == "__main__":
    name, path = sys.argv[1:]
    with open(path, "rb") as file:
        pairs = globals()[name.replace("-", "_")](file.read())
    sys.stdout.buffer.writelines(sorted(key + b"\t" + value + b"\n" for key, value in pairs))
