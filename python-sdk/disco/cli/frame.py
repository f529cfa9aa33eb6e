"""What all commands share: options that every one of them takes, one way to print, one end of every run.

Every command takes -h, -s, -t, -v, --json and --debug, before or after its name. How a command fails is
decided in `failing`. Modules that are slow to import are imported by the commands that need them.
"""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import click

from .failing import EXIT_INTERRUPTED, report

if TYPE_CHECKING:
    from ..core import Disco
    from ..ddfs import DDFS
    from ..settings import DiscoSettings

_HELP = {"help_option_names": ["-h", "--help"]}


class Session:
    """What one run of a command was told, and its connections, made when first used."""

    def __init__(self) -> None:
        self.settings_file: str | None = None
        self.token: str | None = None
        self.verbose = self.json = self.debug = False
        self._settings: DiscoSettings | None = None

    @property
    def settings(self) -> DiscoSettings:
        if self._settings is None:
            from ..settings import DiscoSettings

            self._settings = DiscoSettings(self.settings_file)
            if self.token:
                self._settings.update(DDFS_READ_TOKEN=self.token, DDFS_WRITE_TOKEN=self.token)
        return self._settings

    @property
    def disco(self) -> Disco:
        from ..core import Disco

        return Disco(settings=self.settings)

    @property
    def ddfs(self) -> DDFS:
        from ..ddfs import DDFS

        return DDFS(settings=self.settings)

    def emit(self, value: Any, text: Iterable[str] | None = None) -> None:
        """Print `value`: with --json as one JSON document, else the lines of `text` (default: `rows`)."""
        if self.json:
            click.echo(json.dumps(value, ensure_ascii=False))
            return
        for line in rows(value) if text is None else text:
            click.echo(line)

    def confirm(self, value: Any) -> None:
        """What a silent command has done: printed with --json alone."""
        if self.json:
            self.emit(value)

    def tag_names(self) -> list[str]:
        """All tags, for completion and hints: none when nobody answers at once."""
        from ..ddfs import DDFS

        return self._names(lambda: DDFS(settings=self.settings, patience=_hurried()).list())

    def job_names(self) -> list[str]:
        """All jobs, newest first, for completion and hints: none when nobody answers at once."""
        from ..core import Disco

        return self._names(
            lambda: [row[2] for row in Disco(settings=self.settings, patience=_hurried()).joblist()]
        )

    def _names(self, ask: Callable[[], list[str]]) -> list[str]:
        from ..error import DiscoError

        try:
            return ask()
        except DiscoError:
            return []


def _hurried() -> Any:
    from ..client.http import Patience

    return Patience(connect_s=3.0, silence_s=10.0, attempts=1)


def session() -> Session:
    """The session of the command that is running."""
    return click.get_current_context().ensure_object(Session)


def binary_out() -> BinaryIO:
    """Standard output for bytes."""
    return sys.stdout.buffer


def rows(value: Any) -> Iterable[str]:
    """A list as lines, a list of lists as tab-separated lines, an object as NAME tab VALUE."""
    if isinstance(value, dict):
        value = list(value.items())
    if not isinstance(value, list | tuple):
        value = [value]
    for row in value:
        yield "\t".join(map(str, row)) if isinstance(row, list | tuple) else str(row)


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(ctx: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value:
            setattr(ctx.ensure_object(Session), name, value)

    return keep


def _shared_options() -> list[click.Option]:
    def option(*flags: str, name: str, **about: Any) -> click.Option:
        return click.Option([*flags, f"shared_{name}"], expose_value=False, callback=_keep(name), **about)

    return [
        option("-s", "--settings", name="settings_file", metavar="FILE", help="Read this settings file."),
        option("-t", "--token", name="token", metavar="TOKEN", help="Token for the tags of DDFS."),
        option("-v", "--verbose", name="verbose", is_flag=True, help="Show all settings, and tracebacks."),
        option("--json", name="json", is_flag=True, help="Print JSON, for programs."),
        option("--debug", name="debug", is_flag=True, help="Show the traceback behind an error."),
    ]


class Command(click.Command):
    """A command with the shared options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["context_settings"] = {**_HELP, **(kwargs.get("context_settings") or {})}
        super().__init__(*args, **kwargs)
        self.params.extend(_shared_options())

    def invoke(self, ctx: click.Context) -> Any:
        found = ctx.ensure_object(Session)
        if found.verbose:
            for line in setting_lines(found):
                click.echo(line, err=True)
        return super().invoke(ctx)


class Group(click.Group):
    """A program: its commands, its options, and the end of every run."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["context_settings"] = _HELP
        super().__init__(*args, **kwargs)
        self.params.extend(_shared_options())
        self.add_command(_help_command())

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f"did you mean {near[0]}?" if near else f"`{ctx.info_name} help` lists all"
            ctx.fail(f"unrecognized command: {name} ({hint})")
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run, and exit with the documented status."""
        ctx_object = Session()
        kwargs.update(standalone_mode=False, obj=ctx_object)
        try:
            status = super().main(*args, **kwargs)
        except Exception as error:
            status = report(error, ctx_object)
        except KeyboardInterrupt:
            status = EXIT_INTERRUPTED
        sys.exit(status if isinstance(status, int) else 0)


def setting_lines(found: Session) -> Iterable[str]:
    """All settings with where they come from; ignored ones with the reason. Tokens are not shown."""
    settings = found.settings
    for name in settings:
        value = settings[name]
        if name.endswith("_TOKEN") and value:
            value = "(set)"
        if reason := settings.obsolete(name):
            yield f"{name} = {value!r}  # ignored: {reason}"
        else:
            yield f"{name} = {value!r}  # {settings.source(name)}"
    for name, reason in settings.unknown().items():
        yield f"{name} is no setting: {reason}  # the environment"


def _help_command() -> click.Command:
    @click.command("help", cls=click.Command)
    @click.argument("command", required=False)
    @click.pass_context
    def show(ctx: click.Context, command: str | None) -> None:
        """Show this help, or the help of COMMAND.

        Output: the help. There is no JSON form.

        \b
        Examples:
          disco help run
          ddfs help chunk
        """
        assert ctx.parent is not None
        program = ctx.parent.command
        assert isinstance(program, click.Group)
        if command is None:
            click.echo(program.get_help(ctx.parent))
            return
        _, wanted, _ = program.resolve_command(ctx.parent, [command])
        assert wanted is not None
        click.echo(wanted.get_help(click.Context(wanted, info_name=command, parent=ctx.parent)))

    return show


def read_arguments(given: Sequence[str]) -> list[str]:
    """The arguments; the lines of standard input in place of `-`, or when there are none and it is a pipe."""
    if not given:
        return [] if sys.stdin.isatty() else stdin_lines()
    return [one for word in given for one in (stdin_lines() if word == "-" else [word])]


def stdin_lines() -> list[str]:
    """The lines of standard input, without empty ones."""
    return [line for line in (line.rstrip("\r\n") for line in sys.stdin) if line]


def replicas(argument: str) -> str | list[str]:
    """An input as it is written: blanks separate the replicas of one input."""
    urls = argument.split()
    return urls if len(urls) > 1 else argument.strip()
