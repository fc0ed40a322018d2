"""TAP 14: one test point a resource, with its problems as a YAML block (written in JSON, which is YAML)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from minikctl.render.escape import escape
from minikctl.render.validation.report import Finding, Report, Result, Severity, Status
from minikctl.render.validation.words import line_of


def render(report: Report) -> str:
    lines = ["TAP version 14", f"1..{len(report.results)}"]
    for number, result in enumerate(report.results, 1):
        lines.extend(_point(report, number, result))
    return "".join(f"{line}\n" for line in lines)


def _point(report: Report, number: int, result: Result) -> Iterator[str]:
    word = "not ok" if result.status in (Status.INVALID, Status.ERROR) else "ok"
    skip = f" # SKIP {result.skipped}".rstrip() if result.status is Status.SKIPPED else ""
    yield f"{word} {number} - {_description(result)}{skip}"
    told = list(report.findings_of(result))
    if told:
        yield "  ---"
        yield "  problems:"
        for finding, severity in told:
            yield f"  - {json.dumps(_entry(severity, finding))}"
        yield "  ..."


def _description(result: Result) -> str:
    text = escape(f"{result.filename}: {result.title}" if result.title else result.filename)
    return text.replace("\\", "\\\\").replace("#", "\\#")


def _entry(severity: Severity, finding: Finding) -> dict[str, str | int]:
    position = finding.problem.position
    at = {"line": position.line, "column": position.column} if position else {}
    return {"severity": severity.value, "message": line_of(finding.problem), "rule": finding.rule, **at}
