"""Out-of-band results: blobs under the tag of a job, named by their keys. Source: documents 3.8.

A key may be longer than the name of a blob. A long one is stored under a digest of it, and its blob holds the
key before the value. A key that looks like such a name is stored in the same way, so no two keys ever meet.
"""

from __future__ import annotations

import hashlib

from ..error import CommError, DataError, DiscoError
from ..task import oob_tag
from .ddfs import DDFS

MAX_STORED_CHARS = 200  # of the name of a new blob in DDFS
DIGEST_PREFIX = "disco:oob:sha256:"
KEY_ENDS = b"\n"  # between key and value; no key holds it


def stored(key: str, value: bytes) -> tuple[str, bytes]:
    """The name and the content of the blob for a key and its value."""
    name = stored_name(key)
    return (name, value) if name == key else (name, key.encode() + KEY_ENDS + value)


def stored_name(key: str) -> str:
    """The name of the blob for a key."""
    if len(key) <= MAX_STORED_CHARS and not key.startswith(DIGEST_PREFIX):
        return key
    return DIGEST_PREFIX + hashlib.sha256(key.encode()).hexdigest()


def list_oob(ddfs: DDFS, jobname: str) -> list[str]:
    """All out-of-band keys of the job, each once."""
    by_name = {ddfs.blob_name(blob[0]): blob for blob in _blobs(ddfs, jobname) if blob}
    return [_key_in(ddfs, blob) if _is_digest(name) else name for name, blob in by_name.items()]


def get_oob(ddfs: DDFS, jobname: str, key: str) -> bytes | None:
    """The newest value under `key`; None if the job has none under it.

    Raises DiscoError when the job has no out-of-band results at all, or is unknown.
    """
    name = stored_name(key)
    found = [blob for blob in _blobs(ddfs, jobname) if blob and ddfs.blob_name(blob[0]) == name]
    if not found:
        return None
    newest = max(found, key=lambda blob: _stamp(blob[0]))
    with ddfs.open_blob(newest) as file:
        content = file.read()
    return content.partition(KEY_ENDS)[2] if _is_digest(name) else content


def _is_digest(name: str) -> bool:
    return name.startswith(DIGEST_PREFIX)


def _key_in(ddfs: DDFS, blob: list[str]) -> str:
    """The key that a blob with a digest for a name holds."""
    with ddfs.open_blob(blob) as file:
        line = file.readline(1 << 16)
    if not line.endswith(KEY_ENDS):
        raise DataError("this out-of-band result does not begin with its key", blob[0])
    return line.removesuffix(KEY_ENDS).decode()


def _blobs(ddfs: DDFS, jobname: str) -> list[list[str]]:
    try:
        return ddfs.urls(oob_tag(jobname))
    except CommError as error:
        if error.code == 404:
            raise DiscoError(f"Unknown key or jobname: {jobname} has no out-of-band results") from error
        raise


def _stamp(url: str) -> tuple[int, ...]:
    """When a blob was made, by the three hexadecimal numbers behind its name."""
    try:
        return tuple(int(part, 16) for part in url.rpartition("$")[2].split("-"))
    except ValueError:
        return ()
