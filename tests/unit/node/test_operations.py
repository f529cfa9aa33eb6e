"""The named operations, as an engine calls them: plain values in and out, refusals with a reason."""

from __future__ import annotations

import gzip
import json

import pytest
from unit.node.rooms import process_is_gone

from disco_master.model import Mode
from disco_master.node.operations import OPERATIONS, OperationError, run_operation

TAG = "data:log$5a1-b2c3-00"


def call(bench, op, **args):
    """As it would travel: through JSON, both ways."""
    return json.loads(json.dumps(run_operation(bench.node, op, json.loads(json.dumps(args)))))


def test_the_table_is_the_documented_one():
    assert sorted(OPERATIONS) == [
        "attempt_log",
        "attempt_logs",
        "delete_job",
        "disk",
        "shuffle",
        "tag_commit",
        "tag_delete",
        "tag_names",
        "tag_read",
        "tag_write",
    ]


def test_a_tag_from_its_writing_to_its_deletion(bench):
    """M214, F17."""
    assert call(bench, "tag_names") == [] and call(bench, "tag_read", name=TAG) is None
    assert call(bench, "tag_write", name=TAG, text='{"id": "é"}') is None
    assert call(bench, "tag_names") == []
    url = call(bench, "tag_commit", name=TAG)
    assert url.startswith("disco://localhost/ddfs/vol0/tag/") and url.endswith("/" + TAG)
    assert call(bench, "tag_names") == [TAG] and call(bench, "tag_read", name=TAG) == '{"id": "é"}'
    assert call(bench, "tag_delete", name=TAG) is True and call(bench, "tag_delete", name=TAG) is False


def test_outputs_are_shuffled_and_jobs_deleted(bench):
    """M169: from a real attempt's outputs to the index."""
    body = "task = begin(); output('p%d' % task['taskid'], 'x%d' % task['taskid'], 'part', 7); ask('DONE')"
    job = bench.packs.script("work@1", body)
    ends = [bench.told.end(bench.launch(job)) for _ in range(2)]
    outputs = [[o.url, o.kind.value, o.label] for end in ends for o in end.outputs]
    answer = call(bench, "shuffle", job=job, mode="map", outputs=outputs)
    home = bench.home(job)
    index = "dir" + bench.node.homes.base_url(job)[5:] + ".disco/map-index.txt.gz"
    assert answer == {"index": index, "gone": ""}
    plain = [o for end in ends for o in end.outputs]
    assert run_operation(bench.node, "shuffle", {"job": job, "mode": Mode.MAP, "outputs": plain}) == answer
    line = gzip.decompress((home / ".disco/map-index.txt.gz").read_bytes()).decode()
    label, url = line.rstrip("\n").split(" ")
    assert label == "7"
    assert (home / url.removeprefix(bench.node.homes.base_url(job))).read_text() == "x0x1"
    (home / "p0").unlink()
    lost = call(bench, "shuffle", job=job, mode="map", outputs=outputs)
    assert lost["index"] == "" and "p0" in lost["gone"]
    assert call(bench, "delete_job", job=job) is None
    assert not home.exists()


def test_a_deleted_jobs_idle_worker_goes_too(bench):
    job = bench.packs.script("warm@1", "begin(reuse=True); assert ask('DONE') == ('OK', 'ok')")
    bench.told.end(bench.launch(job))
    call(bench, "delete_job", job=job)
    assert process_is_gone(bench.told.pids[1], 5.0) and not bench.home(job).exists()


def test_the_log_of_an_attempt(bench):
    """W5: by job, mode, task and attempt."""
    bench.run("begin(); ask('MSG', 'hello'); ask('ERROR', 'no luck')")
    log = call(bench, "attempt_log", job="test@0:1:1", mode="map", task=0, attempt=1)
    assert log == "hello\nfailed: no luck\n"
    assert call(bench, "attempt_log", job="test@0:1:1", mode="map", task=0, attempt=2) is None
    listed = [["map", 0, 1, len(log)]]
    assert call(bench, "attempt_logs", job="test@0:1:1") == listed
    assert call(bench, "attempt_logs", job="test@0:1:1", mode="map", task=0) == listed
    assert call(bench, "attempt_logs", job="test@0:1:1", mode="map", task=1) == []
    assert call(bench, "attempt_logs", job="other@0:1:1") == []


def test_the_disk(bench):
    disk = call(bench, "disk")
    assert set(disk) == {"free_bytes", "used_bytes"} and min(disk.values()) > 0


@pytest.mark.parametrize(
    ("op", "args", "said"),
    [
        ("format_disk", {}, "there is no operation 'format_disk'"),
        ("tag_read", {}, "argument 'name' is missing"),
        ("tag_read", {"name": "../../etc/passwd"}, "is no object name"),
        ("tag_commit", {"name": TAG}, "no such tag was written"),
        ("delete_job", {"job": "../x"}, "no name of a job"),
        ("attempt_log", {"job": "..", "mode": "map", "task": 0, "attempt": 0}, "no name of a job"),
        ("attempt_log", {"job": "j", "mode": "../x", "task": 0, "attempt": 0}, "not a valid Mode"),
        ("attempt_log", {"job": "j", "mode": "map", "task": "../x", "attempt": 0}, "invalid literal"),
        ("shuffle", {"job": "j", "mode": "map", "outputs": [["disco://x/y", "part", 0]]}, "is no output"),
        ("shuffle", {"job": "j", "mode": "map", "outputs": [["x"]]}, "not enough values"),
    ],
)
def test_refusals(bench, op, args, said):
    with pytest.raises(OperationError, match=said):
        call(bench, op, **args)
