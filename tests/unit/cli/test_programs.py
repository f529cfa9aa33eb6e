"""The programs as programs: speed, pipes, exit status."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

SLOW = {"requests", "rich", "ujson", "cloudpickle", "flask"}
MOST_STARTS = 4  # what a short command may take, in starts of Python with what every command needs


def run(environ, *words, **options):
    clean = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, *words], env={**clean, **environ}, capture_output=True, check=False, **options
    )


def test_a_short_command_is_quick(environ, master):
    """In processor time, so that other programs don't count, and against a bare start, so that no machine is
    too slow."""
    master.jobs["j@1:1:1"] = {"status": "ready", "results": []}
    command = ("-m", "disco.cli.disco", "jobs")
    assert run(environ, *command).stdout == b"j@1:1:1\n"
    bare_s = min(processor_s(environ, "-c", "import click, http.client") for _ in range(3))
    assert min(processor_s(environ, *command) for _ in range(3)) < MOST_STARTS * bare_s


def processor_s(environ, *words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run(environ, *words).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("program", ["disco", "ddfs"])
def test_help_imports_nothing_slow(environ, program):
    code = (
        f"import sys, disco.cli.{program} as it\n"
        "try: it.main(['--help'])\n"
        f"finally: print(sorted({SLOW!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = run(environ, "-c", code)
    assert (done.returncode, done.stderr) == (0, b"[]\n")


def test_a_reader_that_goes_away_is_no_traceback(environ, master):
    for number in range(3000):
        master.tags[f"tag{number}:{'x' * 100}"] = {}
    clean = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "disco.cli.ddfs", "ls"],
        env={**clean, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def test_exit_status_of_wrong_usage_is_2_m517(environ):
    done = run(environ, "-m", "disco.cli.ddfs", "chunk")
    assert done.returncode == 2
    assert b"Missing argument 'TAG'" in done.stderr


def test_status_of_a_master_that_does_not_run_m526(environ):
    done = run(environ, "-m", "disco.cli.disco", "status")
    assert (done.returncode, done.stdout) == (1, b"Master localhost:8989 stopped\n")
