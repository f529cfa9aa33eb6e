"""Faults in starting workers, in what they are told unasked, and in what is left of them."""

import os
import subprocess

from master_faults import fault


def started_with(name, sentence, change):
    @fault(name, sentence)
    def _(m):
        popen = subprocess.Popen
        m.subprocess = type(
            "module",
            (),
            {**vars(subprocess), "Popen": lambda words, **options: popen(words, **change(options))},
        )


started_with(
    "master-no-group",
    "the worker shares the group of the master",
    lambda o: {**o, "start_new_session": False},
)
started_with("master-other-directory", "the worker starts somewhere else", lambda o: {**o, "cwd": "/"})
started_with(
    "master-splits-output",
    "standard output leads nowhere",
    lambda o: {**o, "stderr": o["stdout"], "stdout": subprocess.DEVNULL},
)
started_with(
    "master-leaks-settings",
    "settings leak into the worker",
    lambda o: {**o, "env": {**o["env"], "DISCO_PORT": "1"}},
)
started_with(
    "master-no-job-environment", "the job environment is left out",
    lambda o: {**o, "env": {k: v for k, v in o["env"].items() if k.startswith("CONF") or k in os.environ}},
)  # fmt: skip


def environment(name, sentence, change):
    """The variables of the job reach the worker otherwise. `change` is given a name and a value."""

    @fault(name, sentence)
    def _(m):
        right = m.Job.environment

        def changed(self):
            envs = {key: change(key, value) for key, value in self.envs.items() if not key.startswith("CONF")}
            return {k: v for k, v in {**right(self), **envs}.items() if v is not None}

        m.Job.environment = changed


environment("master-env-drops-empty", "empty variables are left out", lambda key, value: value or None)
environment("master-env-is-ascii", "variables are made ASCII",
            lambda key, value: value.encode("ascii", "replace").decode())  # fmt: skip
environment("master-env-ends-at-equals", "a value ends at its first equals sign",
            lambda key, value: value.partition("=")[0])  # fmt: skip
environment("master-env-is-one-line", "a value ends with its first line",
            lambda key, value: value.partition("\n")[0])  # fmt: skip
environment("master-env-is-stripped", "blanks around a value are taken off", lambda key, value: value.strip())
environment("master-env-is-short", "values are cut at 1000 characters", lambda key, value: value[:1000])
environment("master-env-expands", "what looks like a variable in a value is replaced",
            lambda key, value: value.replace("$HOME", "/root"))  # fmt: skip


@fault("master-env-of-node-wins", "a variable of the node takes the place of the job's")
def _(m):
    m.Job.environment = lambda self: {**self.envs, **{k: os.environ[k] for k in m.KEPT if k in os.environ}}


@fault("master-speaks-first", "OK is said before the worker has said anything")
def _(m):
    run = m.Attempt.run

    def hello(self):
        self.stream.send("OK", "ok")
        run(self)

    m.Attempt.run = hello


@fault("master-answers-twice", "every reply is sent twice")
def _(m):
    send = m.Stream.send

    def twice(self, *reply):
        send(self, *reply)
        send(self, *reply)

    m.Stream.send = twice


@fault("master-leaves-children", "the worker is ended without its group")
def _(m):
    def end(process, limit_s):
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()

    m.end = end
