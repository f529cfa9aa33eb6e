"""The page of the configuration, as the server makes it (M513-M515)."""

from __future__ import annotations

import re

from unit.web.fakes import Site, node_view

NASTY = "<script>alert(1)</script>\"'&"


def test_it_shows_table_blacklists_and_settings(site: Site) -> None:
    site.master.change(
        nodes={"n1": node_view("n1"), "n2": node_view("n2")},
        node_table=(("n1", "2"), ("nx01:30", "4")),
        blacklist=("n1",),
        gc_blacklist=("n2",),
        max_failure_rate=9,
    )
    page = site.get("/config.html").text
    assert re.findall(r'<tr><td><input value="([^"]*)".*?<td><input value="([^"]*)"', page) == [
        ("n1", "2"), ("nx01:30", "4"), ("", ""),
    ]  # fmt: skip
    assert re.findall(r'data-send="(\w+)" data-value="(\w+)"', page) == [
        ("whitelist", "n1"), ("gc_whitelist", "n2"),
    ]  # fmt: skip
    assert 'name="max_failure_rate" value="9"' in page
    assert 'href="/config.html"' in site.get("/").text


def test_it_needs_nothing_from_elsewhere_and_shows_names_as_text(site: Site) -> None:
    site.master.change(
        nodes={NASTY: node_view(NASTY)}, node_table=((NASTY, "1"),), blacklist=(NASTY,), gc_blacklist=(NASTY,)
    )
    page = site.get("/config.html").text
    assert "<script>" not in page and "alert(1)" in page
    for address in re.findall(r'\s(?:src|href|action)="([^"]*)"', page):
        assert address.startswith("/")
    assert not re.search(r"\son\w+=|style=", page)
    assert "http" not in site.get("/static/config.js").text
