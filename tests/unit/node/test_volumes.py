"""DDFS on disk: names, places, modes, and nothing half written (M212-M226, 5.5, 5.6, F17-F19)."""

from __future__ import annotations

import hashlib
import io
import stat

import pytest

from disco_master.node.storage.volumes import (
    MAX_OBJECT_BYTES,
    MAX_TAG_BYTES,
    Check,
    Kind,
    NameRefusedError,
    NoVolumeError,
    Volumes,
    check_blob,
    check_name,
)

NAME = "data:log-1$5a1-b2c3-00"


@pytest.fixture
def volumes(tmp_path):
    return Volumes(tmp_path / "ddfs", "node1")


def test_vol0_is_made_if_there_is_none(tmp_path, volumes):
    """M41."""
    assert volumes.list() == [tmp_path / "ddfs/vol0"] and volumes.list()[0].is_dir()


def test_every_directory_named_vol_is_a_volume(tmp_path, volumes):
    """M41, M223: links to disks too."""
    (tmp_path / "ddfs").mkdir()
    (tmp_path / "disk").mkdir()
    for name in ("vol1", "volume-b", "other"):
        (tmp_path / "ddfs" / name).mkdir()
    (tmp_path / "ddfs/vol2").symlink_to(tmp_path / "disk")
    (tmp_path / "ddfs/vol3").write_text("a file")
    assert [v.name for v in volumes.list()] == ["vol1", "vol2", "volume-b"]


def test_a_blob_lies_where_the_documents_say(tmp_path, volumes):
    """M213: mode 0400, HH of the whole object name."""
    path = volumes.put_blob(NAME, io.BytesIO(b"content"))
    hh = hashlib.md5(NAME.encode()).hexdigest()[:2]
    assert path == tmp_path / "ddfs/vol0/blob" / hh / NAME
    assert path.read_bytes() == b"content" and stat.S_IMODE(path.stat().st_mode) == 0o400
    assert volumes.url(path) == f"disco://node1/ddfs/vol0/blob/{hh}/{NAME}"
    assert list(path.parent.iterdir()) == [path]  # no partial file, no sum beside it


def test_blobs_are_written_once_whatever_the_volume(tmp_path, volumes):
    for name in ("vol0", "vol1"):
        (tmp_path / "ddfs" / name).mkdir(parents=True)
    volumes.put_blob(NAME, io.BytesIO(b"first"))
    with pytest.raises(FileExistsError):
        volumes.put_blob(NAME, io.BytesIO(b"second"))
    assert len(list((tmp_path / "ddfs").rglob(NAME))) == 1
    assert volumes.find(Kind.BLOB, NAME).read_bytes() == b"first"


def test_a_failed_upload_leaves_nothing(tmp_path, volumes):
    class Broken(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, buffer):
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError):
        volumes.put_blob(NAME, Broken())
    assert [p for p in (tmp_path / "ddfs").rglob("*") if p.is_file()] == []


def test_the_sum_of_a_blob_finds_damage(tmp_path, volumes):
    path = volumes.put_blob(NAME, io.BytesIO(b"x" * 1_000_000))
    if check_blob(path) is Check.UNKNOWN:
        pytest.skip("no extended attributes here")
    assert check_blob(path) is Check.GOOD
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(500_000)
        file.write(b"y")
    assert check_blob(path) is Check.BAD
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"x")
    assert check_blob(foreign) is Check.UNKNOWN and check_blob(tmp_path / "gone") is Check.UNKNOWN


@pytest.mark.parametrize(
    "name",
    ["a$0-0-0", "A:b@c_d-e$5a1-b2c3-00", "x" * (MAX_OBJECT_BYTES - 6) + "$0-0-0"],
)
def test_good_names(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "a", "$0-0-0", "a$", "a$0-0", "a$0-0-0-0", "a$0-0-G", "a$A-0-0", "a b$0-0-0", "a/b$0-0-0",
        "../a$0-0-0",
        "a.b$0-0-0", "a$0-0-0\n", "a\0$0-0-0", "%2e%2e$0-0-0", "é$0-0-0", "!partial.a$0-0-0", "٣$0-0-0",
        "x" * (MAX_OBJECT_BYTES - 5) + "$0-0-0", "x" * 512 + "$0-0-0",
    ],
)  # fmt: skip
def test_bad_names_never_reach_the_disk(tmp_path, volumes, name):
    for call in (
        lambda: check_name(name),
        lambda: volumes.put_blob(name, io.BytesIO(b"")),
        lambda: volumes.find(Kind.TAG, name),
        lambda: volumes.write_tag(name, "{}"),
        lambda: volumes.commit_tag(name),
        lambda: volumes.delete(Kind.TAG, name),
    ):
        with pytest.raises(NameRefusedError):
            call()
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_tag_appears_when_it_is_committed(volumes):
    """F17: `!partial.` until then."""
    partial = volumes.write_tag(NAME, '{"urls": []}')
    assert partial.name == f"!partial.{NAME}" and list(volumes.names(Kind.TAG)) == []
    assert volumes.find(Kind.TAG, NAME) is None
    path = volumes.commit_tag(NAME)
    assert path == volumes.commit_tag(NAME) == volumes.find(Kind.TAG, NAME)
    assert path.read_text() == '{"urls": []}' and stat.S_IMODE(path.stat().st_mode) == 0o400
    assert list(volumes.names(Kind.TAG)) == [NAME] and list(volumes.names(Kind.BLOB)) == []
    assert not partial.exists()


def test_a_tag_written_twice_is_the_last_and_one_never_written_cannot_be_committed(volumes):
    volumes.write_tag(NAME, "first")
    volumes.write_tag(NAME, "second")
    assert volumes.commit_tag(NAME).read_text() == "second"
    with pytest.raises(FileNotFoundError):
        volumes.commit_tag("other$0-0-0")


@pytest.mark.parametrize(("text", "fits"), [("12345678é", True), ("123456789é", False)])
def test_the_size_of_a_tag_is_bounded(tmp_path, text, fits):
    """M680: in bytes."""
    assert MAX_TAG_BYTES == 512 << 20
    volumes = Volumes(tmp_path / "ddfs", "n", max_tag_bytes=10)
    if fits:
        assert volumes.write_tag(NAME, text).read_text() == text
    else:
        with pytest.raises(ValueError, match="at most 10"):
            volumes.write_tag(NAME, text)
        assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_delete_says_whether_it_was_there(volumes):
    volumes.write_tag(NAME, "{}")
    volumes.commit_tag(NAME)
    partial = volumes.write_tag(NAME, "{}")
    assert volumes.delete(Kind.TAG, NAME) is True and not partial.exists()
    assert volumes.delete(Kind.TAG, NAME) is False


def test_all_versions_of_all_volumes_are_listed_and_foreign_files_are_not(tmp_path, volumes):
    """M214: one file a version."""
    (tmp_path / "ddfs/vol0/tag/zz").mkdir(parents=True)
    (tmp_path / "ddfs/vol1/tag/aa").mkdir(parents=True)
    for path in ("vol0/tag/zz/a$1-0-0", "vol0/tag/zz/a$2-0-0", "vol1/tag/aa/b$1-0-0", "vol1/tag/aa/README"):
        (tmp_path / "ddfs" / path).write_text("{}")
    (tmp_path / "ddfs/vol0/tag/zz/!partial.c$1-0-0").write_text("{}")
    assert sorted(volumes.names(Kind.TAG)) == ["a$1-0-0", "a$2-0-0", "b$1-0-0"]


def test_the_disk_is_counted_once_and_the_emptiest_volume_taken(tmp_path, volumes):
    """M223: two volumes on one file system have its space, not twice of it."""
    one = volumes.disk()
    (tmp_path / "ddfs/vol1").mkdir()
    two = volumes.disk()
    assert one.free_bytes > 0 and one.used_bytes > 0
    assert abs(two.free_bytes - one.free_bytes) < one.free_bytes / 10
    assert volumes.emptiest() in volumes.list()


def test_no_volume_can_be_had(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError):
        Volumes(tmp_path / "file", "n").emptiest()
    assert issubclass(NoVolumeError, OSError)
