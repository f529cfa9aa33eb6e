"""Write the vectors of the wire and of records.

Run `python -m unit.records.make_vectors`, with tests/ on the path.

Bytes are put together here by hand, not by the code under test. Compressed bytes depend on the library's
version, so those of zstd and lz4 are kept as their command-line tools wrote them, and a zlib file that
already decompresses to its content is left as it is.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Any

from unit.protocol import wire_vectors
from unit.protocol.wire_vectors import document

ROOT = Path(__file__).resolve().parents[3]
VECTORS = ROOT / "conformance" / "vectors"

Pairs = list[tuple[bytes, bytes]]

NONE, ZLIB, ZSTD, LZ4 = range(4)
TWO: Pairs = [(b"the", b"1"), (b"cat", b"2")]
HUNDRED: Pairs = [(b"key-%d" % (i % 10), b"value " * 10) for i in range(100)]
# `zstd -1` and `lz4 -1` of the kv bytes of HUNDRED; the second zstd frame does not say its content's size.
ZSTD_OF_HUNDRED = (
    "KLUv/WSEGx0FAGKHFBWgJ20ALMKaq7qciOzunRJZCXD8IgFnRSN3eVY0cpdnRSN3eVY0cpdnRSN3eVY0cpdnRSN3eVY0cpdnRSN3eVY0"
    "cjdQHAwExBhjQEGiKIwxAAFlqCH8+nfwlTUSOEHg//8TCP6tqqqqqlpVVaVWVa2qqqqqqlWqqqpK1aqqqqpataqqqqqqVqlSVVVVq6qq"
    "qqrqqqqqVVXVJySTAMBlKqua/5wK"
)
ZSTD_OF_HUNDRED_SIZE_UNSAID = (
    "KLUv/QRIHQUAYocUFaAnbQAswpqrupyI7O6dElkJcPwiAWdFI3d5VjRyl2dFI3d5VjRyl2dFI3d5VjRyl2dFI3d5VjRyl2dFI3d5VjRy"
    "N1AcDATEGGNAQaIojDEAAWWoIfz6d/CVNRI4QeD//xMI/q2qqqqqWlVVpVZVraqqqqqqVaqqqkrVqqqqqlq1qqqqqqpWqVJVVVWrqqqq"
    "quqqqqpVVdUnJJMAwGUqq5r/nAo="
)
LZ4_OF_HUNDRED = (
    "BCJNGGRAp2sAAAD/BAUAAABrZXktMDwAAAB2YWx1ZSAGACMESQAfMUkANR8ySQA1HzNJADUfNEkANR81SQA1HzZJADUfN0kANR84SQA1"
    "HzlJADUP2gL/////////////////////////////////o1BhbHVlIAAAAACgWBjP"
)


def kv(pairs: Pairs) -> bytes:
    return b"".join(
        struct.pack("<I", len(key)) + key + struct.pack("<I", len(value)) + value for key, value in pairs
    )


def hunk(raw: bytes, records: int, stored: bytes | None = None, **changed: int) -> bytes:
    """A kv hunk of `raw`; fields of its header can be changed by name."""
    stored = raw if stored is None else stored
    fields = {
        "magic": 0xD1,
        "encoding": 1,
        "codec": NONE,
        "reserved": 0,
        "raw_len": len(raw),
        "stored_len": len(stored),
        "records": records,
        "crc32": zlib.crc32(stored),
    } | changed
    return struct.pack("<BBBBIIII", *fields.values()) + stored


def records_valid() -> dict[str, tuple[bytes, Pairs]]:
    lines: Pairs = [(b"", b"a line\n"), (b"", b"b\n")]
    plain, packed = hunk(kv(TWO), 2), hunk(kv(HUNDRED), 100, zlib.compress(kv(HUNDRED), 6), codec=ZLIB)
    zstd, unsaid = base64.b64decode(ZSTD_OF_HUNDRED), base64.b64decode(ZSTD_OF_HUNDRED_SIZE_UNSAID)
    text: Pairs = [("clé".encode(), "東京".encode()), (b"\x00\xff", bytes(range(256)))]
    return {
        "empty-stream": (b"", []),
        "none": (plain, TWO),
        "one-record": (hunk(kv(TWO[:1]), 1), TWO[:1]),
        "no-records": (hunk(b"", 0), []),
        "empty-hunk-first": (hunk(b"", 0) + plain, TWO),
        "empty-key-and-value": (hunk(kv([(b"", b"")]), 1), [(b"", b"")]),
        "bare-entries": (hunk(kv(lines), 2), lines),
        "any-bytes": (hunk(kv(text), 2), text),
        "value-of-70000-bytes": (hunk(kv([(b"k", b"v" * 70_000)]), 1), [(b"k", b"v" * 70_000)]),
        "zlib": (packed, HUNDRED),
        "zlib-stored-blocks": (hunk(kv(TWO), 2, zlib.compress(kv(TWO), 0), codec=ZLIB), TWO),
        "zstd": (hunk(kv(HUNDRED), 100, zstd, codec=ZSTD), HUNDRED),
        "zstd-size-unsaid": (hunk(kv(HUNDRED), 100, unsaid, codec=ZSTD), HUNDRED),
        "lz4": (hunk(kv(HUNDRED), 100, base64.b64decode(LZ4_OF_HUNDRED), codec=LZ4), HUNDRED),
        "two-hunks": (hunk(kv(TWO[:1]), 1) + hunk(kv(TWO[1:]), 1), TWO),
        "two-streams-of-two-codecs": (plain + packed + plain, TWO + HUNDRED + TWO),
    }


def records_invalid() -> dict[str, tuple[bytes, str, str]]:
    """name -> (bytes, fault, reason). Before the fault the stream may hold whole hunks."""
    raw = kv(TWO)
    packed = zlib.compress(raw, 9)
    whole = hunk(raw, 2)
    return {
        "magic": (hunk(raw, 2, magic=0xD2), "magic", "a hunk begins with 0xD1"),
        "magic-of-second-hunk": (whole + b"\x00" + whole, "magic", "a stray byte between hunks"),
        "text": (b"the cat\n", "magic", "plain text is no record stream"),
        "reserved": (hunk(raw, 2, reserved=1), "reserved", "byte 3 is 0"),
        "encoding-unknown": (hunk(raw, 2, encoding=3), "encoding", "encodings are 0 to 2"),
        "codec-unknown": (hunk(raw, 2, codec=4), "codec", "codecs are 0 to 3"),
        "ends-in-header": (whole[:19], "truncated", "a header has 20 bytes"),
        "ends-after-header": (whole[:20], "truncated", "the stored bytes are missing"),
        "ends-in-stored-bytes": (whole[:-1], "truncated", "one stored byte is missing"),
        "second-hunk-cut": (whole + whole[:25], "truncated", "the second hunk is cut"),
        "crc-of-header-changed": (hunk(raw, 2, crc32=zlib.crc32(raw) ^ 1), "crc", "the checksum is another"),
        "bit-flipped": (whole[:-1] + b"3", "crc", "a stored byte was changed"),
        "crc-of-raw-bytes": (
            hunk(raw, 2, packed, codec=ZLIB, crc32=zlib.crc32(raw)),
            "crc",
            "the checksum is of the stored bytes",
        ),
        "raw-too-short": (hunk(raw, 2, raw_len=len(raw) - 1), "raw_len", "codec none stores raw_len bytes"),
        "raw-too-long": (hunk(raw, 2, raw_len=len(raw) + 1), "raw_len", "codec none stores raw_len bytes"),
        "raw-over-limit": (hunk(raw, 2, raw_len=2**30 + 1), "raw_len", "at most 1 GiB raw"),
        "raw-4-gib": (hunk(raw, 2, raw_len=2**32 - 1, stored_len=2**32 - 1), "raw_len", "at most 1 GiB raw"),
        "stored-over-raw": (
            hunk(raw, 2, stored_len=len(raw) + 2**20 + 1),
            "stored_len",
            "no codec adds more than 1 MiB",
        ),
        "zlib-garbage": (hunk(raw, 2, b"not zlib at all", codec=ZLIB), "codec", "not zlib"),
        "zlib-cut": (hunk(raw, 2, packed[:-4], codec=ZLIB), "codec", "the zlib stream does not end"),
        "zlib-trailing": (
            hunk(raw, 2, packed + b"\x00", codec=ZLIB),
            "codec",
            "a byte follows the zlib stream",
        ),
        "zlib-shorter": (
            hunk(raw, 2, packed, codec=ZLIB, raw_len=len(raw) + 1),
            "raw_len",
            "fewer raw bytes",
        ),
        "zlib-bomb": (
            hunk(raw, 2, zlib.compress(bytes(10**7), 9), codec=ZLIB),
            "raw_len",
            "10,000,000 bytes where 24 are announced",
        ),
        "records-too-few": (hunk(raw, 1), "records", "two records, one announced"),
        "records-too-many": (hunk(raw, 3), "records", "two records, three announced"),
        "records-over-raw": (hunk(raw, 2**32 - 1), "records", "more records than bytes"),
        "kv-key-overruns": (
            hunk(b"\x09\x00\x00\x00the\x01\x00\x00\x001", 1),
            "kv",
            "the key does not end",
        ),
        "kv-value-overruns": (
            hunk(b"\x03\x00\x00\x00the\x02\x00\x00\x001", 1),
            "kv",
            "the value does not end",
        ),
        "kv-length-4-gib": (hunk(b"\xff\xff\xff\xffthe\x01\x00\x00\x001", 1), "kv", "the key ends behind"),
        "kv-value-missing": (hunk(b"\x03\x00\x00\x00the", 1), "kv", "a key without a value"),
        "kv-trailing": (hunk(raw + b"\x00", 2), "kv", "a byte after the last record"),
    }


# key type, key as JSON can show it, canonical bytes
PARTITION_KEYS: list[tuple[str, Any, bytes]] = [
    ("bytes", None, b""),
    ("bytes", None, b"the"),
    ("bytes", None, b"\x00"),
    ("bytes", None, bytes(range(256))),
    ("text", "", b""),
    ("text", "the", b"the"),
    ("text", "The", b"The"),
    ("text", "clé", b"cl\xc3\xa9"),
    ("text", "東京", b"\xe6\x9d\xb1\xe4\xba\xac"),
    ("text", "😀", b"\xf0\x9f\x98\x80"),
    ("text", "x" * 1000, b"x" * 1000),
    ("text", "\ud800", b"\xed\xa0\x80"),
    ("integer", "0", b"0"),
    ("integer", "7", b"7"),
    ("integer", "-7", b"-7"),
    ("integer", "4294967296", b"4294967296"),
    ("integer", "-9223372036854775808", b"-9223372036854775808"),
    ("integer", "1" + "0" * 40, b"1" + b"0" * 40),
    ("boolean", True, b"1"),
    ("boolean", False, b"0"),
    ("null", None, b""),
    ("float", "1.0", b"1"),
    ("float", "-0.0", b"0"),
    ("float", "0.5", b"\x80\x03G?\xe0\x00\x00\x00\x00\x00\x00."),
    ("float", "inf", b"\x80\x03G\x7f\xf0\x00\x00\x00\x00\x00\x00."),
    ("tuple", [], b""),
    ("tuple", ["a", 1], b"\x01\x00\x00\x00a\x01\x00\x00\x001"),
    ("tuple", [1, "a"], b"\x01\x00\x00\x001\x01\x00\x00\x00a"),
    ("tuple", [None, ""], b"\x00\x00\x00\x00\x00\x00\x00\x00"),
    ("tuple", ["é", ["b", 2]], b"\x02\x00\x00\x00\xc3\xa9\x0a\x00\x00\x00\x01\x00\x00\x00b\x01\x00\x00\x002"),
]
PARTITION_COUNTS = (1, 2, 3, 7, 64, 1000, 65_536)


def partition_vectors() -> bytes:
    rows = []
    for index, (kind, key, canonical) in enumerate(PARTITION_KEYS):
        for n in PARTITION_COUNTS if index < 6 else (7, 1000):
            row = {"key_type": kind, "key": key, "canonical": base64.b64encode(canonical).decode()}
            rows.append(row | {"n": n, "partition": zlib.crc32(canonical) % n})
    lines = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
    return f"[\n{lines}\n]\n".encode()


def files() -> dict[str, bytes]:
    """Every vector file by its path below the folder of vectors."""
    made = wire_vectors.files()
    for name, (data, pairs) in records_valid().items():
        shown = [[base64.b64encode(side).decode() for side in pair] for pair in pairs]
        made[f"records/valid/{name}.bin"] = data
        made[f"records/valid/{name}.json"] = document({"records": shown}) if len(shown) < 5 else _table(shown)
    for name, (data, fault, reason) in records_invalid().items():
        made[f"records/invalid/{name}.bin"] = data
        made[f"records/invalid/{name}.json"] = document({"fault": fault, "reason": reason})
    made["partition/vectors.json"] = partition_vectors()
    return made


def is_compressed(path: str) -> bool:
    """Whether a file's bytes depend on the version of zlib."""
    return (
        path.startswith("records/") and path.endswith(".bin") and "zlib" in path
    ) or "two-codecs.bin" in path


def _table(shown: list[list[str]]) -> bytes:
    rows = ",\n".join(json.dumps(row) for row in shown)
    return f'{{"records": [\n{rows}\n]}}\n'.encode()


def main() -> None:
    made = files()
    for folder in ("frames", "messages", "records", "partition"):
        for old in sorted((VECTORS / folder).rglob("*.*")):
            if old.relative_to(VECTORS).as_posix() not in made:
                old.unlink()
    for path, data in made.items():
        target = VECTORS / path
        if is_compressed(path) and target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    print(f"{len(made)} files below {VECTORS}")


if __name__ == "__main__":
    main()
