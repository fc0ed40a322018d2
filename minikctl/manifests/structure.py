"""Types and unknown fields: what Kubernetes' decoder would refuse, by the schema.

Rules:
- jsonschema-rs judges; it is imported, and a kind's schema compiled, when the first object of the kind comes.
- `jsonschema`, pure Python and hundreds of times slower, judges where there is no wheel for the platform, and
  the rare object that jsonschema-rs can't take (half a surrogate pair) or whose field it can't name: its
  paths leave out empty keys and turn the key "80" into the number.
- Both say the same `_Violation`s, which become problems with the API server's paths and words in one place.
- Enums are in the schemas for editors. The server decodes any value and lets its rules refuse it, so they are
  passed over here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import minikctl_schemas

from minikctl.errors import FieldProblem
from minikctl.manifests.paths import Path, format_path, order_of
from minikctl.manifests.rules.problems import invalid, required, show
from minikctl.model import Object

if TYPE_CHECKING:
    from minikctl.manifests.hints import Hints, Level

TYPE_INVALID = "FieldValueTypeInvalid"
UNKNOWN = "UnknownField"
_SECRET = ("v1", "Secret")
_SECRET_FIELDS = (("data",), ("stringData",))
"""Their values are in no message."""
_ABOUT_FIELDS = ("additionalProperties", "required")
_TYPE_NAMES = {"array": "a list", "boolean": "true or false", "object": "a map", "string": "a string"}


class _Violation(NamedTuple):
    """One keyword of the schema that the value at `path` breaks.

    `expected` is what the keyword wants (types, options, a pattern, a limit); for `required` the names that
    are missing, for `additionalProperties` those that are too many (`_each` makes one of each).
    """

    path: Path
    keyword: str
    value: Any
    expected: Any


_Judge = Callable[[Object], Iterator[_Violation]]


def check_structure(obj: Object) -> list[FieldProblem]:
    """The problems that make `obj` undecodable, in the order of their paths.

    :raises KeyError: there is no schema for its kind.
    """
    kind = obj["apiVersion"], obj["kind"]
    try:
        violations = list(_judge(*kind)(obj))
    except ValueError:  # from jsonschema-rs: see the rules above
        violations = list(_python_judge(*kind)(obj))
    if not violations:
        return []
    from minikctl.manifests.hints import Hints

    single = [one for violation in violations for one in _each(violation)]
    single.sort(key=lambda one: (order_of(one.path), one.keyword))
    hints = Hints()
    return list(dict.fromkeys(_translate(one, kind, hints) for one in single))


# --- the two libraries -------------------------------------------------------------------------------


@cache
def _judge(api_version: str, kind: str) -> _Judge:
    try:
        return _rust_judge(api_version, kind)
    except ImportError:
        return _python_judge(api_version, kind)


def _rust_judge(api_version: str, kind: str) -> _Judge:
    from jsonschema_rs import Draft7Validator

    validator = Draft7Validator(minikctl_schemas.load(api_version, kind), validate_formats=False)

    def judge(obj: Object) -> Iterator[_Violation]:
        for error in validator.iter_errors(obj):
            keyword, facts = error.kind.name, error.kind.as_dict()
            if keyword == "enum":
                continue
            names = [facts["property"]] if keyword == "required" else None
            # The other keywords have one fact each.
            expected = names or next(iter(facts.values()), None)
            if not _leads_to(obj, error.instance_path, error.instance):
                raise ValueError("the path has lost a key")
            yield _Violation(tuple(error.instance_path), keyword, error.instance, expected)

    return judge


def _leads_to(obj: Any, path: list[str | int], value: Any) -> bool:
    try:
        for step in path:
            obj = obj[step]
    except (LookupError, TypeError):
        return False
    return bool(obj == value)


@cache
def _python_judge(api_version: str, kind: str) -> _Judge:
    from jsonschema import Draft7Validator, ValidationError
    from jsonschema.validators import extend

    def whole_pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
        # Python's `$` also matches before a line break at the end; our patterns are about whole values.
        if isinstance(value, str) and not re.fullmatch(pattern, value):
            yield ValidationError(f"{value!r} does not match {pattern!r}")

    changed = {"pattern": whole_pattern, "enum": None}
    strict = extend(Draft7Validator, changed)  # type: ignore[no-untyped-call]
    validator = strict(minikctl_schemas.load(api_version, kind))

    def judge(obj: Object) -> Iterator[_Violation]:
        for error in validator.iter_errors(obj):
            keyword, expected = str(error.validator), error.validator_value
            if keyword == "required":
                expected = [name for name in error.validator_value if name not in error.instance]
            elif keyword == "additionalProperties":
                expected = [name for name in error.instance if name not in error.schema.get("properties", ())]
            elif keyword == "type" and isinstance(expected, str):
                expected = [expected]
            yield _Violation(tuple(error.absolute_path), keyword, error.instance, expected)

    return judge


# --- the API server's words --------------------------------------------------------------------------


def _each(violation: _Violation) -> Iterator[_Violation]:
    """One at the path of each field that is missing or too many."""
    if violation.keyword not in _ABOUT_FIELDS:
        yield violation
        return
    for name in violation.expected:
        yield violation._replace(path=(*violation.path, name))


def _translate(violation: _Violation, kind: tuple[str, str], hints: Hints) -> FieldProblem:
    path, keyword, value, expected = violation
    text = format_path(path)
    if keyword == "additionalProperties":
        hint = hints.of_field(str(path[-1]), lambda: _levels(kind, path[:-1]))
        return FieldProblem(text, UNKNOWN, f'unknown field "{text}"{hint}')
    if keyword == "required":
        return required(text)
    told = "***" if kind == _SECRET and path[:1] in _SECRET_FIELDS else value
    return _wrong_value(keyword, expected, text, told)


def _wrong_value(keyword: str, expected: Any, path: str, value: Any) -> FieldProblem:
    if keyword == "type":
        return FieldProblem(
            path, TYPE_INVALID, f"Invalid value: {_shortened(value)}: must be {_expected(expected)}"
        )
    if keyword in ("minimum", "maximum"):
        return invalid(path, value, "does not fit in the integer type of this field")
    if keyword == "pattern" and "Ki" in expected:
        return invalid(
            path,
            value,
            "quantities must be a number with an optional suffix (e.g. '500m', '1.5', '128Mi', '2Gi')",
        )
    if keyword == "pattern" and "+/" in expected:
        return FieldProblem(path, TYPE_INVALID, "Invalid value: must be base64")
    if keyword == "pattern":
        return invalid(path, value, "must be a time (e.g. '2006-01-02T15:04:05Z')")
    return invalid(path, value, f"violates the schema ({keyword})")


def _expected(types: list[str]) -> str:
    kinds = [name for name in types if name != "null"]
    if sorted(kinds) == ["array", "string"]:
        return "a string of base64"
    words = {"integer": "an integer", "number": "a number", **_TYPE_NAMES}
    return " or ".join(words[name] for name in sorted(kinds))


def _shortened(value: Any) -> str:
    text = show(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _levels(kind: tuple[str, str], path: Path) -> list[Level]:
    """What the schema knows at `path` and around it, from the inside to the outside."""
    from minikctl.manifests.hints import Level

    root = minikctl_schemas.load(*kind)
    schema = root
    levels = [Level((), _fields(root, schema))]
    for index, step in enumerate(path, 1):
        schema = resolve_reference(root, _member(schema, step))
        if "properties" in schema:
            levels.append(Level(path[:index], _fields(root, schema)))
    return levels[::-1]


def _fields(root: dict[str, Any], schema: dict[str, Any]) -> dict[str, Collection[str]]:
    """The fields of a map, each with the names of those inside."""
    return {
        name: resolve_reference(root, member).get("properties", {})
        for name, member in schema.get("properties", {}).items()
        if isinstance(member, dict)
    }


def _member(schema: dict[str, Any], step: str | int) -> dict[str, Any]:
    if isinstance(step, int):
        member = schema.get("items")
    else:
        member = schema.get("properties", {}).get(step) or schema.get("additionalProperties")
    return member if isinstance(member, dict) else {}


def resolve_reference(root: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """`schema`, or what its `$ref` points to in `root`."""
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = root["definitions"][schema["$ref"].rpartition("/")[2]]
    return found
