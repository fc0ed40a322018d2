"""The downward API: what of itself a pod may read, in its environment or in files."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING
from typing import Any

from minikctl.controlplane.kubelet.configuration import Surroundings
from minikctl.model import Object, annotations_of, labels_of, name_of, namespace_of, spec_of, uid_of
from minikctl.model.quantity import milli, parse_quantity, whole

_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")
ADDRESSES = ("status.podIP", "status.podIPs")
"""Known only while the pod's network is there."""


def field_value(path: str, around: Surroundings) -> str:
    """The value of a pod field. Validation has made sure that the path is one of these."""
    pod = around.pod
    if match := _SUBSCRIPT.match(path):
        values = labels_of(pod) if match.group(1) == "labels" else annotations_of(pod)
        return values.get(match.group(2), "")
    match path:
        case "metadata.labels":
            return _lines(labels_of(pod))
        case "metadata.annotations":
            return _lines(annotations_of(pod))
        case "status.podIP" | "status.podIPs":
            return around.pod_ip
        case "status.hostIP" | "status.hostIPs":
            return around.host_ip
    return _fixed(pod)[path]


def _fixed(pod: Object) -> dict[str, str]:
    return {
        "metadata.name": name_of(pod),
        "metadata.namespace": namespace_of(pod),
        "metadata.uid": uid_of(pod),
        "spec.nodeName": spec_of(pod).get("nodeName", ""),
        "spec.serviceAccountName": spec_of(pod).get("serviceAccountName", "default"),
    }


def _lines(values: dict[str, str]) -> str:
    return "\n".join(f"{key}={_quoted(text)}" for key, text in sorted(values.items()))


_NAMED = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


def _quoted(text: str) -> str:
    """As Go's %q writes a string."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(letter: str) -> str:
    code = ord(letter)
    if code in _NAMED:
        return _NAMED[code]
    if letter.isprintable():
        return letter
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def resource_value(reference: dict[str, Any], container: dict[str, Any], around: Surroundings) -> str:
    """Of a `resourceFieldRef`, in units of its divisor, rounded up. A limit that is not set is all that the
    node has; a request that is not set is 0."""
    name = reference.get("containerName") or container["name"]
    both = (*(spec_of(around.pod).get("initContainers") or ()), *spec_of(around.pod)["containers"])
    resources = next(one for one in both if one["name"] == name).get("resources") or {}
    kind, _, resource = reference["resource"].partition(".")
    amount = (resources.get(kind) or {}).get(resource)
    if amount is None and kind == "limits":
        amount = around.allocatable.get(resource)
    return _divided(resource, str(amount or 0), str(reference.get("divisor") or 0))


def _divided(resource: str, amount: str, divisor: str) -> str:
    unit = divisor if parse_quantity(divisor) else "1"
    if resource == "cpu":
        return str(-(-milli(amount) // milli(unit)))
    return str(int((parse_quantity(whole(amount)) / whole(unit)).to_integral_value(ROUND_CEILING)))
