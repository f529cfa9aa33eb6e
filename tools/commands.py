"""Writes the pages about the two command lines, from the commands themselves.

    tools/commands.py            write docs/commands.md, docs/settings.md, docs/man/disco.1, docs/man/ddfs.1
    tools/commands.py --check    exit 1 when one of them is not what the commands say

A command's help has a fixed form: what it does, a paragraph `Output: … JSON: …`, and examples.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from disco import __version__
from disco.cli.ddfs import main as ddfs
from disco.cli.disco import main as disco
from disco.cli.setting_texts import TEXTS
from disco.settings import TABLE, DiscoSettings

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PROGRAMS = {"disco": disco, "ddfs": ddfs}
VALUES = {"integer range": "N", "integer": "N", "float": "SECONDS", "path": "PATH"}
SHARED = ("-s, --settings", "-t, --token", "-v, --verbose", "--json", "--debug", "-h, --help", "--help")
MADE = "Made by `tools/commands.py`"
USUAL_PLACES = {"HOME": "~", "LOGNAME": "user"}


@dataclass(frozen=True)
class Page:
    """One command as its help tells it. `options` are (flags, what they do)."""

    name: str
    usage: str
    about: list[str]
    output: str
    examples: list[str]
    options: list[tuple[str, str]]

    @property
    def brief(self) -> str:
        return re.split(r"(?<=\.) ", self.about[0])[0]


def read(program: str, command: click.Command, name: str = "") -> Page:
    context = click.Context(command, info_name=f"{program} {name}".strip(), **command.context_settings)
    paragraphs, examples = _paragraphs(inspect.cleandoc(command.help or ""))
    output = [text for text in paragraphs if text.startswith("Output: ")]
    records = _records(command, context)
    return Page(
        name=name or program,
        usage=_usage(program, name, command),
        about=[text for text in paragraphs if text not in output],
        output=output[0].removeprefix("Output: ") if output else "",
        examples=examples,
        options=[(flags, text) for flags, text in records if not flags.startswith(SHARED)],
    )


def _paragraphs(help_text: str) -> tuple[list[str], list[str]]:
    """The paragraphs, each in one line, and the lines of the examples."""
    texts, examples = [], []
    for block in re.split(r"\n\s*\n", help_text):
        if block.startswith("\b"):
            examples += [line.removeprefix("  ") for line in block.splitlines()[2:]]
        else:
            texts.append(" ".join(block.split()))
    return texts, examples


def pages(program: str) -> list[Page]:
    group = PROGRAMS[program]
    return [read(program, group.commands[name], name) for name in sorted(group.commands)]


def shared_options(program: str) -> list[tuple[str, str]]:
    group = PROGRAMS[program]
    context = click.Context(group, info_name=program, **group.context_settings)
    return _records(group, context)


def _records(command: click.Command, context: click.Context) -> list[tuple[str, str]]:
    """Flags and texts of the options; arguments speak for themselves.

    Put together here, since releases of click differ in how they show them.
    """
    options = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    return [(_flags(option), option.help or "") for option in options]


def _flags(option: click.Option) -> str:
    choices = "|".join(option.type.choices) if isinstance(option.type, click.Choice) else ""
    value = "" if option.is_flag else f" {option.metavar or choices or VALUES.get(option.type.name, 'TEXT')}"
    return ", ".join(sorted(option.opts, key=len)) + value


def _usage(program: str, name: str, command: click.Command) -> str:
    words = [program, name, "[OPTIONS]"] if name else [program, "[OPTIONS]", "COMMAND [ARGS]..."]
    for param in command.params:
        if isinstance(param, click.Argument):
            shown = param.metavar or f"{str(param.name).upper()}{'...' if param.nargs == -1 else ''}"
            words.append(shown if param.required or param.metavar else f"[{shown}]")
    return " ".join(words)


# ---- the page of commands

COMMANDS_HEAD = f"""# The two command lines

{MADE} of the commands' own help: `disco help COMMAND` tells the same.

- **Jobs**: `@` is the newest job and `@?TEXT` the newest whose name contains TEXT. `kill` and `purge` take
  patterns (`'WordCount@*'`) and `-` for names on standard input.
- **Tags and inputs**: a word that names a file is that file, else it is a tag. Quoted patterns
  (`'data:log:*'`) stand for all tags that match; `-` is standard input.
- **Output**: a list has an entry a line, with tabs between its fields, so that pipes work:
  `disco results @ | xargs ddfs xcat`. With `--json` there is JSON instead. Bars are drawn on terminals only.
- **Errors** are a sentence on standard error: the thing, the reason, the way out. `--debug` shows the
  traceback. Exit status: 0 done, 1 error, 2 wrong usage, 130 ended by Ctrl-C.
- **Settings** come from the environment and a file: see [settings](settings.md).
- **Completion**: `eval "$(disco completion bash)"`, the same for `ddfs`, and for zsh and fish.
- **Manual pages**: [disco.1](man/disco.1) and [ddfs.1](man/ddfs.1), installed with the package.
"""


def commands_page() -> str:
    parts = [COMMANDS_HEAD, "## On every command\n", _options_table(shared_options("disco"))]
    for program, group in PROGRAMS.items():
        parts.append(f"## {program}\n\n{read(program, group).about[0]}\n")
        parts.append("| command | |\n|---|---|\n" + "".join(map(_row(program), pages(program))))
        parts += [_section(program, page) for page in pages(program)]
    return "\n".join(parts)


def _row(program: str):  # type: ignore[no-untyped-def]
    return lambda page: f"| [{program} {page.name}](#{program}-{page.name}) | {_cell(page.brief)} |\n"


def _section(program: str, page: Page) -> str:
    lines = [f"### {program} {page.name}\n", f"```\n{page.usage}\n```\n"]
    lines += [f"{text}\n" for text in page.about]
    if page.output:
        plain, _, as_json = page.output.partition("JSON: ")
        lines.append(f"**Output**: {plain.strip()}\n")
        if as_json:
            lines.append(f"**With `--json`**: {as_json.strip()}\n")
    if page.options:
        lines.append(_options_table(page.options))
    if page.examples:
        lines.append("```\n" + "\n".join(page.examples) + "\n```\n")
    return "\n".join(lines)


def _options_table(options: list[tuple[str, str]]) -> str:
    rows = "".join(f"| `{_cell(flags)}` | {_cell(text)} |\n" for flags, text in options)
    return f"| option | |\n|---|---|\n{rows}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# ---- the page of settings

SETTINGS_HEAD = f"""# Settings

{MADE} of the table that reads them. A value comes from the first of: the environment, the
settings file, the default. The file is the one that `--settings FILE` or DISCO_SETTINGS_FILE names, else
`~/.disco`, else `/etc/disco/settings.py`. It is Python: its lines `NAME = value` count.

`disco -v` shows every setting, its value, and where that comes from. A value that can't be used is an error
that names the setting, its source and the accepted form; so is an unknown name in the file. Unknown DISCO_
and DDFS_ names in the environment may be somebody else's: `disco -v` lists them at its end.
"""


def settings_page() -> str:
    """Settings that are obeyed, then those that old files may hold."""
    obeyed = [setting for setting in TABLE.values() if not setting.obsolete]
    ignored = [setting for setting in TABLE.values() if setting.obsolete]
    rows = "".join(
        f"| {one.name} | {TEXTS[one.name]} | {_cell(one.kind.form)} | {_default(one.name)} |\n"
        for one in obeyed
    )
    old = "".join(f"| {one.name} | {TEXTS[one.name]} | {one.obsolete} |\n" for one in ignored)
    return (
        f"{SETTINGS_HEAD}\n| setting | what it is | form | default |\n|---|---|---|---|\n{rows}\n"
        "## Accepted and ignored\n\n"
        "Files written for the original keep working; what they say here has no effect.\n\n"
        f"| setting | what it was | why it is ignored |\n|---|---|---|\n{old}"
    )


def _default(name: str) -> str:
    default = TABLE[name].default
    if not callable(default):
        return "" if default in (None, "") else f"`{default}`"
    if name == "DISCO_JOB_OWNER":
        return "login@host"
    value = str(DiscoSettings(environ={"HOME": "/HOME"})[name])
    home = str(Path("~").expanduser())
    return f"`{value.replace(home, '~')}`"


# ---- manual pages


def manual(program: str) -> str:
    top = read(program, PROGRAMS[program])
    lines = [
        f'.TH {program.upper()} 1 "" "Disco {__version__}" "User Commands"',
        ".SH NAME",
        f"{program} \\- {_roff(top.about[0].rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {program}",
        "[OPTIONS] COMMAND [ARGS]...",
        ".SH DESCRIPTION",
        *_roff_paragraphs(top.about[1:]),
        ".SH OPTIONS",
        "Every command takes these, before or after its name.",
        *_roff_options(shared_options(program)),
        ".SH COMMANDS",
    ]
    for page in pages(program):
        lines += [f".SS {_roff(page.usage)}", *_roff_paragraphs(page.about)]
        lines += _roff_paragraphs([f"Output: {page.output}"]) if page.output else []
        lines += [*_roff_options(page.options), *_roff_examples(page.examples)]
    lines += [
        ".SH EXAMPLES",
        *_roff_examples(top.examples),
        ".SH EXIT STATUS",
        "0 done, 1 error, 2 wrong usage, 130 ended by Ctrl\\-C.",
        ".SH FILES",
        "~/.disco, /etc/disco/settings.py: the settings, where no other file is named.",
        ".SH ENVIRONMENT",
        f"All settings: {_roff(', '.join(name for name in TABLE if not TABLE[name].obsolete))}.",
        ".SH SEE ALSO",
        ", ".join(
            f".BR {other} (1)".removeprefix(".BR ").replace(" ", "") for other in PROGRAMS if other != program
        ),
    ]
    return "\n".join(lines) + "\n"


def _roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _roff_paragraphs(texts: list[str]) -> list[str]:
    return [line for text in texts for line in (".PP", _roff(text))]


def _roff_options(options: list[tuple[str, str]]) -> list[str]:
    return [line for flags, text in options for line in (".TP", f"\\fB{_roff(flags)}\\fR", _roff(text))]


def _roff_examples(examples: list[str]) -> list[str]:
    if not examples:
        return []
    return [".PP", "Example:" if len(examples) == 1 else "Examples:", ".PP", ".nf", ".RS",
            *map(_roff, examples), ".RE", ".fi"]  # fmt: skip


def files() -> dict[Path, str]:
    """Every page and its text."""
    return {
        DOCS / "commands.md": commands_page(),
        DOCS / "settings.md": settings_page(),
        **{DOCS / "man" / f"{program}.1": manual(program) for program in PROGRAMS},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [path for path, text in files().items() if not path.is_file() or path.read_text() != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)} {'is not current: run tools/commands.py' if check else 'written'}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files()[path])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
