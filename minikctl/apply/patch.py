"""The two standard patches: JSON patch (RFC 6902) and JSON merge patch (RFC 7386).

Rules:
- A JSON patch is all or nothing: the first operation that fails fails the patch.
- Limits as kube-apiserver has them: 10,000 operations, 3 MiB of copied values (a few `copy` operations
  that double each time would otherwise fill the memory).
- Two leniencies that its JSON patch library has, and the RFC has not: `replace` sets a key that is not there,
  `test` for null passes where there is nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from minikctl.apply.failure import PatchError
from minikctl.apply.values import MISSING, Missing, same
from minikctl.model import copy

MAX_OPERATIONS = 10_000
MAX_COPIED_BYTES = 3 * 1024 * 1024

_INDEX = re.compile(r"0|[1-9][0-9]*")


def merge_patch(original: Any, patch: Any) -> Any:
    """RFC 7386: maps are merged, null deletes, everything else replaces."""
    if not isinstance(patch, dict):
        return copy(patch)
    result = dict(original) if isinstance(original, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return copy(result)


def json_patch(original: Any, patch: Sequence[Any]) -> Any:
    """RFC 6902: the operations applied in order to a copy of `original`.

    :raises PatchError: `BadRequest` where an operation is malformed, `Invalid` where it does not fit
        (no such place, a failed test).
    """
    if not isinstance(patch, list):
        raise PatchError("a JSON patch must be a list of operations")
    if len(patch) > MAX_OPERATIONS:
        raise PatchError(f"the JSON patch has {len(patch)} operations, at most {MAX_OPERATIONS} are allowed")
    document, copied = copy(original), 0
    for operation in patch:
        if isinstance(operation, dict) and operation.get("op") == "copy":
            copied += len(json.dumps(_find(document, _pointer(operation, "from"))))
            if copied > MAX_COPIED_BYTES:
                raise PatchError(f"the JSON patch copies more than {MAX_COPIED_BYTES} bytes")
        document = _apply(document, operation)
    return document


def _apply(document: Any, operation: Any) -> Any:
    if not isinstance(operation, dict):
        raise PatchError("an operation of a JSON patch must be an object")
    path = _pointer(operation, "path")
    match operation.get("op"):
        case "add":
            return _add(document, path, _value(operation))
        case "replace":
            return _set(document, path, _value(operation))
        case "remove":
            return _remove(document, path)
        case "move":
            source = _pointer(operation, "from")
            if path[: len(source)] == source and path != source:
                raise PatchError("a value can't be moved into itself", reason="Invalid")
            value = _find(document, source)
            return document if path == source else _add(_remove(document, source), path, value)
        case "copy":
            return _add(document, path, copy(_find(document, _pointer(operation, "from"))))
        case "test":
            _test(document, path, operation.get("value"))
            return document
        case other:
            raise PatchError(f"unknown JSON patch operation {other!r}")


def _pointer(operation: dict[str, Any], member: str) -> list[str]:
    """A JSON pointer (RFC 6901) as its parts."""
    text = operation.get(member)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError(f"a JSON patch operation needs {member!r}, a JSON pointer, not {text!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise PatchError(f"the JSON patch operation {operation.get('op')!r} needs a value")
    return copy(operation["value"])


def _test(document: Any, path: list[str], expected: Any) -> None:
    try:
        found = _find(document, path)
    except PatchError:
        found = None
    if not same(found, expected):
        raise PatchError(f"testing value {_text(path)} failed", reason="Invalid")


def _find(document: Any, path: list[str]) -> Any:
    for depth, part in enumerate(path):
        document = _child(document, part)
        if document is MISSING:
            raise _no_place(path[: depth + 1])
    return document


def _child(container: Any, part: str) -> Any | Missing:
    if isinstance(container, dict):
        return container.get(part, MISSING)
    if isinstance(container, list) and _INDEX.fullmatch(part) and int(part) < len(container):
        return container[int(part)]
    return MISSING


def _add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _find(document, path[:-1])
    if not isinstance(parent, list):
        return _set(document, path, value)
    index = len(parent) if path[-1] == "-" else _index(path, len(parent))
    parent.insert(index, value)
    return document


def _set(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent = _find(document, path[:-1])
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif isinstance(parent, list):
        parent[_index(path, len(parent) - 1)] = value
    else:
        raise _no_place(path)
    return document


def _remove(document: Any, path: list[str]) -> Any:
    if not path:
        raise PatchError("the whole object can't be removed", reason="Invalid")
    parent = _find(document, path[:-1])
    if _child(parent, path[-1]) is MISSING:
        raise _no_place(path)
    del parent[int(path[-1]) if isinstance(parent, list) else path[-1]]
    return document


def _index(path: list[str], last: int) -> int:
    if not _INDEX.fullmatch(path[-1]) or int(path[-1]) > last:
        raise _no_place(path)
    return int(path[-1])


def _no_place(path: list[str]) -> PatchError:
    return PatchError(f"nothing is at {_text(path)}, which the JSON patch refers to", reason="Invalid")


def _text(path: list[str]) -> str:
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path)
