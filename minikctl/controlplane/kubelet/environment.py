"""A container's environment, command and arguments: `$(VAR)` expansion and the downward API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from minikctl.model import Object, annotations_of, labels_of, name_of, namespace_of, spec_of, uid_of

_REFERENCE = re.compile(r"\$(\$|\([^()]*\))")
_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")


def expand(text: str, values: Mapping[str, str]) -> str:
    """`$(NAME)` becomes the value when NAME is known, `$$` a dollar; everything else stays as it is."""

    def replacement(match: re.Match[str]) -> str:
        reference = match.group(1)
        if reference == "$":
            return "$"
        return values.get(reference[1:-1], match.group(0))

    return _REFERENCE.sub(replacement, text)


def environment(container: dict[str, Any], pod: Object) -> dict[str, str]:
    """Name to value in order; a value may refer to those before it."""
    values: dict[str, str] = {}
    for entry in container.get("env") or ():
        source = entry.get("valueFrom")
        if source is None:
            values[entry["name"]] = expand(entry.get("value", ""), values)
        else:
            values[entry["name"]] = field_value(source["fieldRef"]["fieldPath"], pod)
    return values


def field_value(path: str, pod: Object) -> str:
    """The downward API's value of a pod field. Validation has made sure that the path is one of these."""
    if match := _SUBSCRIPT.match(path):
        values = labels_of(pod) if match.group(1) == "labels" else annotations_of(pod)
        return values.get(match.group(2), "")
    values = {
        "metadata.name": name_of(pod),
        "metadata.namespace": namespace_of(pod),
        "metadata.uid": uid_of(pod),
        "spec.nodeName": spec_of(pod).get("nodeName", ""),
        "spec.serviceAccountName": spec_of(pod).get("serviceAccountName", "default"),
    }
    return values[path]
