"""The example jobs in four languages, and jobs whose maps and reduces are in different ones.

All records of the results, sorted, must be the same bytes whoever made them, and what a program without
Disco makes of the text. A language whose compiler is not here is skipped.
"""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from e2e import api_jobs
from e2e.masters import EXAMPLES, ROOT, Run

from disco.core import Disco, Job, result_iterator
from disco.ddfs import DDFS
from disco.error import CommError, JobError
from disco.local import LocalMaster
from disco.worker.classic.func import chain_reader, kv_input_stream
from jobpack.build import build_pack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # the first run builds the SDKs

LANGUAGES = ("python", "c", "go", "ocaml")
PARTITIONS = 3
PIECES = 3  # inputs of a job
PYTHON_HOME = (EXAMPLES / "mapreduce.py", ROOT / "python-sdk" / "disco", ROOT / "jobpack" / "jobpack")
Pair = tuple[bytes, bytes]


@dataclass(frozen=True)
class Example:
    """How a job is fed: `rows` are the lines of its inputs."""

    rows: Callable[[Path, Path], Iterable[bytes]]
    flags: tuple[str, ...] = ("--map", "--reduce", "--partitions", str(PARTITIONS))


def plain(text: Path, folder: Path) -> Iterable[bytes]:
    return text.read_bytes().removesuffix(b"\n").split(b"\n")


def numbered(text: Path, folder: Path) -> Iterable[bytes]:
    return (b"%d\t%s" % numbered for numbered in enumerate(plain(text, folder), 1))


def tables(text: Path, folder: Path) -> Iterable[bytes]:
    made = (folder / "years", folder / "lines")
    subprocess.run([sys.executable, EXAMPLES / "join" / "tables.py", text, *made], check=True)
    return [row for path in made for row in plain(path, folder)]


JOBS = {
    "wordcount": Example(plain),
    "grep": Example(plain, ("--map", "--env", "PATTERN=Moscow")),
    "join": Example(tables),
    "inverted-index": Example(numbered),
    "sort": Example(plain),
}


@functools.cache
def worker(language: str, name: str) -> Path:
    """The worker of an example in a language, built. Skips the test where the language is not here."""
    if language == "python":
        return EXAMPLES / name / "worker.py"
    said = build(language)
    if "left out" in said:
        pytest.skip(said.strip())
    return EXAMPLES / "build" / language / name


@functools.cache
def build(language: str) -> str:
    done = subprocess.run(
        [ROOT / "tools" / "sdk.sh", language, "examples"],
        env={**os.environ, "VENV": sys.prefix},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"tools/sdk.sh {language} examples:\n{done.stdout}"
    return done.stdout


def expected(name: str, text: Path) -> bytes:
    return subprocess.run(
        [sys.executable, EXAMPLES / "expected.py", name, text], capture_output=True, check=True
    ).stdout


def canonical(pairs: Iterable[Pair]) -> bytes:
    """The records of a kv stream in the order of their bytes, key first."""
    return b"".join(
        struct.pack("<I", len(key)) + key + struct.pack("<I", len(value)) + value
        for key, value in sorted(pairs)
    )


def is_grouped(pairs: list[Pair]) -> bool:
    """Whether each result comes in the order of its keys: it turns back once a result at most."""
    turns = sum(one[0] > other[0] for one, other in itertools.pairwise(pairs))
    return turns < PARTITIONS


def as_text(pairs: Iterable[Pair]) -> bytes:
    return b"".join(sorted(key + b"\t" + value + b"\n" for key, value in pairs))


class Jobs:
    """Packs, submits and waits; one master for all."""

    def __init__(self, master: LocalMaster, run: Run, folder: Path, text: Path) -> None:
        self.disco = Disco(settings=master.settings)
        self.run, self.folder, self.text = run, folder, text

    def records(self, name: str, worker: Path, files: Iterable[object]) -> list[Pair]:
        rows = list(JOBS[name].rows(self.text, self.folder))
        inputs = []
        for number in range(PIECES):
            path = self.folder / f"{name}-{number}.txt"
            path.write_bytes(b"".join(row + b"\n" for row in rows[number::PIECES]))
            inputs += ["--input", f"file://{path}"]
        shipped = [word for file in files for word in ("--file", file)]
        pack = self.folder / f"{name}.pack"
        self.run("jobpack", "pack", "--worker", worker, *shipped, *inputs, *JOBS[name].flags, "-o", pack)
        job = self.disco.submit(pack.read_bytes())
        urls = self.disco.wait(job, timeout=60)
        return list(result_iterator(urls, reader=kv_input_stream))

    def single(self, name: str, language: str) -> list[Pair]:
        return self.records(name, worker(language, name), PYTHON_HOME if language == "python" else ())

    def mixed(self, name: str, of_map: str, of_reduce: str) -> list[Pair]:
        programs = (f"map={worker(of_map, name)}", f"reduce={worker(of_reduce, name)}")
        return self.records(name, EXAMPLES / "mixed" / "dispatch.py", (*programs, *PYTHON_HOME))


@pytest.fixture
def jobs(master: LocalMaster, run: Run, tmp_path: Path, chekhov: bytes) -> Jobs:
    text = tmp_path / "text"
    text.write_bytes(chekhov)
    return Jobs(master, run, tmp_path, text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", JOBS)
def test_an_example_gives_the_same_in_every_language(jobs: Jobs, name: str, language: str) -> None:
    """M15, B26."""
    records = jobs.single(name, language)
    assert as_text(records) == expected(name, jobs.text)
    assert "--reduce" not in JOBS[name].flags or is_grouped(records)
    if language != "python":
        assert canonical(records) == canonical(jobs.single(name, "python"))


@pytest.mark.parametrize(
    ("of_map", "of_reduce"),
    [("c", "python"), ("python", "go"), ("go", "ocaml"), ("ocaml", "c"), ("go", "python")],
)
@pytest.mark.parametrize("name", ["wordcount", "join"])
def test_map_and_reduce_in_two_languages(jobs: Jobs, name: str, of_map: str, of_reduce: str) -> None:
    mixed = jobs.mixed(name, of_map, of_reduce)
    assert canonical(mixed) == canonical(jobs.single(name, of_reduce))
    assert as_text(mixed) == expected(name, jobs.text)


def test_python_keeps_results_with_a_token(master: LocalMaster) -> None:
    """The tag is made with the token, which then is asked for. The other SDKs have this among their tests."""
    job = Job("Saving", master=Disco(settings=master.settings)).run(
        input=["raw://one%20two%0A"], map=api_jobs.words, partitions=None, save=True,
        jobenvs={"DDFS_WRITE_TOKEN": "secret"},
    )  # fmt: skip
    tag, ddfs = f"disco:job:results:{job.name}", DDFS(settings=master.settings)
    assert job.wait(timeout=60) == [f"tag://{tag}"]
    for refused in (lambda: ddfs.get(tag), lambda: ddfs.delete(tag, token="another")):
        with pytest.raises(CommError) as told:
            refused()
        assert told.value.code == 401
    blobs = ddfs.get(tag, token="secret")["urls"]
    assert list(result_iterator(blobs, reader=chain_reader, ddfs=ddfs)) == [("one", 1), ("two", 1)]


# ---- inputs over https

TRUSTED = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")  # the second is what Python's requests looks at


class Hello(BaseHTTPRequestHandler):
    """Serves one text to all who ask."""

    def do_GET(self) -> None:
        text = b"the cat the hat\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that does not trust the certificate hangs up."""


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a server with a certificate of its own, and that certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    kind = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    where = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", *kind.split(), *names, *where], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Server(("127.0.0.1", 0), Hello) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"https://127.0.0.1:{server.server_address[1]}/text", certificate
        server.shutdown()
        serving.join()


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_input_over_https_is_read_where_its_certificate_is_trusted(
    jobs: Jobs, secure: tuple[str, Path], language: str
) -> None:
    url, certificate = secure

    def count(envs: dict[str, str]) -> list[str]:
        program = worker(language, "wordcount")
        home = PYTHON_HOME if language == "python" else ()
        pack = build_pack(
            program, files=home, inputs=[url], envs=envs,
            map=True, reduce=True, scheduler={"max_failures": 0},
        )  # fmt: skip
        return jobs.disco.wait(jobs.disco.submit(pack.dumps()), timeout=60)

    found = result_iterator(count(dict.fromkeys(TRUSTED, str(certificate))), reader=kv_input_stream)
    assert sorted(found) == [(b"cat", b"1"), (b"hat", b"1"), (b"the", b"2")]
    with pytest.raises(JobError, match=r"(?i)certificate"):
        count({})
