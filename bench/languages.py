"""The same jobs by the SDK of every language, end to end through the master, on two slots."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from disco.core import Disco, result_iterator
from disco.local import LocalMaster
from disco.worker.classic.func import kv_input_stream
from jobpack.build import build_pack

from .rounds import Row, compare, run_program, wall_s
from .texts import text_files

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = Path(__file__).parent / "programs"
BUILT = ROOT / "examples" / "build"
COMPILED = ("c", "go", "ocaml")
SLOTS = 2
PARTITIONS = 2
FILES = 8
MASTER_S = 1.0  # what the way through the master may cost a job
RECORDS, RECORD_BYTES, KEY_BYTES = 1_000_000, 100, 10
TASKS = 5_000
JOB_TIMEOUT_S = 600


class Languages:
    """Builds the workers of the languages that are here, and measures them."""

    def __init__(self, folder: Path, master: LocalMaster, rounds: int, scale: float) -> None:
        self.folder, self.rounds, self.scale = folder, rounds, scale
        self.disco = Disco(settings=master.settings)

    def rows(self) -> list[Row]:
        here = [language for language in COMPILED if self._build(language)]
        if "c" not in here:
            print("languages: everything is measured against C, which is left out", file=sys.stderr)
            return []
        return [*self._wordcount(here), *self._sort(here), self._tiny_tasks()]

    def _build(self, language: str) -> bool:
        said = run_program([ROOT / "tools" / "sdk.sh", language, "examples"])
        is_here = "left out" not in said
        if not is_here:
            print(said.strip(), file=sys.stderr)
        return is_here

    def _pack(self, worker: Path, inputs: Sequence[str], has_reduce: bool = True) -> bytes:
        return build_pack(
            worker,
            inputs=inputs,
            map=True,
            reduce=has_reduce,
            partitions=PARTITIONS if has_reduce else 1,
            scheduler={"max_cores": SLOTS},
        ).dumps()

    def _run(self, pack: bytes) -> list[str]:
        """Submit and wait: what a client does."""
        return self.disco.wait(self.disco.submit(pack), timeout=JOB_TIMEOUT_S)

    # ---- word count

    def _wordcount(self, here: Sequence[str]) -> list[Row]:
        size_mb = 100 * self.scale
        files = text_files(self.folder, max(1, int(size_mb)), FILES)
        inputs = [f"file://{path}" for path in files]
        by_hand = self._compile_by_hand()
        expected = sorted(run_program([by_hand, *files]).encode().splitlines())
        for language in here:
            urls = self._run(self._pack(BUILT / language / "wordcount", inputs))
            found = sorted(b"%s %s" % pair for pair in result_iterator(urls, reader=kv_input_stream))
            assert found == expected, f"{language} counts otherwise"
        runs = [self._runner(language, "wordcount", inputs) for language in here]
        rows = [
            self._less_the_way(f"word count of {size_mb:g} MB in C, less 1 s", runs[0], [by_hand, *files])
        ]
        for language, run in zip(here[1:], runs[1:], strict=True):
            name = f"word count of {size_mb:g} MB in {language}, against C"
            rows.append(compare(name, run, runs[0], self.rounds, at_most=2.0))
        return rows

    def _runner(self, language: str, name: str, inputs: Sequence[str]) -> Callable[[], object]:
        pack = self._pack(BUILT / language / name, inputs)
        return lambda: self._run(pack)

    def _less_the_way(self, name: str, ours: Callable[[], object], theirs: Sequence[str | Path]) -> Row:
        """A comparison that grants us the second that the way through the master may take."""

        def by_hand() -> None:
            run_program(theirs)

        ours()
        by_hand()
        pairs = [(max(0.0, wall_s(ours) - MASTER_S), wall_s(by_hand)) for _ in range(self.rounds)]
        return Row(
            name,
            ours=statistics.median(a for a, _ in pairs),
            theirs=statistics.median(b for _, b in pairs),
            unit="s",
            ratio=statistics.median(a / b for a, b in pairs),
            at_most=2.0,
        )

    def _compile_by_hand(self) -> Path:
        target = self.folder / "threads_wordcount"
        run_program(["cc", "-O2", "-pthread", "-o", target, PROGRAMS / "threads_wordcount.c"])
        return target

    # ---- sort

    def _sort(self, here: Sequence[str]) -> list[Row]:
        count = int(RECORDS * self.scale)
        files = records_to_sort(self.folder, count, FILES)
        inputs = [f"file://{path}" for path in files]
        rows = []
        for language in here:
            run = self._runner(language, "sort", inputs)
            name = f"sort of {count} x {RECORD_BYTES} bytes in {language}, against sort(1)"
            rows.append(compare(name, run, lambda: sort_by_program(files), self.rounds, at_most=None))
        return rows

    # ---- tasks

    def _tiny_tasks(self) -> Row:
        count = int(TASKS * self.scale)
        inputs = [f"raw://{number}" for number in range(count)]
        pack = self._pack(self._compile_null_task(), inputs, has_reduce=False)
        best_s = min(wall_s(lambda: self._run(pack)) for _ in range(self.rounds))
        return Row(
            f"{count} tiny tasks with reuse in C", count / best_s, None, "tasks/s", None, at_least=1000
        )

    def _compile_null_task(self) -> Path:
        """Against the C SDK that the examples were built with."""
        target = self.folder / "null_task"
        where = [f"PREFIX={BUILT / 'c' / 'sdk'}", f"OUT={self.folder}", f"SOURCE={PROGRAMS / 'null_task.c'}"]
        run_program(["make", "--silent", "-C", str(ROOT / "examples"), *where, "null_task"])
        return target


def records_to_sort(folder: Path, count: int, files: int, seed: int = 26) -> list[Path]:
    """`count` lines of RECORD_BYTES bytes with random keys, in `files` files."""
    chance = random.Random(seed)
    rest = b"x" * (RECORD_BYTES - KEY_BYTES - 1) + b"\n"
    made = []
    for number in range(files):
        path = folder / f"records-{number}.txt"
        lines = (
            b"%0*x" % (KEY_BYTES, chance.getrandbits(4 * KEY_BYTES)) for _ in range(number, count, files)
        )
        path.write_bytes(b"".join(key + rest for key in lines))
        made.append(path)
    return made


def sort_by_program(files: Sequence[Path]) -> None:
    subprocess.run(
        ["sort", f"--parallel={SLOTS}", "-o", files[0].with_name("sorted.txt"), *files],
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        check=True,
    )
