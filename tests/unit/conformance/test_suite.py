"""Runs, baselines, exit statuses, the ledger and the reports."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from disco_conformance import cli
from disco_conformance.ledger.ledger import build, gaps, read_exclusions
from disco_conformance.ledger.requirements import read_page, read_spec
from disco_conformance.play.result import FAIL, NOT_APPLICABLE, PASS, UNLAUNCHABLE, Result
from disco_conformance.report import badge, html, junit, matrix, ndjson, spoken
from disco_conformance.session.jsonform import schema
from disco_conformance.session.model import Session, SessionError
from disco_conformance.session.parse import parse, parse_file
from disco_conformance.suite import capabilities, selftest
from disco_conformance.suite.baseline import UNREASONED, Known, judge, read_baseline, spell_baseline
from disco_conformance.suite.collection import choose, load_profiles, matching, plays
from disco_conformance.suite.exits import exit_status
from disco_conformance.suite.players import read_players
from disco_conformance.suite.run import Player, Run

ME = Player("me", ("./me",), capabilities.DEFAULT)


def result(id_: str, verdict: str = PASS, reason: str = "", axis: str = "plain") -> Result:
    return Result(id_, axis, verdict, 0.1, reason=reason, proves=("hs.order",), path="x.session", line=3)


def run_of(*results: Result, planned: int | None = None) -> Run:
    planned = len(results) if planned is None else planned
    return Run(ME, planned, list(results), complete=len(results) == planned)


def status(run: Run, *known: Known) -> int:
    return exit_status(run, judge(run.results, known))


def test_exit_statuses() -> None:
    good, bad = result("a/x"), result("a/y", FAIL, "wrong length")
    known = Known("a/y", "being worked on", "wrong length")
    assert status(run_of(good)) == 0
    assert status(run_of(good, bad)) == 1
    assert status(run_of(good, bad), known) == 0
    assert status(run_of(good, result("a/y")), known) == 2
    assert status(run_of()) == 3
    assert status(run_of(good, planned=2)) == 3
    assert status(run_of(result("a/x", NOT_APPLICABLE))) == 3
    assert status(run_of(result("a/x", UNLAUNCHABLE), planned=9)) == 5


def test_an_interrupted_run_is_never_good() -> None:
    run = run_of(result("a/x"))
    run.interrupted = True
    assert status(run) == 3


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        (Known("a/x", "r"), "it passes now"),
        (Known("a/none", "r"), "no case of this run"),
        (Known("a/*", "r"), "too broad"),
        (Known("a/y", "r", "another text"), "fails otherwise now"),
        (Known("a/y", "r", axis="bytewise"), "no case of this run"),
    ],
)
def test_a_list_of_known_failures_must_stay_true(known: Known, sentence: str) -> None:
    judgement = judge([result("a/x"), result("a/y", FAIL, "wrong length")], [known])
    assert len(judgement.stale) == 1 and sentence in judgement.stale[0]


def test_a_baseline_is_refused_until_it_has_reasons(tmp_path: Path) -> None:
    path = tmp_path / "me.toml"
    path.write_text(spell_baseline([result("a/x"), result("a/y", FAIL, 'said "no"', "bytewise")]))
    with pytest.raises(SessionError, match="needs a reason in words"):
        read_baseline(path)
    path.write_text(path.read_text().replace(UNREASONED, "issue 7"))
    assert read_baseline(path) == [Known("a/y", "issue 7", 'said "no"', "bytewise")]


def test_the_specification_has_a_case_for_everything(home: Path, sessions: list[Session]) -> None:
    """B27: a requirement without a case, or excluded without a reason, fails."""
    exclusions = read_exclusions(home / "spec" / "exclusions.toml")
    ledger = build(read_spec(home / "spec"), sessions, exclusions)
    assert gaps(ledger, exclusions) == []


def test_the_ledger_sees_gaps(home: Path) -> None:
    requirements = read_spec(home / "spec")
    ledger = build(requirements, [], [])
    assert len(gaps(ledger, [])) == len(requirements)


@pytest.mark.parametrize(
    "line", ["1.1 no mark", "1.1 **a.b** (shall, both): text", "1.1 **a.b** (must, nobody): text"]
)
def test_a_numbered_line_must_be_marked(line: str) -> None:
    with pytest.raises(SessionError):
        read_page(line, "page.md")


def test_the_counts_of_the_collection(home: Path, sessions: list[Session]) -> None:
    workers = [s for s in sessions if "worker" in s.head.roles]
    masters = [s for s in sessions if "master" in s.head.roles]
    assert len(workers) >= 500 and len(masters) >= 395
    assert len({s.category for s in workers}) >= 13
    both = [s for s in workers if "master" in s.head.roles]
    assert len(both) >= 35
    for session in sessions:
        sides = {selftest.role_of(name) for name in session.head.kills}
        assert session.head.level != "must" or sides == set(session.head.roles), session.id
    for role, chosen, least in (("worker", workers, 60), ("master", masters, 40)):
        known = set(selftest.faults(home / "players", role))
        assert len(known) >= least
        named = {name for s in chosen for name in s.head.kills if selftest.role_of(name) == role}
        assert named == known


def test_all_of_the_material_is_installed(home: Path) -> None:
    """Each folder that the verbs read is named in the list of shared files."""
    listed = tomllib.loads((home.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    patterns = {pattern for globs in listed.values() for pattern in globs}
    read = [
        *(home / "sessions").rglob("*"),
        *(home / "players").rglob("*"),
        home / "spec",
        home / "self-test",
    ]
    folders = [path for path in read if path.is_dir() and path.name != "__pycache__"]
    missing = [f"{path.relative_to(home.parent)}/*.*" for path in folders if any(path.glob("*.*"))]
    assert [pattern for pattern in missing if pattern not in patterns] == []


def test_profiles(home: Path, sessions: list[Session]) -> None:
    profiles = load_profiles(home / "sessions")
    smoke = choose(sessions, "smoke", profiles)
    assert [s.id for s in smoke] == list(profiles.smoke) and len(smoke) == 8
    first = choose(sessions, "first", profiles)
    workers = [s for s in sessions if "worker" in s.head.roles]
    assert first[0].id == "launch/worker-first" and len(first) == len(workers)
    left_out = matching(sessions, profiles.left_out_of_fast)
    assert len(choose(sessions, "fast", profiles)) == len(sessions) - len(left_out) > 700
    assert all(matching(sessions, [p]) for p in (*profiles.first, *profiles.left_out_of_fast))
    assert {p.axis for p in plays(smoke, "smoke")} == {"plain"}
    assert sum(p.axis.startswith("split@") for p in plays(sessions, "full")) > 400


def test_the_published_schema_is_up_to_date(home: Path) -> None:
    assert json.loads((home / "spec" / "session.schema.json").read_text()) == schema()


def test_players(home: Path, tmp_path: Path) -> None:
    players, missing = read_players(home / "players.toml")
    assert {"reference", "shell"} <= {p.name for p in players}
    assert {p.name for p in players} | set(missing) == {"reference", "shell", "python", "c", "go", "ocaml"}
    path = tmp_path / "conformance" / "players.toml"
    path.parent.mkdir()
    path.write_text('[x]\ncommand = ["x"]\nlacks = ["task:fly"]\n')
    with pytest.raises(SessionError, match="no capability"):
        read_players(path)


def test_reports_tell_the_same() -> None:
    run = run_of(
        result("a/x"), result("b/y", FAIL, "<bad> \x00 & worse"), result("b/z", NOT_APPLICABLE), planned=4
    )
    judgement = judge(run.results, [])
    rows = [json.loads(line) for line in ndjson.lines(run, judgement, 1, 0.5)]
    assert [row["type"] for row in rows] == ["header", "result", "result", "result", "footer"]
    assert rows[-1]["complete"] is False and rows[-1]["verdicts"]["fail"] == 1
    tree = ElementTree.fromstring(junit.document(run, judgement))
    assert len(tree.findall(".//failure")) == 1 and len(tree.findall(".//skipped")) == 1
    assert len(tree.findall(".//error")) == 1, "a partial report says so"
    assert json.loads(badge.document(run))["message"] == "incomplete"
    whole = run_of(result("a/x"), result("b/y", FAIL))
    assert json.loads(badge.document(whole))["message"] == "1/2"


def test_pages(home: Path) -> None:
    ledger = build(read_spec(home / "spec"), [], [])
    run = run_of(result("a/x"), result("b/y", FAIL, "<script>"))
    page = html.document(ledger, [run])
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "href='#me-b-y-plain'" in page and "id='me-b-y-plain'" in page
    assert "| hs.order | must | ✗ 1/2 |" in matrix.markdown(ledger, [run])


def leave(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main(list(words))
    return int(caught.value.code or 0)


def test_smoke_on_the_shell_worker(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("smoke", "--", str(home / "players" / "worker.sh")) == 0
    assert capsys.readouterr().out.endswith("go on\n")


def test_nothing_is_never_success(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shell, one = (
        str(home / "players" / "worker.sh"),
        ("--sessions", str(home / "sessions/golden/echo.session")),
    )
    assert leave("worker", *one, "--run", "no-such-case", "--", shell) == 3
    assert leave("worker", *one, "--lacks", "task:echo", "--", shell) == 3
    assert leave("worker", *one, "--lacks", "task:fly", "--", shell) == 4
    assert leave("worker") == 4
    assert leave("no-such-verb") == 4
    assert leave("self-test", "--run", "no-such-case") == 3


def test_a_broken_session_file_is_an_error_of_the_harness(home: Path, tmp_path: Path) -> None:
    (tmp_path / "x.session").write_text("nonsense")
    assert leave("worker", "--sessions", str(tmp_path), "--", str(home / "players" / "worker.sh")) == 4


def test_a_run_with_reports(home: Path, reference: tuple[str, ...], tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("ndjson", "junit", "markdown", "html", "badge")}
    options = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    one = ("--sessions", str(home / "sessions/golden/echo.session"))
    assert leave("worker", *one, *options, "--", *reference) == 0
    header, *results, footer = [json.loads(line) for line in files["ndjson"].read_text().splitlines()]
    assert (header["type"], header["planned"], footer["type"]) == ("header", 3, "footer")
    assert (footer["complete"], footer["exit"], footer["verdicts"]["pass"]) == (True, 0, 3)
    assert {row["axis"] for row in results} == {"plain", "bytewise", "joined"}
    assert all(row["transcript"] for row in results)
    tree = ElementTree.fromstring(files["junit"].read_text())
    assert [suite.get("tests") for suite in tree] == ["3"]
    assert "| hs.order | must | 3 |" in files["markdown"].read_text()
    page = files["html"].read_text()
    assert "3 of 3 cases pass." in page and "partial" not in page and "<th scope=col>Disco" in page
    assert json.loads(files["badge"].read_text())["message"] == "3/3"


def test_a_mutant_is_found_and_explained(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mutant = selftest.mutant(home / "players", "writes-length-in-characters").command
    one = ("--sessions", str(home / "sessions/written/message-in-unicode.session"))
    assert leave("worker", *one, "--", *mutant) == 1
    told = capsys.readouterr().out
    assert "lengths count bytes" in told and "again: disco-conformance worker --run" in told


def test_baseline_then_stale(home: Path, tmp_path: Path, reference: tuple[str, ...]) -> None:
    path = tmp_path / "list.toml"
    mutant = selftest.mutant(home / "players", "done-without-waiting").command
    options = ("--sessions", str(home / "sessions/endings/done-awaits-reply.session"))
    cli.main(["baseline", "--write", str(path), *options, "--", *mutant])
    path.write_text(path.read_text().replace(UNREASONED, "a test"))
    assert tomllib.loads(path.read_text())["known"]
    assert leave("worker", *options, "--known-failing", str(path), "--", *mutant) == 0
    assert leave("worker", *options, "--known-failing", str(path), "--", *reference) == 2


def test_the_session_in_the_readme_is_the_real_one(home: Path) -> None:
    shown = (home / "README.md").read_text().split("```\n")[1]
    (printed,), (real,) = parse(shown), parse_file(home / "sessions" / "golden" / "echo.session")
    assert printed.steps == real.steps
    assert (printed.head.id, printed.head.inputs, printed.head.outputs) == (
        real.head.id, real.head.inputs, real.head.outputs
    )  # fmt: skip


def test_matrix(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """W24: the same cases for every language, side by side."""
    players = tmp_path / "conformance" / "players.toml"
    players.parent.mkdir()
    shell, python = home / "players" / "worker.sh", home / "players" / "reference_worker.py"
    players.write_text(
        f'[shell]\ncommand = ["{shell}"]\nlacks = ["json"]\n[python]\ncommand = ["{{python}}", "{python}"]\n'
        f'[gone]\ncommand = ["x"]\nrequires = "nowhere"\n'
    )
    page = tmp_path / "m.html"
    words = (
        "matrix",
        "--players",
        str(players),
        "--html",
        str(page),
        "--run",
        "launch/pid-is-own",
        "--run",
        "read/json-spaces",
    )
    assert leave(*words) == 0
    told = capsys.readouterr()
    assert "gone: not built here" in told.err
    assert "shell: 1 pass, 0 do not, 1 are not applicable" in told.out
    assert "<th scope=col>shell" in page.read_text()


@pytest.mark.slow
def test_the_conversations_of_the_specification_are_up_to_date(home: Path, sessions: list[Session]) -> None:
    reference = selftest.reference(home / "players")
    written = (home / "spec" / "conversations.md").read_text()
    assert spoken.page(sessions, reference) == written
    frames = re.findall(r"^[WM] [A-Z_]+ (\d+) (.*)$", written, flags=re.M)
    assert frames and all(int(length) == len(payload.encode()) for length, payload in frames)
