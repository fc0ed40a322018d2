"""The reports of `validate`: each format against what its readers expect, with characters that hurt."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from minikctl.errors import FieldProblem, Position
from minikctl.render.style import COLOURED
from minikctl.render.validation import FORMATS, render
from minikctl.render.validation.report import Fidelity, Finding, Report, Result, Severity, Status, pointer
from minikctl.render.validation.rules import RuleLine, as_json, table
from minikctl.render.validation.text import problem_line
from minikctl.render.validation.words import line_of, shortly

HOSTILE = "a\x1b[2J\x00\ufffe\ud800\u202eé<&>\"'%,:#\\\n]]>"

# --- the concise wording ---------------------------------------------------------------------------

LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex "
    "used for validation is '[0-9]+%')"
)
KEY = (
    "a valid config key must consist of alphanumeric characters (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
WORDS = [
    ("Invalid", "Invalid value: -1: must be 1 or more", "invalid value -1: must be 1 or more"),
    ("Invalid", 'Invalid value: "a: b": c: d', 'invalid value "a: b": c: d'),
    (
        "Invalid",
        f'Invalid value: "X": {LABEL}',
        "invalid value \"X\": must be a lower case DNS label (e.g. 'my-name')",
    ),
    (
        "Invalid",
        f'Invalid value: "X": {SUBDOMAIN}',
        "invalid value \"X\": must be a lower case DNS subdomain (e.g. 'example.com')",
    ),
    (
        "Invalid",
        f'Invalid value: "x": {PERCENT}',
        "invalid value \"x\": a valid percent string must be a numeric string followed by an ending '%' "
        "(e.g. '1%' or '93%')",
    ),
    (
        "Invalid",
        f'Invalid value: "x/y": {KEY}',
        'invalid value "x/y": a valid config key must consist of alphanumeric characters '
        "(e.g. 'key.name' or 'KEY_NAME' or 'key-name')",
    ),
    ("Invalid", "something new", "something new"),
    ("Invalid", "Invalid value: 1.2.3.4/33: must be a CIDR", "invalid value 1.2.3.4/33: must be a CIDR"),
    ("Invalid", 'Invalid value: "x"', 'invalid value "x"'),
    ("Invalid", "Invalid value: must be base64", "invalid value: must be base64"),
    ("TypeInvalid", "Invalid value: must be base64", "must be base64"),
    ("Required", "Required value", "required value is missing"),
    ("Required", "Required value: may not be both", "required value is missing: may not be both"),
    (
        "NotSupported",
        'Unsupported value: "x": supported values: "A", "B"',
        'unsupported value "x" (A, B)',
    ),
    ("NotSupported", 'Unsupported value: ""', 'unsupported value ""'),
    ("NotSupported", 'Unsupported value: "x": supported values: "", "B"', 'unsupported value "x" ("", B)'),
    ("Duplicate", 'Duplicate value: {"name":"a"}', 'duplicate value {"name":"a"}'),
    ("Forbidden", "Forbidden: not allowed", "forbidden: not allowed"),
    ("NotFound", 'Not found: "web"', '"web" not found'),
    ("TooLong", "Too long: may not be more than 63 bytes", "too long: may not be more than 63 bytes"),
    ("TooMany", "Too many: 3: must have at most 2 items", "too many: 3: must have at most 2 items"),
    ("TypeInvalid", "Invalid value: [1]: must be a string", "must be a string, not [1]"),
    ("TypeInvalid", "Invalid value: false: must be a string", "must be a string, not false: quote it"),
    ("TypeInvalid", "Invalid value: 1.5: must be a string", "must be a string, not 1.5: quote it"),
    (
        "TypeInvalid",
        'Invalid value: "array": spec in body must be of type object: "array"',
        "must be a map, not a list",
    ),
    (
        "TypeInvalid",
        'Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
        "must be an integer or a string, not a boolean",
    ),
    (
        "TypeInvalid",
        'Invalid value: "x": spec.at in body must be of type date-time: "x"',
        'must be of type date-time, not "x"',
    ),
    ("Invalid", "Invalid value: 0: spec.a in body should be 1", "invalid value 0: should be 1"),
]


@pytest.mark.parametrize(("reason", "message", "short"), WORDS)
def test_messages_become_short(reason: str, message: str, short: str) -> None:
    assert shortly(FieldProblem("spec.x", f"FieldValue{reason}", message)) == short


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("spec.imag", "imag"),
        ("spec.containers[0].imag", "imag"),
        ("metadata[a.b/c]", "a.b/c"),
        ("kinds", "kinds"),
    ],
)
def test_unknown_fields_are_named_without_their_path(path: str, short: str) -> None:
    problem = FieldProblem(path, "UnknownField", f'unknown field "{path}", did you mean "image"?')
    assert line_of(problem) == f'{path}: unknown field "{short}", did you mean "image"?'


def test_long_values_are_cut() -> None:
    text = shortly(FieldProblem("a", "FieldValueInvalid", f'Invalid value: "{"x" * 500}": bad'))
    assert len(text) < 100
    assert text.endswith("…: bad")


# --- what the formats are tried with ---------------------------------------------------------------


def finding(path: str, reason: str, message: str, line: int = 3, rule: str = "") -> Finding:
    position = Position("k8s/web.yaml", line, 5)
    return Finding(FieldProblem(path, reason, message, position, rule), tuple(path.split(".")))


def result(status: Status, name: str = "web", **more: Any) -> Result:
    facts = {
        "kind": "Deployment",
        "version": "apps/v1",
        "namespace": "shop",
        "document": 0,
        "position": Position("k8s/web.yaml", 1, 1),
    }
    return Result("k8s/web.yaml", status, name=name, **{**facts, **more})


INVALID = result(
    Status.INVALID,
    problems=(
        finding("spec.replicas", "FieldValueInvalid", "Invalid value: -1: must be positive", rule="counts"),
        finding("spec.imag", "UnknownField", 'unknown field "spec.imag"', 4),
    ),
)
WARNED = result(
    Status.VALID, "api", document=1, warnings=(finding("spec.old", "Deprecated", "deprecated since 1.2"),)
)
UNREADABLE = Result(
    "k8s/broken.yaml",
    Status.ERROR,
    position=Position("k8s/broken.yaml", 2, 1),
    problems=(Finding(FieldProblem("", "Unreadable", "no tabs", Position("k8s/broken.yaml", 2, 1))),),
)
SKIPPED = result(
    Status.SKIPPED, "custom", kind="Custom", version="example.com/v1", document=2, skipped="no schema"
)
ON_BACKEND = result(
    Status.VALID,
    "db",
    document=3,
    fidelity=(
        Fidelity("spec.a", ("spec", "a"), "emulated", "by the agent", Position("k8s/web.yaml", 9, 1)),
        Fidelity("spec.b", ("spec", "b"), "rejected", "cannot", Position("k8s/web.yaml", 10, 1)),
    ),
)
ALL = (INVALID, WARNED, UNREADABLE, SKIPPED, ON_BACKEND)


def hostile() -> Report:
    problem = FieldProblem(HOSTILE, "FieldValueInvalid", HOSTILE, Position(HOSTILE, 1, 1), "rule")
    bad = Result(
        HOSTILE,
        Status.INVALID,
        kind=HOSTILE,
        name=HOSTILE,
        namespace=HOSTILE,
        version=HOSTILE,
        position=Position(HOSTILE, 1, 1),
        problems=(Finding(problem, (HOSTILE, 0)),),
        warnings=(Finding(problem, (HOSTILE,)),),
        fidelity=(Fidelity(HOSTILE, (HOSTILE,), "inert", HOSTILE),),
    )
    return Report((bad,), backend="docker", verbose=True, summary=True)


@pytest.mark.parametrize("output", FORMATS)
def test_no_format_lets_control_characters_through(output: str) -> None:
    text = render(hostile(), output)
    text.encode()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)


@pytest.mark.parametrize("output", FORMATS)
def test_nothing_at_all_is_a_report_too(output: str) -> None:
    assert isinstance(render(Report(()), output), str)


# --- text ------------------------------------------------------------------------------------------


def test_text_has_a_line_a_problem() -> None:
    assert render(Report(ALL, files=2, summary=True, backend="docker"), "text").splitlines() == [
        "k8s/web.yaml:3:5: Deployment/web: spec.replicas: invalid value -1: must be positive",
        'k8s/web.yaml:4:5: Deployment/web: spec.imag: unknown field "imag"',
        "k8s/web.yaml:3:5: Deployment/api: warning: spec.old: deprecated since 1.2",
        "k8s/broken.yaml:2:1: no tabs",
        "k8s/web.yaml:9:1: Deployment/db: note: spec.a: emulated on docker: by the agent",
        "Summary: 5 resources found in 2 files - Valid: 2, Invalid: 1, Errors: 1, Skipped: 1",
    ]


def test_text_tells_of_valid_and_skipped_ones_when_asked() -> None:
    lines = render(Report((WARNED, SKIPPED), verbose=True), "text").splitlines()
    assert lines[1:] == [
        "k8s/web.yaml:1:1: Deployment/api: valid",
        "k8s/web.yaml:1:1: Custom/custom: skipped (no schema)",
    ]


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (Report((), files=0), "0 resources found in 0 files - Valid: 0, Invalid: 0, Errors: 0, Skipped: 0"),
        (
            Report((WARNED,), files=1),
            "1 resource found in 1 file - Valid: 1, Invalid: 0, Errors: 0, Skipped: 0",
        ),
        (
            Report((), from_stdin=True),
            "0 resources found parsing stdin - Valid: 0, Invalid: 0, Errors: 0, Skipped: 0",
        ),
    ],
)
def test_the_summary_is_kubeconforms(report: Report, line: str) -> None:
    shown = Report(report.results, files=report.files, from_stdin=report.from_stdin, summary=True)
    assert render(shown, "text").splitlines()[-1] == f"Summary: {line}"


def test_the_caret_stands_below_the_column_also_after_tabs_and_controls() -> None:
    problem = FieldProblem("a", "FieldValueRequired", "Required value", Position("x", 1, 5))
    line = problem_line("A/b", problem, source_line="\ta\x1bb: c")
    assert line.splitlines()[1:] == ["    \ta^[b: c", "    \t    ^"]


@pytest.mark.parametrize(
    ("line", "column", "shown"),
    [
        ("a" * 36, 36, ["    " + "a" * 36, " " * 39 + "^"]),
        ("日本: x", 5, ["    日本: x", "    " + " " * 6 + "^"]),
        ("a\u0301: x", 3, ["    a\u0301: x", "     ^"]),
        ("x" * 500_000, 250_001, ["    …" + "x" * 17 + "x" * 17 + "…", "    " + " " * 18 + "^"]),
        ("x" * 500_000, 3, ["    xx" + "x" * 33 + "…", "      ^"]),
        ("x" * 50, 50, ["    …" + "x" * 17 + "x", "    " + " " * 18 + "^"]),
    ],
)
def test_of_long_lines_a_part_is_shown(line: str, column: int, shown: list[str]) -> None:
    problem = FieldProblem("a", "FieldValueRequired", "Required value", Position("x", 1, column))
    assert problem_line("A/b", problem, source_line=line, width=40).splitlines()[1:] == shown


def test_colours_are_the_styles() -> None:
    problem = FieldProblem("a", "Deprecated", "old", Position("x", 1, 1))
    assert problem_line("A/b", problem, Severity.WARNING, style=COLOURED) == (
        "\x1b[1mx:1:1\x1b[0m: A/b: \x1b[33mwarning\x1b[0m: a: old"
    )


# --- JSON ------------------------------------------------------------------------------------------


def as_data(*results: Result, **more: Any) -> Any:
    return json.loads(render(Report(results, **more), "json"))


def test_json_has_kubeconforms_keys_and_ours() -> None:
    assert as_data(INVALID) == {
        "resources": [
            {
                "filename": "k8s/web.yaml",
                "kind": "Deployment",
                "name": "web",
                "namespace": "shop",
                "version": "apps/v1",
                "document": 0,
                "line": 1,
                "column": 1,
                "status": "statusInvalid",
                "msg": "spec.replicas: Invalid value: -1: must be positive; "
                'spec.imag: unknown field "spec.imag"',
                "validationErrors": [
                    {
                        "path": "/spec/replicas",
                        "msg": "Invalid value: -1: must be positive",
                        "field": "spec.replicas",
                        "reason": "FieldValueInvalid",
                        "rule": "counts",
                        "line": 3,
                        "column": 5,
                    },
                    {
                        "path": "/spec/imag",
                        "msg": 'unknown field "spec.imag"',
                        "field": "spec.imag",
                        "reason": "UnknownField",
                        "rule": "",
                        "line": 4,
                        "column": 5,
                    },
                ],
            }
        ],
        "warnings": [],
        "notes": [],
    }


def test_json_lists_what_is_not_valid_and_all_when_verbose() -> None:
    assert [one["status"] for one in as_data(*ALL)["resources"]] == ["statusInvalid", "statusError"]
    statuses = [one["status"] for one in as_data(*ALL, verbose=True)["resources"]]
    assert statuses == ["statusInvalid", "statusValid", "statusError", "statusSkipped", "statusValid"]


def test_json_tells_of_warnings_and_backends_beside_the_resources() -> None:
    found = as_data(*ALL, backend="docker", summary=True)
    (warning,) = found["warnings"]
    assert (warning["name"], warning["path"], warning["msg"]) == ("api", "/spec/old", "deprecated since 1.2")
    assert [(one["field"], one["handling"], one["note"], one["line"]) for one in found["fidelity"]] == [
        ("spec.a", "emulated", "by the agent", 9),
        ("spec.b", "rejected", "cannot", 10),
    ]
    assert found["summary"] == {"valid": 2, "invalid": 1, "errors": 1, "skipped": 1}
    assert "summary" not in as_data(*ALL) and "fidelity" not in as_data(*ALL)


def test_pointers_are_escaped() -> None:
    assert pointer(("metadata", "labels", "a.b/c~d", 0)) == "/metadata/labels/a.b~1c~0d/0"


# --- the pipelines' formats ------------------------------------------------------------------------


def test_github_commands() -> None:
    report = Report(ALL, backend="docker", located=lambda name: f"sub,dir:/{name}")
    assert render(report, "github").splitlines() == [
        "::error file=sub%2Cdir%3A/k8s/web.yaml,line=3,col=5,title=minikctl (counts)::"
        "Deployment/web: spec.replicas: invalid value -1: must be positive",
        "::error file=sub%2Cdir%3A/k8s/web.yaml,line=4,col=5,title=minikctl (UnknownField)::"
        'Deployment/web: spec.imag: unknown field "imag"',
        "::warning file=sub%2Cdir%3A/k8s/web.yaml,line=3,col=5,title=minikctl (Deprecated)::"
        "Deployment/api: spec.old: deprecated since 1.2",
        "::error file=sub%2Cdir%3A/k8s/broken.yaml,line=2,col=1,title=minikctl (Unreadable)::no tabs",
        "::notice file=sub%2Cdir%3A/k8s/web.yaml,line=9,col=1,title=minikctl (Emulated)::"
        "Deployment/db: spec.a: emulated on docker: by the agent",
    ]


def test_github_says_where_what_is_no_file_is_wrong() -> None:
    (line,) = render(Report((UNREADABLE,), located=lambda _: None), "github").splitlines()
    assert line == "::error title=minikctl (Unreadable)::k8s/broken.yaml:2:1: no tabs"
    log = json.loads(render(Report((INVALID,), located=lambda _: None), "sarif"))
    assert log["runs"][0]["results"][0]["locations"][0].keys() == {"logicalLocations"}


def test_github_data_cannot_begin_a_command_of_its_own() -> None:
    lines = render(hostile(), "github").splitlines()
    assert len(lines) == 4
    error = lines[0]
    properties, data = error.removeprefix("::error ").split("::", 1)
    assert dict(one.split("=") for one in properties.split(",")).keys() == {"file", "line", "col", "title"}
    assert "%25" in data and "%," not in data


def test_junit_counts_and_tells() -> None:
    root = ElementTree.fromstring(render(Report(ALL, backend="docker"), "junit"))
    assert root.attrib == {
        "name": "minikctl validate",
        "tests": "5",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    web, broken = root
    assert (web.get("name"), web.get("tests"), broken.get("errors")) == ("k8s/web.yaml", "4", "1")
    failed, warned, skipped, noted = web
    assert (failed.get("classname"), failed.get("name")) == ("Deployment@apps/v1", "shop/web")
    (failure,) = failed
    assert failure.get("message") == "spec.replicas: invalid value -1: must be positive (and 1 more)"
    assert failure.text is not None and len(failure.text.splitlines()) == 2
    assert [one.tag for one in (*warned, *skipped, *noted, *broken[0])] == [
        "system-out",
        "skipped",
        "system-out",
        "error",
    ]


def test_junit_is_xml_whatever_the_characters() -> None:
    text = render(hostile(), "junit")
    assert text.isascii()
    case = ElementTree.fromstring(text)[0][0]
    assert "a^[[2J^@\\ufffe\\ud800\\u202eé<&>" in str(case.get("name"))


def test_sarif_has_what_its_schema_requires() -> None:
    report = Report(ALL, backend="docker", rules={"counts": "counts are not negative"})
    log = json.loads(render(report, "sarif"))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "minikctl"
    assert {one["id"]: one["shortDescription"]["text"] for one in rules}[
        "counts"
    ] == "Counts are not negative."
    assert len({one["id"] for one in rules}) == len(rules)
    assert [one["level"] for one in run["results"]] == ["error", "error", "warning", "error", "note"]
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
        assert one["message"]["text"]
        (location,) = one["locations"]
        region = location["physicalLocation"]["region"]
        assert region["startLine"] >= 1 and region["startColumn"] >= 1
    first = run["results"][0]["locations"][0]["physicalLocation"]
    assert first["artifactLocation"] == {"uri": "k8s/web.yaml", "uriBaseId": "%SRCROOT%"}


@pytest.mark.parametrize(
    ("name", "uri"), [("/out side/web.yaml", "file:///out%20side/web.yaml"), ("a#b.yaml", "a%23b.yaml")]
)
def test_sarif_names_files_by_uri(name: str, uri: str) -> None:
    log = json.loads(render(Report((INVALID,), located=lambda _: name), "sarif"))
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == uri
    assert ("uriBaseId" in place["artifactLocation"]) is not name.startswith("/")


def test_tap_has_a_point_a_resource() -> None:
    lines = render(Report(ALL, backend="docker"), "tap").splitlines()
    assert lines[:2] == ["TAP version 14", "1..5"]
    assert [line for line in lines if not line.startswith("  ")][2:] == [
        "not ok 1 - k8s/web.yaml: Deployment/web",
        "ok 2 - k8s/web.yaml: Deployment/api",
        "not ok 3 - k8s/broken.yaml",
        "ok 4 - k8s/web.yaml: Custom/custom # SKIP no schema",
        "ok 5 - k8s/web.yaml: Deployment/db",
    ]
    block = lines[lines.index("  ---") + 1 : lines.index("  ...")]
    assert block[0] == "  problems:"
    assert [json.loads(one.removeprefix("  - "))["line"] for one in block[1:]] == [3, 4]


def test_tap_descriptions_have_no_directives() -> None:
    odd = Result("a # SKIP\\.yaml", Status.ERROR, problems=UNREADABLE.problems)
    assert "not ok 1 - a \\# SKIP\\\\.yaml" in render(Report((odd,)), "tap")


# --- rules -----------------------------------------------------------------------------------------


def test_rules_as_a_table_and_as_data() -> None:
    rules = [RuleLine("a-rule", "it holds", ("Job", "Pod"), "create"), RuleLine("b", "so", (), "update")]
    assert [line.split("  ")[0] for line in table(rules).splitlines()] == ["ID", "a-rule", "b"]
    assert table(rules).splitlines()[1].endswith("it holds         Job,Pod")
    assert json.loads(as_json(rules)) == [
        {"id": "a-rule", "kinds": ["Job", "Pod"], "when": "create", "about": "it holds"},
        {"id": "b", "kinds": ["*"], "when": "update", "about": "so"},
    ]
