"""The API server's warnings about pods, in a Pod and in a template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.annotated import SECCOMP_OF_CONTAINER, SECCOMP_OF_POD
from minikctl.manifests.rules.pod.walk import Fields, visit_containers
from minikctl.manifests.rules.problems import show
from minikctl.manifests.rules.resource_names import amount
from minikctl.model.field_names import APP_ARMOR, PREFERRED, REQUIRED

# A label of nodes, since when it is old, and what has replaced it.
_OLD_LABELS = (
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    ("beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"),
    ("failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"),
)
_DEPRECATED_LABELS = {
    old: f'deprecated since {version}; use "{new}" instead' for old, version, new in _OLD_LABELS
}
# An annotation, since when it does nothing, and the field that has replaced it.
_OLD_ANNOTATIONS = (
    ("scheduler.alpha.kubernetes.io/critical-pod", "v1.16", "priorityClassName"),
    ("security.alpha.kubernetes.io/sysctls", "v1.11", "sysctls"),
    ("security.alpha.kubernetes.io/unsafe-sysctls", "v1.11", "sysctls"),
)
_DEPRECATED_VOLUMES = {
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
}
_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_APP_ARMOR = 'deprecated since v1.30; use the "appArmorProfile" field instead'
_NO_SELECTOR = "a null labelSelector results in matching no pod"
_BYTES = ("memory", "ephemeral-storage")
_MOST_COMPARED = 20
"""Ports that lead to the same one: more of them are compared with the first ones only."""


def warnings(pod: Fields, path: str) -> Iterator[FieldProblem]:
    """:param path: what stands before `spec` and `metadata`: empty for a Pod, else a path with a dot."""
    spec, place = pod.get("spec") or {}, f"{path}spec"
    notes = (pod.get("metadata") or {}).get("annotations") or {}
    yield from _placement(spec, place)
    for key, version, field in _OLD_ANNOTATIONS:
        if key in notes:
            message = f'non-functional in {version}+; use the "{field}" field instead'
            yield warning(f"{path}metadata.annotations[{key}]", message)
    yield from _volumes(spec, place)
    yield from _twice(spec.get("hostAliases") or (), "ip", f"{place}.hostAliases")
    yield from _twice(spec.get("imagePullSecrets") or (), "name", f"{place}.imagePullSecrets")
    yield from fractions(spec.get("overhead") or {}, f"{place}.overhead")
    yield from _confinement(spec, notes, path)
    for where, container in visit_containers(spec, place):
        for side in ("limits", "requests"):
            found = (container.get("resources") or {}).get(side) or {}
            yield from fractions(found, f"{where}.resources.{side}")
        yield from _hidden_variables(container, f"{where}.env")
    yield from _ports(spec, place)
    yield from _admitted(spec, place)
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        message = "must be >= 0; negative values are invalid and will be treated as 1"
        yield warning(f"{place}.terminationGracePeriodSeconds", message)
    yield from _pod_affinity(spec.get("affinity") or {}, f"{place}.affinity")


def warning(path: str, message: str) -> FieldProblem:
    return FieldProblem(path, "Warning", message)


def _placement(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for key in spec.get("nodeSelector") or ():
        if key in _DEPRECATED_LABELS:
            yield warning(f"{path}.nodeSelector[{key}]", _DEPRECATED_LABELS[key])
    affinity, place = (spec.get("affinity") or {}).get("nodeAffinity") or {}, f"{path}.affinity.nodeAffinity"
    for index, term in enumerate((affinity.get(REQUIRED) or {}).get("nodeSelectorTerms") or ()):
        yield from node_term(term, f"{place}.{REQUIRED}.nodeSelectorTerms[{index}]")
    for index, preferred in enumerate(affinity.get(PREFERRED) or ()):
        yield from node_term(preferred.get("preference") or {}, f"{place}.{PREFERRED}[{index}].preference")
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        where, key = f"{path}.topologySpreadConstraints[{index}]", constraint.get("topologyKey", "")
        if key in _DEPRECATED_LABELS:
            yield warning(f"{where}.topologyKey", f"{key} is {_DEPRECATED_LABELS[key]}")
        if constraint.get("labelSelector") is None:
            yield warning(f"{where}.labelSelector", _NO_SELECTOR)


def node_term(term: Fields, path: str) -> Iterator[FieldProblem]:
    """Of a term that selects nodes, for a pod or for a volume."""
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        key = expression.get("key", "")
        if key in _DEPRECATED_LABELS:
            yield warning(f"{path}.matchExpressions[{index}].key", f"{key} is {_DEPRECATED_LABELS[key]}")


def _admitted(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """What the server's admission only takes as the classes say it, which it knows."""
    if spec.get("priority") and not spec.get("priorityClassName"):
        message = "is refused without a priorityClassName, unless the default class has the same value"
        yield warning(f"{path}.priority", message)
    if spec.get("overhead") and not spec.get("runtimeClassName"):
        yield warning(f"{path}.overhead", "is refused without a runtimeClassName whose class has the same")


def _volumes(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for index, volume in enumerate(spec.get("volumes") or ()):
        for kind, message in _DEPRECATED_VOLUMES.items():
            if kind in volume:
                name = "storageOS" if kind == "storageos" else kind
                yield warning(f"{path}.volumes[{index}].{name}", message)
        template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate") or {}
        place = f"{path}.volumes[{index}].ephemeral.volumeClaimTemplate.spec"
        yield from claim_spec(template.get("spec") or {}, place)


def claim_spec(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """Of a claim's spec, wherever it stands."""
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    yield from _fraction(storage, f"{path}.resources.requests[storage]")


def fractions(amounts: Fields, path: str) -> Iterator[FieldProblem]:
    """Half a byte can't be had."""
    for name in _BYTES:
        yield from _fraction(amounts.get(name), f"{path}[{name}]")


def _fraction(quantity: str | None, path: str) -> Iterator[FieldProblem]:
    if quantity is not None and amount(quantity) % 1:
        yield warning(path, f"fractional byte value {show(quantity)} is invalid, must be an integer")


def _twice(entries: Iterable[Fields], field: str, path: str) -> Iterator[FieldProblem]:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        value = entry.get(field, "")
        if value in seen:
            yield warning(f"{path}[{index}].{field}", f"duplicate {field} {show(value)}")
        seen.add(value)
        if not value and field == "name":
            yield warning(f"{path}[{index}].name", 'invalid empty name ""')


def _confinement(spec: Fields, notes: Fields, path: str) -> Iterator[FieldProblem]:
    """Annotations that fields have replaced."""
    own = spec.get("securityContext") or {}
    if SECCOMP_OF_POD in notes and "seccompProfile" not in own:
        yield warning(f"{path}metadata.annotations[{SECCOMP_OF_POD}]", _SECCOMP)
    for _, container in visit_containers(spec, ""):
        context, name = container.get("securityContext") or {}, container.get("name", "")
        key = f"{SECCOMP_OF_CONTAINER}{name}"
        if key in notes and "seccompProfile" not in context:
            yield warning(f"{path}metadata.annotations[{key}]", _SECCOMP)
        key = f"{APP_ARMOR}{name}"
        if key in notes and "appArmorProfile" not in own and "appArmorProfile" not in context:
            yield warning(f"{path}metadata.annotations[{key}]", _APP_ARMOR)


def _hidden_variables(container: Fields, path: str) -> Iterator[FieldProblem]:
    seen: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        name, value = variable.get("name", ""), variable.get("value", "")
        reference = f"$({name})"
        # One that only adds to the earlier one (`$(PATH):/opt/bin`) is meant so.
        extends = "valueFrom" not in variable and reference in value and value != reference
        if name in seen and not extends:
            message = f"hides previous definition of {show(name)}, which may be dropped when using apply"
            yield warning(f"{path}[{index}]", message)
        seen.add(name)


def _ports(spec: Fields, path: str) -> Iterator[FieldProblem]:
    known: dict[tuple[int, str], list[tuple[str, Fields]]] = {}
    for where, container in visit_containers(spec, path):
        for index, port in enumerate(container.get("ports") or ()):
            place = f"{where}.ports[{index}]"
            if port.get("hostIP") and not port.get("hostPort"):
                yield warning(place, f"hostIP set without hostPort: {show(port)}")
            same_end = known.setdefault(_end(port), [])
            for other_place, other in same_end:
                if problem := _clash(port, other):
                    yield warning(place, f"{problem} port definition with {other_place}")
            if len(same_end) < _MOST_COMPARED:
                same_end.append((place, port))


def _end(port: Fields) -> tuple[int, str]:
    return port.get("containerPort", 0), port.get("protocol", "")


def _clash(port: Fields, other: Fields) -> str | None:
    address, number = port.get("hostIP", ""), port.get("hostPort", 0)
    other_address, other_number = other.get("hostIP", ""), other.get("hostPort", 0)
    if (address, number) == (other_address, other_number):
        return "duplicate"
    if number == 0 or other_number == 0:
        return "overlapping"
    one_is_open = bool(address) != bool(other_address)
    return "dangerously ambiguous" if number == other_number and one_is_open else None


def _pod_affinity(affinity: Fields, path: str) -> Iterator[FieldProblem]:
    for kind in ("podAffinity", "podAntiAffinity"):
        found, place = affinity.get(kind) or {}, f"{path}.{kind}"
        for index, term in enumerate(found.get(REQUIRED) or ()):
            if term.get("labelSelector") is None:
                yield warning(f"{place}.{REQUIRED}[{index}].labelSelector", _NO_SELECTOR)
        for index, weighted in enumerate(found.get(PREFERRED) or ()):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                where = f"{place}.{PREFERRED}[{index}].podAffinityTerm.labelSelector"
                yield warning(where, _NO_SELECTOR)
