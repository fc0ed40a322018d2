"""Lines for people: `web.yaml:12:9: Deployment/web: spec.replicas: must be an integer, not "x"`.

The form is that of compilers, so that editors find the place. Valid documents are told of only when asked
for; the summary is kubeconform's line.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem, Position
from minikctl.render.escape import escape, escape_lines
from minikctl.render.style import PLAIN, Mood, Style
from minikctl.render.validation.report import Report, Result, Severity, Status
from minikctl.render.validation.words import line_of

_MOODS = {Severity.ERROR: Mood.BAD, Severity.WARNING: Mood.WARNING, Severity.NOTE: Mood.QUIET}
_VERDICTS = {Status.VALID: ("valid", Mood.DONE), Status.SKIPPED: ("skipped", Mood.QUIET)}


def render(report: Report) -> str:
    lines = [line for result in report.results for line in _lines(report, result)]
    if report.summary:
        lines.append(summary_line(report))
    return "".join(f"{line}\n" for line in lines)


def summary_line(report: Report) -> str:
    """`Summary: 5 resources found in 2 files - Valid: 4, Invalid: 1, Errors: 0, Skipped: 0`"""
    counts = report.counts()
    where = "parsing stdin" if report.from_stdin else f"in {_number(report.files, 'file')}"
    told = ", ".join(
        f"{word}: {counts[status]}"
        for word, status in (
            ("Valid", Status.VALID),
            ("Invalid", Status.INVALID),
            ("Errors", Status.ERROR),
            ("Skipped", Status.SKIPPED),
        )
    )
    return f"Summary: {_number(sum(counts.values()), 'resource')} found {where} - {told}"


def problem_line(
    title: str,
    problem: FieldProblem,
    severity: Severity = Severity.ERROR,
    *,
    style: Style = PLAIN,
    source_line: str | None = None,
) -> str:
    """One problem at its place, with the source's line and a caret below it where that is given.

    :param title: `Deployment/web`, or empty where there is no object yet.
    """
    position = problem.position
    parts = [style.paint(escape(str(position)), Mood.TITLE)] if position else []
    if title:
        parts.append(escape(title))
    if severity is not Severity.ERROR:
        parts.append(style.paint(severity.value, _MOODS[severity]))
    line = ": ".join((*parts, escape(line_of(problem))))
    if source_line is None or position is None:
        return line
    return line + _with_caret(source_line, position.column, style, _MOODS[severity])


def _lines(report: Report, result: Result) -> Iterator[str]:
    for finding, severity in report.findings_of(result):
        problem = finding.problem
        line = _source_line(report, problem.position) if severity is not Severity.NOTE else None
        yield problem_line(result.title, problem, severity, style=report.style, source_line=line)
    if report.verbose and result.status in _VERDICTS:
        word, mood = _VERDICTS[result.status]
        why = f" ({result.skipped})" if result.skipped else ""
        place = str(result.position or result.filename)
        about = f"{place}: {result.title}" if result.title else place
        yield f"{escape(about)}: {report.style.paint(word + why, mood)}"


def _with_caret(source_line: str, column: int, style: Style, mood: Mood) -> str:
    indent = "".join(one if one == "\t" else " " for one in escape_lines(source_line[: column - 1]))
    return f"\n    {escape_lines(source_line)}\n    {indent}{style.paint('^', mood)}"


def _source_line(report: Report, position: Position | None) -> str | None:
    return report.source_line(position) if report.source_line and position else None


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
