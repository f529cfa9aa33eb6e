"""Follows a page of the documentation as a reader would: writes its files, runs its commands, compares."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from e2e.masters import BIN, ROOT

from disco.local import LocalMaster

COMMAND_TIMEOUT_S = 200


class Block(NamedTuple):
    """A fenced block: its language, what stands behind it (`>FILE`: its text is that file), its text."""

    language: str
    title: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    for found in re.finditer(r"^```(\w+) ?(.*)\n((?s:.*?))^```$", page.read_text(), flags=re.M):
        yield Block(*found.groups())


def commands(block: Block) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that the page shows."""
    return [(found[1], found[2]) for found in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.M)]


def matches(shown: str, said: str) -> bool:
    """Whether a command said what the page shows: `...` stands for anything, a number for any number."""
    pattern = re.escape(shown.rstrip("\n"))
    pattern = re.sub(r"(\d+(\\\.\d+)?)", r"[\\d.]+", pattern).replace(r"\.\.\.", "(?s:.*)")
    return re.fullmatch(pattern, said.rstrip("\n")) is not None


class Reader:
    """Somebody who follows a page in `folder`, where the parts of the repository that it needs are linked."""

    def __init__(self, folder: Path, master: LocalMaster, linked: tuple[str, ...]) -> None:
        self.folder = folder
        for name in linked:
            (folder / name).symlink_to(ROOT / name)
        self.environment = {**master.environment, "PATH": f"{BIN}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}

    def follow(self, block: Block) -> None:
        if block.title.startswith(">"):
            (self.folder / block.title[1:]).write_text(block.text)
        elif block.language == "console":
            for command, shown in commands(block):
                said = self.run(command)
                assert matches(shown, said), f"$ {command}\n{said}\nbut the page shows\n{shown}"

    def run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=COMMAND_TIMEOUT_S, check=False,
        )  # fmt: skip
        return done.stdout
