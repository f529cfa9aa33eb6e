"""M431-M441, C22, C23: maps and reduces that are programs, as real processes."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import signal
import subprocess
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.worker import sample_jobs as jobs

from disco import util
from disco.core import Job
from disco.error import DiscoError, JobError
from disco.worker import base, current
from disco.worker.classic.external import package
from disco.worker.classic.external.packaging import encoded_params
from disco.worker.classic.external.pairs import MAX_STRING_BYTES, ResultLists, check_size, entry_parts
from disco.worker.classic.external.program import MAX_LINE_BYTES, Program, ProgramError, ProgramFault
from disco.worker.classic.func import chain_reader

OP = Path(__file__).with_name("external_op.py")
SDK_C = Path(__file__).resolve().parents[3] / "sdk-c"
WORDS = {"op": OP.read_bytes()}
TEXT = "one two two\nthree three three\n\n"
RunMap = Callable[..., Any]


# ---- packing


def test_package_takes_files_without_their_directories(tmp_path: Path) -> None:
    """M440, M441, M463: the first is the program."""
    (tmp_path / "cmap").write_bytes(b"\x7fELF")
    (tmp_path / "cmap.conf").write_text("a = 1")
    files = [str(tmp_path / "cmap"), tmp_path / "cmap.conf"]
    assert package(files) == util.external(files) == {"op": b"\x7fELF", "cmap.conf": b"a = 1"}


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ([], "give the path of the program first"),
        ("cmap", r"a list of paths: write \['cmap'\]"),
        (["/no/such/cmap"], "/no/such/cmap of an external program can't be read"),
        ([OP, "/no/such/conf"], "/no/such/conf of an external program can't be read"),
        ([OP, "a/op"], "a/op would be a second file named op"),
        ([OP, OP, OP], "would be a second file named external_op.py"),
    ],
)
def test_files_that_cannot_be_packaged(files: Any, hint: str) -> None:
    with pytest.raises(DiscoError, match=hint):
        package(files)


def test_a_task_does_not_look_for_the_files_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module with `map = package([...])` in a class is imported by tasks too."""
    monkeypatch.setattr(current, "channel", object())
    assert package(["bin/cmap", "cmap.conf"]) == {"op": b""}


def test_the_files_travel_in_the_job_home() -> None:
    """M434, M440: once."""
    marked = b"#!/bin/sh\n# " + os.urandom(1000).hex().encode()
    program: dict[str, Any] = {"op": marked, "real": b"\x7fELF", "conf": "é"}
    pack = Job("x").pack(input=["raw://x"], map=program, reduce=WORDS)
    with zipfile.ZipFile(io.BytesIO(pack.jobhome)) as archive:
        found = {
            entry.filename: (archive.read(entry), bool(entry.external_attr >> 16 & 0o100))
            for entry in archive.infolist()
            if entry.filename.startswith("ext.")
        }
    assert found == {
        "ext.map/op": (marked, True),
        "ext.map/real": (b"\x7fELF", True),
        "ext.map/conf": ("é".encode(), False),
        "ext.reduce/op": (WORDS["op"], True),
    }
    assert marked not in pack.jobdata and b"ext.map" not in pack.jobdata
    assert pack.jobdict["map?"] and pack.jobdict["reduce?"]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"map": {}}, "map is a dictionary without a program"),
        ({"map": {"conf": b"x"}}, 'its content belongs under "op"'),
        ({"reduce": {"op": b""}}, "reduce is a dictionary without a program"),
        ({"map": {**WORDS, "a/b": b""}}, "map: 'a/b' can't be the name of a file"),
        ({"map": {**WORDS, "..": b""}}, "'..' can't be the name"),
        ({"map": {**WORDS, "conf": 3}}, "conf must be the content of a file, not int"),
        ({"map": WORDS, "ext_params": 3}, "ext_params: give a string, or a dictionary of strings, not int"),
        ({"map": WORDS, "ext_params": {"a": 1}}, "ext_params: netstrings hold strings, not int"),
        ({"map": jobs.words, "combiner": WORDS}, "combiner must be a function, not dict"),
        ({"map": 3}, "map must be a function, not int"),
    ],
)
def test_wrong_programs_are_refused(wrong: dict[str, Any], hint: str) -> None:
    with pytest.raises(JobError, match=hint):
        Job("x").pack(input=["raw://x"], **wrong)


def test_only_the_classic_worker_runs_programs() -> None:
    with pytest.raises(JobError, match="map must be a function, not dict"):
        Job("x", worker=base.Worker(map=WORDS)).pack(input=["raw://x"])


@pytest.mark.parametrize(
    ("given", "data"),
    [
        (None, b"0\n"),
        ({}, b"0\n"),
        ("", b""),
        ("5 as it is é\n", "5 as it is é\n".encode()),
        (b"\0\xff", b"\0\xff"),
        ({"a": "b"}, b"8\n1 a 1 b\n"),
    ],
)
def test_parameters_are_a_string_or_netstrings(given: Any, data: bytes) -> None:
    """M386, M439, C22: `ext_params` as a string, as a dictionary, or not given."""
    assert encoded_params(given) == data


# ---- bytes on the pipes


def test_pairs_are_little_endian() -> None:
    """M433, C23; M435: an entry that is a string has an empty key."""
    assert b"".join(entry_parts(("key", b"\xff"))) == b"\3\0\0\0key\1\0\0\0\xff"
    assert b"".join(entry_parts(b"line\n")) == b"\0\0\0\0\5\0\0\0line\n"
    assert b"".join(entry_parts("\udc80é")) == b"\0\0\0\0\3\0\0\0\x80\xc3\xa9"
    with pytest.raises(TypeError, match=r"takes strings: a value is int \(1\)"):
        entry_parts((b"word", 1))


LISTS = b"\2\0\0\0\3\0\0\0key\0\0\0\0\0\0\0\0\1\0\0\0v\0\0\0\0\1\0\0\0\1\0\0\0a\1\0\0\0b"


@pytest.mark.parametrize("piece_bytes", range(1, len(LISTS) + 1))
def test_lists_come_in_pieces_of_any_size(piece_bytes: int) -> None:
    lists = ResultLists()
    pairs = []
    for start in range(0, len(LISTS), piece_bytes):
        pairs += lists.take(LISTS[start : start + piece_bytes])
    assert pairs == [(b"key", b""), (b"", b"v"), (b"a", b"b")]
    assert (lists.begun, lists.is_between) == (3, True)


@pytest.mark.parametrize("length", [n for n in range(1, len(LISTS)) if n not in (24, 28)])
def test_a_cut_list_is_seen(length: int) -> None:
    lists = ResultLists()
    lists.take(LISTS[:length])
    assert not lists.is_between


@pytest.mark.parametrize("before", [b"\1\0\0\0", b"\1\0\0\0\1\0\0\0k"], ids=["key", "value"])
def test_a_long_string_is_refused_by_its_size_alone(before: bytes) -> None:
    ResultLists().take(before + MAX_STRING_BYTES.to_bytes(4, "little"))
    with pytest.raises(DiscoError, match=r"result list 1: a (key|value) of 1073741825 bytes is too long"):
        ResultLists().take(before + (MAX_STRING_BYTES + 1).to_bytes(4, "little"))
    check_size(MAX_STRING_BYTES, "a key")


# ---- a program, directly

Start = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a shell script, or other content, as the external map or reduce of a job home."""
    monkeypatch.chdir(tmp_path)
    started: list[Program] = []

    def begin(mode: str, script: str | bytes, params: bytes = b"", **options: Any) -> Program:
        op = tmp_path / f"ext.{mode}" / "op"
        op.parent.mkdir()
        op.write_bytes(b"#!/bin/sh\n" + script.encode() if isinstance(script, str) else script)
        op.chmod(0o755)
        started.append(Program(mode, params, **options))
        return started[-1]

    yield begin
    for program in started:
        assert program._process.stdout is not None
        if not program._process.stdout.closed:
            program.__exit__(None, None, None)


EMPTY_LIST = r"printf '\0\0\0\0'"
ONE_PAIR = r"printf '\1\0\0\0\1\0\0\0k\1\0\0\0v'"


def test_a_reduce_writes_when_it_likes(start: Start) -> None:
    """M436: lists before all input is read, after it, empty ones."""
    program = start("reduce", f"{ONE_PAIR}; {EMPTY_LIST}; cat > /dev/null; {ONE_PAIR}")
    assert list(program.reduce([("a", "b")] * 3)) == [(b"k", b"v"), (b"k", b"v")]


def test_it_works_in_its_own_directory(start: Start, tmp_path: Path, capsys: Any) -> None:
    """M434, M440: with its mode as the argument, its files and libraries around it."""
    program = start("reduce", 'cat > /dev/null; (echo "$1 $#"; pwd; ls; echo "$LD_LIBRARY_PATH") >&2')
    assert list(program.reduce([])) == []
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == ["reduce 1", f"{tmp_path}/ext.reduce", "op"]
    assert said[3].startswith(f"{tmp_path}/ext.reduce:{tmp_path}/lib")


def test_lines_on_its_stderr_are_messages(start: Start, capsys: Any) -> None:
    """M438."""
    program = start(
        "reduce",
        "cat > /dev/null; printf '**<MSG> one\\n**<MSG>two\\nas it is\\n\\n**<XXX> x\\nlast \\377' >&2",
    )
    assert list(program.reduce([])) == []
    assert capsys.readouterr().out.splitlines() == ["one", "two", "as it is", "**<XXX> x", "last \\xff"]


@pytest.mark.parametrize(("length", "is_kept"), [(MAX_LINE_BYTES, True), (MAX_LINE_BYTES + 1, False)])
def test_a_line_without_end_is_not_kept_for_long(
    start: Start, capsys: Any, length: int, is_kept: bool
) -> None:
    program = start("reduce", f"head -c {length} /dev/zero | tr '\\0' x >&2; exec sleep 60")
    while len(program._line) < MAX_LINE_BYTES and not program._last_words:
        assert program._exchange() == b""
    while not is_kept and program._line:
        program._exchange()
    assert len(capsys.readouterr().out) == (0 if is_kept else length + 1)


@pytest.mark.parametrize("mode", ["map", "reduce"])
@pytest.mark.parametrize(
    ("script", "kind", "text"),
    [
        ("cat > /dev/null; exit 3", ProgramError, "exited with status 3"),
        ("cat > /dev/null; echo why >&2; exit 3", ProgramError, "the last line on its stderr: why"),
        ("exit 3", ProgramError, "exited with status 3"),
        ("kill -SEGV $$", ProgramError, "was killed by signal 11 (Segmentation fault)"),
        ("echo '**<ERR> no such parameter' >&2; exit 1", ProgramFault, "no such parameter"),
        ("echo '**<ERR> and goes on' >&2; cat > /dev/null; exec sleep 30", ProgramFault, "and goes on"),
        ("echo '**<ERR> and lives' >&2; exec sleep 30", ProgramFault, "and lives"),
        ("cat > /dev/null; echo hello, world", ProgramFault, "prints belong on stderr"),
        (r"printf '\1\0\0\0\5\0\0\0ab'; cat > /dev/null", ProgramFault, "inside result list 1"),
        (r"printf '\1\0'; cat > /dev/null", ProgramFault, "inside result list"),
        ("exit 0", ProgramFault, "exited before it had read all of its input"),
        ("exec 0<&-; sleep 0.2", ProgramFault, "exited before it had read all of its input"),
    ],
)
def test_faults(start: Start, mode: str, script: str, kind: type[Exception], text: str) -> None:
    """M437, M438: dying is tried elsewhere, breaking the interface ends the job."""
    program = start(mode, script)
    with pytest.raises(kind) as found, program:
        list(getattr(program, mode)([b"x" * 100_000] * 10))
    assert text in str(found.value)
    assert isinstance(found.value, ProgramError) == (kind is ProgramError)


def test_little_input_that_is_not_read_is_noticed_too(start: Start) -> None:
    """M437: it would have fitted into the pipe."""
    with pytest.raises(ProgramFault, match="before it had read all of its input"):
        list(start("reduce", "dd bs=1 count=1 > /dev/null 2>&1").reduce([("a", "b")]))


def test_no_input_is_all_read(start: Start) -> None:
    assert list(start("reduce", "exit 0").reduce([])) == []


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (f"cat > /dev/null; {EMPTY_LIST}", "answered 1 of 2 pairs, and exited"),
        (f"cat > /dev/null; {'; '.join([EMPTY_LIST] * 3)}", "more than one result list for each of 2 pairs"),
        (
            f"cat > /dev/null; {EMPTY_LIST}; {EMPTY_LIST}; sleep 0.2; {EMPTY_LIST}",
            "more than one result list",
        ),
    ],
)
def test_a_map_answers_each_pair_by_one_list(start: Start, script: str, text: str) -> None:
    """M435."""
    with pytest.raises(ProgramFault, match=text):
        list(start("map", script).map(["a", "b"]))


def test_a_map_is_complete_with_its_last_list(start: Start, capsys: Any) -> None:
    """M437: it is killed if it does not exit."""
    program = start("map", f"cat > /dev/null; {ONE_PAIR}; exec sleep 60", exit_grace_s=0.1)
    assert list(program.map(["a"])) == [(b"k", b"v")]
    assert "had not exited 0.1 s after its last answer: killed" in capsys.readouterr().out
    assert program._process.returncode == -signal.SIGKILL


def test_a_map_without_entries_ends(start: Start) -> None:
    assert list(start("map", "exec sleep 60", exit_grace_s=0.0).map([])) == []


def test_parameters_come_before_the_pairs(start: Start, capsys: Any) -> None:
    """C22: as they are."""
    program = start("reduce", "read line; echo $line >&2; wc -c >&2", b"a b\n")
    assert list(program.reduce([("k", "v")])) == []
    assert capsys.readouterr().out.split() == ["a", "b", "10"]


def test_full_pipes_on_both_sides_stop_nobody(start: Start) -> None:
    """A megabyte is written before anything is read, and there is more to read than pipes hold."""
    listed = r"""
import struct, sys
out, size = sys.stdout.buffer, 1 << 20
out.write(struct.pack("<II", 1, size) + b"k" * size + struct.pack("<I", 0))
out.flush()
sys.stderr.write("e" * size + "\n")
print(len(sys.stdin.buffer.read()), file=sys.stderr)
"""
    program = start("reduce", f"#!/usr/bin/env python3\n{listed}".encode())
    [(key, value)] = program.reduce([b"v" * (1 << 20)] * 3)
    assert (len(key), value) == (1 << 20, b"")


def test_a_process_that_it_leaves_behind_holds_nobody_up(start: Start, capsys: Any) -> None:
    """It keeps the pipes open after the program's exit."""
    program = start("reduce", "sleep 60 & echo $! >&2; cat > /dev/null")
    begun_s = time.monotonic()
    assert list(program.reduce([])) == []
    assert time.monotonic() - begun_s < 30
    os.kill(int(capsys.readouterr().out), signal.SIGKILL)


def test_an_exception_of_the_reader_ends_the_program(start: Start) -> None:
    def entries() -> Iterator[bytes]:
        yield b"x"
        raise OSError("the input is gone")

    program = start("map", "exec sleep 60")
    with pytest.raises(OSError, match="the input is gone"), program:
        list(program.map(entries()))
    assert program._process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("content", "mode", "text"),
    [
        (None, 0, "it, or the program that its first line names, is not on this node"),
        (b"#!/no/such/interpreter\n", 0o755, "it, or the program that its first line names"),
        (b"#!/bin/sh\n", 0o644, "it is not executable"),
        (b"just text", 0o755, "it is neither a program for this machine nor a script"),
    ],
)
def test_a_program_that_cannot_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, mode: int, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    op = tmp_path / "ext.map" / "op"
    op.parent.mkdir()
    if content is not None:
        op.write_bytes(content)
        op.chmod(mode)
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ProgramError, match=r"the external map \(ext.map/op\) can't be started: ") as found:
        Program("map", b"")
    assert text in str(found.value)
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


# ---- jobs


def counts_of(text: str) -> list[tuple[bytes, bytes]]:
    return sorted((word.encode(), b"%d" % count) for word, count in Counter(text.split()).items())


def test_a_job_of_programs(run_job: Callable[..., list[Any]]) -> None:
    """M431, M434-M436: no parameters, several partitions, sorted."""
    found = run_job(input=[f"raw://{TEXT}"] * 2, map=WORDS, reduce=WORDS, partitions=3, sort=True)
    assert sorted(found) == counts_of(TEXT * 2)


def test_a_program_and_a_function(run_job: Callable[..., list[Any]]) -> None:
    """M435, M436: what is yielded for an external reduce must be strings."""
    found = run_job(input=[f"raw://{TEXT}"], map=jobs.words, reduce=jobs.all_pairs, partitions=2)
    assert len(found) == 6
    found = run_job(input=[f"raw://{TEXT}"], map=jobs.words_as_text, reduce=WORDS, partitions=2)
    assert sorted(found) == counts_of(TEXT)
    found = run_job(input=[f"raw://{TEXT}"], map=WORDS, reduce=jobs.all_pairs, partitions=None)
    assert sorted(found) == sorted((word.encode(), b"1") for word in TEXT.split())


def test_a_program_maps_pairs_and_entries_of_a_reader(run_job: Any) -> None:
    """M435."""
    params = {"split": "-"}
    found = run_job(
        input=["raw://x"], map_reader=jobs.read_two_pairs, map=WORDS, ext_params=params, partitions=None
    )
    assert found == [(b"a", b"K"), (b"b", b"K"), (b"c", b"1")]


def test_what_it_says_and_how_it_fails(run_map: RunMap) -> None:
    """M438: MSG, FATAL, ERROR."""
    common = {"input": [f"raw://{TEXT}"], "map": WORDS, "partitions": None, "status_interval": 0}
    end = run_map(**common, ext_params={"say": "**<MSG> hello"})
    assert (end.outcome, end.messages) == ("done", ["hello"])
    end = run_map(**common, ext_params={"say": "**<ERR> a parameter is missing"})
    assert (end.outcome, end.text, end.outputs) == ("fatal", "a parameter is missing", [])
    end = run_map(**common, ext_params={"kill": "9"})
    assert (end.outcome, end.text) == (
        "error", "the external map (ext.map/op) was killed by signal 9 (Killed)"
    )  # fmt: skip


def test_values_that_are_no_strings_end_the_job(make_disco: Callable[..., Any]) -> None:
    disco = make_disco(input=[f"raw://{TEXT}"], map=jobs.words, reduce=WORDS)
    maps = disco.run_task("map", 0, [[f"raw://{TEXT}"]])
    end = disco.run_task("reduce", 0, [[disco.index("map", [maps.outputs])]])
    assert end.outcome == "fatal" and "let the reader, or the map before it, give str or bytes" in end.text


def test_a_program_as_the_attribute_of_a_job(run_job: Callable[..., list[Any]]) -> None:
    """Its files are read on the client only: the path is of no use to a task."""
    assert sorted(run_job(jobs.External(), input=[f"raw://{TEXT}"])) == counts_of(TEXT)


# ---- the C library


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """`echo_external` of the C SDK's tests, as a user would build it."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc) here")
    if not Path("/usr/include/Judy.h").exists():
        pytest.skip("no Judy header (libjudy-dev) here")
    made = tmp_path_factory.mktemp("c") / "echo"
    sources = [SDK_C / "src/external/disco.c", SDK_C / "test/programs/echo_external.c"]
    subprocess.run([compiler, f"-I{SDK_C}/include", *sources, "-lJudy", "-o", made], check=True)
    return package([made])


def test_the_c_library_speaks_the_same(echo: dict[str, bytes], run_job: Any, run_map: RunMap) -> None:
    """C22, C23, M439: netstrings and numbers, from C."""
    common = {"input": ["raw://x"], "map": echo, "map_reader": jobs.read_two_pairs, "partitions": None}
    assert run_job(**common) == [(b"K", b"a-b"), (b"K", b"K")]
    end = run_map(**common, ext_params={"greeting": "hello"})
    assert (end.outcome, end.messages) == ("done", ["hello of 5 bytes", "1 pairs as map"])
    end = run_map(**common, ext_params={"die": "enough"})
    assert end.outcome == "fatal" and "told to: enough second line" in end.text
    found = run_job(input=["raw://a b"], map=jobs.words_as_text, reduce=echo)
    assert sorted(found) == [(b"a", b"1"), (b"a", b"a"), (b"b", b"1"), (b"b", b"b")]


def test_job_data_is_read_without_the_programs() -> None:
    pack = Job("x").pack(input=["raw://x"], map=WORDS, reduce=WORDS, map_reader=chain_reader)
    assert pickle.loads(pack.jobdata)["format"] == "disco-python"
