"""Commands that start jobs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..failing import CommandError
from ..frame import Command, binary_out, read_arguments, session
from ..naming import check_local, expand, inputs_of, named


def _literal(text: str) -> Any:
    """A value as it would be written in Python; anything else is text."""
    import ast

    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _pairs(given: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {name: _literal(value) for name, value in given}


@click.command(cls=Command)
@click.option("-m", "--has-map", is_flag=True, help="The worker has a map.")
@click.option("-r", "--has-reduce", is_flag=True, help="The worker has a reduce.")
@click.option("-n", "--nr-reduces", type=click.IntRange(min=1), default=1, help="Number of reduces.  [1]")
@click.option("-o", "--owner", help="Owner of the job.  [DISCO_JOB_OWNER]")
@click.option("-p", "--prefix", help="Start of the job's name.  [the worker's name up to its first dot]")
@click.option("-S", "--scheduler", nargs=2, multiple=True, metavar="KEY VALUE", help="As max_cores 4.")
@click.option("-e", "--env", nargs=2, multiple=True, metavar="KEY VALUE", help="Variable for the worker.")
@click.option("-f", "--file", "files", multiple=True, type=click.Path(exists=True, path_type=Path),
              help="File or folder for the job home; repeat it.")  # fmt: skip
@click.option("-d", "--data", metavar="TEXT|@FILE", help="Job data.")
@click.option("-D", "--dump-jobpack", is_flag=True, help="Write the job pack to standard output instead.")
@click.option("--local", is_flag=True, help="Run it here, without a master, and print the results.")
@click.argument("worker", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("inputs", nargs=-1)
def job(worker: Path, inputs: Sequence[str], dump_jobpack: bool, local: bool, **options: Any) -> None:
    """Pack an executable, in any language, with its inputs and submit it.

    Without inputs, or for -, one is read from each line of standard input. Blanks separate the replicas of an
    input. With -v, the job dict and the files of the job home are listed on standard error. With --local the
    tasks run on this machine, without a master, and the records of the results are printed.

    Output: the job's name; with -D the pack; with --local the records. JSON: the name as a string.

    \b
    Examples:
      disco job -m -r -n 2 ./wc raw://the%20cat http://host/b.txt
      disco job --local -m ./wc ./text.txt
    """
    pack = _pack(worker, _urls(read_arguments(inputs), options["has_map"]), options)
    if session().verbose:
        _list(pack)
    if dump_jobpack:
        binary_out().write(pack.dumps())
    elif local:
        from ..debugging.phases import run_job
        from ..debugging.show import show_run

        show_run(run_job(pack.dumps(), session().settings), session())
    else:
        session().emit(session().disco.submit(pack.dumps()))


def _urls(words: Sequence[str], has_map: bool) -> list[str | list[str]]:
    """Inputs as a worker in any language takes them: URLs, with tags, and for maps indexes, expanded here."""
    found = session()
    blobs: list[list[str]] = []
    for one in inputs_of(found, words, False):
        check_local(found, one)
        given = [one] if isinstance(one, str) else list(one)
        if given[0].startswith("tag://") or (has_map and given[0].startswith("dir://")):
            blobs += expand(found.ddfs, [one])
        else:
            blobs.append([url if "://" in url else f"file://{Path(url).absolute()}" for url in given])
    return [urls[0] if len(urls) == 1 else urls for urls in blobs]


def _list(pack: Any) -> None:
    """What is in a pack."""
    from jobpack.unpack import list_home

    for name in pack.jobdict:
        click.echo(f"{name}\t{pack.jobdict[name]}", err=True)
    for entry in list_home(pack.jobhome):
        click.echo(f"jobhome\t{entry.path}\t{entry.size_bytes}", err=True)
    click.echo(f"jobdata\t{len(pack.jobdata)} bytes", err=True)


def _pack(worker: Path, inputs: Sequence[str | Sequence[str]], options: dict[str, Any]) -> Any:
    from jobpack.build import build_pack

    if not (options["has_map"] or options["has_reduce"]):
        raise click.UsageError("no phase: give -m, -r or both")
    if not os.access(worker, os.X_OK):
        raise CommandError(f"{worker} is not executable; make it so: chmod +x {worker}")
    given = options["data"] or ""
    data = Path(given[1:]).read_bytes() if given.startswith("@") else given.encode()
    prefix = {"prefix": options["prefix"]} if options["prefix"] else {}
    return build_pack(
        worker,
        inputs=inputs,
        map=options["has_map"],
        reduce=options["has_reduce"],
        partitions=options["nr_reduces"],
        owner=options["owner"] or session().settings["DISCO_JOB_OWNER"],
        scheduler=_pairs(options["scheduler"]),
        envs=dict(options["env"]),
        files=options["files"],
        data=data,
        **prefix,
    )


@click.command(cls=Command)
@click.argument("pack", type=click.File("rb"), default="-")
def submit(pack: Any) -> None:
    """Submit a ready job pack, from a file or from standard input.

    Output: the job's name. JSON: the name as a string.

    \b
    Example:
      jobpack pack --worker ./wc --input raw://hello --map -o wc.pack && disco submit wc.pack
    """
    session().emit(session().disco.submit(pack.read()))


@click.command(cls=Command)
@click.option("-n", "--name", help="Start of the job's name.  [the class's name]")
@click.option("-m", "--map", "map_name", metavar="MODULE.FUNC", help="Use this function as the map.")
@click.option("-r", "--reduce", "reduce_name", metavar="MODULE.FUNC", help="Use this function as the reduce.")
@click.option("--save", is_flag=True, help="Keep the results in DDFS.")
@click.option("--profile", is_flag=True, help="Profile the tasks; see `disco pstats`.")
@click.option("--partitions", help="Number of partitions.")
@click.option("-S", "--scheduler", nargs=2, multiple=True, metavar="KEY VALUE", help="As max_cores 4.")
@click.option(
    "-P",
    "--param",
    nargs=2,
    multiple=True,
    metavar="KEY VALUE",
    help="A parameter of the job, as text: -P params PATTERN.",
)
@click.option("--local", is_flag=True, help="Run it in this process, without a master; print the results.")
@click.option("--pdb", is_flag=True, help="With --local: when a task fails, open the debugger there.")
@click.argument("jobclass", metavar="MODULE.CLASS")
@click.argument("inputs", nargs=-1)
def run(jobclass: str, inputs: Sequence[str], local: bool, pdb: bool, **options: Any) -> None:
    """Run a job class with its inputs.

    The module is looked for in the current folder first. An input is a file, a URL, a tag, a pattern of tags,
    or - for one on each line of standard input; so without inputs too, if the class has none of its own.

    With --local the job runs in this process, one task after the other: breakpoint(), print and debuggers
    work as in any program, and no master is needed unless an input lies in DDFS.

    Output: the job's name; with --local the records of the results, a line each, with tabs between fields.
    JSON: the name as a string; with --local a JSON value a line.

    \b
    Examples:
      disco run count.WordCount http://host/a.txt && disco wait @
      disco run --local --pdb count.WordCount ./text.txt
    """
    if pdb and not local:
        raise click.UsageError("--pdb is for --local; see `disco replay` for tasks of a submitted job")
    made = named(jobclass)(name=options.pop("name") or jobclass.rpartition(".")[2], master=session().disco)
    given = () if not inputs and getattr(made, "input", None) else read_arguments(inputs)
    arguments = _job_arguments(options)
    if given:
        found = list(inputs_of(session(), given, False))
        arguments["input"] = found
        for one in found:
            check_local(session(), one)
    if local:
        from ..debugging.inside import run_inside
        from ..debugging.show import show_run

        show_run(run_inside(made, arguments, post_mortem=pdb), session())
        return
    made.run(**arguments)
    session().emit(made.name)


def _job_arguments(options: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of `Job.run` that these options ask for."""
    arguments: dict[str, Any] = {name: True for name in ("save", "profile") if options[name]}
    for phase in ("map", "reduce"):
        if options[f"{phase}_name"]:
            arguments[phase] = named(options[f"{phase}_name"])
    if options["partitions"] is not None:
        arguments["partitions"] = _literal(options["partitions"])
    if options["scheduler"]:
        arguments["scheduler"] = _pairs(options["scheduler"])
    return {**arguments, **dict(options["param"])}


COMMANDS = [job, submit, run]
