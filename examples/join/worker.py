#!/usr/bin/env python3
from mapreduce import main


def by_title(row):
    table, title, text = row.split(b"\t", 2)
    yield title, table + b"\t" + text


def join(title, rows):
    years, lines = [], []
    for row in rows:
        table, text = row.split(b"\t", 1)
        (years if table == b"year" else lines).append(text)
    for year in years:
        for line in lines:
            yield title, year + b"\t" + line


main(map=by_title, reduce=join)
