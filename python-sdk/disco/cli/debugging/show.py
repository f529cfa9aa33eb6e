"""Printing the results of a job that has run here."""

from __future__ import annotations

from contextlib import AbstractContextManager

import click

from ..frame import Session, binary_out
from ..stored import reading
from .phases import LocalRun

BLOCK_BYTES = 1 << 20


def show_run(running: AbstractContextManager[LocalRun], found: Session) -> None:
    """Run, and print the records of all results; files that hold no records are printed as they are."""
    with running as run:
        out = binary_out()
        form = reading.json_line if found.json else reading.line
        for _label, url in run.results:
            if url.startswith("tag://"):
                click.echo(url)
                continue
            with run.home.file(url).open("rb") as file:
                if reading.is_chunk(file.peek(4)[:4]):
                    for block in reading.text(reading.decoded(file, url), form):
                        out.write(block)
                elif found.json:
                    out.writelines(reading.json_line(line.rstrip(b"\n")) for line in file)
                else:
                    while block := file.read(BLOCK_BYTES):
                        out.write(block)
