"""kubeconform's JSON with ours beside it.

- `resources` lists what is not valid, and everything with `verbose`; `summary` is there when asked for: as in
  kubeconform, whose scripts go on working. Warnings, notes and what backends do have lists of their own.
- `path` is a JSON pointer, `field` the path as the API server writes it; `msg` are the server's words.
"""

from __future__ import annotations

import json
from typing import Any

from minikctl.errors import Position
from minikctl.render.validation.report import Fidelity, Finding, Report, Result, Status, pointer

_TOLD = (Status.INVALID, Status.ERROR)


def render(report: Report) -> str:
    found: dict[str, Any] = {
        "resources": [_resource(one) for one in report.results if report.verbose or one.status in _TOLD],
        "warnings": [
            {**_identity(result), **_finding(one)} for result in report.results for one in result.warnings
        ],
        "notes": [
            {**_identity(result), **_finding(one)} for result in report.results for one in result.notes
        ],
    }
    if report.backend:
        found["fidelity"] = [
            {**_identity(result), "backend": report.backend, **_fidelity(one)}
            for result in report.results
            for one in result.fidelity
        ]
    if report.summary:
        counts = report.counts()
        found["summary"] = {
            "valid": counts[Status.VALID],
            "invalid": counts[Status.INVALID],
            "errors": counts[Status.ERROR],
            "skipped": counts[Status.SKIPPED],
        }
    return json.dumps(found, indent=2) + "\n"


def _identity(result: Result) -> dict[str, Any]:
    counted = {"document": result.document, "item": result.item}
    return {
        "filename": result.filename,
        "kind": result.kind,
        "name": result.name,
        "namespace": result.namespace,
        "version": result.version,
        **{name: number for name, number in counted.items() if number is not None},
    }


def _resource(result: Result) -> dict[str, Any]:
    found = {
        **_identity(result),
        **_place(result.position),
        "status": result.status.value,
        "msg": "; ".join(_text(one) for one in result.problems),
    }
    if result.status is Status.INVALID:
        found["validationErrors"] = [_finding(one) for one in result.problems]
    return found


def _finding(finding: Finding) -> dict[str, Any]:
    problem = finding.problem
    return {
        "path": finding.pointer,
        "msg": problem.message,
        "field": problem.path,
        "reason": problem.reason,
        "rule": problem.rule,
        **_place(problem.position),
    }


def _fidelity(one: Fidelity) -> dict[str, Any]:
    return {
        "path": pointer(one.steps),
        "field": one.path,
        "handling": one.handling,
        "note": one.note,
        **_place(one.position),
    }


def _text(finding: Finding) -> str:
    problem = finding.problem
    return f"{problem.path}: {problem.message}" if problem.path else problem.message


def _place(position: Position | None) -> dict[str, int]:
    return {"line": position.line, "column": position.column} if position else {}
