"""Workers do not outlive a node that was killed with SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from unit.node.rooms import PREAMBLE, pack, process_is_gone

from disco_master.node.warden import Warden

NODE = """
import sys, threading
from pathlib import Path
sys.path.insert(0, {tests!r})
from unit.node.rooms import Listener, Packs, config, spec
from disco_master.node.node import Node
root = Path({root!r})
packs = Packs(root / "packs")
packs.add("job@1", (root / "pack").read_bytes())
told = Listener()
node = Node(config(root, packs), told)
node.start()
node.launch(spec("job@1"))
told.wait(lambda: told.texts(1))
print(node.warden.pid, told.texts(1)[0], flush=True)
threading.Event().wait()
"""


def test_kill_9_of_the_node_takes_its_workers_and_their_children(tmp_path):
    """The worker ignores its closed pipe and SIGTERM, and has a child that does the same."""
    body = """
begin()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
child = os.fork()
if child:
    say("MSG", "%d %d" % (os.getpid(), child))
time.sleep(60)
"""
    (tmp_path / "pack").write_bytes(pack({"worker": PREAMBLE + body}))
    tests = __file__.split("/unit/")[0]
    program = NODE.format(root=str(tmp_path), tests=tests)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as node:
        pids = [int(word) for word in node.stdout.readline().split()]
        assert len(pids) == 3 and not any(process_is_gone(pid, 0.01) for pid in pids)
        node.kill()
    assert all(process_is_gone(pid, 5.0) for pid in pids)


def test_only_watched_groups_are_killed():
    sleepers = [subprocess.Popen(["sleep", "60"], process_group=0) for _ in range(3)]
    warden = Warden()
    warden.start()
    for sleeper in sleepers[:2]:
        warden.watch(sleeper.pid)
    warden.release(sleepers[0].pid)
    warden.stop()
    assert sleepers[1].wait(5) == -signal.SIGKILL
    assert sleepers[0].poll() is None and sleepers[2].poll() is None
    for sleeper in (sleepers[0], sleepers[2]):
        sleeper.kill()
        sleeper.wait()


def test_the_warden_does_not_die_of_the_signals_that_end_its_node():
    sleeper = subprocess.Popen(["sleep", "60"], process_group=0)
    warden = Warden()
    warden.start()
    warden.watch(sleeper.pid)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        _send_when_ready(warden.pid, number)
    warden.stop()
    assert sleeper.wait(5) == -signal.SIGKILL


def _send_when_ready(pid, number):
    """Once the process ignores it; /proc shows the set of ignored signals."""
    for _ in range(2000):
        status = Path(f"/proc/{pid}/status").read_text()
        ignored = int(status.split("SigIgn:")[1].split()[0], 16)
        if ignored >> (number - 1) & 1:
            os.kill(pid, number)
            return
        os.sched_yield()
    raise AssertionError(f"process {pid} does not ignore {number}")


def test_a_stopped_warden_is_told_nothing():
    warden = Warden()
    warden.start()
    warden.stop()
    warden.watch(1)
    warden.release(1)
    warden.stop()
