"""The layout of a job pack, and its two JSON sections (M95, M96, M97, M98, M112, M114)."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from unit.jobpack.packs import HOME, JOBDICT, jobdict, pack

from jobpack import format as fmt
from jobpack.format import JobPack, PackError, read_header, read_section


def refused(content: bytes) -> PackError:
    with pytest.raises(PackError) as caught:
        JobPack.loads(content)
    return caught.value


def test_header_is_laid_out_as_documented() -> None:
    """M96: magic, version, four offsets, zeros up to 128, the sections one after another."""
    content = JobPack({"a": 1}, {"B": "c"}, b"home", b"data").dumps()
    assert content[:4] == bytes.fromhex("d5c00001")
    assert struct.unpack(">4I", content[4:20]) == (128, 135, 144, 148)
    assert content[20:128] == bytes(108)
    assert content[128:] == b'{"a":1}{"B":"c"}homedata'


def test_every_part_comes_back() -> None:
    """M95, M114: what is written is what is read, free bytes included."""
    made = JobPack(JOBDICT, {"LANG": "C", "ÄÖ": "ü"}, HOME, bytes(range(256)))
    assert JobPack.loads(made.dumps()) == made
    assert JobPack.loads(memoryview(made.dumps())) == made
    assert JobPack.load(io.BytesIO(made.dumps())) == made


def test_key_order_does_not_change_the_bytes() -> None:
    turned = dict(reversed(JOBDICT.items()))
    assert JobPack(JOBDICT, {}, HOME, b"").dumps() == JobPack(turned, {}, HOME, b"").dumps()


def test_hand_written_pack_is_read() -> None:
    made = JobPack.loads(pack(data=b"xyz"))
    assert (made.jobdict, made.jobenvs, made.jobhome, made.jobdata) == (JOBDICT, {}, HOME, b"xyz")


def test_gap_after_the_header_and_reserved_bytes_are_allowed() -> None:
    """M97: offsets are at least 128; the reserved bytes are nobody's business yet."""
    text = json.dumps(JOBDICT).encode()
    start = 140
    ends = (start + len(text), start + len(text) + 2)
    head = struct.pack(">HH4I", 0xD5C0, 1, start, *ends, ends[1] + len(HOME)).ljust(start, b"\xff")
    assert JobPack.loads(head + text + b"{}" + HOME).jobhome == HOME


@pytest.mark.parametrize("length", [0, 1, 2, 4, 19, 20, 127])
def test_short_file_is_named(length: int) -> None:
    assert refused(pack()[:length]).field == "header"


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"PK\x03\x04" + bytes(200), "magic"),
        (b"P", "header"),
        (pack(version=0), "version"),
        (pack(version=2), "version"),
        (pack(offsets=(127, 200, 300, 400)), "jobdict_offset"),
        (pack(offsets=(0, 0, 0, 0)), "jobdict_offset"),
        (pack(offsets=(130, 129, 300, 400)), "jobenvs_offset"),
        (pack(offsets=(128, 200, 199, 400)), "jobhome_offset"),
        (pack(offsets=(128, 200, 210, 209)), "jobdata_offset"),
        (pack(offsets=(2**32 - 1, 200, 210, 220)), "jobdict_offset"),
        (pack(offsets=(128, 200, 210, 2**32 - 1)), "jobdata_offset"),
    ],
)
def test_bad_header_is_named(content: bytes, field: str) -> None:
    """M97: each number of the header is refused by its own name."""
    assert refused(content).field == field


def test_offset_may_be_the_end_of_the_file_and_not_one_more() -> None:
    content = pack()
    size = len(content)
    starts = struct.unpack(">3I", content[4:16])
    assert JobPack.loads(pack(offsets=(*starts, size))).jobdata == b""
    error = refused(pack(offsets=(*starts, size + 1)))
    assert error.field == "jobdata_offset"
    assert str(size) in error.reason


def test_every_truncation_is_refused_or_shortens_the_last_sections() -> None:
    content = pack(data=b"some data")
    start = struct.unpack(">4I", content[4:20])[3]
    for length in range(start):
        refused(content[:length])
    assert JobPack.loads(content[: start + 4]).jobdata == b"some"


# ---- the limit


def test_limit_is_a_gibibyte_on_both_sides(tmp_path: Path) -> None:
    """M98: exactly 1 GiB is taken, a byte more is not; the file is sparse and only its header is read."""
    path = tmp_path / "big.pack"
    path.write_bytes(pack())
    with path.open("r+b") as file:
        file.truncate(1 << 30)
        start, length = read_header(file).span("jobdata")
        assert start + length == 1 << 30
        file.truncate((1 << 30) + 1)
        with pytest.raises(PackError) as caught:
            read_header(file)
    assert caught.value.field == "pack"
    assert str(1 << 30) in caught.value.reason


def test_limit_holds_for_reading_and_writing_alike() -> None:
    made = JobPack(JOBDICT, {}, HOME, b"data")
    content = made.dumps()
    size = len(content)
    assert made.dumps(max_bytes=size) == content
    assert JobPack.loads(content, max_bytes=size) == made
    assert JobPack.load(io.BytesIO(content), max_bytes=size) == made
    for attempt in (
        lambda: made.dumps(max_bytes=size - 1),
        lambda: JobPack.loads(content, max_bytes=size - 1),
        lambda: JobPack.load(io.BytesIO(content), max_bytes=size - 1),
    ):
        with pytest.raises(PackError, match="pack: "):
            attempt()


@pytest.mark.parametrize(
    ("parse", "limit"),
    [(fmt.parse_jobdict, fmt.MAX_JOBDICT_BYTES), (fmt.parse_jobenvs, fmt.MAX_JOBENVS_BYTES)],
)
def test_sections_of_text_have_limits_of_their_own(parse: Callable[[bytes], object], limit: int) -> None:
    """They are parsed into objects that take many times their size."""
    content = b"{}".ljust(limit)
    assert parse(content) == {}
    with pytest.raises(PackError, match=str(limit)):
        parse(content + b" ")


def test_text_that_is_too_long_is_not_written_either() -> None:
    envs = {f"A{index}": "x" * 100_000 for index in range(11)}
    assert sum(map(len, envs.values())) > fmt.MAX_JOBENVS_BYTES
    with pytest.raises(PackError, match=r"jobenvs: .* allowed"):
        JobPack(JOBDICT, envs, HOME, b"").dumps()


# ---- partial reads


def test_sections_are_read_one_at_a_time() -> None:
    content = pack(jobdict(prefix="xy"), {"A": "b"}, data=b"data")

    class Counting(io.BytesIO):
        read_bytes = 0

        def read(self, size: int | None = -1) -> bytes:
            got = super().read(size)
            self.read_bytes += len(got)
            return got

    file = Counting(content)
    assert json.loads(read_section(file, "jobdict"))["prefix"] == "xy"
    assert read_section(file, "jobenvs") == b'{"A": "b"}'
    assert read_section(file, "jobdata") == b"data"
    assert file.read_bytes < len(content) + 2 * 128 - len(HOME) + 1
    start, length = read_header(file).span("jobhome")
    assert content[start : start + length] == read_section(file, "jobhome") == HOME
    with pytest.raises(KeyError, match="jobzip"):
        read_section(file, "jobzip")


def test_file_that_shrinks_while_it_is_read_is_refused() -> None:
    class Shrinking(io.BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            return super().seek(offset, whence) + (10 if whence == 2 else 0)

    with pytest.raises(PackError, match="jobdata: the file ended after 4 of the 14 bytes"):
        read_section(Shrinking(pack(data=b"data")), "jobdata")


# ---- the two JSON sections


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"[]", "a list"),
        (b"null", "null"),
        (b"\xff{}", "UTF-8"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"scheduler": {"max_cores": 1, "max_cores": 2}}', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": ' + b"9" * 5000 + b"}", "JSON"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deep"),
        (b"{} {}", "JSON"),
        (b"\xef\xbb\xbf{}", "JSON"),
    ],
)
def test_bad_json_is_named(text: bytes, why: str) -> None:
    """M97, M99, M112: both sections are refused by their own names."""
    for field, content in (("jobdict", pack(text)), ("jobenvs", pack(envs=text))):
        error = refused(content)
        assert error.field == field
        assert why in error.reason


@pytest.mark.parametrize(
    ("envs", "why"),
    [
        ({"A": 1}, "a number"),
        ({"A": None}, "null"),
        ({"A": ["x"]}, "a list"),
        ({"A=B": "x"}, "'A=B'"),
        ({"": "x"}, "empty"),
        ({"A\0": "x"}, "NUL"),
        ({"A": "x\0y"}, "NUL"),
        ({"A": "\ud800"}, "surrogate"),
    ],
)
def test_bad_environment_is_named(envs: dict[str, object], why: str) -> None:
    """M112: what can't be put into a process's environment is refused when read and when written."""
    error = refused(pack(envs=envs))
    assert error.field == "jobenvs"
    assert why in error.reason
    with pytest.raises(PackError, match="jobenvs"):
        JobPack(JOBDICT, envs, HOME, b"").dumps()  # type: ignore[arg-type]


def test_longest_variable_that_linux_takes() -> None:
    longest = "x" * (fmt.MAX_ENV_BYTES - len("A="))
    assert JobPack.loads(pack(envs={"A": longest})).jobenvs == {"A": longest}
    assert str(fmt.MAX_ENV_BYTES) in refused(pack(envs={"A": longest + "x"})).reason


def test_what_json_cannot_hold_is_refused_when_written() -> None:
    for value in (b"bytes", float("nan"), {1, 2}):
        with pytest.raises(PackError, match="jobdict"):
            JobPack(jobdict(owner=value), {}, HOME, b"").dumps()


def test_error_names_field_and_reason() -> None:
    error = PackError("jobdict.prefix", "is empty")
    assert str(error) == "bad job pack: jobdict.prefix: is empty"
    assert isinstance(error, ValueError)
