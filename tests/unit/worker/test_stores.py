"""Inputs in other storages, through pyarrow, against a real server of Amazon's S3 protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.worker import sample_jobs as jobs
from unit.worker.s3_server import environment, running_s3

from disco.client.packing.jobdict import expand
from disco.ddfs import DDFS
from disco.error import DataError, DiscoError, JobError
from disco.job import Job
from disco.schemes import arrow
from disco.schemes import open as open_url
from disco.settings import DiscoSettings
from disco.worker.classic import func

pytest.importorskip("pyarrow.fs")
pytest.importorskip("moto.server")
ROWS = [{"n": number, "text": "x" * number} for number in range(100)]
BIG = b"".join(b"line %d\n" % number for number in range(2_000_000))  # more than one request's worth


def parquet() -> bytes:
    import pyarrow
    import pyarrow.parquet

    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), sink, row_group_size=10)
    return bytes(sink.getvalue())


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    files = {
        "logs/a day/one.txt": b"one\ntwo\n",
        "logs/a day/two.txt": b"three\n",
        "logs/other/three.csv": b"3,4\n",
        "big": BIG,
        "table.parquet": parquet(),
    }
    with running_s3(files) as address:
        yield address


@pytest.fixture
def client(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(s3).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("client")
def test_a_file_is_opened_and_read_as_any_other() -> None:
    """M465, W25, B22: its size is known, it gives lines, it can be read from its end."""
    file, size, url = arrow.input_stream(None, None, "s3://bucket/logs/a%20day/one.txt", None)
    with file:
        assert (size, url) == (8, "s3://bucket/logs/a%20day/one.txt")
        assert list(file) == [b"one\n", b"two\n"]
        assert file.seekable() and file.seek(4) == 4 and file.read() == b"two\n"
    with open_url("s3://bucket/big") as big:
        assert len(BIG) > arrow.BLOCK_BYTES and big.read() == BIG


@pytest.mark.usefixtures("client")
def test_what_is_not_there_is_a_fault_of_the_data() -> None:
    """M455: another replica, perhaps in another storage, is tried."""
    for url in ("s3://bucket/none", "s3://other/none"):
        with pytest.raises(DataError, match=url):
            arrow.input_stream(None, None, url, None)


@pytest.mark.usefixtures("client")
def test_stars_match_names_when_the_job_is_packed() -> None:
    """W25: within one name, in any place; each file is an input of its own."""
    both = ["s3://bucket/logs/a%20day/one.txt", "s3://bucket/logs/a%20day/two.txt"]
    assert list(expand(["s3://bucket/logs/a%20day/*.txt"], True)) == both
    assert list(expand(["s3://bucket/*/*/t*"], True)) == [both[1], "s3://bucket/logs/other/three.csv"]
    assert list(expand(["s3://bucket/logs/*/one.txt"], True)) == both[:1]
    with pytest.raises(DiscoError, match=r"no file matches s3://bucket/logs/\*\.none"):
        list(expand(["s3://bucket/logs/*.none"], True))
    with pytest.raises(DiscoError, match="can't be listed"):
        list(expand(["s3://nobucket/*"], True))


@pytest.mark.parametrize("url", ["s3://key:secret@bucket/x", "gs://token@bucket/x"])
def test_credentials_in_a_url_are_refused(url: str) -> None:
    """W25: inputs are shown to everyone who sees the job."""
    with pytest.raises(JobError, match="must hold no credentials") as caught:
        Job("Test").pack(input=[url], map=jobs.entry_itself)
    assert "secret" not in str(caught.value)


def test_jobs_read_lines_and_tables_from_s3(run_job: Callable[..., list[Any]], s3: str) -> None:
    """W25, B22, B24: what the task has to know comes with the job's `jobenvs`."""
    found = run_job(
        input=["s3://bucket/logs/a%20day/one.txt"],
        map=jobs.entry_itself,
        partitions=None,
        jobenvs=environment(s3),
    )
    assert [key for key, _ in found] == [b"one\n", b"two\n"]
    found = run_job(
        input=["s3://bucket/table.parquet"],
        map=jobs.entry_itself,
        map_reader=func.parquet_reader,
        partitions=None,
        jobenvs=environment(s3),
    )
    assert [key for key, _ in found] == ROWS


def test_the_jobs_variables_are_checked_and_join_its_own() -> None:
    """M352: LD_LIBRARY_PATH keeps the job home's lib first."""
    pack = Job("Test").pack(
        input=["raw://x"], map=jobs.entry_itself, jobenvs={"A": 1, "LD_LIBRARY_PATH": "/opt/lib"}
    )
    assert pack.jobenvs == {"A": "1", "LD_LIBRARY_PATH": "lib:/opt/lib"}
    with pytest.raises(JobError, match="jobenvs must be a dictionary"):
        Job("Test").pack(input=["raw://x"], map=jobs.entry_itself, jobenvs=["A=1"])


def test_where_pyarrow_is_not_installed_the_message_says_so(
    tmp_path: Path, run_map: Callable[..., Any]
) -> None:
    end = run_map(
        input=["s3://bucket/x"],
        map=jobs.entry_itself,
        required_files={"pyarrow.py": "raise ImportError('not here')"},
    )
    assert end.outcome == "fatal" and "pip install pyarrow" in end.text and "s3://bucket/x" in end.text


@pytest.mark.usefixtures("client")
def test_ddfs_chunks_what_lies_in_other_storages() -> None:
    """M288, W25: each file that matches is an input of its own."""
    ddfs = DDFS(settings=DiscoSettings(environ={}))
    urls = list(ddfs._expanded("s3://bucket/logs/a%20day/*", None))
    assert urls == ["s3://bucket/logs/a%20day/one.txt", "s3://bucket/logs/a%20day/two.txt"]
    with ddfs.open_input(urls[1]) as file:
        assert file.read() == b"three\n"
