"""The session format: what is refused and where, and that text and JSON keep the meaning."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disco_conformance.session import jsonform
from disco_conformance.session.model import (
    NAMES_OF_DISCO,
    NAMES_OF_WORKER,
    Block,
    Close,
    Deaf,
    Delivery,
    Eof,
    Exit,
    File,
    Head,
    Input,
    Message,
    Nothing,
    Raw,
    ServeInputs,
    Session,
    SessionError,
    Signal,
    Step,
)
from disco_conformance.session.parse import parse, parse_file
from disco_conformance.session.text import spell, tidy
from disco_conformance.session.values import quote, quoted, seconds, spell_seconds

HEAD = '+++\nid = "a/b"\ntitle = "t"\nproves = ["hs.order"]\n'
HOME = Path(__file__).resolve().parents[3] / "conformance"
FILES = sorted((HOME / "sessions").rglob("*.session"))
REFUSED = HOME / "self-test" / "refused"

text = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
limit = st.none() | st.integers(1, 3_000_000).map(lambda n: n / 1000)
payloads = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | text.map(lambda s: s.replace("$", "§")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
).map(lambda value: json.dumps(value, ensure_ascii=False).replace("\x85", "").replace("\u2028", ""))
status = st.integers(0, 255)
simple: st.SearchStrategy[Step] = st.one_of(
    st.builds(Message, st.just(0), st.just("W"), st.sampled_from(NAMES_OF_WORKER), payloads, limit),
    st.builds(Message, st.just(0), st.just("M"), st.sampled_from(NAMES_OF_DISCO), payloads),
    st.builds(
        Raw, st.just(0), st.sampled_from("WM"), st.binary(min_size=1, max_size=9), st.integers(1, 5),
        st.sampled_from(["raw", "hex"]),
    ),
    st.builds(ServeInputs, st.just(0), limit),
    st.builds(Delivery, st.just(0), st.sampled_from(["chop", "split", "slow"]), st.integers(1, 999)),
    st.builds(Delivery, st.just(0), st.just("delay"), limit.filter(bool)),
    st.builds(Close, st.just(0)),
    st.builds(Deaf, st.just(0)),
    st.builds(Nothing, st.just(0), limit.filter(bool)),
    st.builds(Eof, st.just(0), limit),
    st.builds(lambda a, b, w: Exit(0, min(a, b), max(a, b), w), status, status, limit),
    st.builds(Exit, st.just(0), st.none(), st.none(), limit),
    st.builds(Signal, st.just(0), st.sampled_from(["TERM", "STOP", "CONT"])),
)  # fmt: skip


def blocks(inner: st.SearchStrategy[Step]) -> st.SearchStrategy[Step]:
    branch = st.lists(inner, min_size=1, max_size=3).map(tuple)
    several = st.lists(branch, min_size=2, max_size=3).map(tuple)
    one = branch.map(lambda b: (b,))
    return st.one_of(
        inner,
        st.builds(Block, st.just(0), st.sampled_from(["any-of", "unordered"]), several),
        st.builds(Block, st.just(0), st.just("maybe"), one, st.just(0), st.just(1)),
        st.builds(
            lambda b, low, more: Block(0, "repeat", b, low, low + more),
            one,
            st.integers(0, 5),
            st.integers(1, 5),
        ),
    )


pairs = st.lists(text, max_size=2).map(lambda urls: tuple(enumerate(urls)))
inputs = st.builds(Input, st.integers(0, 99), pairs, st.just(("busy", "ok")), st.integers(1, 4))
heads = st.builds(
    Head, st.just("a/b-c"), text.map(lambda s: "t" + s), st.just(("hs.order",)),
    st.sampled_from(["must", "may"]),
    timeout_s=limit.filter(bool), inputs=st.lists(inputs, max_size=2, unique_by=lambda i: i.id).map(tuple),
    outputs=st.dictionaries(st.sampled_from(["0", "7", "disco"]), text, max_size=2).map(
        lambda found: tuple(found.items())
    ),
    files=st.builds(File, st.just("disco/x"), st.binary(max_size=5)).map(lambda f: (f,)) | st.just(()),
)  # fmt: skip
sessions = st.builds(Session, heads, st.lists(blocks(blocks(simple)), max_size=5).map(tuple))


@settings(max_examples=60)
@given(sessions)
def test_text_and_json_keep_the_meaning(session: Session) -> None:
    written = spell(session)
    assert parse(written) == [session]
    assert tidy(written) == tidy(tidy(written))
    assert parse(tidy(written)) == [session]
    assert jsonform.from_json(json.loads(jsonform.dumps(session))) == session


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_collection_survives_every_form(path: Path) -> None:
    original = parse_file(path)
    assert parse(tidy(path.read_text())) == original
    for session in original:
        assert parse(spell(session)) == [session]
        assert jsonform.from_json(json.loads(jsonform.dumps(session))) == session


@given(st.binary(min_size=1, max_size=40))
def test_bytes_are_quoted_and_read_back(data: bytes) -> None:
    assert quoted(quote(data)) == data


@given(st.integers(0, 3_600_000))
def test_durations_are_spelt_and_read_back(milliseconds: int) -> None:
    assert seconds(spell_seconds(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


def test_durations_have_a_limit() -> None:
    assert seconds("3600s") == 3600
    with pytest.raises(SessionError, match="longer than an hour"):
        seconds("3601s")


@pytest.mark.parametrize(
    ("body", "line"),
    [("W WORKER 1\nnonsense\n", 7), ("maybe\nW PING 1\n", 6), ("W WORKER 1\n\n# c\nend\n", 9)],
)
def test_an_error_names_its_line(body: str, line: int) -> None:
    with pytest.raises(SessionError) as caught:
        parse(HEAD + "+++\n" + body, "x.session")
    assert caught.value.line == line
    assert str(caught.value).startswith(f"x.session:{line}: ")


def test_each_makes_a_case_a_row() -> None:
    rows = '[[each]]\nname = "x"\nsize = 3\ntitle = "own"\n[[each]]\nname = "y"\nsize = 4\n'
    source = HEAD.replace("a/b", "a/{{name}}") + rows + "+++\nW OUTPUT [{{size}}]\nexit {{size}}\n"
    first, second = parse(source)
    assert (first.id, first.head.title, second.id, second.head.title) == ("a/x", "own", "a/y", "t")
    assert second.steps[1] == Exit(0, 4, 4)


EXPECTED = tomllib.loads((REFUSED / "expected.toml").read_text())


def test_the_refused_files_are_all_listed() -> None:
    assert {p.stem for p in REFUSED.glob("*.session")} == set(EXPECTED)
    assert len(EXPECTED) >= 40


@pytest.mark.parametrize("name", EXPECTED)
def test_lint_refuses(name: str) -> None:
    from disco_conformance.verbs.material import material
    from disco_conformance.verbs.read import file_findings

    findings = file_findings(REFUSED / f"{name}.session", MATERIAL.setdefault("it", material()))
    assert any(EXPECTED[name] in finding for finding in findings)
    assert len(findings) == 1, "one fault a file"


MATERIAL: dict[str, object] = {}
