"""The level `restricted`: what hardens a pod must be asked for."""

from __future__ import annotations

from minikctl.model.pod_security import baseline
from minikctl.model.pod_security.violation import (
    Check,
    Fields,
    Violation,
    containers,
    context,
    has_own_users,
    is_windows,
    named,
    names_of,
    plural,
    quoted,
    setters,
)

_VOLUMES = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
_ADDABLE = "NET_BIND_SERVICE"


def _escalation(spec: Fields, _: Fields) -> Violation | None:
    names = names_of(spec, lambda one: context(one).get("allowPrivilegeEscalation") is not False)
    if not names or is_windows(spec):
        return None
    detail = f"{named(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail)


def _capabilities(spec: Fields, _: Fields) -> Violation | None:
    def changed(container: Fields, side: str) -> list[str]:
        return (context(container).get("capabilities") or {}).get(side) or []

    if is_windows(spec):
        return None
    missing = names_of(spec, lambda container: "ALL" not in changed(container, "drop"))
    adding = names_of(spec, lambda container: bool(set(changed(container, "add")) - {_ADDABLE}))
    added = sorted({one for container in containers(spec) for one in changed(container, "add")} - {_ADDABLE})
    details = []
    if missing:
        details.append(f'{named(missing)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        details.append(
            f"{named(adding)} must not include {quoted(added)} in securityContext.capabilities.add"
        )
    return Violation("unrestricted capabilities", "; ".join(details)) if details else None


def _volumes(spec: Fields, _: Fields) -> Violation | None:
    bad = {
        volume.get("name", ""): next((kind for kind in volume if kind != "name"), "unknown")
        for volume in spec.get("volumes") or ()
        if not any(volume.get(kind) is not None for kind in _VOLUMES)
    }
    if not bad:
        return None
    kinds = sorted(set(bad.values()))
    word = plural("restricted volume type", "restricted volume types", len(kinds))
    detail = f"{named(list(bad), 'volume')} {plural('uses', 'use', len(bad))} {word} {quoted(kinds)}"
    return Violation("restricted volume types", detail)


def _non_root(spec: Fields, _: Fields) -> Violation | None:
    if has_own_users(spec):
        return None
    of_pod = context(spec).get("runAsNonRoot")
    explicit = names_of(spec, lambda container: context(container).get("runAsNonRoot") is False)
    who = setters(of_pod is False, explicit)
    if who:
        detail = f"{who} must not set securityContext.runAsNonRoot=false"
        return Violation("runAsNonRoot != true", detail)
    silent = names_of(spec, lambda container: context(container).get("runAsNonRoot") is None)
    if of_pod or not silent:
        return None
    detail = f"pod or {named(silent)} must set securityContext.runAsNonRoot=true"
    return Violation("runAsNonRoot != true", detail)


def _root(spec: Fields, _: Fields) -> Violation | None:
    if has_own_users(spec):
        return None
    names = names_of(spec, lambda container: context(container).get("runAsUser") == 0)
    who = setters(context(spec).get("runAsUser") == 0, names)
    return Violation("runAsUser=0", f"{who} must not set runAsUser=0") if who else None


def _seccomp(spec: Fields, metadata: Fields) -> Violation | None:
    if is_windows(spec):
        return None
    if bad := baseline.seccomp(spec, metadata):
        return bad
    silent = names_of(spec, lambda container: context(container).get("seccompProfile") is None)
    if not silent or context(spec).get("seccompProfile") is not None:
        return None
    allowed = '"RuntimeDefault" or "Localhost"'
    detail = f"pod or {named(silent)} must set securityContext.seccompProfile.type to {allowed}"
    return Violation("seccompProfile", detail)


CHECKS: tuple[Check, ...] = (_escalation, _capabilities, _volumes, _non_root, _root, _seccomp)
