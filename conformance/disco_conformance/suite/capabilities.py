"""What a worker or a master may declare that it can do. A case that needs more than that is not applicable,
never passed."""

from __future__ import annotations

BEHAVIOURS = (
    "echo", "wordcount", "split", "say", "ping", "fail-error", "fail-fatal", "crash", "noisy", "slow",
    "spawn-child", "print", "litter", "save",
)  # fmt: skip
CAPABILITIES: dict[str, str] = {
    **{f"task:{name}": f"the behaviour {name}" for name in BEHAVIOURS},
    "scheme:http": "inputs over HTTP",
    "scheme:disco": "inputs of other tasks and of DDFS",
    "scheme:dir": "index files",
    "polling": "inputs that come later: more and busy",
    "replicas": "inputs with several replicas, or none",
    "input-err": "INPUT_ERR, and what Disco answers",
    "json": "any spelling of JSON",
    "refuses": "bad frames and messages are refused as the specification says",
    "synchronous": "one request at a time",
    "huge-frames": "payloads up to the limit of 100 MiB",
    "patience": "cases that take longer than ten seconds",
    "reuse": "several tasks in one process, an extension",
}
MASTERS: dict[str, str] = {
    "early-reduce": "reduce tasks start before the map is done, and are told that more is to come",
    "remake": "map outputs that a reduce task cannot read are made again while it waits",
    "memory-limit": "a worker that takes more than 4 GiB of memory is refused it",
}
CAPABILITIES.update(MASTERS)
EXTENSIONS = frozenset({"reuse", "task:save"})
DEFAULT = frozenset(CAPABILITIES) - EXTENSIONS - frozenset(MASTERS)
OF_ANY_MASTER = frozenset(CAPABILITIES) - EXTENSIONS - frozenset(MASTERS)


def check(names: frozenset[str]) -> frozenset[str]:
    """Raises KeyError naming the first unknown capability."""
    for name in sorted(names):
        if name not in CAPABILITIES:
            raise KeyError(name)
    return names
