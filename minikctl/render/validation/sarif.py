"""SARIF 2.1.0, for GitHub's code scanning and the like.

Every rule that found something is described once; results point to it by id. Files are named relative to
the repository's root (`%SRCROOT%`) where they lie in it.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from minikctl.render.validation.report import Finding, Report, Result, Severity
from minikctl.render.validation.words import line_of

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

# What holds where no rule has an id of its own: reasons of the decode step, and how backends handle fields.
_ABOUT = {
    "Warning": "the server accepts it, and something is worth a word",
    "pod-security": "the pod keeps to its namespace's Pod Security level",
    "DuplicateField": "every field is set once",
    "Emulated": "the backend does what comes close to the field",
    "Enforced": "the backend does what the field says",
    "FieldValueInvalid": "the value fits into the type of its field",
    "FieldValueRequired": "every required field is there",
    "FieldValueTypeInvalid": "the value has the type of its field",
    "Inert": "the field means something on a cluster and nothing here",
    "NotHandled": "the field is one that minikctl acts on",
    "NotChecked": "rules in CEL and a few patterns of custom resources are not evaluated",
    "UnknownField": "every field is one that Kubernetes knows",
    "UnknownKind": "the kind is served in this version",
    "Unreadable": "the file can be read as Kubernetes manifests",
}


def render(report: Report) -> str:
    found = list(report.findings())
    rules = sorted({finding.rule for _, finding, _ in found})
    driver = {
        "name": "minikctl",
        "rules": [_rule(one, report.rules.get(one) or _ABOUT.get(one, one)) for one in rules],
    }
    results = [
        _result(report, result, finding, severity, rules.index(finding.rule))
        for result, finding, severity in found
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: str, about: str) -> dict[str, Any]:
    return {"id": rule, "shortDescription": {"text": f"{about[:1].upper()}{about[1:]}."}}


def _result(
    report: Report, result: Result, finding: Finding, severity: Severity, index: int
) -> dict[str, Any]:
    text = f"{result.title}: {line_of(finding.problem)}" if result.title else line_of(finding.problem)
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": severity.value,
        "message": {"text": text},
        "locations": [_location(report, result, finding)],
    }


def _location(report: Report, result: Result, finding: Finding) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if file := report.located(result.filename):
        physical: dict[str, Any] = {"artifactLocation": _artifact(file)}
        if position := finding.problem.position:
            physical["region"] = {"startLine": position.line, "startColumn": position.column}
        location["physicalLocation"] = physical
    if result.title:
        name = f"{result.title}:{finding.problem.path}"
        location["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "resource"}]
    return location


def _artifact(file: str) -> dict[str, str]:
    uri = quote(file, errors="replace")
    return {"uri": f"file://{uri}"} if file.startswith("/") else {"uri": uri, "uriBaseId": "%SRCROOT%"}
