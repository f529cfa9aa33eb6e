"""Commands for whoever looks for what is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click

from ..failing import EXIT_ERROR, CommandError
from ..frame import Command, Session, session
from ..jobs.names import job_argument
from .task_names import TaskName, read_task


class TaskParameter(click.ParamType[TaskName]):
    """`map:7`."""

    name = "task"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> TaskName:
        if isinstance(value, TaskName):
            return value
        try:
            return read_task(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


task_argument = click.argument("task", type=TaskParameter(), metavar="MODE:NUMBER")


@click.command(cls=Command)
@click.option("-l", "--list", "only_list", is_flag=True, help="List the logs instead of printing them.")
@job_argument
@click.argument("task", type=TaskParameter(), metavar="[MODE:NUMBER]", required=False)
def logs(only_list: bool, job: str, task: TaskName | None) -> None:
    """Print what the attempts of a job's tasks said, from the logs that the nodes keep until it is purged.

    Each message of a worker is a line, and a failure ends the log with its cause. An attempt that said
    nothing has no log.

    Output: for each attempt a heading `==> MODE:NUMBER attempt N on NODE <==`, then its log. With -l, a line
    for each: task, attempt, node, bytes, with tabs between.
    JSON: [{"task", "attempt", "node", "bytes", "text"}, ...], with -l without the text.

    \b
    Examples:
      disco logs @ map:7
      disco logs -l @?WordCount
    """
    found = session()
    listed = [_log_entry(row) for row in _ask_logs(found, job, task)]
    if only_list:
        lines = ({**entry, "attempt": attempt_name(entry)} for entry in listed)
        found.emit(listed, ("\t".join(map(str, line.values())) for line in lines))
    elif found.json:
        found.emit([{**entry, "text": _read_log(found, job, entry)} for entry in listed])
    else:
        for entry in listed:
            click.echo(f"==> {entry['task']} attempt {attempt_name(entry)} on {entry['node']} <==")
            click.echo(_read_log(found, job, entry), nl=False)


def _log_entry(row: Sequence[Any]) -> dict[str, Any]:
    node, mode, number, attempt, size = row
    return {"task": f"{mode}:{number}", "attempt": attempt, "node": node, "bytes": size}


def attempt_name(entry: dict[str, Any]) -> str:
    """As the master's messages call it: which of its starts, and which attempt since then."""
    return f"{entry['attempt'] >> 32}.{entry['attempt'] & 0xFFFFFFFF}"


def _ask_logs(found: Session, job: str, task: TaskName | None) -> list[Any]:
    asked = {"name": job} if task is None else {"name": job, "task": str(task)}
    return list(json.loads(found.disco.request(f"/disco/ctrl/attempt_logs?{urlencode(asked)}")))


def _read_log(found: Session, job: str, entry: dict[str, Any]) -> str:
    asked = {"name": job, **{name: entry[name] for name in ("task", "attempt", "node")}}
    return found.disco.request(f"/disco/ctrl/attempt_log?{urlencode(asked)}").decode("utf-8", "replace")


@click.command(cls=Command)
@job_argument
def why(job: str) -> None:
    """Tell why a job's tasks wait.

    Output: a sentence a line, with the number of tasks that it is about; nothing if no task waits.
    JSON: a list of sentences.

    \b
    Example:
      $ disco why @
      3 map tasks: no free slot on localhost
    """
    found = session()
    found.emit(json.loads(found.disco.request(f"/disco/ctrl/why?name={quote(job, safe='@:')}")))


@click.command(cls=Command)
@click.option("-o", "--folder", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False),
              help="Keep the job home, inputs and outputs in this new folder.")  # fmt: skip
@click.option("--pause", is_flag=True, help="Wait for Enter before the worker is told its task.")
@job_argument
@task_argument
def replay(folder: Path | None, pause: bool, job: str, task: TaskName) -> None:
    """Run a task of a job again, on this machine, under this terminal; nothing of the job changes.

    The job's own worker runs, in whatever language, with the job home and the inputs that the task had on its
    node. What it says is printed as it comes. In a Python worker breakpoint() and pdb.set_trace() open the
    debugger here; for other languages --pause shows the process id, so that a debugger can be attached.

    Output: a line for each output: label, kind, bytes, path in the folder (or in the job home, which is gone
    afterwards), with tabs between. The worker's messages go to standard error.
    JSON: {"outcome", "text", "outputs": [{"label", "kind", "bytes", "path"}, ...]}.
    The exit status is 1 if the task fails.

    \b
    Examples:
      disco replay @ map:7
      disco replay -o seen @?WordCount reduce:0 && ls seen
    """
    from .conversation import Desk, converse
    from .home import job_home
    from .replay import bring_inputs, fetch_pack, inputs_of_task

    found = session()
    with job_home(job, fetch_pack(found, job), found.settings, folder) as home:
        inputs = bring_inputs(found, home, task, inputs_of_task(found, job, home.job, task))
        desk = Desk(home.task(task.mode, task.number), inputs, lambda text: click.echo(text, err=True))
        if folder is not None:
            click.echo(f"job home: {home.path}", err=True)
        verdict = converse(home, desk, _wait_for_enter if pause else None)
        outputs = [_output(home.path, one, folder is not None) for one in verdict.outputs]
    said = {"outcome": verdict.outcome, "text": verdict.text, "outputs": outputs}
    found.emit(said, ("\t".join(map(str, one.values())) for one in outputs))
    if verdict.outcome != "done":
        click.echo(f"{verdict.outcome}: {verdict.text}", err=True)
        click.get_current_context().exit(EXIT_ERROR)


def _output(home: Path, reported: Any, kept: bool) -> dict[str, Any]:
    file = home / reported.location
    size = file.stat().st_size if reported.type != "tag" and file.is_file() else None
    path = str(file) if kept and size is not None else reported.location
    return {"label": reported.label, "kind": reported.type, "bytes": size, "path": path}


def _wait_for_enter(pid: int) -> None:
    click.echo(f"the worker is process {pid}; attach a debugger, then press Enter", err=True)
    sys.stdin.readline()


@click.command(cls=Command)
@click.option("--stacks", is_flag=True, help="Show where each thread of the master is.")
@click.argument("host", required=False)
def debug(stacks: bool, host: str | None) -> None:
    """Show the state of the running master, or of one node.

    Output: NAME tab VALUE (as JSON) a line; then a line for each reason for which an active job's tasks wait:
    the job, a tab, the sentence. With --stacks each thread, followed by where it is, innermost last.
    JSON: one object.

    \b
    Examples:
      disco debug
      disco debug --stacks
    """
    found = session()
    state = json.loads(found.disco.request("/disco/ctrl/state"))
    threads = state.pop("threads", {})
    if host is not None:
        nodes = found.disco.nodeinfo()
        if host not in nodes:
            raise CommandError(f"{host} is no node; there are {', '.join(sorted(nodes)) or 'none'}")
        found.emit(nodes[host], _lines(nodes[host]))
        return
    waiting = {job: _reasons(found, job) for job in state.get("active_jobs", ())}
    value = {**state, "why": waiting, **({"threads": threads} if stacks else {})}
    text = [*_lines(state), *(f"{job}\t{reason}" for job, reasons in waiting.items() for reason in reasons)]
    for thread, frames in threads.items() if stacks else ():
        text += [thread, *(f"\t{frame}" for frame in frames)]
    found.emit(value, text)


def _reasons(found: Session, job: str) -> list[str]:
    return list(json.loads(found.disco.request(f"/disco/ctrl/why?name={quote(job, safe='@:')}")))


def _lines(about: dict[str, Any]) -> list[str]:
    return [f"{name}\t{json.dumps(value)}" for name, value in about.items()]


@click.command(cls=Command)
@click.argument("names", nargs=-1)
def test(names: Sequence[str]) -> None:
    """Check that Disco works, or run your own tests.

    Without names, small jobs and blobs go through the running master. A name is a module, class or method of
    Python's unittest, looked for in the current folder first. DISCO_DEBUG=trace shows each test, off shows
    only failures; jobs are purged afterwards unless DISCO_TEST_PURGE is empty.

    Output: that of unittest, on standard error. JSON: {"run", "failed"}. The exit status is 1 if one fails.

    \b
    Examples:
      disco test
      disco test mytests.TestCounts
    """
    from .selftest import run_tests

    ran, failed = run_tests(names, session().settings)
    session().confirm({"run": ran, "failed": failed})
    if failed:
        click.get_current_context().exit(EXIT_ERROR)


COMMANDS = [logs, why, replay, debug, test]
