"""StatefulSets: how pods are made and replaced, the claims of each, and the little that may change."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.amounts import check_counts
from minikctl.manifests.rules.claims import check_claim_spec
from minikctl.manifests.rules.problems import forbidden, invalid, label_advice, required, unsupported
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.model import Object

_STATEFUL_SET = frozenset({"StatefulSet"})
_MANAGEMENT = ("OrderedReady", "Parallel")
_RETENTION = ("Delete", "Retain")
_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def management(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    policy = spec.get("podManagementPolicy", "")
    if not policy:
        yield required("spec.podManagementPolicy")
    elif policy not in _MANAGEMENT:
        yield invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")
    yield from _strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for name in ("whenDeleted", "whenScaled"):
        if retention.get(name, "") not in _RETENTION:
            where = f"spec.persistentVolumeClaimRetentionPolicy.{name}"
            yield unsupported(where, retention.get(name, ""), _RETENTION)
    yield from check_counts(spec.get("ordinals") or {}, "spec.ordinals", ("start",))


def _strategy(strategy: Fields, path: str) -> Iterator[FieldProblem]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "RollingUpdate":
        yield from check_counts(rolling or {}, f"{path}.rollingUpdate", ("partition",))
    elif kind != "OnDelete":
        yield invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")
    elif rolling is not None:
        yield invalid(f"{path}.rollingUpdate", rolling, "only allowed for updateStrategy 'RollingUpdate'")


def service_name(obj: Object) -> Iterator[FieldProblem]:
    name = (obj.get("spec") or {}).get("serviceName", "")
    if name and (problem := label_advice(name)):
        yield invalid("spec.serviceName", name, problem)


def claim_templates(obj: Object) -> Iterator[FieldProblem]:
    """Their names are those of volumes: see the rules on pods."""
    for index, claim in enumerate((obj.get("spec") or {}).get("volumeClaimTemplates") or ()):
        yield from check_claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec")


def fixed_fields(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = (_fixed(obj.get("spec") or {}) for obj in (old, new))
    if before != after:
        changeable = ", ".join(f"'{name}'" for name in _CHANGEABLE[:-1])
        yield forbidden(
            "spec",
            f"updates to statefulset spec for fields other than {changeable} and '{_CHANGEABLE[-1]}' are "
            "forbidden",
        )


def _fixed(spec: Fields) -> Fields:
    return {name: value for name, value in spec.items() if name not in _CHANGEABLE}


RULES = (
    Rule("stateful-set-policies", "pods are made and replaced in a known way", management, _STATEFUL_SET),
    Rule(
        "stateful-set-service",
        "the service's name is a DNS label",
        service_name,
        _STATEFUL_SET,
        on_update=False,
    ),
    Rule(
        "stateful-set-claims",
        "the claims of each pod are well formed",
        claim_templates,
        _STATEFUL_SET,
        on_update=False,
    ),
    UpdateRule("stateful-set-immutable", "claims, names and policies stay", fixed_fields, _STATEFUL_SET),
)
