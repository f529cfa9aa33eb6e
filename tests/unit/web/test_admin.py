"""Nodes, blacklists and settings by REST (M475, M481–M489)."""

from __future__ import annotations

import pytest
from unit.web.fakes import Site, node_view

from disco_master.events import BlacklistChanged, NodeTableSaved, SettingChanged


def test_version_is_a_json_string(site: Site) -> None:
    """M475."""
    assert site.get("/disco/version").json() == site.config.version


def test_nodeinfo(site: Site) -> None:
    """M481: sizes in KiB; `tasks` only while tasks run."""
    site.master.change(nodes={"n1": node_view("n1"), "n2": node_view("n2", running=(), connected=False)})
    info = site.get("/disco/ctrl/nodeinfo").json()
    assert info["n1"] == {
        "job_ok": 5,
        "data_error": 6,
        "error": 7,
        "max_workers": 4,
        "connected": True,
        "blacklisted": False,
        "diskfree": 2048,
        "diskused": 1024,
        "tasks": ["a@1:2:3"],
    }
    assert "tasks" not in info["n2"]
    assert info["n2"]["connected"] is False


def test_the_node_table_is_saved_and_read(site: Site) -> None:
    """M482, M483."""
    assert site.get("/disco/ctrl/load_config_table").json() == [["n1", "4"]]
    reply = site.post("/disco/ctrl/save_config_table", json=[["nx01:12", "8"]])
    assert (reply.status_code, reply.json()) == (200, "table saved!")
    assert site.get("/disco/ctrl/load_config_table").json() == [["nx01:12", "8"]]
    assert site.master.events == [NodeTableSaved((("nx01:12", "8"),))]


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ([["n1", "1"], ["n1", "2"]], "duplicate nodes"),
        ([["n01:03", "1"], ["n02", "2"]], "duplicate nodes"),
        ([["n1", "many"]], "invalid config"),
        ([["n1", 4]], "invalid config"),
        ([["n1"]], "invalid config"),
        ({}, "invalid config"),
        ([["../x", "1"]], "invalid config"),
    ],
)
def test_bad_node_tables(site: Site, table: object, text: str) -> None:
    reply = site.post("/disco/ctrl/save_config_table", json=table)
    assert (reply.status_code, reply.json()) == (400, text)
    assert site.master.events == []


@pytest.mark.parametrize(
    ("operation", "kind", "listed"),
    [
        ("blacklist", "tasks", True),
        ("whitelist", "tasks", False),
        ("gc_blacklist", "gc", True),
        ("gc_whitelist", "gc", False),
    ],
)
def test_blacklists(site: Site, operation: str, kind: str, listed: bool) -> None:
    """M484–M487."""
    reply = site.post(f"/disco/ctrl/{operation}", json="n1")
    assert (reply.status_code, reply.json()) == (200, "")
    assert site.master.events == [BlacklistChanged(kind, "n1", listed)]
    assert site.get("/disco/ctrl/get_blacklist").json() == (
        ["n1"] if (kind, listed) == ("tasks", True) else []
    )
    assert site.get("/disco/ctrl/get_gc_blacklist").json() == (
        ["n1"] if (kind, listed) == ("gc", True) else []
    )


def test_unknown_hosts_are_passed_over(site: Site) -> None:
    """M486."""
    for operation in ("blacklist", "whitelist", "gc_blacklist", "gc_whitelist"):
        assert site.post(f"/disco/ctrl/{operation}", json="nowhere").json() == ""
    assert site.master.events == []


def test_a_host_that_left_the_table_can_be_whitelisted(site: Site) -> None:
    site.master.change(nodes={}, blacklist=("gone",))
    site.post("/disco/ctrl/whitelist", json="gone")
    assert site.get("/disco/ctrl/get_blacklist").json() == []


def test_settings(site: Site) -> None:
    """M488, M489: values are strings, unknown names are passed over."""
    assert site.get("/disco/ctrl/get_settings").json() == {"max_failure_rate": 10}
    reply = site.post("/disco/ctrl/save_settings", json={"max_failure_rate": "100", "other": "x"})
    assert (reply.status_code, reply.json()) == (200, "Settings saved")
    assert site.get("/disco/ctrl/get_settings").json() == {"max_failure_rate": 100}
    assert site.post("/disco/ctrl/save_settings", json={"other": "x"}).json() == "Settings saved"
    assert site.master.events == [SettingChanged("max_failure_rate", 100)]


@pytest.mark.parametrize("value", ["1", "10000000"])
def test_failure_rates_at_the_limits(site: Site, value: str) -> None:
    """M682."""
    assert site.post("/disco/ctrl/save_settings", json={"max_failure_rate": value}).status_code == 200


@pytest.mark.parametrize("value", ["0", "10000001", "-1", "1.5", "", "x", "9" * 5000, "²", 5, None])
def test_failure_rates_beyond_the_limits(site: Site, value: object) -> None:
    assert site.post("/disco/ctrl/save_settings", json={"max_failure_rate": value}).status_code == 400
    assert site.master.events == []


@pytest.mark.parametrize(
    "operation",
    ["save_config_table", "blacklist", "whitelist", "gc_blacklist", "gc_whitelist", "save_settings"],
)
def test_changes_need_a_post_with_json(site: Site, operation: str) -> None:
    assert site.get(f"/disco/ctrl/{operation}").status_code == 405
    reply = site.post(f"/disco/ctrl/{operation}", data=b"{")
    assert (reply.status_code, site.master.events) == (400, [])
    assert reply.json().startswith("Expected a JSON body: ")
    assert site.post(f"/disco/ctrl/{operation}", json=7).status_code == 400


@pytest.mark.parametrize("path", ["/disco/ctrl/nonsense", "/disco/nonsense", "/nonsense", "/disco", "/ddfs"])
def test_what_is_not_there(site: Site, path: str) -> None:
    reply = site.get(path)
    assert (reply.status_code, reply.text) == (404, "Not found.")
