"""Values of custom resources, judged by an OpenAPI v3 schema as the API server does it.

Rules:
- Paths are the server's: keys of maps are joined with dots as fields are (`spec.labels.a`), and what is said
  of a whole `anyOf`, `oneOf`, `allOf` or `not` stands at no field at all (`<nil>`).
- Of several alternatives that all fail, the one that matched most is told in detail.
- `x-kubernetes-int-or-string` is a type; other extensions are the business of `structural`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct, field

from minikctl.errors import FieldProblem
from minikctl.manifests.custom.formats import has_format
from minikctl.manifests.custom.patterns import matches
from minikctl.manifests.rules.problems import invalid, required, show, too_long, too_many

Schema = dict[str, Any]

NO_FIELD = "<nil>"
_DEEPEST = 200
_MAX_WHOLE, _EPSILON = 2**53 - 1, 1e-9
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
"""A definition with another one is refused itself, and says nothing of values."""


class Result(Struct):
    """Problems, and how many checks were made: of alternatives, the one with most is the best."""

    problems: list[FieldProblem] = field(default_factory=list)
    checks: int = 0

    def merge(self, other: Result) -> None:
        self.problems += other.problems
        self.checks += other.checks


def judge(value: Any, schema: Any, path: str = "", depth: int = 0) -> Result:
    """What is wrong with `value`."""
    result = Result()
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return result
    if value is None:
        result.problems += [*_type(value, schema, path), *_enum(value, schema, path)]
        return result
    result.problems += _type(value, schema, path)
    if not result.problems:
        result.checks += 1
    result.merge(_alternatives(value, schema, path, depth))
    for check in _CHECKS.get(type(value), ()):
        result.problems += check(value, schema, path)
        result.checks += 1
    result.problems += _enum(value, schema, path)
    if isinstance(value, list):
        result.merge(_items(value, schema, path, depth))
    elif isinstance(value, dict):
        result.merge(_members(value, schema, path, depth))
    result.checks += 1
    return result


# --- types and enums ---------------------------------------------------------------------------------


def types_of(schema: Schema) -> tuple[str, ...]:
    if schema.get("x-kubernetes-int-or-string") is True:
        return ("integer", "string")
    found = schema.get("type")
    return (found,) if found in _TYPES else ()


def _type(value: Any, schema: Schema, path: str) -> Iterator[FieldProblem]:
    types = types_of(schema)
    if not types:
        return
    found = _type_name(value)
    if value is None and (schema.get("nullable") is True or "null" in types):
        return
    if found in types or (found == "integer" and "number" in types):
        return
    if found == "number" and "integer" in types and _is_whole(value):
        return
    if schema.get("format") and isinstance(value, str) and not {"integer", "number"} & set(types):
        return
    yield _wrong_type(path, found, ",".join(types))


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "string")


def _wrong_type(path: str, found: Any, wanted: str) -> FieldProblem:
    detail = f"{path} in body must be of type {wanted}: {show(found)}"
    return FieldProblem(path, "FieldValueTypeInvalid", f"Invalid value: {show(found)}: {detail}")


def _enum(value: Any, schema: Schema, path: str) -> Iterator[FieldProblem]:
    allowed = schema.get("enum")
    if not isinstance(allowed, list) or not allowed:
        return
    if any(one == value and isinstance(one, bool) == isinstance(value, bool) for one in allowed):
        return
    words = ", ".join(f'"{one}"' if isinstance(one, str) else f'"{show(one)}"' for one in allowed)
    message = f"Unsupported value: {show(value)}: supported values: {words}"
    yield FieldProblem(path, "FieldValueNotSupported", message)


# --- alternatives ------------------------------------------------------------------------------------


def _alternatives(value: Any, schema: Schema, path: str, depth: int) -> Result:
    result = Result()

    def judged(keyword: str) -> list[Result]:
        found = schema.get(keyword)
        return [judge(value, one, path, depth + 1) for one in found] if isinstance(found, list) else []

    if any_of := judged("anyOf"):
        if all(one.problems for one in any_of):
            result.problems.append(_composite(f'"{path}" must validate at least one schema (anyOf)'))
            result.merge(_best(any_of))
        else:
            result.merge(next(one for one in any_of if not one.problems))
    if one_of := judged("oneOf"):
        result.merge(_exactly_one(one_of, path))
    if all_of := judged("allOf"):
        for one in all_of:
            result.merge(one)
        if failed := sum(bool(one.problems) for one in all_of):
            none = ". None validated" if failed == len(all_of) else ""
            result.problems.append(_composite(f'"{path}" must validate all the schemas (allOf){none}'))
    unwanted = schema.get("not")
    if isinstance(unwanted, dict) and not judge(value, unwanted, path, depth + 1).problems:
        result.problems.append(_composite(f'"{path}" must not validate the schema (not)'))
    result.checks += 1
    return result


def _exactly_one(judged: list[Result], path: str) -> Result:
    valid = [one for one in judged if not one.problems]
    if len(valid) == 1:
        return valid[0]
    detail = f"Found {len(valid)} valid alternatives" if valid else "Found none valid"
    result = Result([_composite(f'"{path}" must validate one and only one schema (oneOf). {detail}')])
    if not valid:
        result.merge(_best(judged))
    return result


def _best(judged: list[Result]) -> Result:
    """The first of those with the most checks."""
    return max(judged, key=lambda one: one.checks)


def _composite(text: str) -> FieldProblem:
    return invalid(NO_FIELD, "", text)


# --- scalars -----------------------------------------------------------------------------------------


def _text(value: str, schema: Schema, path: str) -> Iterator[FieldProblem]:
    longest, shortest = _limit(schema, "maxLength"), _limit(schema, "minLength")
    if longest is not None and len(value) > longest:
        yield too_long(path, int(longest))
    if shortest is not None and len(value) < shortest:
        yield _bad(path, value, f"should be at least {show(shortest)} chars long")
    pattern, form = schema.get("pattern"), schema.get("format")
    if isinstance(pattern, str) and pattern and not matches(pattern, value):
        yield _bad(path, value, f"should match '{pattern}'")
    if isinstance(form, str) and not has_format(form, value):
        yield _wrong_type(path, value, form)


def _number(value: float, schema: Schema, path: str) -> Iterator[FieldProblem]:
    step, most, least = (_limit(schema, word) for word in ("multipleOf", "maximum", "minimum"))
    if step is not None and step > 0 and not _is_multiple(value, step):
        yield _bad(path, value, f"should be a multiple of {show(step)}")
    if most is not None:
        strict = schema.get("exclusiveMaximum") is True
        if value > most or (strict and value == most):
            yield _bad(path, value, f"should be less than {'' if strict else 'or equal to '}{show(most)}")
    if least is not None:
        strict = schema.get("exclusiveMinimum") is True
        if value < least or (strict and value == least):
            yield _bad(path, value, f"should be greater than {'' if strict else 'or equal to '}{show(least)}")


def _is_multiple(value: float, step: float) -> bool:
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    try:
        return _is_whole(1 / step * value if step < 1 else value / step)
    except OverflowError:
        return True  # nobody can tell


def _is_whole(value: float) -> bool:
    """With the server's tolerance for what floats can't hold: that above a whole number, not below it."""
    if not abs(value) <= _MAX_WHOLE:
        return False
    if value == int(value):
        return True
    return value > 0 and (value - int(value)) / (value + int(value)) < _EPSILON


def _limit(schema: Schema, keyword: str) -> float | None:
    found = schema.get(keyword)
    if not isinstance(found, int | float) or isinstance(found, bool):
        return None
    return found if isinstance(found, int) or math.isfinite(found) else None


def _bad(path: str, value: Any, detail: str) -> FieldProblem:
    return invalid(path, value, f"{path} in body {detail}")


_Check = Callable[[Any, Schema, str], Iterator[FieldProblem]]
_CHECKS: dict[type, tuple[_Check, ...]] = {str: (_text,), int: (_number,), float: (_number,)}


# --- lists and maps ----------------------------------------------------------------------------------


def _items(value: list[Any], schema: Schema, path: str, depth: int) -> Result:
    result = Result()
    for index, item in enumerate(value):
        result.merge(judge(item, schema.get("items"), f"{path}[{index}]", depth + 1))
    least, most = _limit(schema, "minItems"), _limit(schema, "maxItems")
    if least is not None and len(value) < least:
        result.problems.append(_bad(path, len(value), f"should have at least {show(least)} items"))
    if most is not None and len(value) > most:
        result.problems.append(too_many(path, len(value), int(most)))
    return result


def _members(value: dict[str, Any], schema: Schema, path: str, depth: int) -> Result:
    least, most = _limit(schema, "minProperties"), _limit(schema, "maxProperties")
    # The server looks no further then.
    if least is not None and len(value) < least:
        return Result([_bad(path, len(value), f"should have at least {show(least)} properties")])
    if most is not None and len(value) > most:
        return Result([too_many(path, len(value), int(most))])
    result = Result()
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    prefix = f"{path}." if path else ""
    for key, member in value.items():
        inner = properties[key] if key in properties else schema.get("additionalProperties")
        result.merge(judge(member, inner, f"{prefix}{key}", depth + 1))
    missing = schema.get("required")
    for name in missing if isinstance(missing, list) else ():
        if isinstance(name, str) and name not in value:
            result.problems.append(required(f"{prefix}{name}"))
    return result
