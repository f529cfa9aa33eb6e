"""Job homes are unpacked once and whole (5.6, F17)."""

from __future__ import annotations

import hashlib
import threading

import pytest
from unit.node.rooms import pack

from disco_master.node.homes import MAX_NAME_BYTES, HomeError, Homes

JOB = "test@1:2:3"


@pytest.fixture
def homes(tmp_path, packs):
    packs.add(JOB, pack({"worker": "#!/bin/sh\n", "lib/data": "d"}))
    return Homes(tmp_path / "data", "node1", packs.fetch)


def test_a_home_lies_where_the_documents_say(tmp_path, packs, homes):
    """F18: HH is the first byte of the MD5 of the job's name."""
    home = homes.open(JOB)
    hh = hashlib.md5(JOB.encode()).hexdigest()[:2]
    assert home.path == tmp_path / "data" / "node1" / hh / JOB
    assert home.base_url == f"disco://node1/disco/node1/{hh}/{JOB}/"
    assert sorted(p.name for p in home.path.iterdir()) == [".jobhome", "jobfile", "lib", "worker"]
    assert (home.path / ".jobhome").read_bytes() == b""
    assert (home.path / "worker").stat().st_mode & 0o777 == 0o755
    assert home.jobfile.stat().st_ino == (packs.root / JOB).stat().st_ino  # linked, not copied


def test_many_threads_unpack_once(packs, homes):
    found = []
    threads = [threading.Thread(target=lambda: found.append(homes.open(JOB))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(map(id, found))) == 1 and packs.fetched == [JOB]


def test_a_home_that_is_there_is_used_as_it_is(tmp_path, packs, homes):
    (homes.open(JOB).path / "output").write_text("kept")
    again = Homes(tmp_path / "data", "node1", packs.fetch)
    assert (again.open(JOB).path / "output").read_text() == "kept" and packs.fetched == [JOB]


def test_a_home_without_the_mark_is_made_anew(tmp_path, packs, homes):
    path = homes.open(JOB).path
    (path / ".jobhome").unlink()
    (path / "half").write_text("x")
    again = Homes(tmp_path / "data", "node1", packs.fetch).open(JOB)
    assert not (again.path / "half").exists() and (again.path / ".jobhome").exists()


def test_what_a_crash_left_is_cleared(homes):
    home = homes.open(JOB)
    for name in (".unpacking-other@1", ".unpack-8a7b", ".deleting-old@1"):
        (home.path.with_name(name) / "deep").mkdir(parents=True)
    homes.clear_leftovers()
    assert list(home.path.parent.iterdir()) == [home.path]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pack({"other": "x"}), "'worker' is not in the job home"),
        (pack({"../evil": "x", "worker": "#!/bin/sh\n"}), ".."),
        (pack({"worker": "x"})[:-30], "jobdata_offset"),
        (pack({"worker": "x"}).replace(b"PK", b"KP"), "jobhome"),
    ],
)
def test_bad_packs_leave_nothing_behind(packs, homes, data, said):
    packs.add("bad@1", data)
    with pytest.raises(HomeError) as caught:
        homes.open("bad@1")
    assert caught.value.lasting and said in str(caught.value)
    left = [p for p in homes.path("bad@1").parent.glob("*") if p.name != "bad@1"]
    assert left == [] and not (homes.root / "evil").exists()


def test_a_fetch_that_fails_may_be_tried_again(packs, homes):
    with pytest.raises(HomeError) as caught:
        homes.open("later@1")
    assert not caught.value.lasting
    packs.add("later@1", pack({"worker": "#!/bin/sh\n"}))
    assert homes.open("later@1").path.exists()


def test_delete_takes_everything_and_the_job_can_come_again(packs, homes):
    path = homes.open(JOB).path
    (path / "link").symlink_to("/")
    homes.delete(JOB)
    assert not path.exists() and (packs.root / JOB).exists()
    homes.delete(JOB)
    assert homes.open(JOB).path == path and packs.fetched == [JOB, JOB]


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "/etc", "a\0", "x" * (MAX_NAME_BYTES + 1)])
def test_names_that_no_job_has_are_refused(homes, name):
    for call in (homes.path, homes.open, homes.delete):
        with pytest.raises(HomeError):
            call(name)


def test_the_longest_name_works(packs, homes):
    name = "x" * MAX_NAME_BYTES
    packs.add(name, pack({"worker": "#!/bin/sh\n"}))
    assert homes.open(name).path.name == name
    homes.delete(name)


def test_a_file_of_the_jobs_own_cannot_pose_as_the_pack(packs, homes):
    packs.add("pose@1", pack({"worker": "#!/bin/sh\n", "jobfile": "fake"}))
    assert homes.open("pose@1").jobfile.read_bytes() == (packs.root / "pose@1").read_bytes()
