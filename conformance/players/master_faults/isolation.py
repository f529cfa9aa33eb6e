"""Faults by which one worker is felt by the others."""

import contextlib
import threading

from master_faults import fault
from master_faults.answers import at

_lock = threading.RLock()


@fault("master-one-conversation", "a worker that has begun to speak is served alone until it ends")
def _(m):
    frame, run = m.Stream.frame, m.Attempt.run

    def alone(self, limit_s):
        if not self.buffer and not getattr(self, "alone", False):
            m.select.select([self.process.stdout], [], [], limit_s)
            _lock.acquire()
            self.alone = True
        return frame(self, limit_s)

    def to_the_end(self):
        try:
            run(self)
        finally:
            if getattr(self.stream, "alone", False):
                _lock.release()

    m.Stream.frame, m.Attempt.run = alone, to_the_end


@fault("master-one-lost-all-lost", "a lost attempt ends the job of all")
def _(m):
    run = m.Attempt.run

    def lost(self):
        try:
            run(self)
        except m.Retry as error:
            raise m.Dead(str(error)) from None

    m.Attempt.run = lost


@fault("master-kills-the-others", "a lost attempt takes the other workers with it")
def _(m):
    running = []
    run, end = m.Attempt.run, m.end

    def noted(self):
        running.append(self.stream.process)
        run(self)

    def end_all(process, limit_s):
        if limit_s < m.EXIT_S:
            for other in running:
                other.kill()
        end(process, limit_s)

    m.Attempt.run, m.end = noted, end_all


@fault("master-slow-for-all", "a worker that sends messages delays everybody")
def _(m):
    answer, send = m.Attempt.answer, m.Stream.send

    def queued(self, name, payload):
        with _lock:
            if name != "MSG":
                return answer(self, name, payload)
        self.stream.talks = True
        return answer(self, name, payload)

    def slowly(self, *reply):
        talks = self.__dict__.pop("talks", False)
        with _lock if talks else contextlib.nullcontext():
            send(self, *reply)
            if talks:
                m.time.sleep(600)

    m.Attempt.answer, m.Stream.send = queued, slowly


@fault("master-mixes-outputs", "outputs of all tasks are kept together")
def _(m):
    every = []

    def mix(self, payload, answer):
        self.outputs = every
        return answer()

    at(m, "output", mix)


@fault("master-dies-of-pipes", "a worker that closed its standard input ends the job")
def _(m):
    send = m.Stream.send

    def strict(self, *reply):
        try:
            send(self, *reply)
        except m.Retry as error:
            raise m.Dead(str(error)) from None

    m.Stream.send = strict


@fault("master-waits-for-worker", "a worker that never says WORKER is waited for")
def _(m):
    m.START_S = 600


@fault("master-waits-for-frames", "a frame that is not finished is waited for")
def _(m):
    m.FRAME_S = 600


@fault("master-closed-pipe-is-silence", "a worker that closes its outputs is waited for")
def _(m):
    more = m.Stream.more

    def patient(self, limit_s):
        try:
            more(self, limit_s)
        except m.Retry:
            self.process.wait()
            raise

    m.Stream.more = patient


@fault("master-without-limits", "nothing a worker does not say is ever missed")
def _(m):
    m.START_S = m.FRAME_S = m.IDLE_S = 6000
