"""Annotations on pods that Kubernetes itself reads, in a Pod and in a template."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.placement import check_tolerations
from minikctl.manifests.rules.pod.volumes.files import check_local_path
from minikctl.manifests.rules.pod.walk import Fields, visit_containers
from minikctl.manifests.rules.problems import forbidden, invalid
from minikctl.manifests.rules.rule import TEMPLATE_PATHS, Rule, UpdateRule, pod_template
from minikctl.manifests.rules.selectors import is_template_judged
from minikctl.model import Object, annotations_of
from minikctl.model.field_names import APP_ARMOR

MIRROR = "kubernetes.io/config.mirror"
_TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerations"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_COST = re.compile(r"(0|[1-9][0-9]*|-[0-9]+)\Z", re.ASCII)
SECCOMP_OF_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_OF_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_LOCALHOST = "localhost/"
_SECCOMP_PROFILES = ("runtime/default", "docker/default", "unconfined")
# What an annotation has to say beside a field of this type.
_SAME = {"Unconfined": ("unconfined",), "RuntimeDefault": ("runtime/default", "docker/default")}


def known(obj: Object) -> Iterator[FieldProblem]:
    for notes, spec, path in _pods_in(obj):
        place = f"{path}annotations" if path else "metadata.annotations"
        yield from _values(notes, spec, place)
        yield from _seccomp(notes, place)
        yield from _app_armor(notes, spec, place)


def _pods_in(obj: Object) -> Iterator[tuple[dict[str, str], Fields, str]]:
    """(annotations, spec, path of the template with a dot) of the pods that `obj` is or makes."""
    if obj["kind"] == "Pod":
        yield annotations_of(obj), obj.get("spec") or {}, ""
    elif (found := pod_template(obj)) is not None and is_template_judged(obj):
        template, path = found
        notes = (template.get("metadata") or {}).get("annotations") or {}
        yield notes, template.get("spec") or {}, f"{path}."


def _values(notes: dict[str, str], spec: Fields, path: str) -> Iterator[FieldProblem]:
    if MIRROR in notes and not spec.get("nodeName"):
        detail = "must set spec.nodeName if mirror pod annotation is set"
        yield invalid(f"{path}[{MIRROR}]", notes[MIRROR], detail)
    if text := notes.get(_TOLERATIONS):
        yield from _tolerations(text, path)
    cost = notes.get(_DELETION_COST)
    if cost is not None and not (_COST.match(cost) and -(2**31) <= int(cost) < 2**31):
        yield invalid(f"{path}[{_DELETION_COST}]", cost, "must be a 32bit integer")


def _tolerations(text: str, path: str) -> Iterator[FieldProblem]:
    try:
        found = json.loads(text) or []
    except ValueError as error:
        yield invalid(path, _TOLERATIONS, str(error))
        return
    if isinstance(found, list) and all(_is_toleration(one) for one in found):
        yield from check_tolerations(found, f"{path}.{_TOLERATIONS}")
    else:
        yield invalid(path, _TOLERATIONS, "json: cannot unmarshal value into a list of tolerations")


def _is_toleration(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(part, int if name == "tolerationSeconds" else str) for name, part in value.items()
    )


def _seccomp(notes: dict[str, str], path: str) -> Iterator[FieldProblem]:
    for key, profile in notes.items():
        if key != SECCOMP_OF_POD and not key.startswith(SECCOMP_OF_CONTAINER):
            continue
        if profile.startswith(_LOCALHOST):
            yield from check_local_path(profile.removeprefix(_LOCALHOST), f"{path}.{key}")
        elif profile not in _SECCOMP_PROFILES:
            yield invalid(f"{path}.{key}", profile, "must be a valid seccomp profile")


def _app_armor(notes: dict[str, str], spec: Fields, path: str) -> Iterator[FieldProblem]:
    names = {container.get("name", "") for _, container in visit_containers(spec, "")}
    for key, profile in notes.items():
        if not key.startswith(APP_ARMOR):
            continue
        if (name := key.removeprefix(APP_ARMOR)) not in names:
            yield invalid(f"{path}[{key}]", name, "container not found")
        if profile not in ("", "runtime/default", "unconfined") and not profile.startswith(_LOCALHOST):
            yield invalid(f"{path}[{key}]", profile, f'invalid AppArmor profile name: "{profile}"')


# --- annotations beside the fields that replaced them ----------------------------------------------


def agree_with_fields(obj: Object) -> Iterator[FieldProblem]:
    for notes, spec, path in _pods_in(obj):
        place, own = f"{path}spec", spec.get("securityContext") or {}
        profile = own.get("seccompProfile")
        yield from _same(notes.get(SECCOMP_OF_POD), profile, f"{place}.securityContext", "seccomp")
        for where, container in visit_containers(spec, place):
            context, name = container.get("securityContext") or {}, container.get("name", "")
            seccomp = notes.get(f"{SECCOMP_OF_CONTAINER}{name}")
            where = f"{where}.securityContext"
            yield from _same(seccomp, context.get("seccompProfile"), where, "seccomp")
            armor = context.get("appArmorProfile") or own.get("appArmorProfile")
            if (spec.get("os") or {}).get("name") != "windows":
                yield from _same(notes.get(f"{APP_ARMOR}{name}"), armor, where, "apparmor")


def _same(value: str | None, profile: Fields | None, path: str, kind: str) -> Iterator[FieldProblem]:
    if value is None or profile is None:
        return
    field = f"{path}.{'seccompProfile' if kind == 'seccomp' else 'appArmorProfile'}"
    if profile.get("type") == "Localhost":
        if not value.startswith(_LOCALHOST):
            yield forbidden(f"{field}.type", f"{kind} type in annotation and field must match")
        elif value.removeprefix(_LOCALHOST) != profile.get("localhostProfile"):
            yield forbidden(f"{field}.localhostProfile", f"{kind} profile in annotation and field must match")
        return
    allowed = _SAME.get(profile.get("type", ""), (value,))
    if value not in allowed[: 1 if kind == "apparmor" else None]:
        yield forbidden(f"{field}.type", f"{kind} type in annotation and field must match")


def kept(old: Object, new: Object) -> Iterator[FieldProblem]:
    """What a container was confined to, and whether a pod is a mirror, stays so."""
    before, after = annotations_of(old), annotations_of(new)
    for key in {**before, **after}:
        if before.get(key) == after.get(key):
            continue
        verb = "remove or update" if key in before else "add"
        if key.startswith(APP_ARMOR):
            yield forbidden(f"metadata.annotations[{key}]", f"may not {verb} AppArmor annotations")
        elif key == MIRROR:
            yield forbidden(f"metadata.annotations[{key}]", f"may not {verb} mirror pod annotation")


_POD = frozenset({"Pod"})
_TEMPLATES = frozenset(TEMPLATE_PATHS)
RULES = (
    Rule(
        "pod-annotations",
        "annotations that Kubernetes reads have values that it knows",
        known,
        _POD | _TEMPLATES,
    ),
    Rule(
        "pod-annotations-agree",
        "an annotation does not say other than the field that replaced it",
        agree_with_fields,
        _POD,
        on_update=False,
    ),
    Rule(
        "template-annotations-agree",
        "an annotation does not say other than the field that replaced it",
        agree_with_fields,
        _TEMPLATES,
    ),
    UpdateRule("pod-annotations-kept", "AppArmor and mirror annotations stay", kept, _POD),
)
