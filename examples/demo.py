"""`make demo`: a master of its own, a real text in DDFS, the word count of the documents, and nothing left.

Uses ports 8989 and 8990 when they are free, others when not, and a temporary folder for all data.
"""

import gzip
import sys
import time
from pathlib import Path

from rich.console import Console

from disco.cli.progress import wait_with_progress
from disco.core import Job, result_iterator
from disco.ddfs import DDFS
from disco.local import LocalMaster, free_port, port_is_free
from disco.worker.classic.func import chain_reader

TEXT = Path(__file__).parent / "data" / "chekhov.txt.gz"
TAG = "data:chekhov"
CHUNK_BYTES = 32 * 1024
TOP = 10


def map(line, params):
    for word in line.split():
        yield word, 1


def reduce(iter, params):
    from disco.util import kvgroup

    for word, counts in kvgroup(sorted(iter)):
        yield word, sum(counts)


def ports():
    """The documented ports, or free ones."""
    usual = {"DISCO_PORT": 8989, "DDFS_PUT_PORT": 8990}
    return {name: port if port_is_free(port) else free_port() for name, port in usual.items()}


def main():
    say = Console(stderr=True).print
    with LocalMaster(**ports()) as master:
        say(f"[bold]master[/] at {master.url}, data in {master.root}")
        text = master.root / "chekhov.txt"
        text.write_bytes(gzip.decompress(TEXT.read_bytes()))
        ddfs = DDFS(settings=master.settings)
        _, blobs = ddfs.chunk(TAG, [str(text)], chunk_size=CHUNK_BYTES)
        say(f"[bold]ddfs[/]   {text.stat().st_size:,} bytes of Chekhov are {len(blobs)} chunks under {TAG}")

        start = time.monotonic()
        job = Job("WordCount", settings=master.settings).run(
            input=[f"tag://{TAG}"], map=map, reduce=reduce, map_reader=chain_reader, partitions=2
        )
        say(f"[bold]job[/]    {job.name}")
        say(f"[bold]page[/]   {master.url}/job.html?name={job.name}", soft_wrap=True)
        results = wait_with_progress(job)
        took = time.monotonic() - start

        counts = sorted(result_iterator(results, ddfs=ddfs), key=lambda pair: -pair[1])
        for word, count in counts[:TOP]:
            print(f"{count:6d}  {word.decode()}")
        say(f"[bold]done[/]   {len(counts):,} different words in {took:.2f} s")
    say("The master has stopped and its folder is gone.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
