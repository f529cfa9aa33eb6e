"""DDFS, the distributed filesystem, from the client's side: tags, and the blobs they hold.

Nothing is held in memory whole: blobs are streamed from files, and opened as files.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, cast
from urllib.parse import quote, urlencode, urlsplit

from ..error import CommError
from ..schemes import open as open_url
from ..schemes import scheme_of
from ..schemes.arrow import STORES, stored_files
from .http import web_url
from .push import BLOCK_BYTES, BlobStore, concurrently
from .remote import open_replicas
from .tags import Blob, InvalidTag, TagLike, Tags, is_tag, replace_illegal, tag_name

__all__ = ["DDFS", "InvalidTag"]

CHUNK_BYTES = 64 << 20
TARBLOB_LEVEL = 2  # of gzip: the network is faster than a higher one
Stored = tuple[list[str], list[Blob]]
Source = str | Path | tuple[Any, str]


class DDFS(Tags):
    """A connection to a DDFS master.

    A tag is given as its name or a tag:// URL, which may carry a token: `tag://user:TOKEN@host/NAME`. `token`
    defaults to that, then to the settings DDFS_READ_TOKEN and DDFS_WRITE_TOKEN. Every method raises CommError
    when the master refuses (401: the token; 404: no such tag) or can't be reached, InvalidTag for what is no
    tag's name.
    """

    def new_blob(self, name: str, replicas: int | None = None, exclude: Iterable[str] = ()) -> list[str]:
        """URLs to PUT a new blob to, one a replica, on nodes that are not in `exclude`.

        Without `replicas` the master's setting counts, or the number of nodes if it is smaller.
        """
        given = {"replicas": str(replicas) if replicas else "", "exclude": ",".join(exclude)}
        query = urlencode({key: value for key, value in given.items() if value})
        path = f"/ddfs/new_blob/{quote(name, safe='@:')}"
        return list(self._master("GET", f"{path}?{query}" if query else path).json())

    def push(
        self,
        tag: TagLike,
        files: Iterable[Source],
        replicas: int | None = None,
        retries: int = 10,
        delayed: bool = False,
        update: bool = False,
        token: str | None = None,
        *,
        close: bool = False,
    ) -> Stored:
        """Store files as blobs and tag them; returns (tag URLs, blobs).

        A file is a path, (path, name) or (file object, name); a path alone is named after its last part, with
        `_` for what no name may hold. `replicas` defaults to the master's setting; up to `retries` nodes may
        fail a blob. `delayed`, `update` and `token` are those of `tag`. With `close`, file objects are closed
        once stored. Raises InvalidTag before anything is sent, CommError when a blob can't be stored.
        """
        tag_name(tag)  # a bad name is refused before anything is sent
        store = self._store(replicas, retries)
        send = _store_and_close if close else BlobStore.store
        blobs = list(concurrently(lambda file: send(store, *_aim(file)), files))
        return self.tag(tag, blobs, token, delayed=delayed, update=update), blobs

    def chunk(
        self,
        tag: TagLike,
        urls: Iterable[str | Sequence[str]],
        replicas: int | None = None,
        retries: int = 10,
        delayed: bool = False,
        update: bool = False,
        token: str | None = None,
        chunk_size: int = CHUNK_BYTES,
        **kwargs: Any,
    ) -> Stored:
        """Cut the records of `urls` into chunks, store and tag them; returns (tag URLs, blobs).

        A url may be a local path, `-` for standard input, a tag, one of another storage, or a list of
        replicas. `chunk_size` is in stored bytes; `kwargs`: reader, input_stream, params, codec (see
        `chunk.Chunker`). The rest is as in `push`. Raises DataError for an input that can't be read or a
        record of more than 1 MiB.
        """
        from .chunk import Chunker

        tag_name(tag)
        chunker = Chunker(open_input=self.open_input, chunk_size=chunk_size, **kwargs)
        store = self._store(replicas, retries)
        inputs = (one for url in urls for one in self._expanded(url, token))
        named = ((file, name) for one in inputs for name, file in chunker.chunks(one))
        blobs = list(concurrently(lambda item: _store_and_close(store, *item), named))
        return self.tag(tag, blobs, token, delayed=delayed, update=update), blobs

    def pull(
        self, tag: TagLike, blobfilter: Callable[[str], bool] = lambda name: True, token: str | None = None
    ) -> Iterator[BinaryIO]:
        """Open the blobs of a tag (not of the tags it links to) whose name passes, one after another.

        Replicas are tried in random order; a cut one is continued at another. The caller closes the files.
        """
        for blob in self.urls(tag, token):
            if blob and not is_tag(blob[0]) and blobfilter(self.blob_name(blob[0])):
                yield self.open_blob(blob, token)

    def open_blob(self, blob: str | Sequence[str], token: str | None = None) -> BinaryIO:
        """A file over the replicas of a blob. Raises CommError when none answers."""
        replicas = [blob] if isinstance(blob, str) else list(blob)
        random.shuffle(replicas)
        return open_replicas(self.nodes, [web_url(url, self.settings) for url in replicas], token)

    def blob_size(self, blob: Sequence[str]) -> int:
        """The size in bytes, as the first node that answers says. Raises CommError when none does."""
        failure: CommError | None = None
        for url in blob:
            try:
                reply = self.nodes.request("HEAD", web_url(url, self.settings))
            except CommError as error:
                failure = error
            else:
                return int(reply.headers.get("content-length", 0))
        raise failure or CommError("a blob without replicas", "")

    def open_input(self, url: str | Sequence[str]) -> BinaryIO:
        """Any input of `chunk`: a path, `-`, a URL of another storage, or what `open_blob` opens."""
        first = url if isinstance(url, str) else url[0]
        scheme, mark, rest = first.partition("://")
        if scheme in STORES:
            return cast(BinaryIO, open_url(first))
        if first == "-":
            import sys

            return sys.stdin.buffer
        if not mark or scheme == "file":
            return Path(rest if mark else first).open("rb")
        return self.open_blob(url)

    def tarblobs(
        self,
        tarball: str | Path,
        compress: bool = True,
        include: str | None = None,
        exclude: str | None = None,
    ) -> Iterator[tuple[str, IO[bytes], int]]:
        """Yield (name, file, size) of a tar archive's members, ready to push; sizes are uncompressed.

        `include` and `exclude` are parts of member names. Compressed members get `_gz` after the name.
        """
        import tarfile

        with tarfile.open(tarball) as archive:
            for member in archive:
                wanted = (not include or include in member.name) and not (exclude and exclude in member.name)
                content = archive.extractfile(member) if member.isfile() and wanted else None
                if content is not None:
                    name = self.safe_name(member.name) + ("_gz" if compress else "")
                    yield name, _spooled(content, compress), member.size

    def save(self, jobname: str, results: Iterable[str], token: str | None = None) -> list[str]:
        """Keep a job's result files in DDFS, under the tag `job_tag(jobname)`; returns the tag's URLs."""
        store = self._store(None, 10)
        links = [[url] for url in results if is_tag(url)]
        files = (url for result in results if not is_tag(result) for url in self.result_files(result))

        def keep(url: str) -> Blob:
            name = self.safe_name(PurePosixPath(urlsplit(url).path).name)
            with self.open_blob(url) as file:
                return store.store(file, self.job_blob(jobname, name))

        blobs = list(concurrently(keep, files))
        return self.tag(self.job_tag(jobname), blobs + links, token)

    @staticmethod
    def safe_name(name: str) -> str:
        """A legal name: every other character becomes `_`."""
        return replace_illegal(name)

    @staticmethod
    def blob_name(url: str) -> str:
        """The name under which a blob was pushed."""
        return urlsplit(url).path.rpartition("/")[2].partition("$")[0]

    @staticmethod
    def job_blob(jobname: str, path: str) -> str:
        """The name of the blob that keeps a file of a job's results."""
        return f"disco:blob:{jobname}:{path}"

    @staticmethod
    def job_oob(jobname: str) -> str:
        """The tag of a job's out-of-band results."""
        return f"disco:job:oob:{jobname}"

    @staticmethod
    def job_tag(jobname: str) -> str:
        """The tag of a saved job's results."""
        return f"disco:job:results:{jobname}"

    def _store(self, replicas: int | None, retries: int) -> BlobStore:
        return BlobStore(self, self.nodes, self.settings, replicas, retries)

    def _expanded(self, url: str | Sequence[str], token: str | None) -> Iterator[str | Sequence[str]]:
        """The input itself, the blobs of a tag, or what a URL of another storage names."""
        if isinstance(url, str) and is_tag(url):
            yield from self.blobs(url, ignore_missing=False, token=token)
        elif isinstance(url, str) and scheme_of(url) in STORES:
            yield from stored_files(url)
        else:
            yield url

    def result_files(self, result: str) -> Iterator[str]:
        """The URLs in an index (`dir://`), or the URL itself."""
        if not result.startswith("dir://"):
            yield result
            return
        import gzip

        with self.open_blob(result) as packed:
            index = gzip.decompress(packed.read()) if urlsplit(result).path.endswith(".gz") else packed.read()
        for line in index.decode().splitlines():
            yield line.split(" ")[1]


def _aim(file: Source) -> tuple[Any, str]:
    if isinstance(file, tuple):
        return file
    return file, replace_illegal(Path(file).name)


def _store_and_close(store: BlobStore, source: Any, name: str) -> Blob:
    try:
        return store.store(source, name)
    finally:
        if hasattr(source, "close"):
            source.close()


def _spooled(content: IO[bytes], compress: bool) -> IO[bytes]:
    import gzip
    import shutil
    import tempfile

    copy = tempfile.SpooledTemporaryFile(BLOCK_BYTES)  # noqa: SIM115 - the caller closes it
    if compress:
        with gzip.GzipFile(fileobj=copy, mode="wb", compresslevel=TARBLOB_LEVEL, mtime=0) as packed:
            shutil.copyfileobj(content, packed, BLOCK_BYTES)
    else:
        shutil.copyfileobj(content, copy, BLOCK_BYTES)
    copy.seek(0)
    return copy
