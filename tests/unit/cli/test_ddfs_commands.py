"""The program `ddfs` (M547-M569, W19, W20)."""

from __future__ import annotations

import gzip
import io
import json
import tarfile

import pytest

from disco.records.hunks import HunkWriter


def lines(result):
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_no_command_tells_the_master_m547(ddfs, master):
    assert lines(ddfs()) == [f"DDFS master at {master.url}"]


def test_help_m547(ddfs):
    assert "Store data in Disco's distributed filesystem" in ddfs("help").stdout
    for words in (("help", "chunk"), ("chunk", "-h"), ("chunk", "--help")):
        assert "Cut the records of inputs into chunks" in ddfs(*words).stdout


def test_attributes_m548_m554_m555_m556(ddfs):
    ddfs("touch", "t")
    assert lines(ddfs("setattr", "t", "colour", "blue")) == []
    assert lines(ddfs("getattr", "t", "colour")) == ["blue"]
    assert lines(ddfs("attrs", "t")) == ["colour\tblue"]
    assert json.loads(ddfs("attrs", "t", "--json").stdout) == {"colour": "blue"}
    assert lines(ddfs("delattr", "t", "colour")) == []
    failed = ddfs("getattr", "t", "colour")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert "Tag attribute not found. (404)" in failed.stderr


def test_chtok_m551(ddfs, master):
    ddfs("touch", "t")
    ddfs("chtok", "t", "both")
    assert (master.tags["t"]["read"], master.tags["t"]["write"]) == ("both", "both")
    assert ddfs("chtok", "-r", "t", "R").exit_code == 1
    ddfs("chtok", "-r", "t", "R", "-t", "both")
    ddfs("-t", "both", "chtok", "-w", "t", "W")
    assert (master.tags["t"]["read"], master.tags["t"]["write"]) == ("R", "W")


def test_a_wrong_token_tells_the_way_out_m517(ddfs):
    ddfs("touch", "t", "-t", "secret")
    failed = ddfs("urls", "t", "-t", "guess")
    assert failed.exit_code == 1
    assert "Give the tag's token with -t TOKEN." in failed.stderr
    assert lines(ddfs("urls", "t", "-t", "secret")) == []


def test_tag_put_urls_cp_m553_m562_m563_m567(ddfs):
    ddfs("tag", "t", "disco://a/x$1 disco://b/x$1", "tag://u")
    assert lines(ddfs("urls", "t")) == ["disco://a/x$1\tdisco://b/x$1", "tag://u"]
    ddfs("tag", "t", stdin="disco://a/y$1 disco://b/y$1\n\ndisco://a/z$1\n")
    assert len(lines(ddfs("urls", "t"))) == 4
    ddfs("cp", "t", "copy")
    ddfs("put", "t", "disco://a/only$1")
    assert lines(ddfs("urls", "t")) == ["disco://a/only$1"]
    assert len(lines(ddfs("urls", "copy"))) == 4
    assert len(lines(ddfs("urls", "-p", "c"))) == 4


def test_exists_m557(ddfs):
    gone = ddfs("exists", "t")
    assert (gone.exit_code, gone.stdout, gone.stderr) == (1, "", "False\n")
    ddfs("touch", "t")
    assert lines(ddfs("exists", "t")) == ["True"]


def test_get_stat_touch_rm_m559_m564_m565_m566(ddfs):
    ddfs("touch", "a:1", "a:2", "b")
    assert json.loads(ddfs("get", "b").stdout)["urls"] == []
    fields = ddfs("stat", "b").stdout.rstrip("\n").split("\t")
    assert fields[0].startswith("b$")
    assert fields[1:] == ["1", "2013/12/16 10:00:00", "{}", "0", "0"]
    assert lines(ddfs("rm", "-p", "a:")) == ["deleted", "deleted"]
    assert lines(ddfs("ls")) == ["b"]


def test_ls_m560(ddfs):
    ddfs("tag", "a:1", "disco://n/x$1 disco://m/x$1")
    ddfs("touch", "b")
    assert lines(ddfs("ls")) == ["a:1", "b"]
    assert lines(ddfs("ls", "a:")) == ["a:1"]
    assert lines(ddfs("ls", "-r")) == ["a:1", "\tdisco://n/x$1\tdisco://m/x$1", "b"]
    assert json.loads(ddfs("ls", "-r", "--json").stdout)["a:1"] == [["disco://n/x$1", "disco://m/x$1"]]


def test_blobs_and_find_m549_m558(ddfs):
    ddfs("tag", "top", "tag://low", "disco://n/x$1")
    ddfs("tag", "low", "disco://n/y$1 disco://m/y$1", "tag://gone")
    assert lines(ddfs("find", "-i", "top")) == ["top", "top\tlow", "top\tlow\tgone"]
    warned = ddfs("find", "-w", "top")
    assert warned.stderr == "Tag not found: top -> low -> gone\n"
    failed = ddfs("find", "top")
    assert (failed.exit_code, failed.stderr) == (
        1,
        "error: Tag not found: gone; -i skips missing tags. `ddfs ls` lists all.\n",
    )
    assert lines(ddfs("blobs", "-i", "top")) == ["disco://n/x$1", "disco://n/y$1\tdisco://m/y$1"]
    assert ddfs("blobs", "top").exit_code == 1


def test_push_and_cat_m550_m561(ddfs, tmp_path):
    (tmp_path / "one.txt").write_bytes(b"one\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "two.txt").write_bytes(b"two\n")
    pushed = ddfs("push", "t", str(tmp_path / "one.txt"), str(tmp_path / "folder"))
    assert lines(pushed)[0] == "pushing..."
    assert lines(pushed)[1].startswith("created: disco://127.0.0.2:")
    assert "is a directory (not pushing)." in pushed.stderr
    assert ddfs("cat", "tag://t").stdout == "one\n"
    ddfs("push", "-r", "-n", "1", "t", str(tmp_path / "folder"))
    assert ddfs("cat", "tag://t", str(tmp_path / "one.txt")).stdout == "one\ntwo\none\n"  # tags last
    assert ddfs("cat", "-p", "t").stdout == "two\none\n"


def test_push_takes_archives_apart_m561(ddfs, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("x/a.txt", "x/b.txt", "y/c.txt"):
            member = tarfile.TarInfo(name)
            member.size = 2
            archive.addfile(member, io.BytesIO(b"m\n"))
    pushed = ddfs("push", "-x", "-I", "x/", "-E", "b.txt", "t", str(tmp_path / "a.tar"))
    assert lines(pushed)[1] == "extracted x_a_txt"
    assert ddfs("cat", "tag://t").stdout == "m\n"
    ddfs("push", "-x", "-z", "zipped", str(tmp_path / "a.tar"))
    assert gzip.decompress(ddfs("cat", "tag://zipped").stdout_bytes) == b"m\n" * 3


def test_chunk_and_xcat_m552_m568(ddfs, tmp_path):
    (tmp_path / "log.txt").write_bytes(b"a b\nc d\n")
    made = lines(ddfs("chunk", "-n", "1", "data:log", str(tmp_path / "log.txt")))
    assert len(made) == 1
    assert made[0].startswith("created: disco://127.0.0.2:")
    assert ddfs("xcat", "tag://data:log").stdout == "a b\nc d\n"
    assert ddfs("cat", "tag://data:log").stdout == "a b\nc d\n"  # W19: cat knows chunks
    assert ddfs("cat", "--raw", "tag://data:log").stdout_bytes[0] == 0xD1
    ddfs("chunk", "-u", "data:log", str(tmp_path / "log.txt"))
    assert len(lines(ddfs("urls", "data:log"))) == 1


def test_chunk_reads_standard_input_w19(ddfs):
    ddfs("chunk", "t", "-", stdin=b"x\n\xff\n")
    assert ddfs("xcat", "tag://t").stdout_bytes == b"x\n\xff\n"


def test_a_file_name_without_a_slash_is_a_file_w19(ddfs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain").write_bytes(b"text\n")
    ddfs("chunk", "t", "plain")
    assert ddfs("xcat", "tag://t").stdout == "text\n"


def test_a_word_is_a_file_or_else_a_tag_w19(ddfs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ddfs("chunk", "both", "-", stdin="in the tag\n")
    assert ddfs("cat", "both").stdout == ddfs("xcat", "both").stdout == "in the tag\n"
    (tmp_path / "both").write_bytes(b"in the file\n")
    assert ddfs("cat", "both").stdout == "in the file\n"
    assert ddfs("cat", "tag://both").stdout == "in the tag\n"


def test_a_name_that_is_no_file_gets_a_hint_w19(ddfs):
    failed = ddfs("chunk", "t", "nowhere")
    assert failed.exit_code == 1
    assert failed.stderr == "error: nowhere: no such file; a tag is written tag://nowhere\n"
    assert ddfs("cat", "nowhere.txt").stderr.startswith("error: nowhere.txt: no such file")
    assert ddfs("cat", "nowhere").stderr == "error: There is no tag nowhere. `ddfs ls` lists all.\n"
    assert "a local file is written ./NAME" in ddfs("chunk", "log.txt", "t").stderr


def test_chunk_size_is_a_size_w19(ddfs, tmp_path):
    (tmp_path / "log").write_bytes(b"".join(b"%d\n" % (number * 7919) for number in range(20_000)))
    made = lines(ddfs("chunk", "--chunk-size", "8K", "t", str(tmp_path / "log")))
    assert len(made) > 5
    assert ddfs("xcat", "-p", "t").exit_code == 0
    bad = ddfs("chunk", "--chunk-size", "big", "t", str(tmp_path / "log"))
    assert bad.exit_code == 2
    assert "is no size" in bad.stderr


READERS = """
def numbers(fd, size, url, params):
    for line in fd:
        yield line.strip(), int(line)

def upper(stream, size, url, params):
    import io
    return io.BytesIO(stream.read().upper())
"""


def test_own_readers_and_streams_m552_m568(ddfs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_readers.py").write_text(READERS)
    (tmp_path / "n").write_bytes(b"1\n22\n")
    ddfs("chunk", "-R", "own_readers.numbers", "t", "n")
    assert ddfs("xcat", "tag://t").stdout == "1\t1\n22\t22\n"
    assert ddfs("xcat", "-R", "own_readers.numbers", "n").stdout == "1\t1\n22\t22\n"
    (tmp_path / "w").write_bytes(b"a\n")
    ddfs("chunk", "-T", "own_readers.upper", "u", "w")
    assert ddfs("xcat", "tag://u").stdout == "A\n"


def test_records_with_falsy_keys_are_pairs_all_the_same_m568(ddfs, tmp_path):
    for number, keys in enumerate([[0, 0], ["", ""], [None, None], [b"", b"k"]]):
        with (tmp_path / f"r{number}").open("wb") as file, HunkWriter(file) as writer:
            writer.add_columns(keys, ["v", "w"])
    shown = [ddfs("xcat", str(tmp_path / f"r{number}")).stdout for number in range(4)]
    assert shown == ["0\tv\n0\tw\n", "\tv\n\tw\n", "None\tv\nNone\tw\n", "\tv\nk\tw\n"]


def test_du_df_grep_m569_w20(ddfs, tmp_path):
    (tmp_path / "f").write_bytes(b"needle 1\nhay\nNeedle 2\n")
    ddfs("push", "t", str(tmp_path / "f"))
    ddfs("chunk", "c", str(tmp_path / "f"))
    assert lines(ddfs("du", "t")) == ["22\t44\t1\tt"]
    assert lines(ddfs("du", "-H", "t")) == ["22B\t44B\t1\tt"]
    assert len(lines(ddfs("du"))) == 2
    assert lines(ddfs("df")) == ["3145728\t1048576\t2097152\t33%\tlocalhost"]
    assert lines(ddfs("df", "-H")) == ["3.0M\t1.0M\t2.0M\t33%\tlocalhost"]
    for tag in ("t", "c"):
        assert lines(ddfs("grep", "^needle", tag)) == ["needle 1"]
        assert lines(ddfs("grep", "-i", "-c", "^needle", tag)) == ["2"]
        assert lines(ddfs("grep", "-F", "-p", "le 1", tag)) == ["needle 1"]
    assert ddfs("grep", "absent", "t").exit_code == 1
    assert ddfs("grep", "(", "t").exit_code == 2


def test_text_where_records_are_wanted_w19(ddfs, tmp_path):
    (tmp_path / "text").write_text("no records")
    failed = ddfs("xcat", str(tmp_path / "text"))
    assert failed.exit_code == 1
    assert "`ddfs cat` shows it as it is" in failed.stderr


def test_a_bad_name_of_a_tag_is_refused_before_anything_is_sent(ddfs, tmp_path):
    (tmp_path / "text").write_text("x")
    failed = ddfs("push", "data/x", str(tmp_path / "text"))
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert "a tag name is made of" in failed.stderr


def test_job_results_m519(ddfs, master):
    node = master.nodes[0]
    base = f"disco://{node.host}:{node.port}"
    node.files["/part-0"] = b"counts\n"
    node.files["/index.txt.gz"] = gzip.compress(f"0 {base}/part-0\n".encode())
    results = [f"dir://{node.host}:{node.port}/index.txt.gz"]
    master.jobs["old@1:2:3"] = {"status": "ready", "results": results}
    master.jobs["new@1:2:4"] = {"status": "active", "results": []}
    assert ddfs("cat", "-j", "@?old").stdout == "counts\n"
    failed = ddfs("cat", "-j", "@")
    assert failed.stderr == "error: Job new@1:2:4 has no results: its status is active\n"


@pytest.mark.parametrize(
    ("words", "hint"),
    [(["chnk"], "unrecognized command: chnk (did you mean chunk?)"), (["zzz"], "`main help` lists all")],
)
def test_unknown_commands_m517(ddfs, words, hint):
    failed = ddfs(*words)
    assert failed.exit_code == 2
    assert hint in failed.stderr
