"""Where data lie: the host in a URL, the order of replicas, and what finished tasks left where.

A URL's host is a hint about placement and nothing more: any scheme counts, except `raw`, whose
"host" is the data. A finished task keeps its outputs in two parts, because they share no fate:
*local* ones (kinds disco and part) lie on the node that made them and are lost with it; *tags* lie in
DDFS. Tasks come by the ten thousand, and each may have an output for every label, so long lists of
local outputs are kept compressed until the shuffle asks for them.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..model import Input, Output, OutputKind

PACK_ABOVE = 4  # local outputs of one task; up to here, packing costs more than it saves
NEAR_BEST = 0.8  # a node with this share of the most bytes is as good a place for a reduce as any

LocalOutputs = tuple[Output, ...] | bytes


def host_of(url: str) -> str:
    """The host that a URL names, "" when it names none. Ports and user names are left out."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme == "raw":
        return ""
    place = rest.partition("/")[0].rpartition("@")[2]
    if place.startswith("["):
        return place[1:].partition("]")[0]
    return place.partition(":")[0]


def hosts_of(urls: Sequence[str]) -> tuple[str, ...]:
    """The hosts of all replicas, each once, in order."""
    if len(urls) == 1:
        host = host_of(urls[0])
        return (host,) if host else ()
    return tuple(dict.fromkeys(host for host in map(host_of, urls) if host))


def best_first(urls: Sequence[str], node: str, load: Callable[[str], float]) -> tuple[str, ...]:
    """Replicas in the order in which a task on `node` should try them.

    Local first, then by the load of their node, then those on no node of ours, which `load` puts last.
    """
    if len(urls) < 2:
        return tuple(urls)
    return tuple(sorted(urls, key=lambda url: -1.0 if host_of(url) == node else load(host_of(url))))


def as_inputs(places: Iterable[Sequence[str]], node: str, load: Callable[[str], float]) -> tuple[Input, ...]:
    return tuple(Input(i, best_first(urls, node, load)) for i, urls in enumerate(places))


def split_outputs(outputs: Sequence[Output]) -> tuple[LocalOutputs, tuple[str, ...]]:
    """What an attempt left on its node, compressed if it is much, and its tag URLs."""
    tags = tuple(output.url for output in outputs if output.kind is OutputKind.TAG)
    local = tuple(output for output in outputs if output.kind is not OutputKind.TAG)
    if len(local) <= PACK_ABOVE:
        return local, tags
    rows = [(output.url, output.kind.value, output.label, output.size_bytes) for output in local]
    return zlib.compress(json.dumps(rows).encode(), 1), tags


def local_outputs(kept: LocalOutputs) -> tuple[Output, ...]:
    """The inverse of `split_outputs` for local outputs."""
    if isinstance(kept, tuple):
        return kept
    return tuple(
        Output(url, OutputKind(kind), label, size)
        for url, kind, label, size in json.loads(zlib.decompress(kept))
    )


def spread_reduces(count: int, held: Mapping[str, Sequence[int]]) -> list[str]:
    """For each of `count` reduce tasks, the node that it should rather run on; [] when nobody holds anything.

    `held` gives, for each node, the bytes of each label. Near ties are shared out in turn.
    """
    nodes = sorted(held)
    if not nodes:
        return []
    places = []
    for label in range(count):
        amounts = [held[node][label] if label < len(held[node]) else 0 for node in nodes]
        best = max(amounts) * NEAR_BEST
        near = [node for node, amount in zip(nodes, amounts, strict=True) if amount >= best]
        places.append(near[label % len(near)])
    return places
