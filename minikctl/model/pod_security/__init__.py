"""Pod Security: the levels that Kubernetes' admission of that name holds pods to, by their namespace's label.

Rules:
- `baseline` keeps out what breaks out of a container; `restricted` also asks for what hardens it.
  `privileged` asks for nothing, and so does a namespace without a label.
- All checks are those of the latest version of the levels; a `-version` label is taken, and named.
- What is said of a pod is what Kubernetes says of it, word for word and in the same order.
- Pure: a pod's spec as stored (with its defaults) and its metadata in, violations out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from minikctl.model.pod_security.violation import Violation


LEVELS = ("privileged", "baseline", "restricted")
_PREFIX = "pod-security.kubernetes.io/"
_SEVERAL = ", "


class Level(Struct, frozen=True):
    """What a namespace asks for in one mode (`enforce`, `audit`, `warn`)."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


def level_of(labels: Mapping[str, str] | None, mode: str = "enforce") -> Level:
    """The level that a namespace's labels ask for; what is no level is taken as the strictest one."""
    found = (labels or {}).get(f"{_PREFIX}{mode}", "privileged")
    version = (labels or {}).get(f"{_PREFIX}{mode}-version", "latest")
    return Level(found if found in LEVELS else "restricted", version)


def violations(pod_spec: dict[str, Any], metadata: dict[str, Any], level: str) -> list[Violation]:
    """What about a pod the level forbids; empty when it may run."""
    if level == "privileged":
        return []
    from minikctl.model.pod_security import baseline, restricted  # most namespaces ask for nothing

    checks = [*baseline.CHECKS]
    # Where both levels look at the same field, the stricter one speaks alone.
    checks += restricted.CHECKS if level == "restricted" else baseline.OVERLAPPING
    return [one for check in checks if (one := check(pod_spec, metadata)) is not None]


def refusal(labels: Mapping[str, str] | None, pod: dict[str, Any]) -> str | None:
    """Why a pod (or a template of one) may not run in a namespace with these labels; None when it may."""
    level = level_of(labels)
    found = violations(pod.get("spec") or {}, pod.get("metadata") or {}, level.name)
    return f'violates PodSecurity "{level}": {told(found)}' if found else None


def told(found: Iterable[Violation]) -> str:
    """Violations in one line, as Kubernetes lists them."""
    return _SEVERAL.join(map(str, found))
