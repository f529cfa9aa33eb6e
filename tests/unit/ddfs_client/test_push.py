"""Blobs: storing them with fail-over, and reading them back (M296-M304, C9, C12)."""

from __future__ import annotations

import gzip
import io
import logging
import os
import tarfile

import pytest

from disco.client.push import TRANSFERS, concurrently
from disco.client.tags import InvalidTag
from disco.error import CommError


def stored(master, blob):
    """The content of each replica, as it lies on its node."""
    found = []
    for url in blob:
        host, _, path = url.removeprefix("disco://").partition("/")
        node = next(node for node in master.nodes if host == f"{node.host}:{node.port}")
        found.append(node.files["/" + path])
    return found


def test_push_takes_paths_and_pairs_and_tags_them_m297(ddfs, master, tmp_path):
    (tmp_path / "log 1.txt").write_bytes(b"one")
    files = [tmp_path / "log 1.txt", (str(tmp_path / "log 1.txt"), "named"), (io.BytesIO(b"two"), "open")]
    tag_urls, blobs = ddfs.push("t", files)
    assert [ddfs.blob_name(blob[0]) for blob in blobs] == ["log_1_txt", "named", "open"]
    assert [stored(master, blob) for blob in blobs] == [[b"one"] * 2, [b"one"] * 2, [b"two"] * 2]
    assert ddfs.urls("t") == blobs
    assert tag_urls[0].startswith("disco://")


def test_a_pipe_can_be_pushed_m297(ddfs, master):
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(b"streamed")
    with os.fdopen(reading, "rb") as pipe:
        _, blobs = ddfs.push("t", [(pipe, "p")], replicas=2)
    assert stored(master, blobs[0]) == [b"streamed"] * 2


def test_an_open_file_is_pushed_from_where_it_stands_m297(ddfs, master):
    file = io.BytesIO(b"headbody")
    file.seek(4)
    _, blobs = ddfs.push("t", [(file, "f")])
    assert stored(master, blobs[0]) == [b"body"] * 2


def test_a_bad_tag_is_refused_before_anything_is_sent(ddfs, master, tmp_path):
    with pytest.raises(InvalidTag):
        ddfs.push("./x", [tmp_path / "absent"])
    assert master.log == []


def test_a_failing_node_is_left_out_m298(make_master, connect, caplog):
    master = make_master(3)
    master.nodes[0].faults = [500]
    _, blobs = connect(master).push("t", [(io.BytesIO(b"x" * 100_000), "f")], replicas=2)
    assert [url.split("/")[2].split(":")[0] for url in blobs[0]] == ["127.0.0.3", "127.0.0.4"]
    assert stored(master, blobs[0]) == [b"x" * 100_000] * 2
    assert ("GET", "/ddfs/new_blob/f?replicas=2&exclude=127.0.0.2") in master.log
    assert "127.0.0.2 failed (fault); trying other nodes" in caplog.text


def test_a_dead_node_is_left_out_m298(make_master, connect):
    master = make_master(2)
    master.nodes[0].close()
    _, blobs = connect(master).push("t", [(io.BytesIO(b"x"), "f")])
    assert [url.split("/")[2].split(":")[0] for url in blobs[0]] == ["127.0.0.3"]


def test_the_last_failure_is_told_when_no_node_is_left_m298(make_master, connect):
    master = make_master(1)
    master.nodes[0].faults = [500]
    with pytest.raises(CommError) as caught:
        connect(master).push("t", [(io.BytesIO(b"x"), "f")])
    assert caught.value.code == 500


def test_retries_bounds_the_failing_nodes_m297(make_master, connect):
    master = make_master(4)
    for node in master.nodes:
        node.faults = [500]
    with pytest.raises(CommError):
        connect(master).push("t", [(io.BytesIO(b"x"), "f")], replicas=1, retries=1)
    assert [len(node.log) for node in master.nodes] == [1, 1, 0, 0]


def test_as_many_replicas_as_there_are_nodes_c9(ddfs, master, caplog):
    with caplog.at_level(logging.WARNING):
        _, blobs = ddfs.push("t", [(io.BytesIO(b"x"), "f")], replicas=5)
    assert len(blobs[0]) == 2
    assert "2 of 5 replicas" in caplog.text


def test_push_goes_through_the_proxy_m581(master, connect):
    ddfs = connect(master, DISCO_PROXY=master.url)
    _, blobs = ddfs.push("t", [(io.BytesIO(b"x"), "f")], replicas=1)
    assert stored(master, blobs[0]) == [b"x"]
    assert ("PUT", "/proxy/127.0.0.2/PUT/ddfs/f$0-0-1") in master.log
    assert [file.read() for file in ddfs.pull("t")] == [b"x"]


def test_pull_opens_the_blobs_that_pass_m296(ddfs):
    ddfs.push("t", [(io.BytesIO(name.encode()), name) for name in ("a1", "b1", "a2")])
    ddfs.tag("t", ["tag://other"])
    found = []
    for file in ddfs.pull("t", lambda name: name.startswith("a")):
        with file:
            found.append(file.read())
    assert found == [b"a1", b"a2"]


def test_pull_goes_on_at_another_replica_m296(ddfs, master):
    content = os.urandom(300_000)
    ddfs.push("t", [(io.BytesIO(content), "f")])
    for node in master.nodes:
        node.faults = [("cut", 100_000)]
    assert [file.read() for file in ddfs.pull("t")] == [content]


def test_results_are_saved_file_by_file_m304(ddfs, master):
    node = master.nodes[0]
    base = f"disco://{node.host}:{node.port}"
    node.files["/disco/part-0"] = b"results"
    node.files["/disco/index.txt.gz"] = gzip.compress(f"0 {base}/disco/part-0\n".encode())
    ddfs.save("j@1:2:3", [f"dir://{node.host}:{node.port}/disco/index.txt.gz", "tag://more"])
    blob, link = ddfs.urls("disco:job:results:j@1:2:3")
    assert link == ["tag://more"]
    assert ddfs.blob_name(blob[0]) == "disco:blob:j@1:2:3:part-0"
    assert stored(master, blob)[0] == b"results"


def test_tarblobs_m304(ddfs, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("logs/a.txt", "logs/b.txt", "other/c.bin"):
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
    found = list(ddfs.tarblobs(tmp_path / "a.tar", include="logs", exclude="b.txt"))
    assert [(name, size) for name, _file, size in found] == [("logs_a_txt_gz", 3)]
    assert gzip.decompress(found[0][1].read()) == b"abc"
    plain = list(ddfs.tarblobs(tmp_path / "a.tar", compress=False))
    assert [(name, file.read()) for name, file, _size in plain] == [
        ("logs_a_txt", b"abc"),
        ("logs_b_txt", b"abc"),
        ("other_c_bin", b"abc"),
    ]
    for _name, file, _size in found + plain:
        file.close()


def test_concurrent_work_keeps_order_and_takes_items_as_needed():
    taken = []

    def items():
        for number in range(10):
            taken.append(number)
            yield number

    results = concurrently(lambda number: number * 2, items())
    assert next(results) == 0
    assert len(taken) == TRANSFERS + 1
    assert list(results) == [2, 4, 6, 8, 10, 12, 14, 16, 18]
