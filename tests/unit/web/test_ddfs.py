"""Tags and blobs by REST: shapes, statuses and texts (M236–M251, M256, M257, C9–C11, F8–F10)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from unit.web.fakes import FREE, Site

BLOB = "disco://n1/ddfs/vol0/blob/4e/{}$1-2-3"
UNAUTHORIZED = (401, "Incorrect or missing token.")
NO_TAG = (404, "Tag not found.")


def urls(*names: str) -> list[list[str]]:
    return [[BLOB.format(name)] for name in names]


def token(text: str, user: str = "token") -> dict[str, Any]:
    return {"headers": {"Authorization": "Basic " + base64.b64encode(f"{user}:{text}".encode()).decode()}}


def told(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.text


def test_a_tag_is_made_appended_to_and_read(site: Site) -> None:
    """M240, M243, F6."""
    reply = site.post("/ddfs/tag/data:x", json=urls("a"))
    assert reply.status_code == 200
    assert [url.split("$")[0] for url in reply.json()] == ["disco://n1/ddfs/vol0/tag/00/data:x"]
    site.post("/ddfs/tag/data:x", json=urls("b", "c"))
    tag = site.get("/ddfs/tag/data:x").json()
    assert set(tag) == {"version", "id", "last-modified", "urls", "user-data"}
    assert tag["version"] == 1
    assert tag["id"].startswith("data:x$")
    assert tag["urls"] == urls("b", "c", "a")
    assert len(tag["last-modified"]) == len("2026/01/02 03:04:05")


def test_put_replaces(site: Site) -> None:
    """M244."""
    site.post("/ddfs/tag/t", json=urls("a"))
    site.ask("PUT", "/ddfs/tag/t", json=urls("b"))
    assert site.get("/ddfs/tag/t").json()["urls"] == urls("b")
    site.ask("PUT", "/ddfs/tag/t/ddfs:urls", json=urls("c"))
    assert site.get("/ddfs/tag/t/ddfs:urls").json() == urls("c")


def test_put_makes_a_tag(site: Site) -> None:
    site.ask("PUT", "/ddfs/tag/t/k", json="v")
    assert site.get("/ddfs/tag/t").json()["user-data"] == {"k": "v"}


@pytest.mark.parametrize(("query", "kept"), [("?update=1", 1), ("?update=", 2), ("", 2), ("?delayed=", 2)])
def test_update_needs_a_value(site: Site, query: str, kept: int) -> None:
    """M241: an empty value counts as unset."""
    site.post("/ddfs/tag/t", json=urls("a"))
    site.post(f"/ddfs/tag/t{query}", json=urls("a"))
    assert len(site.get("/ddfs/tag/t").json()["urls"]) == kept


def test_what_changes_nothing_makes_no_version(site: Site) -> None:
    """M263: the id stays, and the reply still tells where the tag lies."""
    first = site.post("/ddfs/tag/t", json=urls("a")).json()
    for again in (
        site.post("/ddfs/tag/t", json=[]),
        site.post("/ddfs/tag/t?update=1", json=urls("a")),
        site.ask("PUT", "/ddfs/tag/t", json=urls("a")),
    ):
        assert again.json() == first
    assert site.ask("DELETE", "/ddfs/tag/t/absent").json() == "deleted"
    assert len(site.nodes.versions("t")) == 1


def test_an_empty_update_makes_the_tag(site: Site) -> None:
    """M241."""
    assert site.post("/ddfs/tag/t?update=1", json=[]).status_code == 200
    assert site.get("/ddfs/tag/t").json()["urls"] == []


def test_delayed_replies_after_its_commit(site: Site) -> None:
    """M242."""
    assert len(site.post("/ddfs/tag/t?delayed=1", json=urls("a")).json()) == 1
    assert site.get("/ddfs/tag/t").json()["urls"] == urls("a")


def test_delete_hides_at_once(site: Site) -> None:
    """M245, M264, F8."""
    site.post("/ddfs/tag/t", json=urls("a"))
    reply = site.ask("DELETE", "/ddfs/tag/t")
    assert (reply.status_code, reply.json()) == (200, "deleted")
    assert told(site.get("/ddfs/tag/t")) == NO_TAG
    assert site.get("/ddfs/tags").json() == []
    assert site.ask("DELETE", "/ddfs/tag/t").json() == "deleted"
    assert site.ask("DELETE", "/ddfs/tag/never:was").json() == "deleted"


def test_a_deleted_tag_can_be_made_again_with_another_token(site: Site) -> None:
    """M266, M230: nothing of the old tag comes back."""
    site.post("/ddfs/tag/t", json=urls("old"), **token("one"))
    site.ask("DELETE", "/ddfs/tag/t", **token("one"))
    site.post("/ddfs/tag/t", json=urls("new"), **token("two"))
    assert told(site.get("/ddfs/tag/t", **token("one"))) == UNAUTHORIZED
    assert site.get("/ddfs/tag/t", **token("two")).json()["urls"] == urls("new")
    assert site.get("/ddfs/tags").json() == ["t"]


def test_tags_by_prefix_with_slashes_for_colons(site: Site) -> None:
    """M246, C10."""
    for name in ("data:log:web", "data:log:app", "data:x", "other"):
        site.post(f"/ddfs/tag/{name}", json=[])
    assert site.get("/ddfs/tags").json() == ["data:log:app", "data:log:web", "data:x", "other"]
    assert site.get("/ddfs/tags/").json() == ["data:log:app", "data:log:web", "data:x", "other"]
    for prefix in ("data:log", "data/log", "data/log/"):
        assert site.get(f"/ddfs/tags/{prefix}").json() == ["data:log:app", "data:log:web"]
    assert site.get("/ddfs/tags/nothing").json() == []


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("name", ["+deleted", "a.b", "a%20b", "%C3%A9", "a" * 512])
def test_bad_names(site: Site, method: str, name: str) -> None:
    """M679; the metatag is out of reach (M264)."""
    assert told(site.ask(method, f"/ddfs/tag/{name}", json=[])) == (403, "Invalid tag")


def test_long_names(site: Site) -> None:
    """M237: 511 characters are a legal name; a new one must fit a file name of the disk."""
    assert told(site.get("/ddfs/tag/" + "a" * 511)) == NO_TAG
    assert site.ask("DELETE", "/ddfs/tag/" + "a" * 511).json() == "deleted"
    assert site.post("/ddfs/tag/" + "a" * 200, json=[]).status_code == 200
    reply = site.post("/ddfs/tag/" + "a" * 201, json=[])
    assert reply.status_code == 403
    assert reply.text.startswith("Invalid tag: the name aaa")


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("body", [["a"], "a", [[1]], {"a": 1}, None, [[]]])
def test_only_lists_of_lists_of_urls(site: Site, method: str, body: object) -> None:
    assert told(site.ask(method, "/ddfs/tag/t", data=json.dumps(body))) == (403, "Invalid url object")
    assert told(site.get("/ddfs/tag/t")) == NO_TAG


@pytest.mark.parametrize("body", [b"", b"[", b"\xff", b"[" * 100_000])
def test_bodies_that_are_no_json(site: Site, body: bytes) -> None:
    assert told(site.post("/ddfs/tag/t", data=body)) == (403, "Invalid request body.")


def test_tag_body_size_on_both_sides(make_site: Callable[..., Site]) -> None:
    """M680: 512 MiB, here made smaller."""
    site = make_site(max_tag_body_bytes=10)
    assert site.post("/ddfs/tag/t", data=b'[["12345"]').status_code == 403  # read, and no JSON
    assert site.post("/ddfs/tag/t", data=b'[["12345"]]').status_code == 413


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"data": '"text"'}, "text"),
        ({"json": "é"}, "é"),
        ({"data": "é raw".encode()}, "é raw"),
        ({"data": b'"open'}, '"open'),
        ({"data": b"5"}, "5"),
        ({"data": b""}, ""),
    ],
)
def test_attributes_as_json_or_as_text(site: Site, options: dict[str, Any], value: str) -> None:
    """M247, M248, C11."""
    site.post("/ddfs/tag/t", json=[])
    reply = site.ask("PUT", "/ddfs/tag/t/k", **options)
    assert reply.status_code == 200
    assert len(reply.json()) == 1
    assert site.get("/ddfs/tag/t/k").json() == value


@pytest.mark.parametrize("options", [{"json": 5}, {"json": ["a"]}, {"data": b"\xff"}])
def test_values_that_are_no_text(site: Site, options: dict[str, Any]) -> None:
    assert told(site.ask("PUT", "/ddfs/tag/t/k", **options)) == (403, "Invalid attribute key or value")


def test_attribute_limits(site: Site) -> None:
    """M232."""
    site.post("/ddfs/tag/t", json=[])
    assert site.ask("PUT", "/ddfs/tag/t/k", data=b"v" * 1024).status_code == 200
    assert told(site.ask("PUT", "/ddfs/tag/t/k", data=b"v" * 1025)) == (403, "Attribute value too big.")
    assert site.ask("PUT", "/ddfs/tag/t/" + "k" * 1024, data=b"v").status_code == 200
    for method in ("PUT", "GET", "DELETE"):
        reply = site.ask(method, "/ddfs/tag/t/" + "k" * 1025, data=b"v")
        assert told(reply) == (403, "Attribute name too big.")


def test_attributes_that_are_not_there(site: Site) -> None:
    """M248, M249."""
    missing = (404, "Tag attribute not found.")
    for method in ("GET", "DELETE"):
        assert told(site.ask(method, "/ddfs/tag/t/k")) == NO_TAG
    site.post("/ddfs/tag/t", json=[])
    assert told(site.get("/ddfs/tag/t/k")) == missing
    assert site.ask("DELETE", "/ddfs/tag/t/k").json() == "deleted"
    for method in ("GET", "PUT", "DELETE"):
        assert told(site.ask(method, "/ddfs/tag/t/ddfs:other", data=b"v")) == missing


def test_a_tag_made_with_a_token_is_protected(site: Site) -> None:
    """M229–M231, M250."""
    site.post("/ddfs/tag/t", json=urls("a"), **token("s"))
    for options in ({}, token("x"), token("s", user="other"), {"headers": {"Authorization": "Basic !!!"}}):
        assert told(site.get("/ddfs/tag/t", **options)) == UNAUTHORIZED
        assert told(site.post("/ddfs/tag/t", json=[], **options)) == UNAUTHORIZED
        assert told(site.ask("PUT", "/ddfs/tag/t", json=[], **options)) == UNAUTHORIZED
        assert told(site.ask("PUT", "/ddfs/tag/t/k", data=b"v", **options)) == UNAUTHORIZED
        assert told(site.ask("DELETE", "/ddfs/tag/t/k", **options)) == UNAUTHORIZED
        assert told(site.ask("DELETE", "/ddfs/tag/t", **options)) == UNAUTHORIZED
    assert site.get("/ddfs/tag/t", **token("s")).json()["urls"] == urls("a")
    assert site.ask("DELETE", "/ddfs/tag/t", **token("s")).json() == "deleted"


def test_tokens_are_attributes(site: Site) -> None:
    """M251, F9, F10."""
    site.post("/ddfs/tag/t", json=[])
    assert site.get("/ddfs/tag/t/ddfs:read-token").json() is None
    site.ask("PUT", "/ddfs/tag/t/ddfs:write-token", json="w")
    assert site.get("/ddfs/tag/t").status_code == 200
    assert told(site.get("/ddfs/tag/t/ddfs:write-token")) == UNAUTHORIZED
    assert told(site.ask("PUT", "/ddfs/tag/t/ddfs:read-token", json="r")) == UNAUTHORIZED
    site.ask("PUT", "/ddfs/tag/t/ddfs:read-token", json="", **token("w"))
    assert told(site.get("/ddfs/tag/t")) == UNAUTHORIZED
    assert site.get("/ddfs/tag/t", **token("")).status_code == 200
    assert site.ask("DELETE", "/ddfs/tag/t/ddfs:read-token", **token("w")).json() == "deleted"
    assert site.get("/ddfs/tag/t").status_code == 200


def test_a_token_may_hold_colons(site: Site) -> None:
    site.post("/ddfs/tag/t", json=[], **token("a:b"))
    assert site.get("/ddfs/tag/t", **token("a:b")).status_code == 200


def test_new_blob_gives_put_urls(make_site: Callable[..., Site]) -> None:
    """M237."""
    site = make_site("n1", "n2", "n3", "n4")
    places = site.get("/ddfs/new_blob/my:blob").json()
    assert len(places) == 3  # C9
    assert len({place.split("$")[1] for place in places}) == 1
    for place in places:
        assert place.split("$")[0] in {f"http://n{number}:8990/ddfs/my:blob" for number in range(1, 5)}
    again = site.get("/ddfs/new_blob/my:blob").json()
    assert again[0].split("$")[1] != places[0].split("$")[1]


def test_new_blob_replicas_exclude_include(make_site: Callable[..., Site]) -> None:
    site = make_site("n1", "n2", "n3")

    def hosts(query: str) -> set[str]:
        return {place.split("/")[2] for place in site.get(f"/ddfs/new_blob/b?{query}").json()}

    assert hosts("replicas=2&exclude=n2") == {"n1:8990", "n3:8990"}
    assert hosts("replicas=1&include=n3,nowhere") == {"n3:8990"}
    assert hosts("replicas=3") == {"n1:8990", "n2:8990", "n3:8990"}


@pytest.mark.parametrize("query", ["replicas=4", "replicas=3&exclude=n1", "replicas=0", "exclude=n1,n2,n3"])
def test_too_few_nodes_for_a_blob(make_site: Callable[..., Site], query: str) -> None:
    site = make_site("n1", "n2", "n3")
    assert told(site.get(f"/ddfs/new_blob/b?{query}")) == (403, "Not enough nodes for replicas.")


@pytest.mark.parametrize("query", ["replicas=x", "replicas=-1", "replicas=" + "9" * 5000])
def test_replicas_must_be_a_number(site: Site, query: str) -> None:
    assert told(site.get(f"/ddfs/new_blob/b?{query}")) == (403, "Invalid request.")


def test_blob_names(site: Site) -> None:
    assert told(site.get("/ddfs/new_blob/a.b")) == (403, "Invalid tag")
    assert site.get("/ddfs/new_blob/" + "a" * 200).status_code == 200
    assert site.get("/ddfs/new_blob/" + "a" * 201).status_code == 403


def test_blacklisted_nodes_get_no_blobs(make_site: Callable[..., Site]) -> None:
    """M278, M282."""
    site = make_site("n1", "n2")
    site.nodes.nodes["n2"] = site.nodes.nodes["n2"]._replace(usable=False, free_bytes=FREE)
    assert [place.split("/")[2] for place in site.get("/ddfs/new_blob/b").json()] == ["n1:8990"]


def test_hosted_tags(make_site: Callable[..., Site]) -> None:
    """M256, M283."""
    site = make_site("n1", "n2")
    site.post("/ddfs/tag/here", json=[["disco://n1/ddfs/vol0/blob/00/a$1-1-1", "disco://n2/x"]])
    site.post("/ddfs/tag/there", json=[["disco://n2/ddfs/vol0/blob/00/a$1-1-1"]])
    site.post("/ddfs/tag/gone", json=[["disco://n1/ddfs/vol0/blob/00/a$1-1-1"]])
    site.ask("DELETE", "/ddfs/tag/gone")
    assert site.post("/ddfs/ctrl/hosted_tags", json="n1").json() == ["here"]
    assert site.post("/ddfs/ctrl/hosted_tags", json="n2").json() == ["here", "there"]
    assert told(site.post("/ddfs/ctrl/hosted_tags", json="n9")) == (404, "Unknown host.")
    assert site.get("/ddfs/ctrl/hosted_tags").status_code == 405


def test_without_nodes_it_asks_to_try_again(site: Site) -> None:
    """M234, M257."""
    site.nodes.down.add("n1")
    reply = site.get("/ddfs/tag/t")
    assert told(reply) == (503, "Temporary server error. Try again.")
    assert reply.headers["Retry-After"] == "1"


def test_a_damaged_tag_is_told(site: Site) -> None:
    site.nodes.tags["n1"]["t$1-1-1"] = "{}"
    reply = site.get("/ddfs/tag/t")
    assert reply.status_code == 500
    assert reply.text.startswith("Internal server error: not a tag object")
