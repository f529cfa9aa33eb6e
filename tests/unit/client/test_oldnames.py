"""What programs of earlier versions import from `disco.util` (M464)."""

from __future__ import annotations

import functools
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disco import util


def test_sequences() -> None:
    """M464."""
    assert util.listify("ab") == ["ab"] and util.listify((1, 2)) == [1, 2]
    assert util.iterify(b"ab") == (b"ab",) and util.iterify([1]) == [1]
    assert list(util.flatten([1, [2, [3, "ab"]], (b"c",)])) == [1, 2, 3, "ab", b"c"]
    assert util.chainify([[1], (2, 3)]) == [1, 2, 3]
    assert util.partition(range(5), lambda n: n % 2) == ([1, 3], [0, 2, 4])
    assert sorted(util.shuffled(range(9))) == list(range(9))


@pytest.mark.parametrize("count", [0, 1, 10, 11, 1000])
def test_items_are_sorted_a_buffer_at_a_time(count: int, tmp_path: Path) -> None:
    """M464: whatever fits into memory."""
    items = [random.Random(count).random() for _ in range(count)]
    assert list(util.dsorted(items, 10, str(tmp_path))) == sorted(items)
    assert list(tmp_path.iterdir()) == []


def test_functions_and_names() -> None:
    """M464, F18: arguments of methods and partials are those that are left to give."""

    def function(a: Any, b: Any, c: Any = 1) -> Any:
        return later_global  # type: ignore[name-defined]  # noqa: F821

    assert util.argcount(function) == 3
    assert util.argcount(functools.partial(function, 1)) == 2
    assert util.argcount(Path().joinpath) == 0
    util.globalize(function, {"later_global": 17})
    assert function(1, 2) == 17
    del globals()["later_global"]
    assert util.reify("disco.util.reify") is util.reify
    assert util.reify("x", {"x": 5}) == 5
    assert util.hexhash("disco") == util.hexhash(b"disco") == "d7"
    assert [util.format_size(n) for n in (5, 1536, 3 << 20, 5 << 40)] == [
        "5.0 bytes",
        "1.5KB",
        "3.0MB",
        "5.0TB",
    ]


URLS = [
    ("disco://host:8989/ddfs/vol0/x", ("disco", ("host", "8989"), "ddfs/vol0/x")),
    ("http://host/x/y", ("http", ("host", ""), "x/y")),
    ("tag://name", ("tag", ("", ""), "name")),
    ("/local/file", ("", ("", ""), "local/file")),
]


@pytest.mark.parametrize(("url", "parts"), URLS)
def test_urls_come_apart_and_together(url: str, parts: Any) -> None:
    """M464."""
    assert util.urlsplit(url) == parts
    if parts[0] in ("disco", "http"):
        assert util.urljoin(parts) == url


@given(st.text("abc.", min_size=1), st.sampled_from(["", "1", "8989"]), st.text("abc/", min_size=1))
def test_any_url_comes_together_again(host: str, port: str, path: str) -> None:
    """M464."""
    parts = ("disco", (host, port), path)
    assert util.urlsplit(util.urljoin(parts)) == parts


def test_parts_of_urls() -> None:
    """M464."""
    assert util.schemesplit("raw://a://b") == ("raw", "a://b") and util.schemesplit("a") == ("", "a")
    assert util.urltoken("tag://user:secret@host/name") == "secret"
    assert util.urltoken("tag://name@1:2") is None and util.urltoken("tag://host/name") is None
    assert (
        util.urlresolve("disco://host:1/x") == "http://host:1/x" and util.urlresolve("raw://x") == "raw://x"
    )
    assert util.localize("ddfs/vol0/x", "/ddfs", "/disco") == "/ddfs/vol0/x"
    assert util.localize("disco/host/x", "/ddfs", "/disco") == "/disco/host/x"


def test_inputs() -> None:
    """M464."""
    assert util.inputlist(["raw://a", ["http://a", "http://b"]]) == ["raw://a", ["http://a", "http://b"]]
    assert util.inputexpand("raw://a") == ["raw://a"]
    assert util.ispartitioned("dir://x") and util.ispartitioned(["dir://x", "dir://y"])
    assert not util.ispartitioned([]) and not util.ispartitioned(["dir://x", "raw://x"])
