"""The protocol as a machine of rules, drawn by hypothesis: each rule is something that Disco may say now.

A conversation is live. Whatever was drawn, it is brought to its end, and then the outcome must be that of its
plan: the words counted, or ERROR where an input was nowhere to be had.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from disco_conformance.play.result import Failed
from disco_conformance.probe.plan import FIRST_MADE, FIRST_SPARE, Item, Plan
from disco_conformance.probe.talk import Talk, empty_session
from disco_conformance.suite.run import Player

MAX_ITEMS = 6
MAX_MORE = 3  # each makes the worker wait longer before it asks again
OK = b'"ok"'
AXES = ("plain", "bytewise", "split@1", "split@7", "split@61")
WORDS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=6), max_size=4
).map(tuple)
HELPS = ("listed", "listed", "retry", "wait", "nowhere")
ITEMS = st.tuples(WORDS, st.integers(0, 2), st.sampled_from(HELPS))
Report = Callable[[Plan, str, Failed, list[str]], None]


class Conversation(RuleBasedStateMachine):
    """`machine` fills in the worker, and who is told."""

    player: Player
    report: Report
    over: Callable[[], None]

    def __init__(self) -> None:
        super().__init__()
        self.over()
        self.plan, self.axis, self.ended, self.complete = Plan(), "plain", False, False
        self.talk: Talk | None = None

    @property
    def _polling(self) -> bool:
        return "polling" in self.player.capabilities

    @property
    def _reporting(self) -> bool:
        return {"scheme:http", "input-err"} <= self.player.capabilities

    def _guarded(self, act: Callable[[Talk], None]) -> None:
        assert self.talk is not None
        try:
            act(self.talk)
        except Failed as failed:
            self.ended = True
            self.report(self.plan, self.axis, failed, self.talk.lines)
            raise AssertionError(failed.reason) from None

    @initialize(axis=st.sampled_from(AXES), listed=st.lists(ITEMS, max_size=MAX_ITEMS), more=st.booleans())
    def begin(self, axis: str, listed: list[tuple[tuple[str, ...], int, str]], more: bool) -> None:
        self.axis = axis
        self.talk = Talk(empty_session(), self.player.command)
        for item in listed:
            self._add(*item)
        self._guarded(self._greet)
        if self.asks("INPUT"):
            self._guarded(lambda talk: self._list_inputs(talk, more=more and self._polling, busy=False))

    def _greet(self, talk: Talk) -> None:
        self._expect(talk, "WORKER")
        self._reply(talk, "OK", OK)
        self._expect(talk, "TASK")
        task = {**talk.task(), "jobname": "wordcount"}
        self._reply(talk, "TASK", json.dumps(task).encode())
        talk.hear()

    def _expect(self, talk: Talk, *names: str) -> None:
        frame = talk.hear()
        if frame is None or frame.name not in names:
            raise Failed(f"the worker said {frame}, not {' or '.join(names)}")

    def _reply(self, talk: Talk, name: str, payload: bytes) -> None:
        talk.say(name, payload, self.axis)

    def asks(self, name: str) -> bool:
        asked = self.talk.asked if self.talk is not None and not self.ended else None
        return asked is not None and asked.name == name

    def _asks_anything(self) -> bool:
        return any(self.asks(name) for name in ("INPUT", "INPUT_ERR", "OUTPUT", "MSG", "PING"))

    # What Disco may say

    @precondition(lambda self: self._polling and self.asks("INPUT") and self.plan.polls < MAX_MORE)
    @rule(item=ITEMS)
    def list_one_more(self, item: tuple[tuple[str, ...], int, str]) -> None:
        self._add(*item)
        self._guarded(lambda talk: self._list_inputs(talk, more=True, busy=False))

    @precondition(lambda self: self._polling and self.asks("INPUT") and self.plan.polls < MAX_MORE)
    @rule(words=WORDS)
    def list_a_busy_one(self, words: tuple[str, ...]) -> None:
        self._add(words, 0, "listed")
        self._guarded(lambda talk: self._list_inputs(talk, more=True, busy=True))

    @precondition(lambda self: self.asks("INPUT"))
    @rule()
    def say_done(self) -> None:
        self._guarded(lambda talk: self._list_inputs(talk, more=False, busy=False))

    @precondition(lambda self: self.asks("INPUT_ERR"))
    @rule()
    def answer_report(self) -> None:
        self._guarded(self._help_out)

    @precondition(lambda self: self.asks("OUTPUT") or self.asks("MSG") or self.asks("PING"))
    @rule()
    def say_ok(self) -> None:
        self._guarded(self._go_on)

    @precondition(lambda self: self.ended or self.talk is None or not self._asks_anything())
    @rule()
    def rest(self) -> None:
        """There must be a rule for every state."""

    def _add(self, words: tuple[str, ...], dead: int, help: str) -> None:
        number = 3 * len(self.plan.items)
        if not self._reporting:
            dead, help = 0, "listed"
        least = 0 if help == "listed" else 1
        self.plan.items.append(Item(number, words, self.plan.polls + 1, max(dead, least), help))

    def _list_inputs(self, talk: Talk, *, more: bool, busy: bool) -> None:
        self.plan.polls += 1
        self.complete = not more and not busy
        chosen, entries = talk.payload, []
        for item in self.plan.items:
            is_busy = busy and item is self.plan.items[-1]
            item.status.append("busy" if is_busy else "ok")
            if chosen != "" and (item.id in chosen[1]) != (chosen[0] == "include"):
                continue
            replicas = item.as_input().replicas
            if item.made:
                replicas = (*replicas, (FIRST_MADE, item.good))
            listed = [] if is_busy else [[rep, talk.fill(url)] for rep, url in replicas]
            entries.append([item.id, "busy" if is_busy else "ok", listed])
        self._reply(talk, "INPUT", json.dumps(["more" if more else "done", entries]).encode())
        talk.hear()

    def _help_out(self, talk: Talk) -> None:
        id_, reported = talk.payload
        item = next((item for item in self.plan.items if item.id == id_), None)
        if item is None or not set(reported) <= {*range(item.dead), FIRST_SPARE, FIRST_MADE}:
            raise Failed(f"INPUT_ERR names what can be read, or is nothing: {talk.payload}",
                         requirement="replica.report")  # fmt: skip
        if item.help == "retry":
            self._reply(talk, "RETRY", json.dumps([[FIRST_SPARE, item.good]]).encode())
        elif item.help == "wait" and not item.made:
            item.made = True
            self._reply(talk, "WAIT", b"1")
        else:
            self._reply(talk, "FAIL", b'""')
        talk.hear()

    def _go_on(self, talk: Talk) -> None:
        self._reply(talk, "OK", OK)
        talk.hear()

    # The end

    def teardown(self) -> None:
        if self.talk is None:
            return
        try:
            if not self.ended:
                self._guarded(self._come_to_an_end)
        finally:
            self.talk.close()

    def _come_to_an_end(self, talk: Talk) -> None:
        while talk.asked is not None and talk.asked.name not in ("DONE", "ERROR", "FATAL"):
            if talk.asked.name == "INPUT":
                self._list_inputs(talk, more=False, busy=False)
            elif talk.asked.name == "INPUT_ERR":
                self._help_out(talk)
            else:
                self._go_on(talk)
        if talk.asked is None:
            raise Failed(f"the worker ended with {talk.status()}, and had not said what it should")
        last, want = talk.asked.name, "ERROR" if self.plan.lost else "DONE"
        if last == "DONE" and not self.complete:
            raise Failed("the worker said DONE, though more was to come", requirement="input.more")
        if last != want:
            raise Failed(f"the worker said {talk.asked}, not {want}")
        self._reply(talk, "OK", OK)
        status = talk.status()
        if status is None or (status == 0) != (want == "DONE"):
            raise Failed(f"the worker ended with {status} after {last}")
        if want == "DONE":
            talk.outputs.compare((("0", self.plan.counts),), 0)


def machine(player: Player, report: Report, over: Callable[[], None]) -> type[Conversation]:
    """Raises what `over` raises. `report` is told of each conversation that went wrong."""
    told = {"player": player, "report": staticmethod(report), "over": staticmethod(over)}
    return type("Conversation", (Conversation,), told)
