"""What a chance conversation has been so far: the inputs, what was said of them at each question, and so what
the task must come to. The same plan spelt as a session is played again, by itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import quote

from disco_conformance.session.lines import read_steps
from disco_conformance.session.model import Head, Input, Session

PROVES = ("input.done", "replica.next", "frame.split")
TIMEOUT_S = 60.0
DEAD = "http://{dead}/x"
FIRST_GOOD, FIRST_SPARE, FIRST_MADE = 10, 1000, 2000
BEGIN = """\
W WORKER {"version": "1.0", "pid": "$pid", "reuse?": true} within 30s
M OK "ok"
W TASK ""
M TASK {"$base": "task", "jobname": "wordcount"}
W serve inputs
"""
GOOD = """\
W OUTPUT ["$str", "part", 0]
M OK "ok"
W DONE ""
M OK "ok"
exit 0 within 10s
"""
LOST = """\
W ERROR "$str"
M OK "ok"
exit nonzero within 10s
"""


@dataclass
class Item:
    """An input. `words` is what its good replica holds; `help` says where that is: listed, or after a report
    named by RETRY, or made during WAIT, or nowhere."""

    id: int
    words: tuple[str, ...]
    from_poll: int
    dead: int = 0
    help: str = "listed"
    status: list[str] = field(default_factory=list)
    made: bool = False

    @property
    def good(self) -> str:
        return "raw://" + quote(" " + " ".join(self.words))

    def as_input(self) -> Input:
        dead = tuple((rep, DEAD) for rep in range(self.dead))
        replicas = (*dead, (FIRST_GOOD, self.good)) if self.help == "listed" else dead
        return Input(
            self.id, replicas, tuple(self.status), self.from_poll,
            spare=((FIRST_SPARE, self.good),) if self.help == "retry" else (),
            made=((FIRST_MADE, self.good),) if self.help == "wait" else (),
            wait_s=1 if self.help == "wait" else None,
        )  # fmt: skip


@dataclass
class Plan:
    items: list[Item] = field(default_factory=list)
    polls: int = 0

    @property
    def lost(self) -> bool:
        """Whether the task cannot be carried out."""
        return any(item.help == "nowhere" for item in self.items)

    @property
    def counts(self) -> str:
        found = Counter[bytes]()
        for item in self.items:
            found.update(word for text in item.words for word in text.encode().split())
        return b"".join(b"%s %d\n" % pair for pair in sorted(found.items())).decode()

    @property
    def size(self) -> int:
        return sum(1 + len(item.words) + item.dead + len(item.status) for item in self.items)

    def session(self, axis: str) -> Session:
        head = Head(
            "fuzz/found", f"found by chance, delivered {axis}", PROVES, level="should", timeout_s=TIMEOUT_S,
            needs=("task:wordcount",), inputs=tuple(item.as_input() for item in self.items),
            axes=("plain", "bytewise") if axis == "bytewise" else ("plain",),
            outputs=() if self.lost else (("0", self.counts),),
        )  # fmt: skip
        begin = BEGIN if self.items else BEGIN.replace("W serve inputs", 'W INPUT ""\nM INPUT ["done", []]')
        return Session(head, read_steps(begin + (LOST if self.lost else GOOD)))
