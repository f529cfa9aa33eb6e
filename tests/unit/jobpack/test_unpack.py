"""Unpacking job homes: what is taken, what is refused, and that nothing is left of a refused one (M113)."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from unit.jobpack.packs import HOME, SCRIPT, WORKER, archive, entry, pack, unpack_file

from jobpack.format import PackError
from jobpack.unpack import MAX_RATIO, Budget, Limits, list_home, unpack_home, unpack_pack, verify_home


def refused(home: bytes, folder: Path, limits: Limits | None = None) -> str:
    """The reason why a home is refused; checks that no trace of it is left."""
    before = sorted(folder.iterdir())
    with pytest.raises(PackError) as caught:
        unpack_home(home, folder / "home", limits=limits or Limits())
    assert caught.value.field == "jobhome"
    assert sorted(folder.iterdir()) == before
    with pytest.raises(PackError):
        verify_home(home, "wc", limits=limits or Limits())
    return caught.value.reason


def test_home_is_unpacked_with_its_modes(tmp_path: Path) -> None:
    """M113."""
    home = archive(
        WORKER,
        ("lib/deep/er/a.txt", b"a" * 100_000),
        (entry("setuid", stat.S_IFREG | 0o6711), b"s"),
        (entry("empty/", stat.S_IFDIR | 0o755), b""),
        ("none", b""),
        method=zipfile.ZIP_DEFLATED,
    )
    unpack_home(home, tmp_path / "x" / "home")
    root = tmp_path / "x" / "home"
    assert (root / "wc").read_bytes() == SCRIPT
    assert (root / "lib/deep/er/a.txt").read_bytes() == b"a" * 100_000
    assert (root / "none").read_bytes() == b""
    assert (root / "empty").is_dir()
    modes = {name: stat.S_IMODE((root / name).stat().st_mode) for name in ("wc", "none", "setuid", ".")}
    umask = os.umask(0)
    os.umask(umask)
    assert modes == {"wc": 0o755 & ~umask, "none": 0o644 & ~umask, "setuid": 0o755 & ~umask, ".": 0o755}
    assert sorted(path.name for path in (tmp_path / "x").iterdir()) == ["home"]


def test_home_is_found_inside_a_pack(tmp_path: Path) -> None:
    """M113: by path, by path with offset and length, and by open file; job data may follow."""
    content = pack(data=b"PK\x05\x06 looks like the end of an archive" + bytes(300))
    assert (unpack_file(content, tmp_path) / "wc").read_bytes() == SCRIPT
    offset = content.index(HOME)
    unpack_home(tmp_path / "jobfile", tmp_path / "by-path", offset=offset, length=len(HOME))
    unpack_home(io.BytesIO(b"junk" + HOME), tmp_path / "by-file", offset=4)
    unpack_home(memoryview(HOME), tmp_path / "by-view")
    assert {path.name for path in tmp_path.glob("*/wc")} == {"wc"}
    assert len(list(tmp_path.glob("*/wc"))) == 4


def test_destination_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("full", "file", "link"):
        with pytest.raises(FileExistsError, match=name):
            unpack_home(HOME, tmp_path / name)
    assert (tmp_path / "full" / "mine").read_text() == (tmp_path / "file").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    unpack_home(HOME, tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "full", "link"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/passwd", "absolute"),
        ("../up", ".."),
        ("a/../../up", ".."),
        ("a/..", ".."),
        ("../", ".."),
        ("c:/x", "drive"),
        ("C:x", "drive"),
        ("a\\b", "backslash"),
        ("..\\up", "backslash"),
        (".disco/x", "reserves"),
        ("./.disco/x", "reserves"),
        (".disco/", "reserves"),
        (".jobhome", "reserves"),
        ("./", "no file"),
        ("x" * 256, "255"),
    ],
)
def test_bad_names_are_refused(name: str, why: str, tmp_path: Path) -> None:
    """M113: nothing outside the home, nothing in the way of Disco's own files."""
    assert why in refused(archive(WORKER, (name, b"")), tmp_path)


def test_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    home = archive(WORKER, ("evilX.txt", b"x")).replace(b"evilX.txt", b"evil\0.txt")
    assert "NUL" in refused(home, tmp_path)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (stat.S_IFLNK, "symbolic link"),
        (stat.S_IFIFO, "special"),
        (stat.S_IFCHR, "special"),
        (stat.S_IFBLK, "special"),
        (stat.S_IFSOCK, "special"),
        (stat.S_IFDIR, "special"),
    ],
)
def test_only_files_and_directories(kind: int, why: str, tmp_path: Path) -> None:
    assert why in refused(archive(WORKER, (entry("x", kind | 0o777), b"/etc/passwd")), tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a", "a"], "twice"),
        (["a", "./a"], "twice"),
        (["a/", "a"], "twice"),
        (["a", "a/b"], "both a file and a directory"),
        (["a/b/c", "a/b"], "both a file and a directory"),
    ],
)
def test_names_that_collide_are_refused(names: list[str], why: str, tmp_path: Path) -> None:
    entries = [(entry(n, stat.S_IFDIR | 0o755 if n.endswith("/") else stat.S_IFREG), b"") for n in names]
    assert why in refused(archive(WORKER, *entries), tmp_path)


def test_encrypted_entries_are_refused(tmp_path: Path) -> None:
    home = bytearray(HOME)
    central = home.index(b"PK\x01\x02")
    home[6] |= 1
    home[central + 8] |= 1
    assert "encrypted" in refused(bytes(home), tmp_path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_memory_has_no_bound_are_refused(method: int, tmp_path: Path) -> None:
    assert "neither stored nor deflated" in refused(archive(WORKER, method=method), tmp_path)


@pytest.mark.parametrize("home", [b"", b"PK", b"no archive at all", HOME[:-1], HOME[:40]])
def test_what_is_no_archive_is_refused(home: bytes, tmp_path: Path) -> None:
    assert "ZIP" in refused(home, tmp_path)


def test_empty_home_says_so(tmp_path: Path) -> None:
    assert refused(b"", tmp_path).startswith("is empty")


def test_archive_cannot_reach_before_its_own_start(tmp_path: Path) -> None:
    """It claims to lie later than it does, so that its entry would come from the section before it."""
    at = HOME.index(b"PK\x05\x06") + 16
    real = struct.unpack_from("<I", HOME, at)[0]
    moved = HOME[:at] + struct.pack("<I", real + len(HOME)) + HOME[at + 4 :]
    with pytest.raises(PackError, match="'wc' is damaged"):
        unpack_home(io.BytesIO(HOME + moved), tmp_path / "home", offset=len(HOME))
    assert list(tmp_path.iterdir()) == []


def test_damaged_content_is_refused_and_named(tmp_path: Path) -> None:
    """The fault is in the second file: the first is gone again too."""
    home = archive(WORKER, ("later", b"content"))
    assert "'later' is damaged" in refused(home.replace(b"content", b"cOntent"), tmp_path)


# ---- counts and bombs


def test_number_of_entries_on_both_sides(tmp_path: Path) -> None:
    home = archive(WORKER, ("a", b""), ("b", b""))
    unpack_home(home, tmp_path / "three", limits=Limits(max_entries=3))
    # Counted in the archive's own list, before an object is made of each.
    assert "more than 2 entries" in refused(home, tmp_path, Limits(max_entries=2))


def test_total_size_on_both_sides(tmp_path: Path) -> None:
    home = archive(WORKER, ("a", b"x" * 1000))
    total = 1000 + len(SCRIPT)
    unpack_home(home, tmp_path / "fits", limits=Limits(max_home_bytes=total))
    assert str(total - 1) in refused(home, tmp_path, Limits(max_home_bytes=total - 1))


def test_real_bytes_are_counted() -> None:
    budget = Budget(10)
    budget.take(4)
    budget.take(6)
    with pytest.raises(PackError, match="more than the 10 bytes"):
        budget.take(1)


def test_compression_bomb_is_refused(tmp_path: Path) -> None:
    bomb = archive(WORKER, ("zeros", bytes(300_000)), method=zipfile.ZIP_DEFLATED)
    assert MAX_RATIO * len(bomb) < 300_000
    assert "inflate" in refused(bomb, tmp_path, Limits(ratio_free_bytes=100_000))
    unpack_home(bomb, tmp_path / "small", limits=Limits(ratio_free_bytes=300_000 + len(SCRIPT)))


def test_bomb_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    """The header claims ten bytes; the real ones are inflated, counted and found to disagree."""
    content = bytes(5_000_000)
    bomb = archive(WORKER, ("zeros", content), method=zipfile.ZIP_DEFLATED)
    liar = bomb.replace(struct.pack("<I", len(content)), struct.pack("<I", 10))
    assert liar != bomb
    assert "damaged" in refused(liar, tmp_path)


def test_overlapping_entries_are_counted_as_often_as_they_inflate(tmp_path: Path) -> None:
    """One body under many names: every copy counts, claimed or not."""
    names = [f"f{i}" for i in range(20)]
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = body.compress(bytes(50_000)) + body.flush()
    crc = zlib.crc32(bytes(50_000))
    sizes = struct.pack("<III", crc, len(data), 50_000)
    local = (
        b"PK\x03\x04"
        + struct.pack("<HHHHH", 20, 0, 8, 0, 33)
        + sizes
        + struct.pack("<HH", 2, 0)
        + b"f0"
        + data
    )
    central = b"".join(
        b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 33) + sizes
        + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name.encode()
        for name in names
    )  # fmt: skip
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 20, 20, len(central), len(local), 0)
    refused(local + central + end, tmp_path, Limits(ratio_free_bytes=1_000_000 - 1, max_ratio=1))


# ---- looking without writing


def test_list_names_what_would_be_unpacked() -> None:
    entries = list_home(archive(WORKER, ("lib/a", b"abc")))
    assert [(e.path, e.is_executable, e.size_bytes) for e in entries] == [
        ("wc", True, len(SCRIPT)),
        ("lib/a", False, 3),
    ]


def test_worker_must_be_in_the_home() -> None:
    """M101, M113."""
    assert [e.path for e in verify_home(HOME, "wc")] == ["wc"]
    for worker in ("other", "lib"):
        with pytest.raises(PackError, match=r"jobdict\.worker: '(other|lib)' is no file of the job home"):
            verify_home(archive(WORKER, (entry("lib/", stat.S_IFDIR), b"")), worker)


def test_pack_with_a_bad_header_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "jobfile").write_bytes(pack(version=9))
    with pytest.raises(PackError, match="version"):
        unpack_pack(tmp_path / "jobfile", tmp_path / "home")
    assert [path.name for path in tmp_path.iterdir()] == ["jobfile"]
