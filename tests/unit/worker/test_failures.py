"""How a task fails, and what its prints become: real workers, real exits."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
from unit.worker import sample_jobs as jobs

from disco.protocol import messages as m
from disco.worker.capture import MAX_LINE_CHARS, CaptureFile, MessageStream
from disco.worker.failures import MAX_HEAD_CHARS, MAX_TEXT_CHARS, clean, describe

RunMap = Callable[..., Any]


@pytest.mark.parametrize(
    ("how", "outcome", "text"),
    [
        ("value", "fatal", "ZeroDivisionError: integer division or modulo by zero"),
        ("data", "error", "Unable to access resource (http://somewhere/else): the data is gone"),
        ("memory", "error", "MemoryError"),
        ("disk", "error", "No space left on device"),
        ("exit", "fatal", "a job function called exit (3)"),
        ("interrupt", "fatal", "KeyboardInterrupt"),
        ("recursion", "fatal", "RecursionError"),
        ("surrogate", "fatal", "bad \\udcff text"),
        ("broken", "fatal", "BrokenError: (its text can't be shown: RuntimeError)"),
    ],
)
def test_exceptions_become_error_or_fatal(run_map: RunMap, how: str, outcome: str, text: str) -> None:
    """M191, M455, M458, M459: data and machine at fault: elsewhere; anything else: the job ends."""
    end = run_map(input=[f"raw://{how}"], map=jobs.fails, partitions=None)
    assert end.outcome == outcome
    assert text in end.text
    assert end.outputs == []


def test_the_users_own_lines_are_shown(run_map: RunMap) -> None:
    """W4: file, line and code of the job function, without Disco's own calls."""
    text = run_map(input=["raw://value"], map=jobs.fails, partitions=None).text
    assert "sample_jobs.py" in text and "in inner" in text and "1 // number" in text
    assert "disco/worker" not in text


@pytest.mark.parametrize(("how", "sign"), [("recursion", "more times"), ("ping", "more calls")])
def test_a_deep_traceback_is_cut_in_the_middle(run_map: RunMap, how: str, sign: str) -> None:
    text = run_map(input=[f"raw://{how}"], map=jobs.fails, partitions=None).text
    assert sign in text
    assert len(text) < MAX_TEXT_CHARS


@pytest.mark.parametrize(("length", "is_cut"), [(MAX_HEAD_CHARS, False), (MAX_HEAD_CHARS + 1, True)])
def test_a_long_text_leaves_room_for_the_line(length: int, is_cut: bool) -> None:
    try:
        raise ValueError("x" * length)  # this line
    except ValueError as error:
        text = describe(error)
    assert ("(1 characters more)" in text) is is_cut
    assert "# this line" in text


def test_the_lines_of_a_cause_are_shown_where_the_error_has_none() -> None:
    ours = RuntimeError("ours, raised nowhere")
    try:
        raise KeyError("cause")  # this line
    except KeyError as cause:
        ours.__cause__ = cause
    assert "because of KeyError: 'cause'" in describe(ours) and "# this line" in describe(ours)


def test_a_process_that_ends_in_the_middle_of_its_task_has_not_done_it(run_map: RunMap) -> None:
    """Whatever its exit status says."""
    end = run_map(input=["raw://gone"], map=jobs.fails, partitions=None)
    assert end.outcome == "exited" and end.outputs == []


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("number", "what the map (sample_jobs.py, line LINE) gave can't be used: cannot unpack"),
        ("triple", "too many values to unpack"),
        ("nothing", "'NoneType' object is not iterable; it must give (key, value) pairs"),
        ("own", "TypeError: my own"),
    ],
)
def test_what_a_map_gave_in_the_wrong_shape(run_map: RunMap, how: str, told: str) -> None:
    line = jobs.misshapen.__code__.co_firstlineno
    end = run_map(input=[f"raw://{how}"], map=jobs.misshapen, partitions=None)
    assert end.outcome == "fatal" and told.replace("LINE", str(line)) in end.text
    assert ("must give" in end.text) is (how != "own")


def test_a_map_may_change_its_folder(run_map: RunMap) -> None:
    end = run_map(input=["raw://x"], map=jobs.moves_away)
    assert end.outcome == "done" and len(end.outputs) == 1


def test_a_missing_file_is_tried_elsewhere(run_map: RunMap) -> None:
    end = run_map(input=["/no/such/file"], map=jobs.words, partitions=None)
    assert end.outcome == "error"
    assert "No such file or directory: /no/such/file" in end.text
    assert m.InputErr(0, (0,)) in end.asked


def test_an_unknown_scheme_ends_the_job(run_map: RunMap) -> None:
    """M465."""
    end = run_map(input=["gopher://x"], map=jobs.words, partitions=None)
    assert end.outcome == "fatal" and "no input stream for gopher:// URLs" in end.text


def test_prints_become_messages(run_map: RunMap) -> None:
    """M365, M457: Python's streams, warnings, raw descriptors, child processes."""
    end = run_map(input=["raw://x"], map=jobs.prints, partitions=None, status_interval=0)
    assert end.outcome == "done"
    assert end.messages[:2] == ["one", "two"]
    assert "no newline\\udc80 half a character" in end.messages or "no newline" in "".join(end.messages)
    shown = "\n".join(end.messages)
    for text in (
        "on stderr",
        "a warning of mine",
        "from a file descriptor",
        "from a child process",
        "its complaint",
    ):
        assert text in shown


def test_a_task_killed_by_a_signal_takes_its_worker_along(run_map: RunMap) -> None:
    """W4: the node sees the signal, and the last lines come as messages."""
    end = run_map(input=["raw://abort"], map=jobs.fails, partitions=None)
    assert (end.outcome, end.exit_status) == ("exited", -signal.SIGABRT)
    assert "about to die" in end.messages


def test_a_task_that_exits_without_a_word_gives_its_status_on(run_map: RunMap) -> None:
    end = run_map(input=["raw://_exit"], map=jobs.fails, partitions=None)
    assert (end.outcome, end.exit_status) == ("exited", 7)


def test_bytes_that_are_no_frame_are_told_and_end_the_worker(make_disco: Callable[..., Any]) -> None:
    """The protocol: a worker answers a framing fault by ERROR and exits non-zero."""
    disco = make_disco(input=["raw://x"], map=jobs.words)
    with disco.start() as process:
        assert isinstance(process._next(), m.Worker)
        process.process.stdin.write(b"what is this\n")
        request = process._next()
        assert isinstance(request, m.Error) and "Not a frame" in request.text
        assert process.process.wait(10) != 0


def test_a_wrong_message_is_told_and_ends_the_worker(make_disco: Callable[..., Any]) -> None:
    """The protocol: a bad message from Disco is FATAL."""
    disco = make_disco(input=["raw://x"], map=jobs.words)
    with disco.start() as process:
        process._next()
        process.process.stdin.write(b'OK 4 "ok"\nRETRY 2 []\n')
        assert isinstance(process._next(), m.TaskRequest)
        request = process._next()
        assert isinstance(request, m.Fatal) and "RETRY" in request.text
        assert process.process.wait(10) != 0


def test_a_worker_ends_when_disco_is_gone(make_disco: Callable[..., Any]) -> None:
    disco = make_disco(input=["raw://x"], map=jobs.words)
    with disco.start() as process:
        process._next()
        process.process.stdin.close()
        assert process.process.wait(10) != 0


def test_job_data_of_another_python_is_refused_with_both_versions(make_disco: Callable[..., Any]) -> None:
    """M389."""
    import dataclasses
    import pickle
    import sys

    disco = make_disco(input=["raw://x"], map=jobs.words)
    header = {"format": "disco-python", "python": (2, 7), "sdk": "0"}
    pack = dataclasses.replace(disco.pack, jobdata=pickle.dumps(header) + pickle.dumps(None))
    disco.jobfile.write_bytes(pack.dumps())
    end = disco.run_task("map", 0, [["raw://x"]])
    assert end.outcome == "fatal"
    here = "{}.{}".format(*sys.version_info[:2])
    assert f"submitted by Python 2.7, and this node runs Python {here}" in end.text


def test_job_data_of_something_else_is_refused(make_disco: Callable[..., Any]) -> None:
    import dataclasses

    disco = make_disco(input=["raw://x"], map=jobs.words)
    disco.jobfile.write_bytes(dataclasses.replace(disco.pack, jobdata=b"{}").dumps())
    end = disco.run_task("map", 0, [["raw://x"]])
    assert end.outcome == "fatal" and "was not written by Disco's Python SDK" in end.text


# ---- the parts, without processes


def test_a_message_stream_sends_whole_lines() -> None:
    sent: list[str] = []
    stream = MessageStream(sent.append)
    print("a", end="", file=stream)
    assert sent == []
    print("b\n\nc", end="", file=stream)
    assert sent == ["ab"]
    stream.finish()
    stream.finish()
    assert sent == ["ab", "c"]
    with pytest.raises(TypeError, match="can only print text"):
        stream.write(b"bytes")  # type: ignore[arg-type]


@pytest.mark.parametrize(("length", "pieces"), [(MAX_LINE_CHARS, 1), (MAX_LINE_CHARS + 1, 2)])
def test_long_lines_are_cut(length: int, pieces: int) -> None:
    sent: list[str] = []
    stream = MessageStream(sent.append)
    stream.write("x" * length + "\n")
    assert (len(sent), "".join(sent)) == (pieces, "x" * length)


def test_only_the_end_of_much_output_is_kept() -> None:
    import os

    capture = CaptureFile()
    for number in range(50_000):
        os.write(capture.fd, b"line %d\n" % number)
    lines = capture.take_lines()
    assert lines[-1] == "line 49999" and "bytes of output, the end:" in lines[0] and len(lines) == 101
    assert capture.take_lines() == []
    os.close(capture.fd)


@pytest.mark.parametrize(("length", "is_cut"), [(MAX_TEXT_CHARS, False), (MAX_TEXT_CHARS + 1, True)])
def test_texts_are_cut_at_the_limit(length: int, is_cut: bool) -> None:
    assert (clean("x" * length) != "x" * length) == is_cut


def test_a_cause_is_named() -> None:
    try:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error
    except ValueError as error:
        text = describe(error)
    assert text.startswith("ValueError: outer") and text.endswith("because of KeyError: 'inner'")
