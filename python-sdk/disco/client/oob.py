"""Out-of-band results, read back: blobs under the tag of a job, found by name. Source: documents 3.8."""

from __future__ import annotations

from ..error import CommError, DiscoError
from ..task import oob_tag
from .ddfs import DDFS


def list_oob(ddfs: DDFS, jobname: str) -> list[str]:
    """All out-of-band keys of the job, each once."""
    return list({ddfs.blob_name(blob[0]): None for blob in _blobs(ddfs, jobname) if blob})


def get_oob(ddfs: DDFS, jobname: str, key: str) -> bytes | None:
    """The newest value under `key`; None if the job has none under it.

    Raises DiscoError when the job has no out-of-band results at all, or is unknown.
    """
    found = [blob for blob in _blobs(ddfs, jobname) if blob and ddfs.blob_name(blob[0]) == key]
    if not found:
        return None
    newest = max(found, key=lambda blob: _stamp(blob[0]))
    with ddfs.open_blob(newest) as file:
        return file.read()


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
