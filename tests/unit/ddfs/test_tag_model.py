"""Tag operations against a model, over generated histories."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from disco_master.ddfs import tag as tags
from disco_master.ddfs.tag import Tag

TOKENS = st.sampled_from([None, "", "t", "u"])
NAMES = st.sampled_from(["a", "b", "c", "x:y"])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def blob(name: str, version: int) -> tuple[str, ...]:
    return (f"disco://n1/ddfs/vol0/blob/4e/{name}$1-2-{version:x}",)


sets = st.lists(st.builds(blob, NAMES, st.integers(0, 3)), max_size=4).map(tuple)
built = st.builds(
    Tag,
    id=texts,
    last_modified=texts,
    read_token=st.none() | texts,
    write_token=st.none() | texts,
    urls=st.lists(st.lists(texts.filter(bool), min_size=1, max_size=3).map(tuple), max_size=4).map(tuple),
    user_data=st.dictionaries(texts, texts, max_size=4),
)


@given(built)
def test_every_tag_survives_its_file(tag: Tag) -> None:
    assert tags.parse(tag.dump()) == tag


class TagHistory(RuleBasedStateMachine):
    """The model: a plain list and a dictionary, without tokens set it takes every change."""

    @initialize(token=TOKENS)
    def make(self, token: str | None) -> None:
        self.token = token
        self.tag = tags.new(token)
        self.urls: list[tuple[str, ...]] = []
        self.attributes: dict[str, str] = {}

    @rule(urls=sets)
    def append(self, urls: tuple[tuple[str, ...], ...]) -> None:
        self.tag = tags.append(self.tag, urls, self.token)
        self.urls = [*urls, *self.urls]

    @rule(urls=sets)
    def update(self, urls: tuple[tuple[str, ...], ...]) -> None:
        self.tag = tags.append(self.tag, urls, self.token, update=True)
        fresh: list[tuple[str, ...]] = []
        for replicas in urls:
            name = replicas[0].split("/")[-1].split("$")[0]
            if all(f"/{name}$" not in other[0] for other in [*fresh, *self.urls]):
                fresh.append(replicas)
        self.urls = [*fresh, *self.urls]

    @rule(urls=sets)
    def replace(self, urls: tuple[tuple[str, ...], ...]) -> None:
        self.tag = tags.replace_urls(self.tag, urls, self.token)
        self.urls = list(urls)

    @rule(name=NAMES, value=texts)
    def set_attribute(self, name: str, value: str) -> None:
        self.tag = tags.set_attribute(self.tag, name, value, self.token)
        self.attributes[name] = value

    @rule(name=NAMES)
    def delete_attribute(self, name: str) -> None:
        self.tag = tags.delete_attribute(self.tag, name, self.token)
        self.attributes.pop(name, None)

    @rule(offered=TOKENS, urls=sets)
    def intrude(self, offered: str | None, urls: tuple[tuple[str, ...], ...]) -> None:
        if self.token is None or offered == self.token:
            return
        for change in (tags.append, tags.replace_urls):
            try:
                change(self.tag, urls, offered)
            except tags.Unauthorized:
                continue
            raise AssertionError("a wrong token changed the tag")

    @invariant()
    def agrees(self) -> None:
        assert list(self.tag.urls) == self.urls
        assert dict(self.tag.user_data) == self.attributes
        assert tags.parse(self.tag.dump()) == self.tag


TestTagHistory = TagHistory.TestCase
