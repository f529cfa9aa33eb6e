"""Reading results on the client: over HTTP, through indexes and tags, with failing replicas."""

from __future__ import annotations

import gzip
import io
from typing import Any

import pytest
from unit.client.http_master import HttpMaster

from disco.client.core import Disco
from disco.core import Job, classic_iterator, result_iterator
from disco.error import DataError
from disco.records.hunks import HunkWriter
from disco.settings import DiscoSettings


def stream(*pairs: tuple[Any, Any], entries: tuple[Any, ...] = ()) -> bytes:
    file = io.BytesIO()
    with HunkWriter(file) as writer:
        for key, value in pairs:
            writer.add(key, value)
            writer.flush()
        for entry in entries:
            writer.add_entry(entry)
    return file.getvalue()


PAIRS = [("a", 1), ("b", [2]), ("c", None)]


def test_records_of_a_result(master: HttpMaster) -> None:
    """M323, M324."""
    master.answers["/one"] = (200, stream(*PAIRS))
    assert list(result_iterator([f"{master.url}/one", f"{master.url}/one"])) == PAIRS * 2
    assert list(classic_iterator(f"{master.url}/one")) == PAIRS


def test_bare_entries_come_alone(master: HttpMaster) -> None:
    """M409: what `ddfs chunk` wrote."""
    master.answers["/one"] = (200, stream(entries=("x", 5)))
    assert list(result_iterator([f"{master.url}/one"])) == ["x", 5]


def test_a_damaged_replica_is_continued_at_the_next(master: HttpMaster) -> None:
    """M323: from the record after the last one delivered."""
    good = stream(*PAIRS)
    master.answers = {"/bad": (200, good[:-3]), "/good": (200, good)}
    told: list[str] = []
    urls = [[f"{master.url}/bad", f"{master.url}/good"]]
    assert list(result_iterator(urls, notifier=told.append)) == PAIRS
    assert told == urls[0]
    with pytest.raises(DataError, match="Exhausted all available replicas"):
        list(result_iterator([[f"{master.url}/bad"]]))


def test_an_index_and_a_tag_are_followed(disco: Disco, master: HttpMaster) -> None:
    """M161, M471: tags of saved jobs, and the outputs in an index."""
    host = master.url.removeprefix("http://")
    index = f"0 {master.url}/two\n1 {master.url}/one\n".encode()
    master.answers = {
        "/one": (200, stream(PAIRS[0])),
        "/two": (200, stream(PAIRS[1])),
        "/index.txt.gz": (200, gzip.compress(index)),
        "/ddfs/tag/results": {"urls": [[f"{master.url}/one"], [f"{master.url}/two"]]},
    }
    assert list(result_iterator([f"dir://{host}/index.txt.gz"])) == PAIRS[:2]
    assert list(result_iterator(["tag://results"], ddfs=disco.ddfs)) == PAIRS[:2]
    assert list(result_iterator(["tag://results"], ddfs=master.url)) == PAIRS[:2]


def test_other_readers(master: HttpMaster) -> None:
    """M323: the last stream may be any."""
    master.answers["/text"] = (200, b"one\ntwo\n")

    def upper(fd: Any, size: int | None, url: str, params: Any) -> Any:
        return (line.upper() + params for line in fd)

    urls = [f"{master.url}/text"]
    assert list(classic_iterator(urls, reader=upper, params=b"!")) == [b"ONE\n!", b"TWO\n!"]
    assert list(classic_iterator(urls, reader=None)) == [b"one\n", b"two\n"]


def test_results_of_a_job_by_its_name(disco: Disco, master: HttpMaster) -> None:
    """M325."""
    master.answers = {
        "/disco/ctrl/get_results": [["j", ["ready", [f"{master.url}/one"]]]],
        "/one": (200, stream(*PAIRS)),
    }
    assert list(disco.result_iterator("j")) == PAIRS


def test_results_remember_the_ports_of_their_master(master: HttpMaster) -> None:
    """M323: `result_iterator(job.wait())` for a master that is not the one of the user's settings."""
    settings = DiscoSettings(environ={}, DISCO_PORT=master.server.server_port)
    index = b"0 disco://127.0.0.1/disco/127.0.0.1/ab/j/out\n"
    master.answers = {
        "/disco/ctrl/get_results": [["j", ["ready", ["dir://127.0.0.1/disco/127.0.0.1/ab/j/index.txt.gz"]]]],
        "/disco/127.0.0.1/ab/j/index.txt.gz": (200, gzip.compress(index)),
        "/disco/127.0.0.1/ab/j/out": (200, stream(*PAIRS)),
    }
    disco = Disco(master.url, settings=settings)
    assert list(result_iterator(disco.wait("j"))) == PAIRS
    assert list(result_iterator(disco.results("j")[1])) == PAIRS
    packed = Job("next", master=disco).pack(input=disco.wait("j"), map=print).jobdict
    assert packed["input"] == ["disco://127.0.0.1/disco/127.0.0.1/ab/j/out"]
    alone = Job("next", master=disco).pack(input=disco.wait("j"), reduce=print).jobdict
    assert (alone["nr_reduces"], len(alone["input"])) == (1, 1)
