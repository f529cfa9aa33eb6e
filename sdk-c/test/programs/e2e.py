"""The C worker and the C client against a real master; and job packs against the packer's.

python e2e.py BUILD_FOLDER        with a Python that has Disco installed
"""

import collections
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from disco.core import Disco, result_iterator
from disco.ddfs import DDFS
from disco.error import CommError
from disco.local import LocalMaster
from disco.worker.classic.func import chain_reader
from jobpack.build import build_pack

BUILD = Path(sys.argv[1])
TEXT = "the cat sat on the mat\nthe dog did not\n" * 500 + "élan vital\n"


def counts() -> dict[str, int]:
    return dict(collections.Counter(TEXT.split()))


def run(*command: object, **options: object) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def packs_are_the_packer_s(folder: Path) -> None:
    worker, data = folder / "a-worker.bin", folder / "data file"
    worker.write_bytes(b"#!/bin/sh\n" + b"content " * 1000)
    data.write_bytes(os.urandom(5000))
    worker.chmod(0o755)
    out = folder / "c.pack"
    run(BUILD / "test" / "make_pack", out, worker, data)
    wanted = build_pack(
        worker,
        files=[data],
        inputs=["raw://a", ["http://h/x", "http://i/x"]],
        envs={"A": "b"},
        map=True,
        reduce=True,
        partitions=3,
        owner="me",
        scheduler={"max_cores": 2},
        data=b"job data",
    ).dumps()
    assert out.read_bytes() == wanted, "C and Python pack the same content differently"


def the_client_submits_and_reads(master: LocalMaster, folder: Path) -> None:
    files = []
    for number in range(3):
        files.append(folder / f"text-{number}")
        files[-1].write_text(TEXT)
    submit = (BUILD / "submit", master.url, BUILD / "wordcount", "data:text", *files)
    printed = run(*submit, env=master.environment)
    found = {word: int(count) for word, count in (line.split() for line in printed.splitlines())}
    assert found == {word: 3 * count for word, count in counts().items()}, found


def saved(master: LocalMaster, envs: dict[str, str], token: str | None) -> str:
    """The tag of a job whose results are kept in DDFS, after they were read with the token."""
    worker = BUILD / "test" / "saving_worker"
    pack = build_pack(worker, inputs=["raw://b%20a%20b"], envs=envs, map=True, reduce=True).dumps()
    disco = Disco(settings=master.settings)
    name = disco.submit(pack)
    tag = f"disco:job:results:{name}"
    urls = disco.wait(name, timeout=60)
    assert urls == [f"tag://{tag}"], urls
    ddfs = DDFS(settings=master.settings)
    blobs = ddfs.get(tag, token=token)["urls"]
    records = sorted(result_iterator(blobs, reader=chain_reader, ddfs=ddfs))
    assert records == [(b"a", b"1"), (b"b", b"2")], records
    return tag


def results_are_saved_in_ddfs(master: LocalMaster) -> None:
    saved(master, {}, None)


def results_are_saved_with_a_token(master: LocalMaster) -> None:
    """The tag is made with the token, which then is asked for."""
    tag = saved(master, {"DDFS_WRITE_TOKEN": "secret"}, "secret")
    ddfs = DDFS(settings=master.settings)
    for refused in (lambda: ddfs.get(tag), lambda: ddfs.delete(tag, token="another")):
        try:
            refused()
        except CommError as error:
            assert error.code == 401, error
        else:
            raise AssertionError(f"{tag} was not protected")
    ddfs.delete(tag, token="secret")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packs_are_the_packer_s(folder)
        master = LocalMaster(folder / "disco").start()
        try:
            the_client_submits_and_reads(master, folder)
            results_are_saved_in_ddfs(master)
            results_are_saved_with_a_token(master)
        finally:
            master.stop()


if __name__ == "__main__":
    main()
