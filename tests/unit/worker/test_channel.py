"""The worker's line to Disco: heartbeats, and processes that a task forks."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from unit.worker import impatient_jobs
from unit.worker import sample_jobs as jobs
from unit.worker.scripted_disco import TaskEnd

from disco.protocol import messages as m
from disco.protocol.session import NEED_DATA, Session
from disco.worker.channel import PING_INTERVAL_S, REPLY_TIMEOUT_S, Channel, Disconnected, Heartbeat

LONG_S = 3600.0


class Listener:
    """The other end of a channel."""

    def __init__(self) -> None:
        self.requests, worker_requests = os.pipe()
        worker_replies, self.replies = os.pipe()
        self.channel = Channel(worker_requests, worker_replies)
        self.session = Session(m.Role.DISCO)
        self._open = [self.requests, worker_requests, worker_replies, self.replies]

    def hear(self) -> m.Message:
        while (event := self.session.next_event()) is NEED_DATA:
            self.session.receive_data(os.read(self.requests, 65536))
        assert isinstance(event, m.Message)
        return event

    def reply(self, message: m.Message) -> None:
        os.write(self.replies, self.session.send(message))

    def greet(self) -> None:
        """The start of every conversation."""
        for request, reply in ((m.Worker(1), m.Ok()), (m.TaskRequest(), TASK)):
            asked = threading.Thread(target=self.channel.ask, args=(request,))
            asked.start()
            assert self.hear() == request
            self.reply(reply)
            asked.join()

    def close(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)


TASK = m.TaskInfo(
    host="h", master="http://h:1", jobname="j@1:2:3", taskid=0, mode="map", disco_port=1, put_port=1,
    disco_data="/d", ddfs_data="/d", jobfile="/d/jobfile",
)  # fmt: skip


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    listener.greet()
    yield listener
    listener.close()


def test_a_silent_task_says_that_it_is_alive(listener: Listener) -> None:
    """W23: one PING after the other, each once the last one is answered."""
    heartbeat = Heartbeat(listener.channel, 0.001)
    for _ in range(3):
        assert listener.hear() == m.Ping()
        listener.reply(m.Ok())
    stopping = threading.Thread(target=heartbeat.stop)
    stopping.start()
    while stopping.is_alive():  # a last one may be on its way
        if listener.session.next_event() is not NEED_DATA:
            listener.reply(m.Ok())
        elif os.get_blocking(listener.requests):
            os.set_blocking(listener.requests, False)
        else:
            try:
                listener.session.receive_data(os.read(listener.requests, 65536))
            except BlockingIOError:
                stopping.join(0.01)
    stopping.join()


def test_a_task_that_talks_sends_no_ping(listener: Listener) -> None:
    """W23: the interval counts from its last request; it is a minute, as in the other languages."""
    assert PING_INTERVAL_S == 60.0
    heartbeat = Heartbeat(listener.channel, LONG_S)
    said = threading.Thread(target=listener.channel.say, args=("hello",))
    said.start()
    assert listener.hear() == m.Msg("hello")
    listener.reply(m.Ok())
    said.join()
    heartbeat.stop()
    os.set_blocking(listener.requests, False)
    with pytest.raises(BlockingIOError):
        os.read(listener.requests, 1)


def test_a_request_that_a_signal_cut_short_does_not_shift_the_answers(listener: Listener) -> None:
    """W23: user code may set itself a time limit with an alarm, and print."""

    class TooLateError(Exception):
        pass

    def alarm(*_: object) -> None:
        raise TooLateError

    def disco() -> None:
        assert listener.hear() == m.Msg("one")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
        assert listener.hear() == m.InputRequest()
        listener.reply(m.Ok())
        listener.reply(m.InputReply(False, ()))

    before = signal.signal(signal.SIGALRM, alarm)
    other_end = threading.Thread(target=disco)
    other_end.start()
    with pytest.raises(TooLateError):
        listener.channel.say("one")
    assert listener.channel.ask(m.InputRequest()) == m.InputReply(False, ())
    other_end.join()
    signal.signal(signal.SIGALRM, before)


def test_a_reply_that_does_not_come_ends_the_worker() -> None:
    """M665: after 600 seconds, unless it is told otherwise."""
    assert REPLY_TIMEOUT_S == 600.0
    requests, worker_requests = os.pipe()
    silent, never = os.pipe()
    impatient = Channel(worker_requests, silent, reply_timeout_s=0.01)
    with pytest.raises(Disconnected, match="has not answered for 0 seconds"):
        impatient.ask(m.Worker(1))
    for descriptor in (requests, worker_requests, silent, never):
        os.close(descriptor)


def test_a_heartbeat_ends_with_the_conversation() -> None:
    """The task itself meets the end too, and nothing is raised in the thread."""
    listener = Listener()
    listener.greet()
    os.close(listener.replies)
    heartbeat = Heartbeat(listener.channel, 0.001)
    assert listener.hear() == m.Ping()
    with pytest.raises(Disconnected):
        listener.channel.ask(m.Done())
    heartbeat.stop()
    listener._open.remove(listener.replies)
    listener.close()


def test_a_worker_pings_while_its_map_asks_nothing(make_disco: Callable[..., Any], tmp_path: Path) -> None:
    """W23, B18: on a real worker, in the middle of user code that never returns by itself."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pings: list[m.Message] = []

    def answer(request: m.Message) -> m.Message | None:
        if isinstance(request, m.Ping):
            pings.append(request)
            if len(pings) == 2:
                threading.Thread(target=pipe.write_text, args=("go on",)).start()
        return None

    disco = make_disco(
        disco={"answer": answer},
        input=["raw://x"],
        map=impatient_jobs.waits,
        params=str(pipe),
        partitions=None,
    )
    end: TaskEnd = disco.run_task("map", 0, [["raw://x"]])
    assert end.outcome == "done" and len(pings) >= 2
    assert disco.records([disco.index("map", [end.outputs])]) == [("go on", 1)]


def test_a_process_that_a_task_forks_stays_out_of_the_conversation(make_disco: Callable[..., Any]) -> None:
    """W23: its prints are shown, and what it does beyond them does not count as the task's."""
    disco = make_disco(input=["raw://x"], map=jobs.forks_and_prints, partitions=None)
    end = disco.run_task("map", 0, [["raw://x"]])
    assert end.outcome == "done", end.text
    assert sorted(end.messages) == ["from the child", "from the parent"]
    assert disco.records([disco.index("map", [end.outputs])]) == [("child ended with", 0)]


@pytest.mark.parametrize("how", ["raise", "return"])
def test_a_forked_process_that_comes_back_ends_by_itself(make_disco: Callable[..., Any], how: str) -> None:
    """Neither its error nor its output is the task's; the task's own output stays."""
    disco = make_disco(input=["raw://x"], map=jobs.forks_and_comes_back, params=how, partitions=None)
    end = disco.run_task("map", 0, [["raw://x"]])
    assert end.outcome == "done", end.text
    assert disco.records([disco.index("map", [end.outputs])]) == [("child ended with", 1)]
