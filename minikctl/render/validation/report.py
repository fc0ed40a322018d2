"""The outcome of a validation as data: what every format is made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from math import inf

from msgspec import Struct, field

from minikctl.errors import FieldProblem, Position
from minikctl.render.style import PLAIN, Style

REJECTED = "rejected"
WIDTH = 100
"""Of a terminal that does not say how wide it is."""


class Status(Enum):
    """A verdict, in kubeconform's words."""

    VALID = "statusValid"
    INVALID = "statusInvalid"
    ERROR = "statusError"
    """It could not be judged: not readable, or of a kind that nobody described."""
    SKIPPED = "statusSkipped"


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


def pointer(steps: tuple[str | int, ...]) -> str:
    """A path as a JSON pointer (`/spec/containers/0`), as kubeconform writes it."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


class Finding(Struct, frozen=True):
    """One problem, warning or remark, with the steps of its path (`("spec", "containers", 0)`)."""

    problem: FieldProblem
    steps: tuple[str | int, ...] = ()

    @property
    def rule(self) -> str:
        """The rule's id; what no rule found is known by its reason."""
        return self.problem.rule or self.problem.reason

    @property
    def pointer(self) -> str:
        return pointer(self.steps)


class Fidelity(Struct, frozen=True):
    """How a backend handles one field that is used: `emulated`, `inert`, `rejected` or `enforced`."""

    path: str
    steps: tuple[str | int, ...]
    handling: str
    note: str
    position: Position | None = None

    def finding(self, backend: str) -> Finding:
        """The same as a finding; its reason is `Emulated`, `Inert`, …"""
        text = f"{self.handling} on {backend}" + (f": {self.note}" if self.note else "")
        return Finding(FieldProblem(self.path, self.handling.capitalize(), text, self.position), self.steps)


class Result(Struct, frozen=True):
    """The verdict on one document; on a whole file where it could not be read.

    `document` counts the file's documents from 0, `item` is the index in a List; None where there is none.
    `problems` are why it is not valid: exactly one for an ERROR. `skipped` says why it was.
    """

    filename: str
    status: Status
    document: int | None = None
    item: int | None = None
    kind: str = ""
    name: str = ""
    namespace: str = ""
    version: str = ""
    position: Position | None = None
    problems: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()
    fidelity: tuple[Fidelity, ...] = ()
    skipped: str = ""

    @property
    def title(self) -> str:
        """`Deployment/web`; empty for a file that could not be read."""
        return f"{self.kind}/{self.name}" if self.kind else ""


class Report(Struct, frozen=True):
    """All verdicts, in the order of the input, and how people want to see them.

    :param files: how many were read, standard input not counted.
    :param backend: whose handling of fields was asked for, or empty.
    :param rules: a rule's id → what must hold.
    :param located: the name of a file as the repository's root sees it (annotations need that); None for
        what is no file.
    :param source_line: the text of a line in an object of a kind (empty: of nobody knows which), to be shown
        with a caret; None shows none.
    :param width: how much of such a line fits.
    """

    results: tuple[Result, ...]
    files: int = 0
    from_stdin: bool = False
    verbose: bool = False
    summary: bool = False
    backend: str = ""
    style: Style = PLAIN
    rules: Mapping[str, str] = field(default_factory=dict)
    located: Callable[[str], str | None] = str
    source_line: Callable[[Position, str], str | None] | None = None
    width: int = WIDTH

    def counts(self) -> dict[Status, int]:
        counted = Counter(result.status for result in self.results)
        return {status: counted[status] for status in Status}

    def findings(self) -> Iterator[tuple[Result, Finding, Severity]]:
        """Everything there is to say, in the order of the input."""
        for result in self.results:
            yield from ((result, finding, severity) for finding, severity in self.findings_of(result))

    def findings_of(self, result: Result) -> list[tuple[Finding, Severity]]:
        """What there is to say of one of them, in the order of its lines."""
        return sorted(self._findings_of(result), key=_place)

    def _findings_of(self, result: Result) -> Iterator[tuple[Finding, Severity]]:
        yield from ((one, Severity.ERROR) for one in result.problems)
        yield from ((one, Severity.WARNING) for one in result.warnings)
        yield from ((one, Severity.NOTE) for one in result.notes)
        for one in result.fidelity:
            # What is rejected is a problem already.
            if one.handling != REJECTED:
                yield one.finding(self.backend), Severity.NOTE


def _place(told: tuple[Finding, Severity]) -> tuple[float, int]:
    position = told[0].problem.position
    return (position.line, position.column) if position else (inf, 0)
