"""Inputs: replicas that fail in the middle, inputs that are still being made, indexes."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from unit.worker import sample_jobs as jobs

from disco.error import CommError, DataError
from disco.protocol import messages as m
from disco.schemes import open as open_url
from disco.schemes.scheme_dir import parse_dir, read_index
from disco.schemes.scheme_http import TASK_ATTEMPTS
from disco.task import Task
from disco.worker import Input, MergedInput, ParallelInput, SerialInput, current


def failing_open(broken_after: dict[str, int]) -> Callable[[str], Iterator[int]]:
    """Records 0..9 of every URL; a URL in `broken_after` fails after so many."""

    def open(url: str) -> Iterator[int]:
        for number in range(10):
            if broken_after.get(url) == number:
                raise DataError("cut", url)
            yield number

    return open


@pytest.mark.parametrize("kind", [SerialInput, ParallelInput])
@pytest.mark.parametrize("after", [0, 1, 9])
def test_the_next_replica_goes_on_where_the_last_one_failed(kind: type[Input], after: int) -> None:
    """M360-M362: no record twice, none lost."""
    found = list(kind([["a", "b"], "c"], open=failing_open({"a": after})))
    assert found == [*range(10), *range(10)]


def test_all_replicas_failing_is_a_data_error() -> None:
    """M360."""
    with pytest.raises(DataError, match="Exhausted all available replicas"):
        list(SerialInput([["a", "b"]], open=failing_open({"a": 3, "b": 5})))


def test_a_shorter_replica_is_no_replacement() -> None:
    def open(url: str) -> Iterator[int]:
        yield from range(3) if url == "b" else range(5)
        raise DataError("cut", url)

    with pytest.raises(DataError, match="Exhausted"):
        list(SerialInput([["a", "b"]], open=open))


def test_errors_of_the_program_are_not_replica_failures() -> None:
    def open(url: str) -> Iterator[int]:
        raise ValueError("a bug")
        yield 1

    with pytest.raises(ValueError, match="a bug"):
        list(SerialInput([["a", "b"]], open=open))


def test_merged_input_gives_the_least_head_first() -> None:
    """M363."""
    contents = {"a": [1, 4, 5], "b": [2, 3, 9]}
    assert list(MergedInput(["a", "b"], open=contents.__getitem__)) == [1, 2, 3, 4, 5, 9]


def test_unknown_options_are_refused() -> None:
    with pytest.raises(TypeError, match="knows no colour"):
        Input("a", colour=1)


def test_a_task_reports_failed_replicas_and_reads_the_next(
    make_disco: Callable[..., Any], tmp_path: Path
) -> None:
    """M360: INPUT_ERR, RETRY."""
    good = tmp_path / "good"
    good.write_bytes(b"a b\n")
    disco = make_disco(input=["raw://x"], map=jobs.words, partitions=None)
    end = disco.run_task("map", 0, [["/no/such/file", str(good)]])
    assert end.outcome == "done"
    assert [r for r in end.asked if isinstance(r, m.InputErr)] == [m.InputErr(0, (0,))]
    assert disco.records([disco.index("map", [end.outputs])]) == [(b"a", 1), (b"b", 1)]


def test_a_task_waits_for_inputs_that_are_being_made(make_disco: Callable[..., Any]) -> None:
    """`more` and `busy` are polled; known inputs are not asked for again."""
    ready = m.InputEntry(0, "ok", (m.Replica(0, "raw://a"),))
    busy = m.InputEntry(1, "busy", ())
    made = m.InputEntry(1, "ok", (m.Replica(0, "raw://b"),))
    replies = iter([m.InputReply(True, (ready,)), m.InputReply(False, (busy,)), m.InputReply(False, (made,))])
    asked: list[m.InputRequest] = []

    def answer(request: m.Message) -> m.Reply | None:
        if isinstance(request, m.InputRequest):
            asked.append(request)
            return next(replies)
        return None

    disco = make_disco(disco={"answer": answer}, input=["raw://x"], map=jobs.words, partitions=None)
    end = disco.run_task("map", 0, [])
    assert end.outcome == "done", end.text
    assert disco.records([disco.index("map", [end.outputs])]) == [(b"a", 1), (b"b", 1)]
    assert asked == [m.InputRequest(), m.InputRequest("exclude", (0,)), m.InputRequest("exclude", (0,))]


def test_a_lost_input_is_waited_for(make_disco: Callable[..., Any]) -> None:
    """WAIT: then the input is polled until it is there again."""
    lost = m.InputEntry(0, "ok", (m.Replica(0, "/no/such/file"),))
    again = m.InputEntry(0, "ok", (m.Replica(0, "raw://a"),))
    replies = iter([m.InputReply(False, (lost,)), m.InputReply(False, (again,))])

    def answer(request: m.Message) -> m.Reply | None:
        if isinstance(request, m.InputErr):
            return m.Wait(1)
        return next(replies) if isinstance(request, m.InputRequest) else None

    disco = make_disco(disco={"answer": answer}, input=["raw://x"], map=jobs.words, partitions=None)
    end = disco.run_task("map", 0, [])
    assert end.outcome == "done", end.text
    assert [r for r in end.asked if isinstance(r, m.InputRequest)][-1] == m.InputRequest("include", (0,))


def test_a_failed_input_is_an_error(make_disco: Callable[..., Any]) -> None:
    failed = m.InputReply(False, (m.InputEntry(0, "failed", ()),))
    disco = make_disco(
        disco={"answer": lambda request: failed if isinstance(request, m.InputRequest) else None},
        input=["raw://x"], map=jobs.words, partitions=None,
    )  # fmt: skip
    end = disco.run_task("map", 0, [])
    assert end.outcome == "error" and "no replica of this input left" in end.text


def test_an_input_without_replicas_is_reported_as_it_is(make_disco: Callable[..., Any]) -> None:
    """M360: none that was tried is named, and the replicas of RETRY are read."""
    empty = m.InputReply(False, (m.InputEntry(0, "ok", ()),))
    replies = {"INPUT": empty, "INPUT_ERR": m.Retry((m.Replica(3, "raw://a"),))}
    disco = make_disco(
        disco={"answer": lambda request: replies.get(request.name)},
        input=["raw://x"], map=jobs.words, partitions=None,
    )  # fmt: skip
    end = disco.run_task("map", 0, [])
    assert end.outcome == "done", end.text
    assert m.InputErr(0, ()) in end.asked


def test_an_input_that_has_no_replicas_and_gets_none_is_an_error(make_disco: Callable[..., Any]) -> None:
    replies = {"INPUT": m.InputReply(False, (m.InputEntry(0, "ok", ()),)), "INPUT_ERR": m.Fail()}
    disco = make_disco(
        disco={"answer": lambda request: replies.get(request.name)},
        input=["raw://x"], map=jobs.words, partitions=None,
    )  # fmt: skip
    end = disco.run_task("map", 0, [])
    assert end.outcome == "error" and "input 0" in end.text


@pytest.fixture
def as_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be a task on the node `here`, whose data is below the returned path."""
    monkeypatch.setattr(current, "task", Task(host="here", disco_data=str(tmp_path), disco_port=8000))
    return tmp_path


def test_an_index_gives_its_outputs_by_label(as_task: Path) -> None:
    """M161, M462, M470."""
    content = b"0 disco://here/a\n1 disco://here/c\n1 disco://here/b\n"
    (as_task / "index.txt.gz").write_bytes(gzip.compress(content))
    (as_task / "index.txt").write_bytes(content)
    for name in ("index.txt.gz", "index.txt"):
        url = f"dir://here/disco/{name}"
        assert parse_dir(url) == ["disco://here/a", "disco://here/b", "disco://here/c"]
        assert parse_dir(url, 1) == parse_dir(url, "1") == ["disco://here/b", "disco://here/c"]
        assert parse_dir(url, 7) == []


CUT, WITHOUT_LABEL = gzip.compress(b"0 x\n")[:-4], gzip.compress(b"nolabel\n")


@pytest.mark.parametrize(
    "content", [b"no gzip", CUT, WITHOUT_LABEL], ids=["no gzip", "cut off", "without a label"]
)
def test_a_damaged_index_is_a_data_error(as_task: Path, content: bytes) -> None:
    (as_task / "index.txt.gz").write_bytes(content)
    with pytest.raises(DataError):
        list(read_index("dir://here/disco/index.txt.gz"))


def test_paths_that_lead_out_of_the_data_are_refused(as_task: Path) -> None:
    from disco.schemes.scheme_disco import local_path

    with pytest.raises(DataError, match="leads out"):
        local_path("disco://here/disco/../../etc/passwd")


@pytest.mark.parametrize(
    ("url", "is_local"),
    [
        ("disco://here/disco/x", True),
        ("http://here:8000/disco/x", True),
        ("http://here:8001/disco/x", False),
        ("disco://there/disco/x", False),
        ("disco://here/other/x", False),
    ],
)
def test_what_lies_on_this_node_is_opened_as_a_file(as_task: Path, url: str, is_local: bool) -> None:
    """M466."""
    from disco.schemes.scheme_disco import local_path

    assert (local_path(url) == f"{as_task}/x") is is_local


@pytest.fixture
def web() -> Iterator[list[int]]:
    """A web server that has one file, which it serves with the statuses of the list, then with 200.

    The list ends with the server's port.
    """
    statuses: list[int] = []

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses.pop(0) if len(statuses) > 1 else 200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"web\n")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        statuses.append(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield statuses
        server.shutdown()
        thread.join()


def test_a_file_that_is_not_here_is_asked_for_over_the_web(
    web: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M466: the node's server may know where it is now."""
    here = Task(host="127.0.0.1", disco_data=str(tmp_path), disco_port=web[-1])
    monkeypatch.setattr(current, "task", here)
    for scheme, address in (("disco", "127.0.0.1"), ("http", f"127.0.0.1:{web[-1]}")):
        with open_url(f"{scheme}://{address}/disco/moved") as file:
            assert file.read() == b"web\n"
    (tmp_path / "moved").write_bytes(b"here\n")
    with open_url("disco://127.0.0.1/disco/moved") as file:
        assert file.read() == b"here\n"


def test_a_file_that_is_nowhere_is_told_by_its_path(as_task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert current.task is not None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        here = Task(host="127.0.0.1", disco_data=str(as_task), disco_port=taken.getsockname()[1])
        monkeypatch.setattr(current, "task", here)
        with pytest.raises(DataError, match=f"No such file or directory: {as_task}/gone"):
            open_url("disco://127.0.0.1/disco/gone")


@pytest.mark.parametrize(("refusals", "is_read"), [(TASK_ATTEMPTS - 1, True), (TASK_ATTEMPTS, False)])
def test_a_task_asks_a_busy_server_a_few_times_only(
    web: list[int], as_task: Path, refusals: int, is_read: bool
) -> None:
    """M200, M305 for tasks: another replica, or another node, may do better soon."""
    url = f"http://127.0.0.1:{web[-1]}/x"
    web[:0] = [503] * refusals
    if is_read:
        with open_url(url) as file:
            assert file.read() == b"web\n"
    else:
        with pytest.raises(CommError, match="503"):
            open_url(url)
    assert len(web) == 1


def test_replicas_on_the_web_stand_in_for_each_other(web: list[int], as_task: Path) -> None:
    """M683, M360: as those on nodes do."""
    address = f"http://127.0.0.1:{web[-1]}"
    web[:0] = [404]
    found = list(SerialInput([[f"{address}/gone", f"{address}/there"]], open=open_url))
    assert found == [b"web\n"] and len(web) == 1


def test_an_index_read_as_a_stream_gives_its_outputs_bytes(as_task: Path) -> None:
    import disco.schemes

    (as_task / "a").write_bytes(b"one\ntw")
    (as_task / "b").write_bytes(b"o\n")
    (as_task / "index.txt").write_bytes(b"0 disco://here/disco/a\n0 disco://here/disco/b\n")
    with disco.schemes.open("dir://here/disco/index.txt") as file:
        assert list(file) == [b"one\n", b"two\n"]
