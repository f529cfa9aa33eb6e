"""Building packs: any executable with its files, and the same bytes everywhere (M95, M101, M113, M115)."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from unit.jobpack.packs import SCRIPT

from jobpack.build import build_home, build_pack, collect_files, default_prefix
from jobpack.format import JobPack, PackError
from jobpack.unpack import RATIO_FREE_BYTES, Limits, unpack_home, verify_home


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    path = tmp_path / "wc.sh"
    path.write_bytes(SCRIPT)
    return path


def names(home: bytes) -> list[str]:
    return zipfile.ZipFile(BytesIO(home)).namelist()


def test_pack_of_a_worker_alone(worker: Path) -> None:
    """M101, M105: the worker is at the top of the home, and names the job."""
    made = build_pack(worker, inputs=["raw://a"], map=True)
    job = made.job()
    assert (job.worker, job.prefix, job.nr_reduces, job.has_map, job.has_reduce) == (
        "wc.sh",
        "wc",
        1,
        True,
        False,
    )
    assert [(e.path, e.is_executable) for e in verify_home(made.jobhome, "wc.sh")] == [("wc.sh", True)]
    assert JobPack.loads(made.dumps()) == made


def test_pack_says_all_that_it_was_told(worker: Path) -> None:
    made = build_pack(
        worker,
        inputs=["a", ("b", "c")],
        envs={"LANG": "C"},
        files={"conf": b"x"},
        map=True,
        reduce=True,
        partitions=3,
        owner="ann",
        prefix="count",
        scheduler={"max_cores": 2},
        data=b"\0data",
    )
    assert made.jobdict == {
        "prefix": "count",
        "input": ["a", ["b", "c"]],
        "worker": "wc.sh",
        "owner": "ann",
        "nr_reduces": 3,
        "scheduler": {"max_cores": 2},
        "map?": True,
        "reduce?": True,
    }
    assert (made.jobenvs, made.jobdata, names(made.jobhome)) == ({"LANG": "C"}, b"\0data", ["conf", "wc.sh"])


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("wc", "wc"), ("word-count.tar.gz", "word_count"), (".hidden", "job"), ("größe", "gr__e"), ("9", "9")],
)
def test_prefix_is_made_of_the_workers_name(name: str, prefix: str) -> None:
    """M531."""
    assert default_prefix(name) == prefix


def test_binary_worker_runs_from_its_unpacked_home(tmp_path: Path) -> None:
    """M101: a binary is a worker like a script is; `true` stands for one."""
    binary = next(path for path in (Path("/bin/true"), Path("/usr/bin/true")) if path.exists())
    unpack_home(build_pack(binary, inputs=[], map=True).jobhome, tmp_path / "home")
    assert subprocess.run([tmp_path / "home" / "true"], check=False).returncode == 0


def test_directories_are_packed_with_all_below_them(worker: Path, tmp_path: Path) -> None:
    """M113: libraries, scripts, parameters."""
    lib = tmp_path / "lib"
    (lib / "deep" / "__pycache__").mkdir(parents=True)
    (lib / "deep" / "a.txt").write_text("a")
    (lib / "deep" / "__pycache__" / "a.pyc").write_text("never the same")
    (lib / "tool").write_bytes(SCRIPT)
    (lib / "tool").chmod(0o700)
    (lib / "same").symlink_to(lib / "tool")
    made = build_pack(worker, files=[lib])
    found = {entry.path: entry.is_executable for entry in verify_home(made.jobhome, "wc.sh")}
    assert found == {"lib/deep/a.txt": False, "lib/same": True, "lib/tool": True, "wc.sh": True}


def test_same_content_same_bytes(tmp_path: Path) -> None:
    """formats, job pack: neither order, time, owner's umask nor place matters."""
    made = []
    for order, mode, when in ((1, 0o600, 0), (-1, 0o664, 2_000_000_000)):
        folder = tmp_path / str(when)
        folder.mkdir()
        for name in ["b", "a", "wc"][::order]:
            (folder / name).write_text(name * 1000)
            (folder / name).chmod(mode | (0o100 if name == "b" else 0))
            os.utime(folder / name, (when, when))
        files = {name: folder / name for name in ["a", "b"][::order]}
        made.append(build_pack(folder / "wc", files=files, inputs=["x"], envs={"B": "1", "A": "2"}).dumps())
    assert made[0] == made[1]


def test_same_bytes_in_another_process(worker: Path) -> None:
    """... nor the process's hash seed, time zone or locale."""
    script = (
        "import sys, pathlib; from jobpack.build import build_pack;"
        "f = {n: n.encode() for n in set('abcdefgh')};"
        "sys.stdout.buffer.write(build_pack(pathlib.Path(sys.argv[1]), files=f, inputs=['x']).dumps())"
    )
    outs = {
        subprocess.run(
            [sys.executable, "-c", script, str(worker)],
            env={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"},
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(outs) == 1
    assert JobPack.loads(outs.pop()).job().worker == "wc.sh"


def test_entries_forget_time_and_owner() -> None:
    info = zipfile.ZipFile(BytesIO(build_home({"x": b"1"}))).infolist()[0]
    assert (info.date_time, info.create_system, info.external_attr >> 16) == (
        (1980, 1, 1, 0, 0, 0),
        3,
        0o100644,
    )


def test_content_as_regular_as_a_bomb_is_stored(tmp_path: Path) -> None:
    """Whatever is built can be unpacked."""
    home = build_home({"wc": SCRIPT, "zeros": bytes(RATIO_FREE_BYTES)})
    assert len(home) > RATIO_FREE_BYTES
    unpack_home(home, tmp_path / "home")
    assert len(build_home({"wc": SCRIPT, "zeros": bytes(RATIO_FREE_BYTES - len(SCRIPT))})) < 100_000


def test_limits_of_a_home_on_both_sides() -> None:
    files = {"a": b"123", "b": b"456"}
    assert build_home(files, limits=Limits(max_entries=2, max_home_bytes=6)) == build_home(files)
    with pytest.raises(PackError, match="2 files; at most 1 are"):
        build_home(files, limits=Limits(max_entries=1))
    with pytest.raises(PackError, match="6 bytes; at most 5 are"):
        build_home(files, limits=Limits(max_home_bytes=5))


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"../up": b""}, ".."),
        ({"/abs": b""}, "absolute"),
        ({".disco/x": b""}, "reserves"),
        ({"a": b"", "a/b": b""}, "both a file and a directory"),
        ({"a": b"", "./a": b""}, "two files"),
        ({"\udcff": b""}, "Unicode"),
        ({"": b""}, "no file"),
    ],
)
def test_names_that_no_node_takes_are_refused(files: dict[str, bytes], why: str) -> None:
    with pytest.raises(PackError, match=r"^bad job pack: jobhome: ") as caught:
        build_home(files)
    assert why in caught.value.reason


def test_two_things_of_one_name_are_refused(worker: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "wc.sh").write_text("other")
    with pytest.raises(PackError, match="both called"):
        build_pack(worker, files=[tmp_path / "other" / "wc.sh"])
    with pytest.raises(PackError, match="two files"):
        collect_files([worker, tmp_path / "other" / "wc.sh"])
    assert names(build_pack(worker, files=[worker]).jobhome) == ["wc.sh"]


def test_links_to_directories_and_special_files_are_refused(worker: Path, tmp_path: Path) -> None:
    lib = tmp_path / "lib"
    lib.mkdir()
    (lib / "loop").symlink_to(lib)
    with pytest.raises(PackError, match="link to a directory"):
        build_pack(worker, files=[lib])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PackError, match="neither a file nor a directory"):
        build_pack(worker, files=[tmp_path / "pipe"])


def test_job_is_checked_before_files_are_read(worker: Path) -> None:
    with pytest.raises(PackError, match=r"jobdict\.nr_reduces"):
        build_pack(worker, partitions=-1)
    with pytest.raises(PackError, match=r"jobdict\.input"):
        build_pack(worker, inputs="http://host/a-text-is-no-list")
    with pytest.raises(PackError, match="jobenvs"):
        build_pack(worker, envs={"A=B": "c"})
    with pytest.raises(FileNotFoundError, match="nowhere"):
        build_pack(worker.parent / "nowhere")
