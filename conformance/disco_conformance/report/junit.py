"""JUnit XML, as CI servers read it: a suite a category, a case a play."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from disco_conformance.play.result import NOT_APPLICABLE, PASS
from disco_conformance.suite.baseline import Judgement
from disco_conformance.suite.run import Run

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(run: Run, judgement: Judgement) -> str:
    root = ElementTree.Element("testsuites", name=f"disco-conformance {run.player.name}")
    known = {(r.id, r.axis) for r in judgement.known}
    suites: dict[str, ElementTree.Element] = {}
    for result in run.results:
        category = result.id.partition("/")[0]
        if category not in suites:
            suites[category] = ElementTree.SubElement(root, "testsuite", name=category)
        case = ElementTree.SubElement(
            suites[category], "testcase", classname=category, name=result.name, time=f"{result.seconds:.3f}"
        )
        if result.verdict == NOT_APPLICABLE or (result.id, result.axis) in known:
            ElementTree.SubElement(case, "skipped", message=_clean(result.reason))
        elif result.verdict != PASS:
            failure = ElementTree.SubElement(
                case, "failure", type=result.verdict, message=_clean(result.reason)
            )
            failure.text = _clean("\n".join(f"{e.at_s:8.3f} {e.side} {e.text}" for e in result.transcript))
    if not run.complete:
        broken = ElementTree.SubElement(root, "testsuite", name="run", tests="1", errors="1")
        case = ElementTree.SubElement(broken, "testcase", classname="run", name="complete")
        ElementTree.SubElement(
            case, "error", message=f"{len(run.results)} of {run.planned} ran: the report is partial"
        )
    for category, suite in suites.items():
        rows = [r for r in run.results if r.id.startswith(category + "/")]
        suite.set("tests", str(len(rows)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    return _NO_XML.sub("?", text)
