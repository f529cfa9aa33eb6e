"""Packs that nobody thought of: each is taken, or refused with a named reason, leaving nothing (M97)."""

from __future__ import annotations

import stat
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.jobpack.packs import JOBDICT, WORKER, accept, archive, entry, jobdict, pack

from jobpack.build import build_home
from jobpack.format import SECTIONS, JobPack, PackError
from jobpack.unpack import Limits, unpack_pack

FIELDS = ("magic", "version", "header", "pack", *SECTIONS, *(f"{name}_offset" for name in SECTIONS))
SMALL = Limits(max_entries=50, max_home_bytes=1 << 20)

seeded = settings(max_examples=400, deadline=None, database=None, derandomize=True)

names = st.text(min_size=1, max_size=12).filter(lambda name: "=" not in name and "\0" not in name)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
urls = st.text(min_size=1, max_size=20).filter(lambda url: "\0" not in url)
good_jobs = st.fixed_dictionaries(
    {
        "prefix": st.from_regex(r"[a-zA-Z0-9_]{1,20}", fullmatch=True),
        "input": st.lists(urls | st.lists(urls, min_size=1, max_size=3), max_size=4),
        "worker": st.just("wc"),
        "owner": urls,
        "nr_reduces": st.integers(0, 1000),
        "scheduler": st.fixed_dictionaries(
            {}, optional={"max_cores": st.integers(1, 2**40), "force_local": st.booleans()}
        ),
        "map?": st.just(True),
    },
    optional={"reduce?": st.booleans(), "more": st.text()},
)
paths = st.lists(st.from_regex(r"[a-z]{1,3}", fullmatch=True), min_size=1, max_size=4).map("/".join)

environments = st.dictionaries(names, names, max_size=4)
homes = st.dictionaries(paths, st.binary(max_size=200), max_size=5)


def unpack_or_refuse(content: bytes) -> PackError | None:
    """Do all that the master and a node do with a pack; gives the refusal. Checks that it is named, and
    that the home is there whole or not at all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "jobfile").write_bytes(content)
        try:
            made = accept(content)
            unpack_pack(folder / "jobfile", folder / "home", limits=SMALL)
        except PackError as error:
            assert error.field.partition(".")[0] in FIELDS
            assert 0 < len(error.reason) < 300
            assert [path.name for path in folder.iterdir()] == ["jobfile"]
            return error
        assert (folder / "home" / made.job().worker).is_file()
        assert sorted(path.name for path in folder.iterdir()) == ["home", "jobfile"]
        assert not any(path.is_symlink() for path in folder.rglob("*"))
    return None


def flipped(content: bytes, changes: list[tuple[int, int]]) -> bytes:
    changed = bytearray(content)
    for at, value in changes:
        changed[at % len(changed)] = value
    return bytes(changed)


RICH = pack(
    jobdict(scheduler={"max_cores": 2}),
    {"LANG": "C"},
    archive(WORKER, ("lib/a", b"a" * 300), (entry("d/", stat.S_IFDIR), b""), method=zipfile.ZIP_DEFLATED),
    b"data",
)
HOME_START, DATA_START = struct.unpack(">2I", RICH[12:20])
changes = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4)


@seeded
@given(good_jobs, environments, homes, st.binary(max_size=100))
def test_good_packs_are_taken_and_come_back(
    job: dict[str, Any], envs: dict[str, str], files: dict[str, bytes], data: bytes
) -> None:
    # Paths of one depth can't be in each other's way.
    files = {f"x{path.count('/')}/{path}": content for path, content in files.items()}
    made = JobPack(job, envs, build_home({"wc": WORKER[1], **files}, {"wc"}), data)
    content = made.dumps()
    assert JobPack.loads(content) == made
    assert JobPack.loads(content).dumps() == content
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "jobfile").write_bytes(content)
        unpack_pack(Path(name) / "jobfile", Path(name) / "home")
        home = Path(name) / "home"
        found = {str(p.relative_to(home)): p.read_bytes() for p in home.rglob("*") if p.is_file()}
    assert found == {"wc": WORKER[1], **files}
    assert len(accept(content).job().inputs) == len(job["input"])


@seeded
@given(changes)
def test_flipped_bytes(changed: list[tuple[int, int]]) -> None:
    unpack_or_refuse(flipped(RICH, changed))


@seeded
@given(changes)
def test_flipped_bytes_in_the_archive(changed: list[tuple[int, int]]) -> None:
    home = flipped(RICH[HOME_START:DATA_START], changed)
    unpack_or_refuse(RICH[:HOME_START] + home + RICH[DATA_START:])


@seeded
@given(st.integers(0, len(RICH)), st.integers(0, len(RICH)), st.binary(max_size=20))
def test_cut_and_pasted(start: int, end: int, pasted: bytes) -> None:
    unpack_or_refuse(RICH[:start] + pasted + RICH[end:])


@seeded
@given(st.lists(st.integers(0, 2**32 - 1) | st.integers(100, len(RICH) + 10), min_size=4, max_size=4))
def test_any_offsets(offsets: list[int]) -> None:
    content = RICH[:4] + struct.pack(">4I", *offsets) + RICH[20:]
    is_ordered = offsets[0] >= 128 and offsets == sorted(offsets) and offsets[-1] <= len(RICH)
    error = unpack_or_refuse(content)
    assert error is not None or is_ordered
    assert error is None or is_ordered != error.field.endswith("_offset")


@seeded
@given(st.sampled_from(sorted(JOBDICT)), json_values)
def test_any_value_in_the_job_dict(key: str, value: object) -> None:
    error = unpack_or_refuse(pack(JOBDICT | {key: value}))
    # NaN and the like are no JSON, so the whole section is at fault.
    assert error is None or error.field == "jobdict" or error.field.startswith(f"jobdict.{key}")


@seeded
@given(st.binary(max_size=300))
def test_any_bytes_behind_the_magic(content: bytes) -> None:
    assert unpack_or_refuse(RICH[:4] + content) is not None


@pytest.mark.filterwarnings("ignore:Duplicate name")
@seeded
@given(
    st.lists(
        st.tuples(
            st.lists(
                st.sampled_from(["a", "b", "..", ".", "", ".disco", "c:", "\\", "wc"]), min_size=1, max_size=4
            ),
            st.sampled_from([0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO]),
        ),
        max_size=4,
    )
)
def test_any_entries(entries: list[tuple[list[str], int]]) -> None:
    """Zip-slip in all its spellings: nothing is ever written outside the home."""
    made: list[tuple[zipfile.ZipInfo, bytes]] = [
        (entry("/".join(parts), kind | 0o777), b"x") for parts, kind in entries
    ]
    unpack_or_refuse(pack(home=archive(WORKER, *made)))


@pytest.mark.parametrize("mutate", [lambda: RICH, lambda: RICH + b"more job data"])
def test_unharmed_packs_are_taken(mutate: Callable[[], bytes]) -> None:
    """The checks above could pass by refusing everything."""
    assert unpack_or_refuse(mutate()) is None
