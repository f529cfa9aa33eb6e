"""What is sent along with a job: the main program by value, the user's own modules as files."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.worker.scripted_disco import ScriptedDisco

from disco.error import JobError
from disco.job import Job
from disco.worker.classic import modutil
from disco.worker.classic.func import nop_map

SDK = [str(Path(__file__).resolve().parents[3] / room) for room in ("python-sdk", "jobpack")]


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., ScriptedDisco]:
    """Run a program of these files as a user does; it leaves a pack, which a worker gets."""

    def run(main: str, **files: str) -> ScriptedDisco:
        folder = tmp_path / "program"
        for name, content in {"main.py": main, **files}.items():
            path = folder / name.replace("__", "/").replace("_py", ".py").replace("/init.py", "/__init__.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content))
        subprocess.run([sys.executable, "main.py"], cwd=folder, check=True, timeout=60)
        (tmp_path / "node").mkdir()
        return ScriptedDisco(tmp_path / "node", (folder / "pack").read_bytes())

    return run


def records(disco: ScriptedDisco) -> list[Any]:
    return disco.records(disco.run_job())


def test_functions_of_the_main_program(program: Callable[..., ScriptedDisco]) -> None:
    """M331, M424: with the helpers, constants and modules that they use."""
    disco = program(
        """
        import math
        from disco.core import Job
        from disco.util import kvgroup

        FACTOR = 3

        def times(number):
            return math.floor(number * FACTOR)

        def map(line, params):
            for word in line.split():
                yield word.decode(), times(1)

        def reduce(iter, params):
            for word, counts in kvgroup(sorted(iter)):
                yield word, sum(counts)

        if __name__ == "__main__":
            pack = Job().pack(input=["raw://a%20b%20a"], map=map, reduce=reduce)
            open("pack", "wb").write(pack.dumps())
        """
    )
    assert records(disco) == [("a", 6), ("b", 3)]


def test_a_job_class_of_the_main_program(program: Callable[..., ScriptedDisco]) -> None:
    """M331, W17: classes by value, with instance state."""
    disco = program(
        """
        from disco.core import Job

        class Base(Job):
            sort = True

        class Mine(Base):
            def __init__(self, factor):
                super().__init__()
                self.factor = factor

            def map(self, line, params):
                yield line.strip().decode(), self.factor

            def reduce(self, iter, out, params):
                for key, value in iter:
                    out.add(key, value)

        if __name__ == "__main__":
            open("pack", "wb").write(Mine(7).pack(input=["raw://b", "raw://a"]).dumps())
        """
    )
    assert records(disco) == [("a", 7), ("b", 7)]


def test_a_job_that_imports_its_own_file(program: Callable[..., ScriptedDisco]) -> None:
    """M331: the documents' way around pickling classes of __main__ still works."""
    disco = program(
        """
        from disco.core import Job

        class Mine(Job):
            partitions = None

            def map(self, line, params):
                yield line, 1

        if __name__ == "__main__":
            from main import Mine
            open("pack", "wb").write(Mine().pack(input=["raw://a"]).dumps())
        """
    )
    assert records(disco) == [(b"a", 1)]


def test_local_modules_and_packages_are_sent(program: Callable[..., ScriptedDisco]) -> None:
    """M425, M426, W17: recursively, with their data files, from relative imports too."""
    disco = program(
        """
        from disco.core import Job
        import helper

        def map(line, params):
            from package.inner import value
            yield helper.name(), value()

        if __name__ == "__main__":
            open("pack", "wb").write(Job().pack(input=["raw://a"], map=map, partitions=None).dumps())
        """,
        helper_py="from second import NAME\n\ndef name():\n    return NAME\n",
        second_py="NAME = 'second'\n",
        package__init_py="",
        package__inner_py="""
            from pathlib import Path
            from .deep import more

            def value():
                return more.ONE, (Path(__file__).parent / "data.txt").read_text()
            """,
        package__deep__init_py="",
        package__deep__more_py="ONE = 1\n",
        **{"package__data.txt": "content"},
    )
    assert records(disco) == [("second", (1, "content"))]


def test_a_required_module_with_its_path(program: Callable[..., ScriptedDisco]) -> None:
    """M424: (name, path)."""
    disco = program(
        """
        from disco.core import Job

        def map(line, params):
            yield mymodule.VALUE, 1

        if __name__ == "__main__":
            modules = [("mymodule", "folder/mymodule.py")]
            pack = Job().pack(input=["raw://a"], map=map, partitions=None, required_modules=modules)
            open("pack", "wb").write(pack.dumps())
        """,
        folder__mymodule_py="VALUE = 'mine'\n",
    )
    assert records(disco) == [("mine", 1)]


def test_required_packages_by_their_folder(program: Callable[..., ScriptedDisco]) -> None:
    """M424, W17: with an `__init__.py` or without."""
    disco = program(
        """
        from disco.core import Job

        def map(line, params):
            import bare.part
            yield whole.inner.VALUE, bare.part.VALUE

        if __name__ == "__main__":
            modules = [("whole", "folder/whole"), ("bare", "other/bare")]
            modules.append(("whole.inner", "folder/whole/inner.py"))
            pack = Job().pack(input=["raw://a"], map=map, partitions=None, required_modules=modules)
            open("pack", "wb").write(pack.dumps())
        """,
        folder__whole__init_py="",
        folder__whole__inner_py="VALUE = 'in a package'\n",
        other__bare__part_py="VALUE = 'in a folder'\n",
    )
    assert records(disco) == [("in a package", "in a folder")]


def test_a_required_module_that_is_not_there_is_named() -> None:
    """M424."""
    with pytest.raises(JobError, match=r"module mine can't be sent: there is no file nowhere/mine\.py"):
        Job("Test").pack(input=["raw://a"], map=nop_map, required_modules=[("mine", "nowhere/mine.py")])


def test_a_worker_of_the_users_own(program: Callable[..., ScriptedDisco]) -> None:
    """M346, M355-M358: a Worker that runs the function of the task's mode."""
    disco = program(
        """
        from disco.core import Job
        from disco.worker import Worker

        def map(task, job, **jobargs):
            worker = jobargs["me"]
            output = worker.output(task, partition=0)
            for line in worker.input(task):
                output.file.write(line.upper())
            assert worker.output(task, partition="0") is output

        if __name__ == "__main__":
            worker = Worker(map=map)
            pack = Job("x", worker=worker).pack(input=["raw://a", "raw://b"], me=worker)
            open("pack", "wb").write(pack.dumps())
        """
    )
    end = disco.run_task("map", 0, [["raw://a"], ["raw://b"]])
    assert end.outcome == "done", end.text
    assert [(o.type, o.label) for o in end.outputs] == [("part", 0)]
    assert (disco.home / end.outputs[0].location).read_bytes() == b"AB"


# ---- modutil


def uses_modules() -> Any:
    import json as renamed

    return textwrap.dedent("x"), renamed, (subprocess for _ in ())


def test_modules_of_a_function() -> None:
    """M429: dot notation, imports inside, and generator expressions too."""
    found = modutil.parse_function(uses_modules)
    assert {"textwrap", "json", "subprocess"} <= set(found)


def test_installed_modules_are_named_and_local_ones_sent() -> None:
    """M424-M428."""
    found = modutil.find_modules([uses_modules])
    assert "textwrap" in found and "json" in found
    local = dict(one for one in found if not isinstance(one, str))
    assert Path(local[__name__]).resolve() == Path(__file__).resolve()
    assert all(isinstance(one, str) for one in modutil.find_modules([uses_modules], send_modules=False))
    assert "textwrap" not in modutil.find_modules([uses_modules], exclude=["textwrap"])


def test_modules_by_name() -> None:
    """M428."""
    assert modutil.locate_modules(["math", "textwrap"]) == ["textwrap", "math"]
    [(name, path)] = modutil.locate_modules(["textwrap"], include_sys=True)
    assert name == "textwrap" and path.endswith("textwrap.py")


def test_a_missing_module_is_named() -> None:
    """M430."""

    def wrong() -> None:
        import no_such_module_anywhere  # type: ignore[import-not-found]  # noqa: F401

    with pytest.raises(modutil.ModUtilImportError, match="Could not find module defined in wrong"):
        modutil.find_modules([wrong])
    assert modutil.local_modules([wrong])  # guessing for a job, it may be on the nodes


def test_tracebacks_show_lines_of_files_that_the_node_has_not(tmp_path: Path) -> None:
    """W4: the user's line, although functions of the main program travel without their file."""
    script = tmp_path / "main_program.py"
    script.write_text(
        "import sys\n"
        "from disco.task import jobdata\n"
        "def broken():\n"
        "    raise ValueError('here')  # the user's line\n"
        "open(sys.argv[1], 'wb').write(jobdata(broken))\n"
    )
    subprocess.run([sys.executable, script, tmp_path / "data"], check=True)
    script.unlink()
    load = (
        "import sys; from pathlib import Path; from disco.worker.jobdata import load_objects\n"
        "from disco.worker.failures import describe\n"
        "try:\n    load_objects(Path(sys.argv[1]).read_bytes())[0]()\n"
        "except ValueError as error: print(describe(error))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", load, tmp_path / "data"], check=True, capture_output=True, text=True
    ).stdout
    assert "main_program.py" in told and "# the user's line" in told
