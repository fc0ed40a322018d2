"""A container's environment, as the kubelet puts it together.

Rules:
- What `envFrom` brings comes first, later sources over earlier ones; `env` replaces it, in order, and a value
  may refer to what stands before it (`$(NAME)`).
- What is optional and missing leaves its variable out. Anything else that is missing keeps the container from
  being made; the first thing that is missing is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from minikctl.controlplane.kubelet.configuration import Missing, Surroundings, secret_files, texts
from minikctl.controlplane.kubelet.downward import ADDRESSES, field_value, resource_value
from minikctl.model import namespace_of

_REFERENCE = re.compile(r"\$(\$|\([^()]*\))")

Environment: TypeAlias = dict[str, str]
"""Name to value, in order."""


def expand(text: str, values: Mapping[str, str]) -> str:
    """`$(NAME)` becomes the value when NAME is known, `$$` a dollar; everything else stays as it is."""

    def replacement(match: re.Match[str]) -> str:
        reference = match.group(1)
        if reference == "$":
            return "$"
        return values.get(reference[1:-1], match.group(0))

    return _REFERENCE.sub(replacement, text)


def references_in(text: str) -> list[str]:
    """The names that `expand` looks for."""
    found = (match.group(1) for match in _REFERENCE.finditer(text))
    return [one[1:-1] for one in found if one != "$"]


def needs_pod_ip(container: dict[str, Any]) -> bool:
    """Whether the pod's address must be known before the container is made."""
    sources = (entry.get("valueFrom") or {} for entry in container.get("env") or ())
    return any((one.get("fieldRef") or {}).get("fieldPath") in ADDRESSES for one in sources)


def environment(container: dict[str, Any], around: Surroundings) -> Environment | Missing:
    values: Environment = {}
    for source in container.get("envFrom") or ():
        found = _whole(source, around)
        if isinstance(found, Missing):
            return found
        prefix = source.get("prefix", "")
        values |= {f"{prefix}{key}": text for key, text in sorted(found.items())}
    for entry in container.get("env") or ():
        source = entry.get("valueFrom")
        if source is None or entry.get("value"):
            values[entry["name"]] = expand(entry.get("value", ""), {**around.links, **values})
            continue
        value = _value(source, container, around)
        if isinstance(value, Missing):
            return value
        if value is not None:
            values[entry["name"]] = value
    return {**values, **{name: text for name, text in around.links.items() if name not in values}}


def _whole(source: dict[str, Any], around: Surroundings) -> dict[str, str] | Missing:
    """All keys of a ConfigMap or Secret."""
    if "configMapRef" in source:
        reference = source["configMapRef"]
        found = around.config_map(reference.get("name", ""))
        if not isinstance(found, Missing):
            return texts(found)
    else:
        reference = source["secretRef"]
        found = around.secret(reference.get("name", ""))
        if not isinstance(found, Missing):
            return {key: _text(value) for key, value in secret_files(found).items()}
    return {} if reference.get("optional") else found


def _value(source: dict[str, Any], container: dict[str, Any], around: Surroundings) -> str | Missing | None:
    """None leaves the variable out."""
    if "fieldRef" in source:
        return field_value(source["fieldRef"]["fieldPath"], around)
    if "resourceFieldRef" in source:
        return resource_value(source["resourceFieldRef"], container, around)
    if "configMapKeyRef" in source:
        return _config_map_key(source["configMapKeyRef"], around)
    return _secret_key(source["secretKeyRef"], around)


def _config_map_key(reference: dict[str, Any], around: Surroundings) -> str | Missing | None:
    found = around.config_map(reference.get("name", ""))
    if not isinstance(found, Missing):
        if reference["key"] in texts(found):
            return texts(found)[reference["key"]]
        found = _no_key("ConfigMap", reference, around)
    return None if reference.get("optional") else found


def _secret_key(reference: dict[str, Any], around: Surroundings) -> str | Missing | None:
    found = around.secret(reference.get("name", ""))
    if not isinstance(found, Missing):
        values = secret_files(found)
        if reference["key"] in values:
            return _text(values[reference["key"]])
        found = _no_key("Secret", reference, around)
    return None if reference.get("optional") else found


def _no_key(kind: str, reference: dict[str, Any], around: Surroundings) -> Missing:
    place = f"{namespace_of(around.pod)}/{reference.get('name', '')}"
    return Missing(f"couldn't find key {reference['key']} in {kind} {place}")


def _text(value: bytes) -> str:
    """Bytes that are no UTF-8 become what a Go program shows of them when it writes them to the engine."""
    return value.decode(errors="replace")
