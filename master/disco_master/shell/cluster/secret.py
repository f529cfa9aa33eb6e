"""The cluster's secret: a file that only its owner reads, made at the first start, copied to the nodes."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

SECRET_BYTES = 32


def read_secret(path: Path) -> str:
    """Empty without such a file. Raises OSError for one that others may read, or that holds nothing."""
    try:
        with path.open() as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise OSError(f"others may read the cluster secret in {path}: chmod 600 {path}")
            secret = file.read().strip()
    except FileNotFoundError:
        return ""
    if not secret:
        raise OSError(f"the cluster secret in {path} is empty: remove the file, and the master makes one")
    return secret


def make_secret(path: Path) -> str:
    """The secret in the file, which is made if need be. Raises OSError."""
    if secret := read_secret(path):
        return secret
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(SECRET_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)  # unlike a rename, it keeps what another start has made meanwhile
    except FileExistsError:
        pass
    finally:
        partial.unlink()
    return read_secret(path)
