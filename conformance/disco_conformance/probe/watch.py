"""Any worker on any job: nothing is known about its outputs, so only what every worker must keep is
checked."""

from __future__ import annotations

import json

from disco_conformance.session.lines import read_steps
from disco_conformance.session.model import Head, Input, Session
from disco_conformance.session.values import spell_seconds

BODY = """\
W WORKER {"version": "1.0", "pid": "$pid", "...": true} within 30s
M OK "ok"
W TASK "" within 30s
M TASK %s
repeat 0..100000
  any-of
    W serve inputs within %s
  or
    W OUTPUT "$list" within %s
    M OK "ok"
  end
end
any-of
  W DONE ""
  M OK "ok"
  exit 0 within 10s
or
  W ERROR "$str"
  M OK "ok"
  exit nonzero within 10s
or
  W FATAL "$str"
  M OK "ok"
  exit nonzero within 10s
end
"""
PROVES = ("hs.order", "frame.grammar", "done.exit", "error.await")


def session(task: dict[str, object], inputs: tuple[str, ...], limit_s: float) -> Session:
    limit = spell_seconds(limit_s)
    body = BODY % (json.dumps({"$base": "task", **task}), limit, limit)
    listed = tuple(Input(at, ((0, url),)) for at, url in enumerate(inputs))
    head = Head(
        "watch/any-job", "invariants of any worker", PROVES, timeout_s=limit_s, inputs=listed, cpu_s=limit_s
    )
    return Session(head, read_steps(body), "(watch)", body)
