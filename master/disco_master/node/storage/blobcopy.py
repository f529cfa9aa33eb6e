"""Copying a received body into a blob while its CRC-32 is taken.

A large body lies in a file already, where the web server has collected it. The kernel copies that file and
writes it to disk, while another thread reads it for the sum: the two cost the time of the slower one.
"""

from __future__ import annotations

import contextlib
import io
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from ...files import BLOCK_BYTES

CRC_ATTRIBUTE = "user.disco.crc32"
KERNEL_COPY_MIN_BYTES = 4 * 1024 * 1024  # below, a thread costs more than it saves


def copy_with_crc(source: BinaryIO, target: BinaryIO) -> None:
    """Copy what is left of `source` to the end of `target`, onto the disk, and keep the sum beside it.

    Raises OSError.
    """
    if _left_in_file(source) >= KERNEL_COPY_MIN_BYTES:
        crc = _copy_in_kernel(source.fileno(), source.tell(), target)
    else:
        crc = _copy_blocks(source, target)
    target.flush()
    os.fsync(target.fileno())
    with contextlib.suppress(OSError):  # this file system has no extended attributes
        os.setxattr(target.fileno(), CRC_ATTRIBUTE, b"%08x" % crc)


def _left_in_file(source: BinaryIO) -> int:
    """Bytes left if `source` is a plain file; 0 if it is anything else."""
    try:
        return os.fstat(source.fileno()).st_size - source.tell()
    except (AttributeError, io.UnsupportedOperation, OSError):
        return 0


def _copy_blocks(source: BinaryIO, target: BinaryIO) -> int:
    crc = 0
    while block := source.read(BLOCK_BYTES):
        crc = zlib.crc32(block, crc)
        target.write(block)
    return crc


def _copy_in_kernel(source: int, start: int, target: BinaryIO) -> int:
    with ThreadPoolExecutor(1) as pool:
        summing = pool.submit(_sum, source, start)
        target.flush()
        _copy_file(source, start, target.fileno())
        os.fsync(target.fileno())
        return summing.result()


def _sum(source: int, offset: int) -> int:
    crc = 0
    while block := os.pread(source, BLOCK_BYTES, offset):
        crc = zlib.crc32(block, crc)
        offset += len(block)
    return crc


def _copy_file(source: int, offset: int, target: int) -> None:
    end = os.fstat(source).st_size
    with contextlib.suppress(OSError):  # not between these two file systems
        while offset < end and (copied := os.copy_file_range(source, target, end - offset, offset)):
            offset += copied
    while block := os.pread(source, BLOCK_BYTES, offset):
        offset += os.write(target, block)
