"""Faults in starting and ending workers, and in what is said when."""

import select

from master_faults import fault
from master_faults.answers import at


def silent_on(name, sentence, requests):
    @fault(name, sentence)
    def _(m):
        send = m.Stream.send
        answer = m.Attempt.answer

        def remember(self, request, payload):
            self.stream.now = request
            return answer(self, request, payload)

        m.Attempt.answer = remember
        m.Stream.send = lambda self, *reply: None if self.now in requests else send(self, *reply)


silent_on("master-no-done-reply", "DONE has no reply", ["DONE"])
silent_on("master-no-error-reply", "ERROR and FATAL have no reply", ["ERROR", "FATAL"])
silent_on("master-no-msg-reply", "MSG has no reply", ["MSG"])
silent_on("master-no-ping", "PING has no reply", ["PING"])


@fault("master-answers-in-reverse", "requests that arrive together are answered in reverse")
def _(m):
    send = m.Stream.send

    def late(self, *reply):
        held = [*getattr(self, "held", []), reply]
        self.held = held
        if not self.buffer and not select.select([self.process.stdout], [], [], 0.05)[0]:
            self.held = []
            for one in reversed(held):
                send(self, *one)

    m.Stream.send = late


@fault("master-error-is-dead", "ERROR ends the job")
def _(m):
    def dead(self, payload, answer):
        try:
            return answer()
        except m.Retry as error:
            raise m.Dead(str(error)) from None

    at(m, "error", dead)


@fault("master-fatal-is-retried", "FATAL is tried again")
def _(m):
    def retry(self, payload, answer):
        try:
            return answer()
        except m.Dead as error:
            raise m.Retry(str(error)) from None

    at(m, "fatal", retry)


@fault("master-loses-reason", "the reason of a dead job is lost")
def _(m):
    run = m.run_task

    def vague(*words):
        try:
            run(*words)
        except m.Dead:
            raise m.Dead("status dead") from None

    m.run_task = vague


def after_exit(name, sentence, react):
    @fault(name, sentence)
    def _(m):
        run = m.Attempt.run

        def wrapped(self):
            try:
                run(self)
            except m.Retry as error:
                status = self.stream.process.poll()
                if status is None or "without DONE" not in str(error):
                    raise
                react(m, status)

        m.Attempt.run = wrapped


def _dead_by_status(m, status):
    raise m.Dead(f"exit status {status}") if status else m.Retry("no DONE")


def _good_by_status(m, status):
    if status:
        raise m.Retry(f"exit status {status}")


after_exit("master-exit-is-dead", "an exit without DONE ends the job", _dead_by_status)
after_exit("master-exit-0-is-done", "an exit with 0 is taken for DONE", _good_by_status)


@fault("master-waits-for-ever", "a worker that stays after DONE is waited for")
def _(m):
    m.end = lambda process, limit_s: process.wait()


def choosing(name, sentence, word, wanted):
    """What INPUT with `word` asks for; `wanted` is given its ids."""

    @fault(name, sentence)
    def _(m):
        strict = m.Attempt.wanted

        def choose(self, payload):
            known = strict(self, payload)
            return wanted(payload[1]) if payload and payload[0] == word else known

        m.Attempt.wanted = choose


choosing("master-ignores-exclude", "exclude is ignored", "exclude", lambda ids: lambda id_: True)
choosing("master-exclude-excludes-all", "exclude leaves nothing", "exclude", lambda ids: lambda id_: False)
choosing("master-include-is-empty", "include lists nothing", "include", lambda ids: lambda id_: False)
choosing(
    "master-include-lists-unknown",
    "include lists whatever there is",
    "include",
    lambda ids: lambda id_: bool(ids),
)
choosing("master-ignores-include", "include is ignored", "include", lambda ids: lambda id_: True)
choosing(
    "master-exclude-takes-one",
    "exclude leaves out one id only",
    "exclude",
    lambda ids: lambda id_: id_ not in ids[:1],
)
choosing(
    "master-include-takes-one", "include lists one id only", "include", lambda ids: lambda id_: id_ in ids[:1]
)


@fault("master-lists-once", "inputs are listed once")
def _(m):
    asked = []

    def once(self, payload, answer):
        asked.append(payload)
        return answer() if len(asked) == 1 else ("INPUT", 0)

    at(m, "input", once)


@fault("master-kills-talkers", "more than ten messages in a second end the job")
def _(m):
    def kill(self, payload, answer):
        reply = answer()
        if len(self.messages) > m.FREE_MESSAGES:
            raise m.Dead("talks too much")
        return reply

    at(m, "msg", kill)
