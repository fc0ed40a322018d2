"""What is wrong with desired files that somebody wrote by hand: told as `validate` tells of any file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from minikctl.errors import Position

if TYPE_CHECKING:
    from minikctl.api.results import FileProblem


def lines_of(state_dir: Path, problem: FileProblem) -> list[str]:
    """`desired/…/web.yaml:7:9: Deployment/web: spec.replica: unknown field …`, all problems of the file; the
    API's own line where the file by itself is fine (a change that is not allowed, a file that is gone)."""
    from msgspec.structs import replace

    from minikctl.cli.reading import read_files
    from minikctl.cli.verdicts import Terms, verdicts
    from minikctl.render.validation.report import Status
    from minikctl.render.validation.text import problem_line

    file = state_dir / "desired" / problem.path
    if problem.is_brake or not file.is_file():
        return [str(problem)]
    lines = []
    for result in verdicts(read_files([str(file)]), Terms(running=())):
        if result.status in (Status.INVALID, Status.ERROR):
            for finding in result.problems:
                at = finding.problem.position
                place = Position(f"desired/{problem.path}", at.line, at.column) if at else None
                lines.append(problem_line(result.title, replace(finding.problem, position=place)))
    return lines or [str(problem)]
