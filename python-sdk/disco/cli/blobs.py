"""Commands that move data: into DDFS and out of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from .frame import Command, CommandError, binary_out, read_arguments, replicas, session
from .naming import Blob, expand, inputs_of, named, tags_of
from .tags import missing_option, prefix_option, tags_argument

FUNCTIONS = "disco.worker.classic.func"  # where a reader's plain name is looked for

replicas_option = click.option("-n", "--replicas", type=click.IntRange(min=1), help="Replicas of each blob.")
update_option = click.option("-u", "--update", is_flag=True, help="Leave out what the tag already has.")
jobs_option = click.option(
    "-j", "--job-mode", is_flag=True, help="The arguments are jobs: take their results."
)
reader_option = click.option("-R", "--reader", metavar="MODULE.FUNC", help="Reader of the records.")
stream_option = click.option("-T", "--stream", metavar="MODULE.FUNC", help="Input stream before the reader.")
urls_argument = click.argument("urls", nargs=-1)


def _sources(
    urls: Sequence[str], prefix: bool, job_mode: bool, ignore_missing: bool = False
) -> Iterator[Blob]:
    """The blobs that the arguments mean: URLs first, what tags hold last."""
    found = session()
    given = read_arguments(urls)
    if prefix:
        given = [f"tag://{tag}" for tag in tags_of(found.ddfs, given, True)]
    inputs = sorted(inputs_of(found, given, job_mode), key=lambda one: str(one).startswith("tag://"))
    for one in inputs:
        _check_local(one)
    return expand(found.ddfs, inputs, ignore_missing=ignore_missing)


def _created(stored: tuple[list[str], list[Blob]]) -> None:
    tag_urls, blobs = stored
    lines = ["created: " + "\t".join(blob) for blob in blobs]
    session().emit({"tag": tag_urls, "blobs": blobs}, lines)


@click.command(cls=Command)
@missing_option
@prefix_option
@tags_argument
def blobs(ignore_missing: bool, prefix: bool, tags: Sequence[str]) -> None:
    """Print the blobs that can be reached from tags; replicas with tabs between."""
    ddfs = session().ddfs
    names = tags_of(ddfs, tags, prefix)
    session().emit([blob for name in names for blob in ddfs.blobs(name, ignore_missing=ignore_missing)])


@click.command(cls=Command)
@click.option("--raw", is_flag=True, help="Write chunks as they are stored.")
@missing_option
@prefix_option
@jobs_option
@urls_argument
def cat(raw: bool, ignore_missing: bool, prefix: bool, job_mode: bool, urls: Sequence[str]) -> None:
    """Write the bytes of URLs and of tags' blobs to standard output.

    Blobs that `ddfs chunk` made are written as the records in them; --raw writes every blob as it is.

    \b
    Example:
      ddfs cat tag://data:log ./local.txt
    """
    from . import reading

    out = binary_out()
    for blob in _sources(urls, prefix, job_mode, ignore_missing):
        for block in reading.content(session().ddfs, blob, raw):
            out.write(block)


@click.command(cls=Command)
@missing_option
@prefix_option
@jobs_option
@reader_option
@stream_option
@urls_argument
def xcat(
    ignore_missing: bool,
    prefix: bool,
    job_mode: bool,
    reader: str | None,
    stream: str | None,
    urls: Sequence[str],
) -> None:
    """Print the records of chunks and results, one a line, fields with tabs between.

    \b
    Examples:
      disco results @ | ddfs xcat
      ddfs xcat -j @
      ddfs xcat -R mymodule.my_reader tag://data:log
    """
    from . import reading

    out = binary_out()
    for blob in _sources(urls, prefix, job_mode, ignore_missing):
        found = reading.records(session().ddfs, blob, _function(reader), _function(stream))
        for block in reading.text(found):
            out.write(block)


@click.command(cls=Command)
@replicas_option
@update_option
@reader_option
@stream_option
@missing_option
@prefix_option
@click.option("--chunk-size", metavar="SIZE", default="64M", help="Most bytes a chunk takes.  [64M]")
@click.argument("tag")
@urls_argument
def chunk(tag: str, urls: Sequence[str], prefix: bool, ignore_missing: bool, **options: Any) -> None:
    """Cut the records of inputs into chunks, store them and tag them.

    An input is a file, a URL, a tag (tag://NAME), or - for standard input; blanks in one argument separate
    replicas. Without a reader the records are lines.

    \b
    Examples:
      ddfs chunk data:log ./log.txt http://host/b.txt
      zcat log.gz | ddfs chunk data:log -
    """
    from ..client.tags import tag_name

    tag_name(tag)  # a file in the tag's place is the likelier mistake than a missing input
    ddfs = session().ddfs
    inputs: list[str | list[str]] = [replicas(one) for one in urls or ["-"]]
    if prefix:
        inputs = [f"tag://{name}" for name in tags_of(ddfs, urls, True)]
    if ignore_missing:
        inputs = [one for one in inputs if not str(one).startswith("tag://") or ddfs.exists(one)]
    for one in inputs:
        _check_local(one)
    _created(ddfs.chunk(tag, inputs, **_chunk_options(**options)))


def _chunk_options(
    chunk_size: str, reader: str | None, stream: str | None, replicas: int | None, update: bool
) -> dict[str, Any]:
    from ..settings import read_size

    try:
        size = read_size(chunk_size)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--chunk-size") from None
    options = {"chunk_size": size, "reader": _function(reader), "replicas": replicas, "update": update}
    return {**options, "input_stream": [_function(stream)]} if stream else options


@click.command(cls=Command)
@click.option("-E", "--exclude", metavar="TEXT", help="Leave out members whose name contains TEXT.")
@click.option("-I", "--include", metavar="TEXT", help="Take only members whose name contains TEXT.")
@replicas_option
@update_option
@click.option("-r", "--recursive", is_flag=True, help="Push the files in folders too.")
@click.option("-x", "--extract", is_flag=True, help="The files are tar archives: push their members.")
@click.option("-z", "--compress", is_flag=True, help="Compress the members of archives (gzip).")
@click.argument("tag")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def push(tag: str, files: Sequence[Path], replicas: int | None, update: bool, **options: Any) -> None:
    """Store files as blobs, whole, and tag them.

    \b
    Example:
      $ ddfs push data:log log1.txt log2.txt
      pushing...
      created: disco://localhost/ddfs/vol0/blob/3c/log1_txt$5b7-2d-1f
    """
    if not session().json:
        click.echo("pushing...")
    wanted = list(_files(files, options["recursive"]))
    sources = _members(wanted, options) if options["extract"] else wanted
    _created(session().ddfs.push(tag, sources, replicas=replicas, update=update, close=True))


def _files(paths: Sequence[Path], recursive: bool) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
        elif recursive:
            yield from sorted(below for below in path.rglob("*") if below.is_file())
        else:
            click.echo(f"{path} is a directory (not pushing). Use -r to push what is in it.", err=True)


def _members(archives: Sequence[Path], options: dict[str, Any]) -> Iterator[Any]:
    for archive in archives:
        members = session().ddfs.tarblobs(
            archive, compress=options["compress"], include=options["include"], exclude=options["exclude"]
        )
        for name, file, _size in members:
            click.echo(f"extracted {name}", err=session().json)
            yield file, name


def _check_local(one: str | Sequence[str]) -> None:
    """A plain name that is no file is most often a tag without its scheme."""
    first = one if isinstance(one, str) else one[0]
    if "://" not in first and first != "-" and not Path(first).is_file():
        raise CommandError(f"{first}: no such file; a tag is written tag://{first}")


def _function(dotted: str | None) -> Any:
    return named(dotted, FUNCTIONS) if dotted else None


COMMANDS = [blobs, cat, xcat, chunk, push]
