"""One page that needs nothing else: the matrix, and behind each cell its cases with their transcripts in
two columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from disco_conformance.ledger.ledger import Entry
from disco_conformance.play.result import Result
from disco_conformance.report.matrix import UNTESTED, Cell, cell
from disco_conformance.suite.run import Run

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}
body{color:#1c1c1c;background:#fff}
table{border-collapse:collapse;width:100%}
th,td{border:1px solid #ccc;padding:.25rem .5rem;text-align:left;vertical-align:top}
td.pass{background:#dff2df}td.fail{background:#f7d4d4;font-weight:600}td.not-applicable{color:#666}
code,pre,.wire td{font-family:ui-monospace,monospace;font-size:13px;word-break:break-all}
details{margin:.4rem 0;border-left:3px solid #ccc;padding-left:.7rem}details.fail{border-color:#c33}
.wire td{border:0;border-top:1px solid #eee}.wire .t{color:#666;white-space:nowrap;width:5rem}
a{color:#0b4f9e}@media(prefers-color-scheme:dark){body{background:#181818;color:#e6e6e6}td.pass{background:#1d3a1d}
td.fail{background:#4a1d1d}a{color:#8ab8ff}th,td{border-color:#444}.wire td{border-color:#333}}
"""
MAX_TRANSCRIPTS = 3000


def document(ledger: dict[str, Entry], runs: Sequence[Run]) -> str:
    return "\n".join(_document(ledger, runs)) + "\n"


def _document(ledger: dict[str, Entry], runs: Sequence[Run]) -> Iterator[str]:
    yield "<!doctype html><html lang=en><meta charset=utf-8><title>Disco conformance</title>"
    yield f"<meta name=viewport content='width=device-width'><style>{STYLE}</style><h1>Disco conformance</h1>"
    for run in runs:
        note = "" if run.complete else " <strong>This report is partial.</strong>"
        yield f"<p>{escape(run.player.name)}: {run.count('pass')} of {len(run.results)} cases pass.{note}</p>"
    yield "<table><thead><tr><th scope=col>requirement<th scope=col>level"
    yield "".join(f"<th scope=col>{escape(run.player.name)}" for run in runs) + "</thead><tbody>"
    cells = {id_: [cell(entry, run) for run in runs] for id_, entry in ledger.items()}
    for id_, entry in ledger.items():
        if any(c.state != UNTESTED for c in cells[id_]):
            yield _row(entry, cells[id_], runs)
    yield "</tbody></table><h2>Cases</h2>"
    for run in runs:
        yield f"<h3>{escape(run.player.name)}</h3>"
        for result in run.results[:MAX_TRANSCRIPTS]:
            yield from _case(result, run)


def _row(entry: Entry, cells: Sequence[Cell], runs: Sequence[Run]) -> str:
    requirement = entry.requirement
    parts = [f"<tr><th scope=row><code>{requirement.id}</code><br><small>{escape(requirement.text)}</small>"]
    parts.append(f"<td>{requirement.level}")
    for found, run in zip(cells, runs, strict=True):
        worst = next((r for r in found.results if not r.passed), found.results[0] if found.results else None)
        label = f"{found.text or 'none'}"
        link = f"<a href='#{_anchor(worst, run)}'>{label}</a>" if worst else ""
        parts.append(f"<td class={found.state}>{link}")
    return "".join(parts)


def _anchor(result: Result, run: Run) -> str:
    return escape(f"{run.player.name}-{result.id}-{result.axis}".replace("/", "-").replace("@", "-"))


def _case(result: Result, run: Run) -> Iterator[str]:
    state = "pass" if result.passed else "fail"
    yield f"<details id='{_anchor(result, run)}' class={state}{'' if result.passed else ' open'}>"
    yield f"<summary><code>{escape(result.name)}</code> {result.verdict}</summary>"
    if result.reason:
        yield f"<p>{escape(result.reason)}</p>"
    if result.want or result.got:
        yield f"<pre>want  {escape(result.want)}\ngot   {escape(result.got)}</pre>"
    if result.transcript:
        yield "<table class=wire><thead><tr><th scope=col>time<th scope=col>worker<th scope=col>Disco</thead>"
        for entry in result.transcript:
            left = escape(entry.text) if entry.side != "M" else ""
            right = escape(entry.text) if entry.side == "M" else ""
            yield f"<tr><td class=t>{entry.at_s:.3f}<td>{left}<td>{right}"
        yield "</tbody></table>"
    yield "</details>"
