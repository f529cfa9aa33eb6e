"""What every verb begins with: the collection on disk, and the worker that the command line names."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click

from disco_conformance import places
from disco_conformance.ledger.ledger import Entry, Exclusion, build, read_exclusions
from disco_conformance.ledger.requirements import Requirement, read_spec
from disco_conformance.session.lint import Known
from disco_conformance.session.model import Session
from disco_conformance.suite import capabilities, selftest
from disco_conformance.suite.collection import Profiles, load_profiles, load_sessions
from disco_conformance.suite.run import Player


@dataclass(frozen=True)
class Material:
    home: Path
    folder: Path

    @cached_property
    def sessions(self) -> list[Session]:
        return load_sessions(self.folder)

    @cached_property
    def requirements(self) -> dict[str, Requirement]:
        return read_spec(self.home / "spec")

    @cached_property
    def exclusions(self) -> list[Exclusion]:
        return read_exclusions(self.home / "spec" / "exclusions.toml")

    @cached_property
    def profiles(self) -> Profiles:
        return load_profiles(self.home / "sessions")

    @property
    def players(self) -> Path:
        return self.home / "players"

    @cached_property
    def ledger(self) -> dict[str, Entry]:
        return build(self.requirements, self.sessions, self.exclusions)

    @cached_property
    def known(self) -> Known:
        return Known(
            self.requirements,
            frozenset(capabilities.CAPABILITIES),
            frozenset((*selftest.faults(self.players), *selftest.faults(self.players, "master"))),
        )


def material(folder: Path | None = None) -> Material:
    home = places.home()
    return Material(home, folder or home / "sessions")


def player(command: tuple[str, ...], lacks: tuple[str, ...] = (), has: tuple[str, ...] = ()) -> Player:
    declared = (capabilities.DEFAULT | _known(has)) - _known(lacks)
    words = resolved(command)
    return Player(Path(words[0]).name, words, declared)


def master_player(
    command: tuple[str, ...], lacks: tuple[str, ...], has: tuple[str, ...], kept: bool
) -> Player:
    declared = (capabilities.OF_ANY_MASTER | _known(has)) - _known(lacks)
    words = resolved(command)
    return Player(Path(words[0]).name, words, declared, "master", kept)


def _known(names: tuple[str, ...]) -> frozenset[str]:
    try:
        return capabilities.check(frozenset(names))
    except KeyError as error:
        known = ", ".join(capabilities.CAPABILITIES)
        raise click.UsageError(f"{error.args[0]} is no capability; known are {known}") from None


def resolved(command: tuple[str, ...]) -> tuple[str, ...]:
    """Files named relative to here are named absolutely: a case runs in a directory of its own."""
    if not command:
        raise click.UsageError("say which worker: … -- ./my-worker")
    return tuple(_absolute(word, at) for at, word in enumerate(command))


def _absolute(word: str, at: int) -> str:
    if Path(word).is_absolute() or not Path(word).exists():
        return word
    if at == 0 and "/" not in word and shutil.which(word):
        return word
    return str(Path(word).absolute())
