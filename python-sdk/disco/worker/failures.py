"""What an exception means for the task, and how it is told.

Sorted by what Disco must do: the data or this machine is at fault, so try elsewhere (ERROR), or the job
is wrong and would fail anywhere (FATAL). This is the one place where exceptions become messages.
"""

from __future__ import annotations

import traceback
import zlib
from pathlib import Path

from ..error import DataError

MAX_TEXT_CHARS = 16_000  # what goes into one ERROR or FATAL message
MAX_HEAD_CHARS = 4_000  # of which, for the text of the exception itself
MAX_FRAMES = 30
SDK_ROOT = str(Path(__file__).resolve().parents[1])

# Faults of a replica: another copy of the data may be sound.
DATA_FAULTS = (DataError, OSError, EOFError, zlib.error)
# Faults of this machine or its data: the same task may succeed on another node.
ELSEWHERE = (*DATA_FAULTS, MemoryError)


def is_retryable(error: BaseException) -> bool:
    """Whether the task should be tried on another node (ERROR), instead of ending the job (FATAL)."""
    return isinstance(error, ELSEWHERE)


def describe(error: BaseException) -> str:
    """The exception, then where it came from: the user's own lines first, newest last.

    Always encodable as UTF-8, whatever the exception holds. One that has `speaks_for_itself` set, about
    another program, is its text alone.
    """
    if getattr(error, "speaks_for_itself", False):
        return clean(str(error))
    own, all_frames = _frames(error)
    text = f"{_head(error)}\n{_shown(own or all_frames)}".rstrip()
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        text += f"\nbecause of {_head(cause)}"
        if not own:
            text = f"{text}\n{_shown(_frames(cause)[0])}".rstrip()
    return clean(text)


def clean(text: str) -> str:
    """Text that any reader can take: half surrogates escaped, cut to MAX_TEXT_CHARS."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) > MAX_TEXT_CHARS:
        text = text[:MAX_TEXT_CHARS] + f"... ({len(text) - MAX_TEXT_CHARS} characters more)"
    return text


def _head(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, SystemExit):
        return f"a job function called exit ({error.code!r}); return from it, or raise an exception"
    if isinstance(error, RecursionError):
        return f"{name}: {error} (look for a function that calls itself without end)"
    try:
        text = str(error)
    except Exception as fault:  # a user's exception class may be broken itself
        text = f"(its text can't be shown: {type(fault).__name__})"
    if len(text) > MAX_HEAD_CHARS:
        text = f"{text[:MAX_HEAD_CHARS]}... ({len(text) - MAX_HEAD_CHARS} characters more)"
    return f"{name}: {text}" if text else name


Frames = list[traceback.FrameSummary]


def _frames(error: BaseException) -> tuple[Frames, Frames]:
    """Where an exception came through: the frames of the job's own code, and all."""
    frames = list(traceback.extract_tb(error.__traceback__))
    return [frame for frame in frames if not frame.filename.startswith(SDK_ROOT)], frames


def _shown(frames: Frames) -> str:
    lines = traceback.format_list(frames)
    if len(lines) > MAX_FRAMES:
        half = MAX_FRAMES // 2
        lines[half:-half] = [f"  ... {len(lines) - 2 * half} more calls ...\n"]
    return "".join(lines)
