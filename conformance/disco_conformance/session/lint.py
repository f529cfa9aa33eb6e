"""What is wrong with a session that parses: contradictions, unplayable steps, names nobody knows.

Each rule yields (line, sentence). A session is checked for every role it claims. The ledger checks what
only the whole collection can tell: ids used twice, requirements without a case.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from disco_conformance.ledger.requirements import Requirement
from disco_conformance.session.matching import Matcher, compile_payload, load
from disco_conformance.session.model import (
    TERMINAL,
    TOLERATED,
    WORKER,
    Block,
    Child,
    Close,
    Deaf,
    Delivery,
    Eof,
    Exit,
    Grow,
    Message,
    Nothing,
    Others,
    Raw,
    ServeInputs,
    Session,
    Signal,
    Step,
    walk,
)

Finding = tuple[int | None, str]
MAX_TITLE = 90
MAX_TIMEOUT_S = 120.0
DECIDERS = (Message, Raw, ServeInputs, Eof, Exit, Block)
SAFE_REPLIES = {
    "WORKER": ("OK", "FAIL"),
    "TASK": ("TASK",),
    "INPUT": ("INPUT",),
    "INPUT_ERR": ("RETRY", "WAIT", "FAIL"),
    "DONE": ("OK", "TASK"),
}


@dataclass(frozen=True)
class Known:
    """The names that a session may refer to; empty means: do not check."""

    requirements: Mapping[str, Requirement]
    capabilities: frozenset[str] = frozenset()
    mutants: frozenset[str] = frozenset()


def lint(session: Session, known: Known) -> list[Finding]:
    findings: list[Finding] = []
    for rule in (
        _head_rules,
        _name_rules,
        _input_rules,
        _order_rules,
        _block_rules,
        _delivery_rules,
        _binding_rules,
    ):
        findings.extend(rule(session, known))
    return findings


def _head_rules(session: Session, _: Known) -> Iterator[Finding]:
    head = session.head
    if len(head.title) > MAX_TITLE:
        yield None, f"the title has {len(head.title)} characters; at most {MAX_TITLE}"
    if head.timeout_s > MAX_TIMEOUT_S or head.timeout_s == 0:
        yield None, f"timeout must be above 0 and at most {MAX_TIMEOUT_S:g} s"
    if head.level == "must" and not head.kills:
        yield None, "a must-case names the mutant it kills: kills = [...]"
    if "plain" not in head.axes:
        yield None, "every case is also played plain: axes must hold it"
    if not session.steps:
        yield None, "there are no steps"


def _name_rules(session: Session, known: Known) -> Iterator[Finding]:
    for name in session.head.proves:
        if known.requirements and name not in known.requirements:
            yield None, f"proves names {name}, which no page of the specification has"
    for name in session.head.needs:
        if known.capabilities and name not in known.capabilities:
            yield None, f"needs names the unknown capability {name}"
    for name in session.head.kills:
        if known.mutants and name not in known.mutants:
            yield None, f"kills names the unknown mutant {name}"


def _input_rules(session: Session, _: Known) -> Iterator[Finding]:
    serves = [step for step in walk(session.steps) if isinstance(step, ServeInputs)]
    if session.head.inputs and not serves and "worker" in session.head.roles:
        yield None, "the head has inputs, but no step says: W serve inputs"
    if session.head.inputs_grow and not session.head.inputs:
        yield None, "inputs_grow without inputs"
    paths = {file.path for file in session.head.files}
    for item in session.head.inputs:
        for _rep_id, url in (*item.replicas, *item.spare, *item.made):
            if "{" in url and ("{here}" in url or "{there}" in url or "{http}" in url):
                path = unquote(url.partition("}/")[2].partition("?")[0])
                if path and path not in paths and "absent" not in path:
                    yield (
                        None,
                        f"input {item.id}: {url} leads to no file of [files]; if that is meant, say absent",
                    )
        if "busy" in item.status and item.status[-1] == "busy":
            yield None, f"input {item.id} stays busy for ever: the case could not end"
        ids = [rep_id for rep_id, _ in (*item.replicas, *item.spare, *item.made)]
        if len(set(ids)) != len(ids):
            yield None, f"input {item.id} has two replicas with one id"


def _order_rules(session: Session, _: Known) -> Iterator[Finding]:
    yield from _order(session.steps)
    steps = walk(session.steps)
    if steps and not any(isinstance(step, Exit | Eof) for step in steps):
        yield steps[-1].line, "the session does not say how the worker ends: exit 0 within 2s"


def _order(steps: tuple[Step, ...]) -> Iterator[Finding]:
    """After an exit there is nothing, and a reply fits the request that it follows."""
    ended: int | None = None
    asked: list[Message] = []
    for step in steps:
        if ended is not None and not isinstance(step, Exit):
            yield step.line, f"this can never happen: the worker has exited on line {ended}"
            return
        if isinstance(step, Exit):
            ended = step.line
        if isinstance(step, Message) and step.side == WORKER:
            asked = [step] if step.name in ("ERROR", "FATAL") else [*asked, step]
        elif isinstance(step, Message) and asked:
            yield from _reply_rule(asked.pop(0), step)
        elif isinstance(step, Block | Raw | ServeInputs):
            asked.clear()


def _reply_rule(request: Message, reply: Message) -> Iterator[Finding]:
    allowed = SAFE_REPLIES.get(request.name, ("OK",))
    if reply.name not in allowed:
        yield (
            reply.line,
            f"{reply.name} is no answer to {request.name} ({' or '.join(allowed)} is); a wrong one needs raw",
        )


def _block_rules(session: Session, _: Known) -> Iterator[Finding]:
    for block in walk(session.steps):
        if not isinstance(block, Block):
            continue
        chosen: set[tuple[str, str]] = set()
        for branch in block.branches:
            first = branch[0]
            speaks = isinstance(first, Message | Raw) and first.side != WORKER
            if not isinstance(first, DECIDERS) or (speaks and "worker" in session.head.roles):
                yield first.line, "a branch must begin with what the worker does, so that it can be chosen"
            elif isinstance(first, Message):
                if (first.name, first.text) in chosen:
                    yield first.line, "this branch can never be chosen: an earlier one begins the same"
                chosen.add((first.name, first.text))


def _delivery_rules(session: Session, _: Known) -> Iterator[Finding]:
    if "worker" in session.head.roles:
        yield from _deliveries(session.steps)
        for step in walk(session.steps):
            if isinstance(step, Others):
                yield step.line, "a worker under test has no others: this line is for the role master"
            if isinstance(step, Grow | Child):
                yield step.line, "what a worker under test does is its own: this line is for the role master"
    if "master" in session.head.roles:
        yield from _master_rules(session)


def _master_rules(session: Session) -> Iterator[Finding]:
    for step in walk(session.steps):
        if isinstance(step, Raw) and step.side != WORKER:
            yield step.line, "raw bytes of a master are not expected: name the message"
        if "worker" in session.head.roles and isinstance(step, Close | Deaf | Signal | Nothing | Delivery):
            yield step.line, "this line means another thing at each end: a session for both roles lacks it"
    yield from _job_rules(session)
    if "worker" in session.head.roles:
        yield from _both_rules(session)


def _job_rules(session: Session) -> Iterator[Finding]:
    job, needs = session.head.job, session.head.needs
    reduces = job.has_map and job.has_reduce
    for step in walk(session.steps):
        if isinstance(step, Others) and not job.crowd and not reduces:
            yield step.line, "there are no others: the head has no crowd in [job]"
        elif isinstance(step, Others) and reduces and not {"early-reduce", "remake"} & set(needs):
            yield step.line, "the map tasks have ended long ago: only early-reduce or remake bring them here"
    gives = any(isinstance(s, Message) and s.side != WORKER and s.name == "TASK" for s in session.steps)
    if reduces and not gives:
        yield None, "the worker of a reduce task is known by its TASK: the session has no such line"
    offers = any(
        isinstance(s, Message) and s.name == "WORKER" and '"reuse": true' in s.text for s in session.steps
    )
    if reduces and offers:
        yield None, "a worker of the map would be used again for the reduce: [job] has has_map = false"


def _both_rules(session: Session) -> Iterator[Finding]:
    """A map task of a job has one input, and a master chooses hosts and ids by itself."""
    head = session.head
    if not head.inputs:
        yield None, "a job without inputs starts no worker: the role master does not fit"
    if len(head.inputs) > 1 and head.job.has_map:
        yield None, "a map task has one input: for more, [job] has has_map = false and has_reduce = true"
    if any(not url.startswith("raw://") for item in head.inputs for _, url in item.replicas):
        yield None, "a session for both roles has raw:// inputs: files are served to workers only"
    if any(item.status != ("ok",) or item.spare or item.made for item in head.inputs):
        yield None, "a master decides by itself when an input is ready: the role master does not fit"


def _deliveries(steps: tuple[Step, ...]) -> Iterator[Finding]:
    closed: int | None = None
    for at, step in enumerate(steps):
        if isinstance(step, Block):
            for branch in step.branches:
                yield from _deliveries(branch)
        if isinstance(step, Close):
            closed = step.line
        if closed is not None and isinstance(step, Message | Raw) and step.side != WORKER:
            yield step.line, f"Disco closed its side on line {closed} and cannot speak any more"
        if isinstance(step, Delivery):
            yield from _delivery(step, steps[at + 1 :])


def _delivery(step: Delivery, rest: tuple[Step, ...]) -> Iterator[Finding]:
    coming = [s for s in rest if isinstance(s, Message | Raw) and s.side != WORKER]
    if not coming:
        yield step.line, f"{step.kind} changes the delivery of the next M line, but none follows"
    elif step.kind == "join" and len(coming) < step.amount:
        yield step.line, f"join {int(step.amount)}: only {len(coming)} M lines follow"
    elif step.kind == "split" and isinstance(coming[0], Message) and "$" not in coming[0].text:
        length = len(f"{coming[0].name} {len(coming[0].text.encode())} ") + len(coming[0].text.encode()) + 1
        if step.amount >= length:
            yield step.line, f"split at {int(step.amount)}: the frame has only {length} bytes"


def _binding_rules(session: Session, _: Known) -> Iterator[Finding]:
    bound: set[str] = set()
    for step in walk(session.steps):
        if isinstance(step, Nothing) and step.for_s == 0:
            yield step.line, "nothing for 0s expects nothing"
        if isinstance(step, Message):
            for matcher in _matchers(compile_payload(load(step.text, step.line), step.line)):
                if matcher.kind == "recall" and matcher.argument not in bound:
                    yield step.line, f"$={matcher.argument} recalls a name that nothing has bound before"
                if matcher.bind:
                    bound.add(matcher.bind)
            if "worker" in session.head.roles:
                yield from _payload_rule(step)


def _payload_rule(step: Message) -> Iterator[Finding]:
    if step.side != WORKER and step.name == "FAIL" and step.text != '""':
        yield step.line, 'FAIL has the empty payload ""; a wrong one needs raw'
    if (
        step.side == WORKER
        and step.name in (*TERMINAL, *TOLERATED)
        and json.loads(step.text).__class__ is not str
    ):
        yield step.line, f"the payload of {step.name} is a string"


def _matchers(value: object) -> Iterator[Matcher]:
    if isinstance(value, Matcher):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _matchers(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _matchers(item)
