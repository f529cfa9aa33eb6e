"""Tags from the client's side (M284-M304)."""

from __future__ import annotations

import pytest

from disco.client.tags import InvalidTag, tag_name
from disco.ddfs import DDFS
from disco.error import CommError


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("data:log", "data:log"),
        ("tag://data:log", "data:log"),
        ("tag://host/data:log", "data:log"),
        ("tag://user:TOKEN@host/data:log", "data:log"),
        ("tag://disco:job:results:x@5:a:b", "disco:job:results:x@5:a:b"),
        (["tag://first", "tag://second"], "first"),
        ([["first"]], "first"),
    ],
)
def test_a_tag_is_a_name_a_url_or_the_first_of_a_list_m285(given, name):
    """M233."""
    assert tag_name(given) == name


@pytest.mark.parametrize(
    "given", ["a/b", "./a", "a.txt", "http://host/a", "disco://host/a", "", [], [[]], "tag://"]
)
def test_what_can_not_be_a_tag_m285(given):
    with pytest.raises(InvalidTag):
        tag_name(given)


def test_the_hint_of_a_name_that_looks_like_a_file_w19():
    with pytest.raises(InvalidTag, match=r"a local file is written \./NAME"):
        tag_name("corpus.txt")


def test_append_replace_and_read_m292_m300_m301_m302(ddfs):
    assert ddfs.tag("t", [["disco://a/ddfs/x$1"]])[0].endswith("t$1-1-1")
    ddfs.tag("t", ["tag://u"])
    assert ddfs.urls("tag://t") == [["tag://u"], ["disco://a/ddfs/x$1"]]
    ddfs.put("t", [["disco://b/ddfs/y$1"]])
    tag = ddfs.get("t")
    assert tag["urls"] == [["disco://b/ddfs/y$1"]]
    assert set(tag) == {"id", "version", "last-modified", "urls", "user-data"}


def test_update_leaves_out_what_is_there_m301(ddfs, master):
    ddfs.tag("t", [["disco://a/ddfs/vol0/blob/00/x$1"]])
    ddfs.tag("t", [["disco://a/ddfs/vol0/blob/00/x$2"]], update=True, delayed=True)
    assert ddfs.urls("t") == [["disco://a/ddfs/vol0/blob/00/x$1"]]
    assert master.log[1] == ("POST", "/ddfs/tag/t?delayed=1&update=1")


def test_attributes_m286_m289_m293_m295(ddfs):
    ddfs.put("t", [])
    ddfs.setattr("t", "colour", "grün")
    assert ddfs.getattr("t", "colour") == "grün"
    assert ddfs.attrs("t") == {"colour": "grün"}
    ddfs.delattr("t", "colour")
    ddfs.delattr("t", "colour")
    with pytest.raises(CommError) as caught:
        ddfs.getattr("t", "colour")
    assert caught.value.code == 404


def test_exists_and_delete_m290_m291(ddfs, master):
    assert not ddfs.exists("t")
    ddfs.put("t", [], token="secret")
    assert ddfs.exists("t")  # protected: 401
    assert ddfs.delete("t", token="secret") == "deleted"
    assert ddfs.delete("t") == "deleted"
    assert not ddfs.exists("t")
    master.faults = [500]
    with pytest.raises(CommError):
        ddfs.exists("t")


def test_list_m294(ddfs):
    for name in ("a:1", "a:2", "b:1"):
        ddfs.put(name, [])
    assert ddfs.list("a:") == ["a:1", "a:2"]
    assert sorted(ddfs.list()) == ["a:1", "a:2", "b:1"]


def test_tokens_come_from_the_call_the_url_or_the_settings_m88_m89(master, connect):
    """M233."""
    connect(master).put("t", [], token="W")
    with pytest.raises(CommError) as caught:
        connect(master).get("t")
    assert caught.value.code == 401
    assert connect(master).get("t", token="W")
    assert connect(master).get("tag://user:W@host/t")
    assert connect(master, DDFS_READ_TOKEN="W").get("t")
    assert connect(master, DDFS_READ_TOKEN="wrong").get("tag://user:W@host/t")
    connect(master, DDFS_WRITE_TOKEN="W").tag("t", [])
    with pytest.raises(CommError):
        connect(master, DDFS_READ_TOKEN="W").tag("t", [])


def graph(ddfs: DDFS) -> None:
    ddfs.put("top", [["tag://left"], ["tag://right"], ["disco://a/x$1"]])
    ddfs.put("left", [["disco://a/y$1"], ["tag://deep"]])
    ddfs.put("right", [["tag://deep"], ["tag://top"]])
    ddfs.put("deep", [["disco://a/z$1", "disco://b/z$1"]])


def test_walk_is_depth_first_and_meets_each_tag_once_m303(ddfs):
    graph(ddfs)
    seen = [(path, blobs) for path, _tags, blobs in ddfs.walk("top")]
    assert [path for path, _ in seen] == [
        ("top",),
        ("top", "left"),
        ("top", "left", "deep"),
        ("top", "right"),
    ]
    assert seen[2][1] == (["disco://a/z$1", "disco://b/z$1"],)


def test_blobs_are_the_ends_of_the_graph_m287(ddfs):
    graph(ddfs)
    assert [blob[0] for blob in ddfs.blobs("top")] == ["disco://a/x$1", "disco://a/y$1", "disco://a/z$1"]


def test_a_missing_tag_is_skipped_or_raised_m287_m303(ddfs):
    ddfs.put("top", [["tag://gone"], ["disco://a/x$1"]])
    assert list(ddfs.blobs("top")) == [["disco://a/x$1"]]
    assert list(ddfs.walk("gone")) == [(("gone",), (), ())]
    walk = ddfs.walk("top", ignore_missing=False)
    next(walk)
    assert next(walk) == (("top", "gone"), None, None)
    with pytest.raises(CommError):
        next(walk)


def test_findtags_is_breadth_first_m304(ddfs):
    graph(ddfs)
    assert [name for name, _tags, _blobs in ddfs.findtags("top")] == ["top", "left", "right", "deep"]
    assert len(list(ddfs.findtags())) == 4


def test_a_deep_chain_of_tags_is_no_problem(ddfs):
    for depth in range(1100):
        ddfs.put(f"t{depth}", [[f"tag://t{depth + 1}"]])
    ddfs.put("t1100", [["disco://a/x$1"]])
    assert list(ddfs.blobs("t0")) == [["disco://a/x$1"]]


def test_names_m304():
    assert DDFS.safe_name("log 2013/12.txt") == "log_2013_12_txt"
    assert DDFS.blob_name("disco://a/ddfs/vol0/blob/00/data:x$1-2-3") == "data:x"
    assert DDFS.job_tag("j@1:2:3") == "disco:job:results:j@1:2:3"
    assert DDFS.job_oob("j@1:2:3") == "disco:job:oob:j@1:2:3"
    assert DDFS.job_blob("j@1:2:3", "f") == "disco:blob:j@1:2:3:f"


def test_a_master_that_is_not_there_is_named_with_the_way_out(connect, make_master):
    gone = make_master(1)
    gone._server.server_close()
    with pytest.raises(
        CommError, match=r"\(is disco master running at http://127\.0\.0\.1:\d+\? start it with"
    ):
        connect(gone).list()


def test_master_and_proxy_may_be_named_m284(master, quick):
    assert DDFS(master.url, patience=quick).list() == []
    proxied = DDFS("http://127.0.0.1:1", proxy=master.url, patience=quick)
    assert proxied.list() == []
    assert repr(proxied) == f"DDFS master at {master.url}"
