"""Makes the two tables of the join out of a text of stories: tables.py TEXT YEARS LINES

YEARS gets a row `year TAB title TAB year` for each story, LINES a row `line TAB title TAB text` for each line
that names Moscow.
"""

import sys


def tables(text):
    """The rows of both tables, of the lines of a text."""
    years, lines, title = [], [], b""
    for line in text:
        if line.startswith(b"# Title: "):
            title = line.removeprefix(b"# Title: ")
        elif line.startswith(b"## Year: "):
            years.append(b"year\t%s\t%s\n" % (title, line.removeprefix(b"## Year: ")))
        elif b"Moscow" in line:
            lines.append(b"line\t%s\t%s\n" % (title, line))
    return years, lines


if __name__ == "__main__":
    text, *targets = sys.argv[1:]
    with open(text, "rb") as file:
        made = tables(file.read().split(b"\n"))
    for target, rows in zip(targets, made, strict=True):
        with open(target, "wb") as file:
            file.writelines(rows)
