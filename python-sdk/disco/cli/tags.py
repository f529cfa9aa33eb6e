"""Commands about tags."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from ..error import CommError
from .frame import EXIT_ERROR, Command, CommandError, read_arguments, rows, session
from .naming import tags_of

prefix_option = click.option("-p", "--prefix", is_flag=True, help="The arguments are prefixes of tag names.")
missing_option = click.option("-i", "--ignore-missing", is_flag=True, help="Skip tags that are not there.")
tags_argument = click.argument("tags", nargs=-1, required=True)


@click.command(cls=Command)
@click.argument("tag")
def attrs(tag: str) -> None:
    """Print a tag's attributes: NAME tab VALUE."""
    session().emit(session().ddfs.attrs(tag))


@click.command("getattr", cls=Command)
@click.argument("tag")
@click.argument("attr")
def getattr_(tag: str, attr: str) -> None:
    """Print the value of an attribute."""
    session().emit(session().ddfs.getattr(tag, attr))


@click.command("setattr", cls=Command)
@click.argument("tag")
@click.argument("attr")
@click.argument("value")
def setattr_(tag: str, attr: str, value: str) -> None:
    """Set an attribute."""
    session().ddfs.setattr(tag, attr, value)


@click.command("delattr", cls=Command)
@click.argument("tag")
@click.argument("attr")
def delattr_(tag: str, attr: str) -> None:
    """Delete an attribute."""
    session().ddfs.delattr(tag, attr)


@click.command(cls=Command)
@click.option("-r", "--read", is_flag=True, help="Only the token for reading.")
@click.option("-w", "--write", is_flag=True, help="Only the token for writing.")
@click.argument("tag")
@click.argument("token")
def chtok(read: bool, write: bool, tag: str, token: str) -> None:
    """Change a tag's tokens: both, unless -r or -w is given. -t must be the present write token."""
    for kind, wanted in (("read", read), ("write", write)):
        if wanted or not (read or write):
            session().ddfs.setattr(tag, f"ddfs:{kind}-token", token)


@click.command(cls=Command)
@click.argument("source")
@click.argument("target")
def cp(source: str, target: str) -> None:
    """Make TARGET a tag with the URLs of the tag SOURCE; what it held is replaced."""
    ddfs = session().ddfs
    session().emit(ddfs.put(target, ddfs.urls(source)))


@click.command(cls=Command)
@click.argument("tag")
def exists(tag: str) -> None:
    """Print True if the tag exists, else False on standard error, with exit status 1."""
    if session().ddfs.exists(tag):
        session().emit(True)
        return
    click.echo("False", err=True)
    click.get_current_context().exit(EXIT_ERROR)


@click.command(cls=Command)
@click.argument("tag")
def get(tag: str) -> None:
    """Print the whole tag object, as JSON."""
    found = session().ddfs.get(tag)
    session().emit(found, [json.dumps(found, indent=2, ensure_ascii=False)])


@click.command(cls=Command)
@prefix_option
@tags_argument
def rm(prefix: bool, tags: Sequence[str]) -> None:
    """Delete tags. Their blobs go when no other tag holds them."""
    ddfs = session().ddfs
    session().emit([ddfs.delete(tag) for tag in tags_of(ddfs, tags, prefix)])


@click.command(cls=Command)
@prefix_option
@tags_argument
def stat(prefix: bool, tags: Sequence[str]) -> None:
    """Print the fields of tags, without their URLs: id, version, last-modified, user data."""
    ddfs = session().ddfs
    found = [ddfs.get(tag) for tag in tags_of(ddfs, tags, prefix)]
    fields = ("id", "version", "last-modified", "user-data")
    about = [{name: tag[name] for name in fields} for tag in found]
    session().emit(about, rows([list(one.values()) for one in about]))


@click.command(cls=Command)
@tags_argument
def touch(tags: Sequence[str]) -> None:
    """Create empty tags; a tag that exists keeps its URLs."""
    for tag in tags:
        session().ddfs.tag(tag, [])


@click.command(cls=Command)
@prefix_option
@tags_argument
def urls(prefix: bool, tags: Sequence[str]) -> None:
    """Print the URLs in tags; replicas with tabs between."""
    ddfs = session().ddfs
    session().emit([blob for tag in tags_of(ddfs, tags, prefix) for blob in ddfs.urls(tag)])


@click.command(cls=Command)
@click.argument("tag")
@click.argument("urls", nargs=-1)
def put(tag: str, urls: Sequence[str]) -> None:
    """Replace the URLs of a tag. Blanks in one URL argument separate replicas.

    Without URLs, one replica set is read from each line of standard input.
    """
    session().emit(session().ddfs.put(tag, [one.split() for one in read_arguments(urls)]))


@click.command("tag", cls=Command)
@click.argument("tag")
@click.argument("urls", nargs=-1)
def tag_(tag: str, urls: Sequence[str]) -> None:
    """Append URLs to a tag; make it if it is not there. Blanks in one URL argument separate replicas.

    Without URLs, one replica set is read from each line of standard input.
    """
    session().emit(session().ddfs.tag(tag, [one.split() for one in read_arguments(urls)]))


@click.command(cls=Command)
@click.option("-r", "--recursive", is_flag=True, help="Print each tag's blobs too.")
@missing_option
@prefix_option
@click.argument("prefixes", nargs=-1)
def ls(recursive: bool, ignore_missing: bool, prefix: bool, prefixes: Sequence[str]) -> None:
    """List tags: all, or those that begin with a prefix (-p is understood)."""
    ddfs = session().ddfs
    names = [name for start in prefixes or [""] for name in ddfs.list(start)]
    if not recursive:
        session().emit(names)
        return
    blobs = {name: list(ddfs.blobs(name, ignore_missing=ignore_missing)) for name in names}
    lines = (line for name, held in blobs.items() for line in (name, *("\t" + row for row in rows(held))))
    session().emit(blobs, lines)


@click.command(cls=Command)
@click.option("-w", "--warn-missing", is_flag=True, help="Say on standard error which tags are missing.")
@missing_option
@prefix_option
@tags_argument
def find(warn_missing: bool, ignore_missing: bool, prefix: bool, tags: Sequence[str]) -> None:
    """Walk the tags below tags; print the path to each, with tabs between."""
    ddfs = session().ddfs
    paths = []
    try:
        for tag in tags_of(ddfs, tags, prefix):
            for path, links, _blobs in ddfs.walk(tag, ignore_missing=ignore_missing or warn_missing):
                paths.append(path)
                if warn_missing and not links and not ddfs.exists(path[-1]):
                    click.echo(f"Tag not found: {' -> '.join(path)}", err=True)
    except CommError as error:
        if error.code == 404:
            raise CommandError(
                f"Tag not found: {error.url.rpartition('/')[2]}; -i skips missing tags"
            ) from error
        raise
    session().emit(paths)


COMMANDS = [attrs, getattr_, setattr_, delattr_, chtok, cp, exists, get]
COMMANDS += [rm, stat, touch, urls, put, tag_, ls, find]
