"""Which parameters a job may be given, and what those of earlier versions are called now."""

from __future__ import annotations

from collections.abc import Iterable

JOB_PARAMETERS = frozenset({"input", "name", "owner", "scheduler", "ext_params", "jobenvs", "requirements"})
OUTDATED = {  # they still work
    "map_init": "use map_reader or map_input_stream, whose functions run once a task and input",
    "reduce_init": "use reduce_reader or reduce_input_stream, whose functions run once a task and input",
}
REPLACED = {
    "nr_reduces": "partitions",
    "fun_map": "map",
    "fun_reduce": "reduce",
    "input_files": "input",
    "map_writer": "map_output_stream",
    "reduce_writer": "reduce_output_stream",
    "object_reader": "chain_reader as map_reader",
    "object_writer": "the default output streams",
    "map_line_reader": "the default map_reader",
    "mem_sort_limit": "sort_buffer_size",
    "chunked": "nothing: results are always joined",
    "clean": "Disco.purge",
    "sort_args": "sort_buffer_size",
}


def complaint(given: Iterable[str], known: Iterable[str]) -> str:
    """What is wrong with the names of given parameters; empty if nothing is."""
    allowed = JOB_PARAMETERS | set(known)
    unknown = [name for name in given if name not in allowed]
    if not unknown:
        return ""
    import difflib

    parts = []
    for name in unknown:
        near = difflib.get_close_matches(name, allowed, n=1)
        if name in REPLACED:
            parts.append(f"{name} is no more: use {REPLACED[name]}")
        elif near:
            parts.append(f"{name} is unknown: did you mean {near[0]}?")
        else:
            parts.append(f"{name} is unknown")
    return "; ".join(parts)
