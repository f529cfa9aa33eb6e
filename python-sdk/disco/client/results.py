"""Reading the results of jobs on the client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from ..schemes import scheme_of
from ..worker import current
from ..worker.classic.func import chain_reader, notifier, task_input_stream
from ..worker.classic.streams import open_input
from ..worker.inputs import SerialInput
from .http import web_url

if TYPE_CHECKING:
    from ..settings import DiscoSettings


class Results(list[str]):
    """URLs of results, which know the settings of the master that they came from."""

    def __init__(self, urls: Iterable[str], settings: DiscoSettings) -> None:
        super().__init__(urls)
        self.settings = settings


def classic_iterator(
    urls: Any,
    reader: Callable[..., Any] | None = chain_reader,
    input_stream: Sequence[Callable[..., Any]] = (task_input_stream,),
    notifier: Callable[[Any], Any] = notifier,
    params: Any = None,
    ddfs: Any = None,
) -> Iterator[Any]:
    """An iterator over records as seen by the classic map interface.

    `urls` is a URL, or a list of URLs and of lists of replicas. `reader` comes last in the chain of
    `input_stream`. When a replica fails, the next one is read on from where it failed. `ddfs` (a DDFS or the
    address of a master) is asked about tags.
    """
    streams = (*input_stream, reader) if reader else tuple(input_stream)

    settings = getattr(urls, "settings", None) or getattr(ddfs, "settings", None)

    def open_one(url: str) -> Iterable[Any]:
        notifier(url)
        return open_input(streams, address(url, settings), params)

    given = [urls] if isinstance(urls, str) else urls
    inputs = chain.from_iterable(_expanded(url, ddfs, settings) for url in given)
    return iter(SerialInput(inputs, open=open_one))


def result_iterator(*args: Any, **kwargs: Any) -> Iterator[Any]:
    """Backwards compatible alias for `classic_iterator`."""
    return classic_iterator(*args, **kwargs)


def address(url: str, settings: DiscoSettings | None) -> str:
    """Where a URL is read from here: on a client, nodes are asked on the port that `settings` name."""
    if settings is None or current.task is not None or scheme_of(url) not in ("disco", "dir"):
        return url
    return web_url(url, settings)


def index_of(url: str, settings: DiscoSettings | None) -> list[tuple[str, str]]:
    """The (label, URL) pairs of an index."""
    from ..schemes.scheme_dir import read_index

    return list(read_index(address(url, settings)))


def _expanded(url: Any, ddfs: Any, settings: DiscoSettings | None) -> Iterator[Any]:
    """Inputs behind a URL: the outputs in an index, the blobs of a tag, or the URL itself."""
    first = url if isinstance(url, str) else url[0]
    scheme = scheme_of(first)
    if scheme == "dir":
        yield from sorted({output for _, output in index_of(first, settings)})
    elif scheme == "tag":
        from .ddfs import DDFS

        found = DDFS(master=ddfs) if ddfs is None or isinstance(ddfs, str) else ddfs
        for replicas in found.blobs(first, ignore_missing=False):
            yield from _expanded(replicas, found, settings or found.settings)
    else:
        yield url
