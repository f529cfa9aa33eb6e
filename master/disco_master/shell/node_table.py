"""The node table as a file that an administrator may edit by hand (M38, M60): read at start, kept current.

`{"hosts": [["localhost", "2"]], "blacklist": [], "gc_blacklist": []}`; a bare list of rows is read too.
The journal keeps the same facts; at start the file wins, so that an edit counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..events import BlacklistChanged, Event, NodeTableSaved
from ..model import MasterView
from ..node_table import Rows, expand_rows
from .loop import Loop

BLACKLISTS = {"tasks": "blacklist", "gc": "gc_blacklist"}


class NodeTableFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def load_into(self, loop: Loop, first: Rows, *, always: bool) -> None:
        """Tell the core what the file says. `first` are the rows of the first start (M37), or of each.

        Raises OSError naming the file when it is not what it should be.
        """
        view = loop.view()
        if self._path.exists():
            for event in self._events(view):
                loop.tell(event)
        elif not view.node_table:
            loop.tell(NodeTableSaved(first))
        rows = loop.view().node_table
        missing = tuple(row for row in first if row[0] not in expand_rows(rows))
        if always and missing:
            loop.tell(NodeTableSaved((*rows, *missing)))

    def save(self, view: MasterView) -> None:
        content = {
            "hosts": [list(row) for row in view.node_table],
            "blacklist": list(view.blacklist),
            "gc_blacklist": list(view.gc_blacklist),
        }
        partial = self._path.with_name(self._path.name + ".partial")
        with partial.open("w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self._path)

    def _events(self, view: MasterView) -> Iterator[Event]:
        try:
            content: Any = json.loads(self._path.read_text())
            content = {"hosts": content} if isinstance(content, list) else content
            rows = tuple((str(host), str(slots)) for host, slots in content["hosts"])
            expand_rows(rows)
            listed = {kind: [str(n) for n in content.get(key, [])] for kind, key in BLACKLISTS.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OSError(
                f"{self._path} is no node table ({error}): it should look like "
                '{"hosts": [["localhost", "2"]]}; mend it, or remove it to begin anew'
            ) from error
        if rows != view.node_table:
            yield NodeTableSaved(rows)
        for kind, key in BLACKLISTS.items():
            before = getattr(view, key)
            yield from (BlacklistChanged(kind, node, True) for node in listed[kind] if node not in before)
            yield from (BlacklistChanged(kind, node, False) for node in before if node not in listed[kind])
