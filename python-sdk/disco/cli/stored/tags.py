"""Commands about tags."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

from ...error import CommError
from ..failing import EXIT_ERROR, CommandError, meant
from ..frame import Command, read_arguments, rows, session
from ..naming import TAG, tags_of

prefix_option = click.option("-p", "--prefix", is_flag=True, help="The arguments are prefixes of tag names.")
missing_option = click.option("-i", "--ignore-missing", is_flag=True, help="Skip tags that are not there.")
tag_argument = click.argument("tag", type=TAG)
tags_argument = click.argument("tags", nargs=-1, required=True, type=TAG)


@click.command(cls=Command)
@tag_argument
def attrs(tag: str) -> None:
    """Print a tag's attributes.

    Output: NAME tab VALUE a line. JSON: an object.

    \b
    Example:
      $ ddfs attrs data:log
      source  apache
    """
    session().emit(session().ddfs.attrs(tag))


@click.command("getattr", cls=Command)
@tag_argument
@click.argument("attr")
def getattr_(tag: str, attr: str) -> None:
    """Print the value of an attribute.

    Output: the value. JSON: a string.

    \b
    Example:
      $ ddfs getattr data:log source
      apache
    """
    session().emit(session().ddfs.getattr(tag, attr))


@click.command("setattr", cls=Command)
@tag_argument
@click.argument("attr")
@click.argument("value")
def setattr_(tag: str, attr: str, value: str) -> None:
    """Set an attribute.

    Output: none. JSON: the name and the value.

    \b
    Example:
      ddfs setattr data:log source apache
    """
    session().ddfs.setattr(tag, attr, value)
    session().confirm([attr, value])


@click.command("delattr", cls=Command)
@tag_argument
@click.argument("attr")
def delattr_(tag: str, attr: str) -> None:
    """Delete an attribute.

    Output: none. JSON: the name.

    \b
    Example:
      ddfs delattr data:log source
    """
    session().ddfs.delattr(tag, attr)
    session().confirm(attr)


@click.command(cls=Command)
@click.option("-r", "--read", is_flag=True, help="Only the token for reading.")
@click.option("-w", "--write", is_flag=True, help="Only the token for writing.")
@tag_argument
@click.argument("token")
def chtok(read: bool, write: bool, tag: str, token: str) -> None:
    """Change a tag's tokens: both, unless -r or -w is given. -t must be the present write token.

    Output: none. JSON: which tokens were changed.

    \b
    Examples:
      ddfs chtok data:log SECRET
      ddfs -t SECRET chtok -r data:log READERS
    """
    changed = [kind for kind, wanted in (("read", read), ("write", write)) if wanted or not (read or write)]
    for kind in changed:
        session().ddfs.setattr(tag, f"ddfs:{kind}-token", token)
    session().confirm(changed)


@click.command(cls=Command)
@click.argument("source", type=TAG)
@click.argument("target")
def cp(source: str, target: str) -> None:
    """Make TARGET a tag with the URLs of the tag SOURCE; what it held is replaced.

    Output: the URL of each replica of the new tag. JSON: a list.

    \b
    Example:
      ddfs cp data:log data:log:monday
    """
    ddfs = session().ddfs
    session().emit(ddfs.put(target, ddfs.urls(source)))


@click.command(cls=Command)
@tag_argument
def exists(tag: str) -> None:
    """Say whether a tag exists.

    Output: True; or False on standard error, with exit status 1. JSON: true or false.

    \b
    Example:
      ddfs exists data:log && ddfs rm data:log
    """
    found = session()
    if found.ddfs.exists(tag):
        found.emit(True)
        return
    if found.json:
        found.emit(False)
    else:
        click.echo("False", err=True)
    click.get_current_context().exit(EXIT_ERROR)


@click.command(cls=Command)
@tag_argument
def get(tag: str) -> None:
    """Print the whole tag object.

    Output: JSON, indented: id, version, last-modified, urls, user-data. JSON: the same in one line.

    \b
    Example:
      $ ddfs get data:log
    """
    found = session().ddfs.get(tag)
    session().emit(found, [json.dumps(found, indent=2, ensure_ascii=False)])


@click.command(cls=Command)
@prefix_option
@tags_argument
def rm(prefix: bool, tags: Sequence[str]) -> None:
    """Delete tags. Their blobs go when no other tag holds them.

    A tag may be a pattern, or - for names on standard input.

    Output: `deleted` for each. JSON: the names.

    \b
    Examples:
      ddfs rm data:log
      ddfs rm 'test:*'
    """
    ddfs = session().ddfs
    names = list(tags_of(ddfs, tags, prefix))
    said = [ddfs.delete(name) for name in names]
    session().emit(names, said)


@click.command(cls=Command)
@prefix_option
@tags_argument
def stat(prefix: bool, tags: Sequence[str]) -> None:
    """Print the fields of tags, without their URLs.

    Output: a line for each tag: id, version, last-modified, user-data, number of URLs, of these other tags,
    with tabs between. JSON: a list of objects.

    \b
    Example:
      $ ddfs stat data:log
      data:log$5b7-2d-1f  1  2013/12/16 10:00:00  {}  12  0
    """
    ddfs = session().ddfs
    about = [_about(ddfs.get(tag)) for tag in tags_of(ddfs, tags, prefix)]
    session().emit(about, rows([list(one.values()) for one in about]))


def _about(tag: dict[str, Any]) -> dict[str, Any]:
    links = [urls for urls in tag["urls"] if urls and urls[0].startswith("tag://")]
    fields = {name: tag[name] for name in ("id", "version", "last-modified", "user-data")}
    return {**fields, "urls": len(tag["urls"]), "tags": len(links)}


@click.command(cls=Command)
@tags_argument
def touch(tags: Sequence[str]) -> None:
    """Create empty tags; a tag that exists keeps its URLs.

    Output: none. JSON: the names.

    \b
    Example:
      ddfs touch data:monday data:tuesday
    """
    for tag in tags:
        session().ddfs.tag(tag, [])
    session().confirm(tags)


@click.command(cls=Command)
@prefix_option
@tags_argument
def urls(prefix: bool, tags: Sequence[str]) -> None:
    """Print the URLs in tags.

    Output: a line for each blob or linked tag, with tabs between replicas. JSON: a list of lists.

    \b
    Example:
      $ ddfs urls data:log
      disco://a/ddfs/vol0/blob/3c/log-0$5b7-2d-1f  disco://b/ddfs/vol0/blob/3c/log-0$5b7-2d-1f
    """
    ddfs = session().ddfs
    session().emit([blob for tag in tags_of(ddfs, tags, prefix) for blob in ddfs.urls(tag)])


@click.command(cls=Command)
@tag_argument
@click.argument("urls", nargs=-1)
def put(tag: str, urls: Sequence[str]) -> None:
    """Replace the URLs of a tag. Blanks in one URL argument separate replicas.

    Without URLs, or for -, one replica set is read from each line of standard input.

    Output: the URL of each replica of the tag. JSON: a list.

    \b
    Example:
      ddfs urls data:log | grep monday | ddfs put data:monday
    """
    session().emit(session().ddfs.put(tag, [one.split() for one in read_arguments(urls)]))


@click.command("tag", cls=Command)
@tag_argument
@click.argument("urls", nargs=-1)
def tag_(tag: str, urls: Sequence[str]) -> None:
    """Append URLs to a tag; make it if it is not there. Blanks in one URL argument separate replicas.

    Without URLs, or for -, one replica set is read from each line of standard input.

    Output: the URL of each replica of the tag. JSON: a list.

    \b
    Example:
      ddfs tag data:week tag://data:monday tag://data:tuesday
    """
    session().emit(session().ddfs.tag(tag, [one.split() for one in read_arguments(urls)]))


@click.command(cls=Command)
@click.option("-r", "--recursive", is_flag=True, help="Print each tag's blobs too.")
@missing_option
@prefix_option
@click.argument("prefixes", nargs=-1, type=TAG)
def ls(recursive: bool, ignore_missing: bool, prefix: bool, prefixes: Sequence[str]) -> None:
    """List tags: all, or those that begin with a prefix (-p is understood) or match a pattern.

    Output: a name a line; with -r followed by a line for each blob, which begins with a tab.
    JSON: a list of names; with -r an object of lists of blobs.

    \b
    Examples:
      ddfs ls data:
      ddfs ls 'data:*:2013'
    """
    ddfs = session().ddfs
    names = [name for start in prefixes or [""] for name in _starting(start)]
    if not recursive:
        session().emit(names)
        return
    blobs = {name: list(ddfs.blobs(name, ignore_missing=ignore_missing)) for name in names}
    lines = (line for name, held in blobs.items() for line in (name, *("\t" + row for row in rows(held))))
    session().emit(blobs, lines)


def _starting(start: str) -> Iterable[str]:
    from ..naming import is_pattern, matching_tags

    ddfs = session().ddfs
    return matching_tags(ddfs, start) if is_pattern(start) else ddfs.list(start)


@click.command(cls=Command)
@click.option("-w", "--warn-missing", is_flag=True, help="Say on standard error which tags are missing.")
@missing_option
@prefix_option
@tags_argument
def find(warn_missing: bool, ignore_missing: bool, prefix: bool, tags: Sequence[str]) -> None:
    """Walk the tags below tags.

    Output: a line for each tag: the tags on the way to it, with tabs between. JSON: a list of lists.

    \b
    Example:
      $ ddfs find data:week
      data:week
      data:week  data:monday
    """
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
            name = error.url.rpartition("/")[2]
            way_out = meant(name, session().tag_names(), "ddfs ls")
            raise CommandError(f"Tag not found: {name}; -i skips missing tags.{way_out}") from error
        raise
    session().emit(paths)


COMMANDS = [attrs, getattr_, setattr_, delattr_, chtok, cp, exists, get]
COMMANDS += [rm, stat, touch, urls, put, tag_, ls, find]
