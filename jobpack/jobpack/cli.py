"""The command `jobpack`: make, look into, unpack and check job packs.

Exit codes: 0 done, 1 the pack or a file is at fault, 2 the command line is.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from jobpack import config as toml
from jobpack.build import build_pack
from jobpack.flags import STANDARD_STREAM, apply, require_work
from jobpack.format import MAX_PACK_BYTES, JobPack, PackError
from jobpack.show import describe, doubt, summary, text
from jobpack.unpack import unpack_parts, verify_home


@contextmanager
def _about(thing: str) -> Iterator[None]:
    """Turn what is wrong with `thing` into one sentence on stderr and exit code 1."""
    try:
        yield
    except (PackError, toml.ConfigError, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise  # the reader of our output went away: click knows what to do
        if click.get_current_context().find_root().params.get("debug"):
            traceback.print_exc()
        raise click.ClickException(_sentence(thing, error)) from error


def _sentence(thing: str, error: Exception) -> str:
    if isinstance(error, PackError):
        return f"{thing}: {error.field}: {error.reason}"
    if isinstance(error, OSError):
        name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else thing
        return f"{name}: {error.strerror or error}"
    return str(error)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback behind an error.")
@click.version_option(package_name="disco-mapreduce", prog_name="jobpack")
def main(debug: bool) -> None:
    """Make and read job packs: all that a Disco job needs, in one file.

    A worker is any executable that speaks the worker protocol: a script or a binary, with the files
    and libraries it needs beside it.

    \b
    Examples:
      jobpack pack --worker ./wc --input http://host/a.txt --map --reduce --partitions 4 -o wc.pack
      jobpack check wc.pack
      jobpack show --json wc.pack
      jobpack unpack wc.pack ./wc-unpacked

    A pack named - is read from standard input.
    """


@main.command()
@click.option("--worker", type=click.Path(path_type=Path), help="The executable to run, in any language.")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="URL",
    help="An input; repeat it. - reads one input a line from standard input: a URL, or the URLs "
    "of its replicas with tabs between.",
)
@click.option("--env", "envs", multiple=True, metavar="K=V", help="A variable of the worker's environment.")
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="[NAME=]PATH",
    help="A file, or a directory with all below it, for the job home.",
)
@click.option("--map/--no-map", default=None, help="The job has a map phase.")
@click.option("--reduce/--no-reduce", default=None, help="The job has a reduce phase.")
@click.option("--partitions", type=int, metavar="N", help="How many reduces; 1 unless set.")
@click.option("--owner", help="Whose job it is.  [default: $DISCO_JOB_OWNER, or user@host]")
@click.option("--prefix", help="Start of the job's name.  [default: the worker's name up to its first dot]")
@click.option(
    "--scheduler",
    "scheduler",
    multiple=True,
    metavar="K=V",
    help="max_cores=N, force_local=true, force_remote=true, max_failures=N, max_job_failures=N, "
    "backup_tasks=true or task_timeout=SECONDS.",
)
@click.option("--data", metavar="TEXT|@FILE", help="Job data: bytes that the worker finds in the pack.")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help=f"Options in a file; flags win.  [default: {toml.FILE_NAME}, if there]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    help="The pack to write; - is standard output.  [default: PREFIX.pack]",
)
def pack(config_path: Path | None, **flags: Any) -> None:
    """Make a job pack from flags, or from a jobpack.toml.

    The same content gives the same bytes. Each --file goes to the top of the job home under its own
    name, or under NAME; the worker is started there.

    \b
    Examples:
      jobpack pack --worker ./wc --input raw://the%20cat --map -o wc.pack
      jobpack pack --worker count.py --file lib/ --env LANG=C --input - --map --reduce < urls
      jobpack pack --partitions 16            # the rest from ./jobpack.toml
    """
    with _about("the job"):
        found = _config(config_path)
        worker = flags["worker"] or found.worker
        if worker is None:
            raise click.UsageError(f"no worker: give --worker PATH, or `worker` in a {toml.FILE_NAME}")
        options = found.options
        apply(flags, options)
        require_work(options)
        made = build_pack(worker, **options)
        content = made.dumps()
        output = flags["output"] or found.output or Path(f"{made.jobdict['prefix']}.pack")
        _write(output, content)
    _warn(made)
    if str(output) != STANDARD_STREAM:
        click.echo(f"{output}: {len(content)} bytes, {summary(made)}")


@main.command()
@click.argument("pack", metavar="PACK")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def show(pack: str, as_json: bool) -> None:
    """Show what a job pack says and holds.

    \b
    Examples:
      jobpack show wc.pack
      jobpack show --json - < wc.pack | jq .jobdict.input
    """
    with _about(pack):
        content = _read(pack)
        described = describe(JobPack.loads(content), len(content))
    click.echo(json.dumps(described, indent=2) if as_json else text(described))


@main.command()
@click.argument("pack", metavar="PACK")
@click.argument("directory", type=click.Path(path_type=Path))
def unpack(pack: str, directory: Path) -> None:
    """Unpack a job pack into DIRECTORY, which must not exist or be empty.

    It gets jobdict.json, jobenvs.json, jobdata, and the job home as jobhome/. All or nothing.

    \b
    Example:
      jobpack unpack wc.pack ./wc-unpacked && ls ./wc-unpacked/jobhome
    """
    with _about(pack):
        unpack_parts(JobPack.loads(_read(pack)), directory)
    click.echo(f"{directory}: unpacked {pack}")


@main.command()
@click.argument("packs", nargs=-1, required=True, metavar="PACK...")
@click.pass_context
def check(ctx: click.Context, packs: tuple[str, ...]) -> None:
    """Check job packs as the master and the nodes will; name what is wrong in each.

    \b
    Example:
      jobpack check *.pack
    """
    refused = False
    for name in packs:
        try:
            with _about(name):
                made = JobPack.loads(_read(name))
                verify_home(made.jobhome, made.job().worker)
            click.echo(f"{name}: good, {summary(made)}")
            _warn(made)
        except click.ClickException as error:
            error.show()
            refused = True
    ctx.exit(1 if refused else 0)


def _warn(made: JobPack) -> None:
    if why := doubt(made):
        click.echo(f"Warning: {why}", err=True)


def _config(path: Path | None) -> toml.Config:
    if path is not None:
        return toml.read_config(path)
    default = Path(toml.FILE_NAME)
    return toml.read_config(default) if default.is_file() else toml.Config()


def _read(pack: str) -> bytes:
    if pack == STANDARD_STREAM:
        return sys.stdin.buffer.read(MAX_PACK_BYTES + 1)
    with Path(pack).open("rb") as file:
        return file.read(MAX_PACK_BYTES + 1)


def _write(output: Path, content: bytes) -> None:
    """Write the pack whole, so that a full disk leaves no half of one under its name."""
    if str(output) == STANDARD_STREAM:
        sys.stdout.buffer.write(content)
        return
    descriptor, name = tempfile.mkstemp(prefix=".pack-", dir=output.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            umask = os.umask(0)
            os.umask(umask)
            os.fchmod(file.fileno(), 0o666 & ~umask)
        Path(name).replace(output)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    sys.exit(main())
