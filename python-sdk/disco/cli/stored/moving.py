"""Commands that move data: into DDFS, whole or in chunks, and out of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from ..failing import CommandError
from ..frame import Command, replicas, session
from ..naming import Blob, check_local, is_pattern, tags_of
from .functions import function_named, reader_option, stream_option
from .tags import missing_option, prefix_option, tag_argument, tags_argument

replicas_option = click.option("-n", "--replicas", type=click.IntRange(min=1), help="Replicas of each blob.")
update_option = click.option("-u", "--update", is_flag=True, help="Leave out what the tag already has.")


def _created(stored: tuple[list[str], list[Blob]]) -> None:
    tag_urls, blobs = stored
    lines = ["created: " + "\t".join(blob) for blob in blobs]
    session().emit({"tag": tag_urls, "blobs": blobs}, lines)


@click.command(cls=Command)
@replicas_option
@update_option
@reader_option
@stream_option
@missing_option
@prefix_option
@click.option("--chunk-size", metavar="SIZE", default="64M", help="Most bytes a chunk takes.  [64M]")
@tag_argument
@click.argument("urls", nargs=-1)
def chunk(tag: str, urls: Sequence[str], prefix: bool, ignore_missing: bool, **options: Any) -> None:
    """Cut the records of inputs into chunks, store them and tag them.

    An input is a file, a URL, a tag (tag://NAME), or - for standard input; blanks in one argument separate
    replicas. Without a reader the records are lines. On a terminal a bar shows how far it is.

    Output: `created: ` and the replicas of each chunk, with tabs between.
    JSON: {"tag": [URL, ...], "blobs": [[REPLICA, ...], ...]}.

    \b
    Examples:
      ddfs chunk data:log ./log.txt http://host/b.txt
      zcat log.gz | ddfs chunk data:log -
      ddfs chunk -R mymodule.my_reader --chunk-size 16M data:log 'logs/*.txt'
    """
    from ...client.tags import tag_name
    from .transfer import Transfer, bytes_of, watched

    tag_name(tag)  # a file in the tag's place is the likelier mistake than a missing input
    ddfs = session().ddfs
    inputs: list[str | list[str]] = [replicas(one) for word in urls or ["-"] for one in _local(word)]
    if prefix:
        inputs = [f"tag://{name}" for name in tags_of(ddfs, urls, True)]
    if ignore_missing:
        inputs = [one for one in inputs if not str(one).startswith("tag://") or ddfs.exists(one)]
    for one in inputs:
        check_local(session(), one)
    with Transfer("chunking", bytes_of(inputs)) as transfer:
        stored = watched(session(), transfer).chunk(tag, inputs, **_chunk_options(**options))
    _created(stored)


def _chunk_options(
    chunk_size: str, reader: str | None, stream: str | None, replicas: int | None, update: bool
) -> dict[str, Any]:
    from ...settings import read_size

    try:
        size = read_size(chunk_size)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--chunk-size") from None
    options = {"chunk_size": size, "reader": function_named(reader), "replicas": replicas, "update": update}
    return {**options, "input_stream": [function_named(stream)]} if stream else options


@click.command(cls=Command)
@click.option("-E", "--exclude", metavar="TEXT", help="Leave out members whose name contains TEXT.")
@click.option("-I", "--include", metavar="TEXT", help="Take only members whose name contains TEXT.")
@replicas_option
@update_option
@click.option("-r", "--recursive", is_flag=True, help="Push the files in folders too.")
@click.option("-x", "--extract", is_flag=True, help="The files are tar archives: push their members.")
@click.option("-z", "--compress", is_flag=True, help="Compress the members of archives (gzip).")
@tag_argument
@click.argument("files", nargs=-1, required=True, type=click.Path())
def push(tag: str, files: Sequence[str], replicas: int | None, update: bool, **options: Any) -> None:
    """Store files as blobs, whole, and tag them.

    A file may be a pattern, or - for the bytes of standard input. On a terminal a bar shows how far it is.

    Output: `pushing...`, then `created: ` and the replicas of each blob, with tabs between.
    JSON: {"tag": [URL, ...], "blobs": [[REPLICA, ...], ...]}.

    \b
    Example:
      $ ddfs push data:log log1.txt log2.txt
      pushing...
      created: disco://localhost/ddfs/vol0/blob/3c/log1_txt$5b7-2d-1f
    """
    from ...client.tags import tag_name
    from .transfer import Transfer, bytes_of

    tag_name(tag)  # before anything is said or sent
    if not session().json:
        click.echo("pushing...")
    wanted = list(_files(files, options["recursive"]))
    size = None if options["extract"] else bytes_of([str(path) for path in wanted])
    with Transfer("pushing", size) as transfer:
        sources = _members(wanted, options) if options["extract"] else _opened(wanted)
        counted = ((transfer.watch(file), name) for file, name in sources)
        stored = session().ddfs.push(tag, counted, replicas=replicas, update=update, close=True)
    _created(stored)


def _opened(paths: Sequence[Path]) -> Iterator[tuple[Any, str]]:
    """Each file with the name of its blob, opened when its turn comes."""
    from ...client.tags import replace_illegal

    for path in paths:
        if str(path) == "-":
            yield _spooled_stdin(), "stdin"
        else:
            yield path.open("rb"), replace_illegal(path.name)


def _spooled_stdin() -> Any:
    """The bytes of standard input, which each replica needs from the beginning."""
    import shutil
    import sys
    import tempfile

    copy = tempfile.TemporaryFile()  # noqa: SIM115 - it is handed on
    shutil.copyfileobj(sys.stdin.buffer, copy, 1 << 20)
    copy.seek(0)
    return copy


def _files(words: Sequence[str], recursive: bool) -> Iterator[Path]:
    for path in (Path(one) for word in words for one in _local(word)):
        if str(path) == "-":
            yield path
        elif path.is_dir() and recursive:
            yield from sorted(below for below in path.rglob("*") if below.is_file())
        elif path.is_dir():
            click.echo(f"{path} is a directory (not pushing). Use -r to push what is in it.", err=True)
        elif path.exists():
            yield path
        else:
            raise CommandError(f"{path}: no such file")


def _local(word: str) -> list[str]:
    """The local files that a pattern matches, sorted; any other word as it is."""
    if "://" in word or not is_pattern(word):
        return [word]
    root = Path(Path(word).anchor)
    return sorted(map(str, root.glob(str(Path(word).relative_to(root))))) or [word]


def _members(archives: Sequence[Path], options: dict[str, Any]) -> Iterator[Any]:
    for archive in archives:
        members = session().ddfs.tarblobs(
            archive, compress=options["compress"], include=options["include"], exclude=options["exclude"]
        )
        for name, file, _size in members:
            click.echo(f"extracted {name}", err=session().json)
            yield file, name


@click.command(cls=Command)
@click.option("-o", "--output", metavar="FOLDER", default=".", type=click.Path(path_type=Path),
              help="Where the files go.  [the current folder]")  # fmt: skip
@missing_option
@prefix_option
@tags_argument
def pull(output: Path, ignore_missing: bool, prefix: bool, tags: Sequence[str]) -> None:
    """Fetch the blobs of tags as files, each under the name that it was stored by.

    A name that is taken gets a number: nothing is overwritten. On a terminal a bar shows how far it is.

    Output: `pulled: ` and the path of each file. JSON: a list of paths.

    \b
    Example:
      $ ddfs pull -o logs data:log
      pulled: logs/log1_txt
    """
    from .transfer import Transfer

    ddfs = session().ddfs
    names = tags_of(ddfs, tags, prefix)
    blobs = [blob for name in names for blob in ddfs.blobs(name, ignore_missing=ignore_missing)]
    output.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    with Transfer("pulling", sum(map(ddfs.blob_size, blobs))) as transfer:
        for blob in blobs:
            path = _free_name(output / ddfs.blob_name(blob[0]))
            with transfer.watch(ddfs.open_blob(blob)) as source:
                _keep(source, path)
            made.append(path)
    session().emit([str(path) for path in made], [f"pulled: {path}" for path in made])


def _free_name(wanted: Path) -> Path:
    number, path = 0, wanted
    while path.exists():
        number += 1
        path = wanted.with_name(f"{wanted.name}.{number}")
    return path


def _keep(source: Any, path: Path) -> None:
    """Copy to a file that appears when it is whole."""
    import shutil

    partial = path.with_name(f".partial-{path.name}")
    try:
        with partial.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


COMMANDS = [chunk, push, pull]
