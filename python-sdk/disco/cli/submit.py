"""Commands that start jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from .frame import Command, binary_out, read_arguments, replicas, session
from .naming import named


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
@click.argument("worker", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("inputs", nargs=-1)
def job(worker: Path, inputs: Sequence[str], dump_jobpack: bool, **options: Any) -> None:
    """Pack an executable, in any language, with its inputs and submit it; print the job's name.

    Without inputs, one is read from each line of standard input. Blanks separate the replicas of an input.

    \b
    Example:
      disco job -m -r -n 2 ./wc raw://the%20cat http://host/b.txt
    """
    pack = _pack(worker, read_arguments(inputs), options)
    if session().verbose:
        for name in pack.jobdict:
            click.echo(f"{name}\t{pack.jobdict[name]}", err=True)
    if dump_jobpack:
        binary_out().write(pack.dumps())
        return
    session().emit(session().disco.submit(pack.dumps()))


def _pack(worker: Path, inputs: Sequence[str], options: dict[str, Any]) -> Any:
    from jobpack.build import build_pack

    if not (options["has_map"] or options["has_reduce"]):
        raise click.UsageError("no phase: give -m, -r or both")
    given = options["data"] or ""
    data = Path(given[1:]).read_bytes() if given.startswith("@") else given.encode()
    prefix = {"prefix": options["prefix"]} if options["prefix"] else {}
    return build_pack(
        worker,
        inputs=[replicas(one) for one in inputs],
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
    """Submit a ready job pack, from a file or from standard input; print the job's name."""
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
@click.argument("jobclass", metavar="MODULE.CLASS")
@click.argument("inputs", nargs=-1)
def run(jobclass: str, inputs: Sequence[str], **options: Any) -> None:
    """Run a job class with its inputs; print the job's name.

    The module is looked for in the current folder first. Without inputs the class's own are used, or, if it
    has none, one is read from each line of standard input.

    \b
    Example:
      disco run count.WordCount http://host/a.txt && disco wait @
    """
    made = named(jobclass)(name=options.pop("name") or jobclass.rpartition(".")[2], master=session().disco)
    given = list(inputs) if inputs or getattr(made, "input", None) else read_arguments(())
    arguments = _job_arguments(options)
    if given:
        arguments["input"] = [replicas(one) for one in given]
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
