"""RuntimeClasses, and what admission makes of them: what a new pod costs, and where it may go.

A class names a handler: an OCI runtime by its name in the engine's configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from minikctl.model import Object, ObjectKey, spec_of

Find: TypeAlias = Callable[[ObjectKey], Object | None]


def class_name(pod: Object) -> str:
    found: str = spec_of(pod).get("runtimeClassName") or ""
    return found


def class_of(pod: Object, find: Find) -> Object | None:
    name = class_name(pod)
    return find(ObjectKey("RuntimeClass", "", name)) if name else None


def runtime_of(pod: Object, find: Find) -> str:
    """ "" is the engine's own."""
    found = class_of(pod, find)
    return str(found.get("handler", "")) if found is not None else ""


def with_class(pod: Object, find: Find) -> Object:
    """A new pod with its class' overhead, and held to the class' nodes."""
    found = class_of(pod, find)
    if found is None:
        return pod
    spec = dict(spec_of(pod))
    if overhead := (found.get("overhead") or {}).get("podFixed"):
        spec.setdefault("overhead", overhead)
    scheduling = found.get("scheduling") or {}
    if scheduling.get("nodeSelector"):
        spec["nodeSelector"] = {**scheduling["nodeSelector"], **(spec.get("nodeSelector") or {})}
    known: list[dict[str, Any]] = list(spec.get("tolerations") or ())
    new = [one for one in scheduling.get("tolerations") or () if one not in known]
    return {**pod, "spec": {**spec, "tolerations": [*known, *new]} if new else spec}


def without_class(pod: Object, hints: Iterable[Object], find: Find) -> Object:
    """A pod without what its class gives; what somebody said himself (in one of the hints) stays.

    Nobody but a class gives an overhead, so it goes even where the class has another one by now.
    """
    if not class_name(pod):
        return pod
    spec, said = dict(spec_of(pod)), [spec_of(hint) for hint in hints]
    if not any("overhead" in one for one in said):
        spec.pop("overhead", None)
    scheduling = (class_of(pod, find) or {}).get("scheduling") or {}
    labels = {name for one in said for name in one.get("nodeSelector") or ()}
    given = (scheduling.get("nodeSelector") or {}).keys() - labels
    selector = spec.pop("nodeSelector", None) or {}
    if kept := {name: text for name, text in selector.items() if name not in given}:
        spec["nodeSelector"] = kept
    own = [toleration for one in said for toleration in one.get("tolerations") or ()]
    tolerated = [one for one in scheduling.get("tolerations") or () if one not in own]
    tolerations = spec.pop("tolerations", None) or ()
    if left := [one for one in tolerations if one not in tolerated]:
        spec["tolerations"] = left
    return {**pod, "spec": spec}


def refusal(pod: Object, find: Find) -> str | None:
    """Why a new pod, which has what its class gives it, is not let in, in the API server's words."""
    name = class_name(pod)
    if not name:
        return None
    found = class_of(pod, find)
    if found is None:
        return f'pod rejected: RuntimeClass "{name}" not found'
    if spec_of(pod).get("overhead") != (found.get("overhead") or {}).get("podFixed"):
        return "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
    wanted = (found.get("scheduling") or {}).get("nodeSelector") or {}
    given = spec_of(pod).get("nodeSelector") or {}
    if any(given.get(label) != value for label, value in wanted.items()):
        return "conflict: runtimeClass.scheduling.nodeSelector, pod.nodeSelector"
    return None
