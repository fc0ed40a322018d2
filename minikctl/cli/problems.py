"""Problems of manifests as lines: one way of printing them, for `validate` and for what changes things."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from minikctl.errors import FieldProblem, Position
from minikctl.model import Object
from minikctl.render.style import Style
from minikctl.render.validation.report import WIDTH, Severity

if TYPE_CHECKING:
    from minikctl.manifests import Document

_SECRET = re.compile(r"kind\W{1,9}Secret\b")


def style_of(stream: IO[str]) -> Style:
    """Colours on a terminal, unless NO_COLOR is set."""
    from minikctl.render.style import COLOURED, PLAIN

    plain = not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return PLAIN if plain else COLOURED


def problem_lines(
    document: Document,
    problem: FieldProblem,
    severity: Severity = Severity.ERROR,
    *,
    with_source: bool = False,
) -> str:
    """`web.yaml:7:9: Deployment/web: spec.replicas: …`, with the source's line and a caret if asked for."""
    from minikctl.render.validation.text import problem_line

    kind = document.obj["kind"]
    source = source_line(problem.position, kind) if with_source and problem.position else None
    title = f"{kind}/{name_in(document.obj)}"
    return problem_line(title, problem, severity, source_line=source, width=terminal_width())


def terminal_width() -> int:
    """In characters; 100 where nobody says."""
    from shutil import get_terminal_size

    return get_terminal_size((WIDTH, 24)).columns


def name_in(obj: Object, key: str = "name") -> str:
    """The name that a manifest gives (or its namespace), whatever else is wrong with it."""
    metadata = obj.get("metadata")
    found = metadata.get(key) if isinstance(metadata, dict) else None
    return found if isinstance(found, str) else ""


def source_line(position: Position, kind: str) -> str | None:
    """The line at a position in an object of that kind (empty where it can't be read).

    None where the file can't be read again (standard input), and where it could show what is secret.
    """
    lines = _lines(position.file)
    if kind == "Secret" or (not kind and any(map(_SECRET.search, lines))):
        return None
    return lines[position.line - 1] if position.line <= len(lines) else None


@lru_cache(maxsize=1)
def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(errors="replace").splitlines()
    except OSError:
        return []
