"""GitHub's workflow commands: `::error file=…,line=…,col=…,title=…::text` annotates a line of a pull request.

The runner shows ten errors and ten warnings of a step beside the code; all of them stand in its log, so each
text says which object it speaks of.
"""

from __future__ import annotations

from minikctl.render.escape import escape
from minikctl.render.validation.report import Report, Severity
from minikctl.render.validation.text import problem_line, summary_line
from minikctl.render.validation.words import line_of

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(report: Report) -> str:
    lines = []
    for result, finding, severity in report.findings():
        position = finding.problem.position
        properties = {"title": f"minikctl ({finding.rule})"}
        text = problem_line(result.title, finding.problem)
        if file := report.located(result.filename):
            place = {"line": str(position.line), "col": str(position.column)} if position else {}
            properties = {"file": file, **place, **properties}
            text = f"{result.title}: {line_of(finding.problem)}" if result.title else line_of(finding.problem)
        told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        lines.append(f"::{_COMMANDS[severity]} {told}::{_data(text)}\n")
    if report.summary:
        lines.append(f"{summary_line(report)}\n")
    return "".join(lines)


def _data(text: str) -> str:
    return escape(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
