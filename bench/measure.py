"""What is measured, each against the goal that the project set itself."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from disco.local import LocalMaster

from .memory import peak_bytes, tree
from .rounds import Row, compare, run_program, wall_s
from .texts import MB, rows_to_join, text_files

PROGRAMS = Path(__file__).parent / "programs"
DISCO = Path(sys.executable).with_name("disco")
DDFS = Path(sys.executable).with_name("ddfs")
JOBPACK = Path(sys.executable).with_name("jobpack")


class Bench:
    """One running master, one folder for inputs."""

    def __init__(self, folder: Path, master: LocalMaster, rounds: int, scale: float) -> None:
        self.folder, self.master, self.rounds, self.scale = folder, master, rounds, scale

    def ours(self, program: str, *args: object) -> str:
        return run_program([sys.executable, PROGRAMS / program, *map(str, args)], env=self.master.environment)

    def theirs(self, program: str, *args: object) -> str:
        return run_program([sys.executable, PROGRAMS / program, *map(str, args)])

    def wordcount(self) -> list[Row]:
        files = text_files(self.folder, int(100 * self.scale), 8)
        expected = sorted(self.theirs("pool_wordcount.py", *files).splitlines())
        rows = []
        for kind, at_most in (("combiner", 1.35), ("tutorial", 4.0), ("sorted", 2.2)):
            assert sorted(self.ours("disco_wordcount.py", kind, *files).splitlines()) == expected
            rows.append(
                compare(
                    f"word count of {100 * self.scale:g} MB, {kind}",
                    lambda kind=kind: self.ours("disco_wordcount.py", kind, *files),
                    lambda: self.theirs("pool_wordcount.py", *files),
                    self.rounds,
                    at_most,
                )
            )
        return rows

    def join(self) -> list[Row]:
        count = int(1_000_000 * self.scale)
        files = rows_to_join(self.folder, count, 4)
        mine, other = self.folder / "disco.csv", self.folder / "pool.csv"
        self.ours("disco_join.py", mine, *files)
        self.theirs("pool_join.py", other, *files)
        same = sorted(mine.read_text().splitlines()) == sorted(other.read_text().splitlines())
        assert same, "the two joins differ"
        speed = compare(
            f"join of 2 x {count} rows",
            lambda: self.ours("disco_join.py", mine, *files),
            lambda: self.theirs("pool_join.py", other, *files),
            self.rounds,
            1.2,
        )
        return [speed, *self._join_memory(files)]

    def _join_memory(self, files: list[Path]) -> list[Row]:
        """Peak memory of all processes at work: client and workers here, parent and children there."""
        assert self.master.process is not None
        master = self.master.process.pid
        here = os.getpid()  # both programs are children of this process; the master is one too

        def roots() -> list[int]:
            return [here]

        ours = peak_bytes(roots, lambda: self.ours("disco_join.py", self.folder / "disco.csv", *files))
        theirs = peak_bytes(roots, lambda: self.theirs("pool_join.py", self.folder / "pool.csv", *files))
        assert master in tree(here)
        return [Row("join: peak memory of all processes", ours / MB, theirs / MB, "MB", ours / theirs, 0.6)]

    def tasks(self) -> list[Row]:
        count = int(5000 * self.scale)
        self.ours("disco_tasks.py", 10)
        python = count / min(wall_s(lambda: self.ours("disco_tasks.py", count)) for _ in range(self.rounds))
        rows = [
            Row(f"{count} trivial Python tasks", python, None, "tasks/s", None, at_least=400),
        ]
        ten = min(wall_s(lambda: self.ours("disco_tasks.py", 10)) for _ in range(self.rounds))
        rows.append(Row("10-task job, exec to exit of the client", ten, None, "s", None, at_most=1.0))
        compiler = shutil.which("cc")
        if compiler is None:
            print("no C compiler here: the C worker is left out", file=sys.stderr)
            return rows
        pack = self._null_pack(compiler, count)
        done = min(wall_s(lambda: self._submit_and_wait(pack)) for _ in range(self.rounds))
        rows.append(Row(f"{count} trivial C tasks", count / done, None, "tasks/s", None, at_least=500))
        return rows

    def _null_pack(self, compiler: str, count: int) -> Path:
        worker = self.folder / "null_worker"
        run_program([compiler, "-O2", "-o", worker, PROGRAMS / "null_worker.c"])
        pack = self.folder / "null.pack"
        inputs = self.folder / "inputs"
        inputs.write_text("\n".join(f"raw://{i}" for i in range(count)))
        run_program(
            [JOBPACK, "pack", "--worker", worker, "--map", "--input", "-", "-o", pack],
            stdin=inputs.open(),
        )
        return pack

    def _submit_and_wait(self, pack: Path) -> None:
        job = run_program([DISCO, "submit", pack], env=self.master.environment).strip()
        run_program([DISCO, "wait", job], env=self.master.environment)

    def push(self) -> list[Row]:
        size = int(256 * self.scale) * MB
        blob = self.folder / "blob"
        blob.write_bytes(os.urandom(1 << 20) * (size >> 20))
        copy = self.folder / "copy"

        def copy_and_sync() -> None:
            shutil.copyfile(blob, copy)
            with copy.open("rb+") as file:
                os.fsync(file.fileno())
            copy.unlink()

        row = compare(
            f"ddfs push of {size // MB} MB, against cp and fsync",
            lambda: run_program([DDFS, "push", "bench:blob", blob], env=self.master.environment),
            copy_and_sync,
            self.rounds,
            at_most=3.0,
        )
        return [row]

    def all(self) -> dict[str, Callable[[], list[Row]]]:
        return {"wordcount": self.wordcount, "join": self.join, "tasks": self.tasks, "push": self.push}
