"""JUnit's XML: one suite a file, one case a resource (`Deployment@apps/v1`, `shop/web`, as in kubeconform).

A case has one failure with all its problems, because many readers show the first one only. Warnings and
remarks are what the case wrote to stdout. The document is ASCII; what XML can't hold at all is made visible.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from minikctl.render.escape import escape_lines
from minikctl.render.validation.report import Finding, Report, Result, Severity, Status
from minikctl.render.validation.text import problem_line
from minikctl.render.validation.words import line_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_NO_CHARACTERS = re.compile("[\ufffe\uffff]")


def render(report: Report) -> str:
    from xml.etree.ElementTree import Element, indent, tostring

    root = Element("testsuites", {"name": "minikctl validate", **_counts(report.results)})
    by_file: dict[str, list[Result]] = {}
    for result in report.results:
        by_file.setdefault(result.filename, []).append(result)
    root.extend(_suite(report, filename, results) for filename, results in by_file.items())
    indent(root)
    text: str = tostring(root, encoding="us-ascii", xml_declaration=False).decode()
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(report: Report, filename: str, results: Sequence[Result]) -> Element:
    from xml.etree.ElementTree import Element

    suite = Element("testsuite", {"name": _text(filename), **_counts(results)})
    suite.extend(_case(report, result) for result in results)
    return suite


def _case(report: Report, result: Result) -> Element:
    from xml.etree.ElementTree import Element, SubElement

    scoped = f"{result.namespace}/{result.name}" if result.namespace else result.name
    typed = f"{result.kind}@{result.version}" if result.kind else result.filename
    facts = {"classname": typed, "name": scoped or result.filename, "file": result.filename}
    if result.position:
        facts["line"] = str(result.position.line)
    case = Element("testcase", {key: _text(value) for key, value in facts.items()})
    if result.status is Status.SKIPPED:
        SubElement(case, "skipped", {"message": result.skipped})
    told = {Status.INVALID: "failure", Status.ERROR: "error"}.get(result.status)
    if told:
        about = {"message": _text(_headline(result.problems)), "type": _text(result.problems[0].rule)}
        errors = [(one, Severity.ERROR) for one in result.problems]
        SubElement(case, told, about).text = _lines(result, errors)
    rest = [one for one in report.findings_of(result) if one[1] is not Severity.ERROR]
    if rest:
        SubElement(case, "system-out").text = _lines(result, rest)
    return case


def _headline(problems: Sequence[Finding]) -> str:
    told = line_of(problems[0].problem)
    return told if len(problems) == 1 else f"{told} (and {len(problems) - 1} more)"


def _lines(result: Result, findings: Sequence[tuple[Finding, Severity]]) -> str:
    lines = (problem_line(result.title, one.problem, severity) for one, severity in findings)
    return _text("\n".join(lines))


def _counts(results: Sequence[Result]) -> dict[str, str]:
    statuses = [result.status for result in results]
    return {
        "tests": str(len(statuses)),
        "failures": str(statuses.count(Status.INVALID)),
        "errors": str(statuses.count(Status.ERROR)),
        "skipped": str(statuses.count(Status.SKIPPED)),
    }


def _text(text: str) -> str:
    return _NO_CHARACTERS.sub(lambda match: f"\\u{ord(match.group()):04x}", escape_lines(text))
