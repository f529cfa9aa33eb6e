"""The tag object and its changes (M214, M229–M232, M240–M251, M263, F6–F10)."""

from __future__ import annotations

import json

import pytest

from disco_master.ddfs import tag as tags
from disco_master.ddfs.tag import READ_TOKEN, URLS, WRITE_TOKEN, Tag

BLOB = "disco://n1/ddfs/vol0/blob/4e/{}$1-2-3"


def one(*names: str) -> tuple[tuple[str, ...], ...]:
    return tuple((BLOB.format(name),) for name in names)


def test_the_file_has_its_keys_in_the_documented_order() -> None:
    """Interfaces of 0.4.5: version, id, last-modified, read-token, write-token, urls, user-data."""
    text = Tag("t$1-1-1", "2026/01/02 03:04:05", "r", None, one("a"), {"k": "v"}).dump()
    assert list(json.loads(text)) == [
        "version",
        "id",
        "last-modified",
        "read-token",
        "write-token",
        "urls",
        "user-data",
    ]
    assert json.loads(text)["version"] == 1


def test_readers_get_everything_but_the_tokens() -> None:
    shown = Tag("t$1-1-1", "now", "r", "w", one("a"), {"k": "v"}).public()
    assert "read-token" not in shown
    assert "write-token" not in shown
    assert shown["urls"] == one("a")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"version": 1}',
        "[" * 100_000,
        Tag().dump().replace('"version":1', '"version":2'),
    ],
)
def test_damaged_files_are_told(text: str) -> None:
    with pytest.raises(tags.DamagedTag):
        tags.parse(text)


@pytest.mark.parametrize("value", ["a", ["a"], [[1]], [[]], [[""]], {"a": 1}, None, 5, [["\ud800"]]])
def test_bad_url_objects(value: object) -> None:
    with pytest.raises(tags.InvalidUrls, match="Invalid url object"):
        tags.check_urls(value)


def test_good_url_objects() -> None:
    assert tags.check_urls([["a"], ["b", "c"]]) == (("a",), ("b", "c"))
    assert tags.check_urls([]) == ()


def test_new_urls_come_first() -> None:
    """F6."""
    assert tags.append(Tag(urls=one("old")), one("new1", "new2"), None).urls == one("new1", "new2", "old")


def test_update_leaves_out_what_is_there_by_name() -> None:
    """M241, F7."""
    other_version = (("disco://n2/ddfs/vol1/blob/00/a$9-9-9",),)
    tag = Tag(urls=one("a"))
    assert tags.append(tag, other_version, None, update=True) is tag
    assert tags.append(tag, other_version, None).urls == other_version + one("a")
    assert tags.append(tag, one("b", "b"), None, update=True).urls == one("b", "a")


def test_update_never_leaves_out_a_url_without_a_name() -> None:
    plain = (("http://host/file",),)
    tag = Tag(urls=plain)
    assert tags.append(tag, plain, None, update=True).urls == plain + plain


def test_what_changes_nothing_gives_the_same_tag() -> None:
    """M263."""
    tag = Tag(read_token="r", urls=one("a"), user_data={"k": "v"})
    assert tags.append(tag, (), None) is tag
    assert tags.replace_urls(tag, one("a"), None) is tag
    assert tags.set_attribute(tag, "k", "v", None) is tag
    assert tags.set_attribute(tag, READ_TOKEN, "r", None) is tag
    assert tags.delete_attribute(tag, "absent", None) is tag
    assert tags.delete_attribute(tag, WRITE_TOKEN, None) is tag
    assert tags.without(tag, one("b")) is tag


def test_a_new_tag_is_protected_by_the_token_of_its_request() -> None:
    """M230."""
    tag = tags.new("t")
    assert (tag.read_token, tag.write_token) == ("t", "t")
    assert not tags.may_read(tag, None)


@pytest.mark.parametrize(
    ("read", "write", "offered", "may_read", "may_write"),
    [
        (None, None, None, True, True),
        (None, "w", None, True, False),  # F10
        (None, "w", "w", True, True),
        ("r", None, None, False, True),
        ("r", None, "r", True, True),
        ("r", "w", "w", True, True),  # whoever may write may read
        ("r", "w", "r", True, False),
        ("r", "w", "x", False, False),
        ("", None, None, False, True),  # F9: an empty token protects
        ("", None, "", True, True),
        (None, "", None, True, False),
        ("é", None, "é", True, True),
    ],
)
def test_tokens(
    read: str | None, write: str | None, offered: str | None, may_read: bool, may_write: bool
) -> None:
    tag = Tag(read_token=read, write_token=write)
    assert tags.may_read(tag, offered) is may_read
    assert tags.may_write(tag, offered) is may_write


def test_every_change_needs_the_write_token() -> None:
    """M229."""
    tag = Tag(write_token="w", urls=one("a"), user_data={"k": "v"})
    for change in (
        lambda: tags.append(tag, one("b"), None),
        lambda: tags.replace_urls(tag, (), "wrong"),
        lambda: tags.set_attribute(tag, "k", "x", None),
        lambda: tags.delete_attribute(tag, "k", None),
        lambda: tags.get_attribute(tag, WRITE_TOKEN, None),
    ):
        with pytest.raises(tags.Unauthorized, match="Incorrect or missing token"):
            change()


def test_the_write_token_is_read_by_writers_only() -> None:
    """M231."""
    tag = Tag(read_token="r", write_token="w")
    assert tags.get_attribute(tag, WRITE_TOKEN, "w") == "w"
    assert tags.get_attribute(tag, READ_TOKEN, "r") == "r"
    with pytest.raises(tags.Unauthorized):
        tags.get_attribute(tag, WRITE_TOKEN, "r")


def test_attributes_are_set_read_and_deleted() -> None:
    """M247–M249, M251."""
    tag = tags.set_attribute(Tag(urls=one("a")), "k", "v", None)
    assert tags.get_attribute(tag, "k", None) == "v"
    assert tags.get_attribute(tag, URLS, None) == [list(one("a")[0])]
    assert tags.get_attribute(tag, READ_TOKEN, None) is None
    assert tags.delete_attribute(tag, "k", None).user_data == {}
    tag = tags.set_attribute(tag, READ_TOKEN, "r", None)
    assert tag.read_token == "r"
    assert tags.delete_attribute(tag, READ_TOKEN, None).read_token is None


@pytest.mark.parametrize("attribute", ["ddfs:other", "absent"])
def test_unknown_attributes(attribute: str) -> None:
    with pytest.raises(tags.NoSuchAttribute):
        tags.get_attribute(Tag(), attribute, None)


def test_reserved_attributes_are_not_made() -> None:
    with pytest.raises(tags.NoSuchAttribute):
        tags.set_attribute(Tag(), "ddfs:other", "x", None)
    with pytest.raises(tags.NoSuchAttribute):
        tags.delete_attribute(Tag(), "ddfs:other", None)


@pytest.mark.parametrize("attribute", ["a b", "é", "a/b", ""])
def test_bad_attribute_names(attribute: str) -> None:
    with pytest.raises(tags.InvalidAttribute, match="Invalid attribute key or value"):
        tags.set_attribute(Tag(), attribute, "x", None)


def test_attribute_limits_on_both_sides() -> None:
    """M232, M680: 1000 attributes, names and values of 1024 bytes."""
    name, value = "n" * tags.MAX_ATTRIBUTE_NAME_BYTES, "é" * (tags.MAX_ATTRIBUTE_VALUE_BYTES // 2)
    assert tags.set_attribute(Tag(), name, value, None).user_data == {name: value}
    with pytest.raises(tags.InvalidAttribute, match="Attribute name too big"):
        tags.set_attribute(Tag(), name + "n", "", None)
    with pytest.raises(tags.InvalidAttribute, match="Attribute name too big"):
        tags.get_attribute(Tag(), name + "n", None)
    with pytest.raises(tags.InvalidAttribute, match="Attribute value too big"):
        tags.set_attribute(Tag(), name, value + "v", None)
    with pytest.raises(tags.InvalidAttribute, match="Attribute value too big"):
        tags.set_attribute(Tag(), READ_TOKEN, value + "v", None)


def test_number_of_attributes_on_both_sides() -> None:
    tag = Tag(user_data={str(number): "" for number in range(tags.MAX_ATTRIBUTES - 1)})
    full = tags.set_attribute(tag, "last", "", None)
    assert len(full.user_data) == tags.MAX_ATTRIBUTES
    assert tags.set_attribute(full, "last", "changed", None).user_data["last"] == "changed"
    with pytest.raises(tags.InvalidAttribute, match="Too many attributes"):
        tags.set_attribute(full, "more", "", None)
