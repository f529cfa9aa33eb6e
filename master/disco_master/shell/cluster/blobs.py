"""A node's blob server, a process of its own: a busy one in the node's would slow every task start."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ...address import unbracketed
from .child import Child


class BlobServer(Child):
    """Serves the files of the node `name` on all of `ports`, and takes PUT. `start` raises OSError."""

    def __init__(
        self, name: str, bind: str, ports: Sequence[int], *, ddfs_data: Path, disco_data: Path
    ) -> None:
        self._bind, self._ports = bind, list(ports)
        command = [
            sys.executable, "-m", "disco_master.node.storage.blobserver",
            "--host", unbracketed(bind), "--name", name,
            *(word for port in ports for word in ("--port", str(port))),
            "--ddfs-data", str(ddfs_data), "--disco-data", str(disco_data),
        ]  # fmt: skip
        super().__init__("the blob server", command, is_ready=self._serves)

    def why_not_ready(self) -> str:
        ports = " and ".join(map(str, self._ports))
        return (
            f"the blob server can't serve on port {ports} of {self._bind}: is it taken? "
            "Set DDFS_PUT_PORT (and on nodes DISCO_PORT) to a free one"
        )

    def _serves(self, line: str) -> bool:
        return set(self._ports) <= set(json.loads(line)["ports"])
