"""What becomes of each field that an object uses, on a given backend: enforced, emulated, inert or rejected.

Rules:
- The core's table (`support`) and the backend's (`BackendType.fidelity`) are joined once per kind and
  backend; then a field costs one look into a table.
- `unhandled` is the one mechanism that refuses; `fidelity_of` says the same of the fields that are taken.
- Without a backend (`""`) only the core speaks: what is the engine's counts as taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from minikctl.backend.fidelity import FidelityTable, Handling, entry_for
from minikctl.errors import NOT_HANDLED, FieldProblem
from minikctl.manifests.paths import Path, format_path, parse_path
from minikctl.manifests.rules.problems import show
from minikctl.manifests.support import (
    CONTAINER,
    ENGINE_WORD,
    INIT_CONTAINER,
    POD_SPEC,
    REFUSED,
    TABLES,
    Support,
    Table,
)
from minikctl.model import Object
from minikctl.model.kinds import KINDS
from minikctl.model.versions import stored


class FieldFidelity(NamedTuple):
    """What becomes of one field. `path` is written as the API server writes it, `steps` are the same apart;
    `note` says in one short line why or how, where that is not plain, and always why a field is rejected."""

    path: str
    handling: Handling
    note: str = ""
    steps: Path = ()


class _Used(NamedTuple):
    """One field of an object, with its value and what the tables say of it."""

    steps: Path
    value: Any
    support: Support


def fidelity_of(obj: Object, backend: str) -> list[FieldFidelity]:
    """What `backend` does with each field that `obj` uses, in the object's order; a kind that is not run is
    one rejected `kind`. `obj` has the types of its schema.

    :raises UsageError: there is no such backend.
    """
    refused = refused_kind(obj)
    if refused is not None:
        return [_rejected(refused)]
    return [_fidelity(used) for used in _used_fields(obj, backend)]


def unhandled(obj: Object, backend: str = "") -> list[FieldProblem]:
    """The fields of `obj` that would have to be ignored: by this version, or by that backend. `obj` has the
    types of its schema; kinds without a table (nobody writes them) have no such fields.

    :raises UsageError: there is no such backend.
    """
    return [
        FieldProblem(format_path(used.steps), NOT_HANDLED, _why_refused(used))
        for used in _used_fields(obj, backend)
        if not used.support.takes(used.value)
    ]


def relied_on_in_vain(obj: Object) -> list[FieldFidelity]:
    """The inert fields of `obj` whose values let people expect something that will not happen."""
    return [_fidelity(used) for used in _used_fields(obj, "") if used.support.is_worth_a_word(used.value)]


def refused_kind(obj: Object) -> FieldProblem | None:
    """Why objects of this kind are validated and not run; None where they are run."""
    kind = KINDS.get(str(obj.get("kind")))
    if kind is None or kind.api_version != stored(obj).get("apiVersion"):
        run = ", ".join(name for name, one in KINDS.items() if one.declarable)
        return FieldProblem("kind", NOT_HANDLED, f"this version does not run it (it runs {run})")
    if not kind.declarable:
        message = f"{kind.plural} are not declared in manifests; minikctl finds or makes them"
        return FieldProblem("kind", "FieldValueForbidden", f"Forbidden: {message}")
    return None


# --- the joined table ----------------------------------------------------------------------------------


@cache
def table_of(kind: str, backend: str) -> Table | None:
    """The kind's table with the backend's words where the core leaves a field to the engine."""
    table = TABLES.get(kind)
    if table is None or not backend:
        return table
    from minikctl import registry

    return _joined(table, backend, registry.fidelity(backend), "")


def engine_fields() -> list[str]:
    """The pod fields that a backend's table may speak of, as its keys are written."""
    return sorted(set(_engine_paths(POD_SPEC, "")))


def _engine_paths(table: Table, path: str) -> Iterator[str]:
    for name, entry in table.items():
        at = _start(table, path) + name
        if not isinstance(entry, Support):
            yield from _engine_paths(entry, at + ".")
        elif entry.handling == ENGINE_WORD:
            yield at


def _start(table: Table, path: str) -> str:
    """A pod's fields have the same names in every template, a container's in every list of containers."""
    if table is CONTAINER or table is INIT_CONTAINER:
        return "spec.containers."
    return "spec." if table is POD_SPEC else path


def _joined(table: Table, backend: str, told: FidelityTable, path: str) -> Table:
    start = _start(table, path)
    return {name: _joined_entry(entry, backend, told, start + name) for name, entry in table.items()}


def _joined_entry(entry: Support | Table, backend: str, told: FidelityTable, path: str) -> Support | Table:
    if not isinstance(entry, Support):
        return _joined(entry, backend, told, path + ".")
    return entry.on(backend, entry_for(told, path)) if entry.handling == ENGINE_WORD else entry


# --- one object ----------------------------------------------------------------------------------------


def _used_fields(obj: Object, backend: str) -> Iterator[_Used]:
    table = table_of(str(obj.get("kind")), backend)
    if table is not None:
        yield from _walk(stored(obj), table, ())


def _walk(value: Any, support: Support | Table, steps: Path) -> Iterator[_Used]:
    if value is None:
        return  # as if it were not there
    if isinstance(support, Support):
        yield _Used(steps, value, support)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _walk(member, support.get(name, REFUSED), (*steps, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, support, (*steps, index))


def _fidelity(used: _Used) -> FieldFidelity:
    support, path = used.support, format_path(used.steps)
    if not support.takes(used.value):
        return FieldFidelity(path, "rejected", _why_refused(used), used.steps)
    # Who asks for nothing (`hostNetwork: false`) gets it.
    taken = {"rejected": "enforced", ENGINE_WORD: "enforced"}
    handling: Handling = taken.get(support.handling, support.handling)  # type: ignore[assignment]
    return FieldFidelity(path, handling, support.note, used.steps)


def _rejected(problem: FieldProblem) -> FieldFidelity:
    return FieldFidelity(problem.path, "rejected", problem.message, parse_path(problem.path))


def _why_refused(used: _Used) -> str:
    support = used.support
    if support.handling == "rejected":
        return support.why_refused
    taken = ", ".join(show(one) for one in support.only or () if one not in (None, "", []))
    return f"this version does not run {show(used.value)} yet, only {taken}"
