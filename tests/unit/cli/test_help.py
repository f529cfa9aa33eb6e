"""The help of every command, and the pages made of it (M517, M547)."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

from disco.cli.ddfs import main as ddfs
from disco.cli.disco import main as disco
from disco.cli.setting_texts import TEXTS
from disco.settings import TABLE

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = {"disco": disco, "ddfs": ddfs}
COMMANDS = [
    pytest.param(program, name, group.commands[name], id=f"{program}-{name}")
    for program, group in PROGRAMS.items()
    for name in group.commands
]


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("commands_tool", ROOT / "tools" / "commands.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["commands_tool"] = module
    spec.loader.exec_module(module)
    return module


tool = load_tool()


@pytest.mark.parametrize(("program", "name", "command"), COMMANDS)
def test_every_command_tells_output_json_and_an_example(
    program: str, name: str, command: click.Command
) -> None:
    page = tool.read(program, command, name)
    assert page.about and page.output, page
    assert "JSON" in page.output or "JSON" in " ".join(page.about)
    assert any(program in line for line in page.examples)
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert all(option.help for option in options)


@pytest.mark.parametrize(("program", "name", "command"), COMMANDS)
def test_every_command_takes_the_shared_options(program: str, name: str, command: click.Command) -> None:
    """M517, M547."""
    flags = {flag for param in command.params for flag in param.opts}
    if name != "help":
        assert {"-s", "--settings", "-t", "--token", "-v", "--verbose", "--json", "--debug"} <= flags


@pytest.mark.parametrize("path", sorted(tool.files()), ids=lambda path: path.name)
def test_the_pages_are_current(path: Path) -> None:
    current = path.read_text() == tool.files()[path]
    assert current, "run tools/commands.py"


@pytest.mark.parametrize(("program", "name", "command"), COMMANDS)
def test_every_command_is_in_the_pages(program: str, name: str, command: click.Command) -> None:
    manual = (ROOT / "docs" / "man" / f"{program}.1").read_text()
    assert f".SS {program} {name} " in manual
    for option in command.params:
        if isinstance(option, click.Option) and max(option.opts, key=len) not in ("--json", "--debug"):
            assert max(option.opts, key=len).replace("-", "\\-") in manual
    assert f"### {program} {name}\n" in (ROOT / "docs" / "commands.md").read_text()


def test_every_setting_has_a_text() -> None:
    assert list(TEXTS) and set(TEXTS) == set(TABLE), "disco/cli/setting_texts.py"


def test_roff_takes_no_text_for_a_request() -> None:
    assert tool._roff(".so /etc/passwd") == "\\&.so /etc/passwd"
    assert tool._roff("a\\fB -x") == "a\\efB \\-x"


CODE = re.compile(r"```.*?```|`[^`\n]+`", re.S)
CALL = re.compile(r"(?<![\w/.-])(disco|ddfs) ([a-z_]+)((?: -{1,2}[a-zA-Z][\w-]*)*)")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_commands_and_options_that_there_are(page: Path) -> None:
    for code in CODE.findall(page.read_text()):
        for program, name, options in CALL.findall(code):
            command = PROGRAMS[program].commands.get(name)
            assert command is not None, f"{program} {name}"
            known = {flag for param in command.params for flag in param.opts}
            assert set(options.split()) <= known | {"-h", "--help"}, f"{program} {name}{options}"
