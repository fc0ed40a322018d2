"""Lines for people: `web.yaml:12:9: Deployment/web: spec.replicas: must be an integer, not "x"`.

The form is that of compilers, so that editors find the place. Valid documents are told of only when asked
for; the summary is kubeconform's line.
"""

from __future__ import annotations

from collections.abc import Iterator
from unicodedata import combining, east_asian_width

from minikctl.errors import FieldProblem, Position
from minikctl.render.escape import escape, escape_lines
from minikctl.render.style import PLAIN, Mood, Style
from minikctl.render.validation.report import WIDTH, Report, Result, Severity, Status
from minikctl.render.validation.words import line_of

_MARGIN = "    "
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
    width: int = WIDTH,
) -> str:
    """One problem at its place, with the source's line and a caret below it where that is given.

    :param title: `Deployment/web`, or empty where there is no object yet.
    :param width: of a terminal, for the source's line: of a longer one only a part is shown.
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
    shown, indent = _window(source_line, position.column - 1, width - len(_MARGIN))
    return f"{line}\n{_MARGIN}{shown}\n{_MARGIN}{indent}{style.paint('^', _MOODS[severity])}"


def _lines(report: Report, result: Result) -> Iterator[str]:
    for finding, severity in report.findings_of(result):
        problem = finding.problem
        line = None if severity is Severity.NOTE else _source_line(report, problem.position, result.kind)
        yield problem_line(
            result.title, problem, severity, style=report.style, source_line=line, width=report.width
        )
    if report.verbose and result.status in _VERDICTS:
        word, mood = _VERDICTS[result.status]
        why = f" ({result.skipped})" if result.skipped else ""
        place = str(result.position or result.filename)
        about = f"{place}: {result.title}" if result.title else place
        yield f"{escape(about)}: {report.style.paint(word + why, mood)}"


def _window(line: str, at: int, width: int) -> tuple[str, str]:
    """What of a line is shown in so many cells, and the blanks before the character at that index."""
    # No character is wider than what it takes in the text, but for wide ones: so much is enough.
    before = escape_lines(line[max(0, at - width) : at])
    after = escape_lines(line[at : at + width])
    is_cut = at > width or _cells(before) + _cells(after) > width
    if is_cut and _cells(before) > width // 2:
        while _cells(before) > width // 2 - 1:
            before = before[1:]
        before = f"…{before}"
    room = width - _cells(before)
    if _cells(after) > room or len(line) > at + width:
        while _cells(after) > max(room - 1, 1):
            after = after[:-1]
        after += "…"
    indent = "".join(one if one == "\t" else " " * _cells(one) for one in before)
    return before + after, indent


def _cells(text: str) -> int:
    """How wide a terminal shows it; a tab counts as one."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(one) in "WF" else not combining(one) for one in text)


def _source_line(report: Report, position: Position | None, kind: str) -> str | None:
    return report.source_line(position, kind) if report.source_line and position else None


def _number(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
