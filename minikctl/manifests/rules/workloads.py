"""Workloads that keep pods running: counts, a Deployment's rolling update, what a template may not say."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.amounts import amount, check_amount, check_at_most_all, check_counts
from minikctl.manifests.rules.metadata import check_annotations, check_labels
from minikctl.manifests.rules.problems import forbidden, invalid, required, unsupported
from minikctl.manifests.rules.rule import TEMPLATE_PATHS, Fields, Rule, pod_template
from minikctl.manifests.rules.selectors import MISMATCH, is_template_judged
from minikctl.model import Object

_COUNTS = {
    "DaemonSet": ("minReadySeconds", "revisionHistoryLimit"),
    "Deployment": ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"),
    "ReplicaSet": ("replicas", "minReadySeconds"),
    "ReplicationController": ("minReadySeconds", "replicas"),
    # Its negative revisionHistoryLimit keeps all revisions.
    "StatefulSet": ("replicas", "minReadySeconds"),
}
_LASTING = frozenset(_COUNTS)
# A Job's template gets labels first: see the rules on Jobs.
_TEMPLATES = frozenset(TEMPLATE_PATHS) - {"Job"}


def counts(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    yield from check_counts(spec, "spec", _COUNTS[obj["kind"]])
    deadline = spec.get("progressDeadlineSeconds")
    if obj["kind"] == "Deployment" and deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def strategy(obj: Object) -> Iterator[FieldProblem]:
    """Deployment."""
    found = (obj.get("spec") or {}).get("strategy") or {}
    kind, rolling = found.get("type", ""), found.get("rollingUpdate")
    if kind == "RollingUpdate":
        yield from _rolling_update(rolling or {}, "spec.strategy.rollingUpdate")
    elif kind != "Recreate":
        yield unsupported("spec.strategy", kind, ("Recreate", "RollingUpdate"))
    elif rolling is not None:
        yield forbidden(
            "spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'"
        )


def _rolling_update(rolling: Fields, path: str) -> Iterator[FieldProblem]:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    yield from check_amount(unavailable, f"{path}.maxUnavailable")
    yield from check_amount(surge, f"{path}.maxSurge")
    if amount(unavailable) == 0 and amount(surge) == 0:
        yield invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
    yield from check_at_most_all(unavailable, f"{path}.maxUnavailable")


def template(obj: Object) -> Iterator[FieldProblem]:
    """What a template has beside its pods' spec."""
    found = pod_template(obj)
    if found is not None and is_template_judged(obj):
        yield from check_template(*found)


def check_template(found: Fields, path: str) -> Iterator[FieldProblem]:
    metadata = found.get("metadata") or {}
    # The server reports a template's labels at this path, without `metadata`.
    yield from check_labels(metadata.get("labels") or {}, f"{path}.labels")
    yield from check_annotations(metadata.get("annotations") or {}, f"{path}.annotations")
    if (found.get("spec") or {}).get("ephemeralContainers"):
        yield forbidden(
            f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template"
        )


def lasting_template(obj: Object) -> Iterator[FieldProblem]:
    """Pods that are replaced whenever they end."""
    found = pod_template(obj)
    # Of a StatefulSet's template this much is asked even where its selector is malformed.
    if found is None or not (is_template_judged(obj) or obj["kind"] == "StatefulSet"):
        return
    spec, path = found[0].get("spec") or {}, found[1]
    policy = spec.get("restartPolicy", "")
    if policy != "Always":
        yield unsupported(f"{path}.spec.restartPolicy", policy, ("Always",))
    if "activeDeadlineSeconds" in spec:
        # A Deployment's template is held to be its ReplicaSet's.
        kind = "ReplicaSet" if obj["kind"] == "Deployment" else obj["kind"]
        yield forbidden(
            f"{path}.spec.activeDeadlineSeconds", f"activeDeadlineSeconds in {kind} is not Supported"
        )


def replication_controller(obj: Object) -> Iterator[FieldProblem]:
    """A selector is a map of labels here; an invalid one is no problem but that it selects nothing."""
    spec = obj.get("spec") or {}
    selector, found = spec.get("selector") or {}, spec.get("template")
    if not selector:
        yield required("spec.selector")
    if found is None:
        yield required("spec.template")
        return
    labels = (found.get("metadata") or {}).get("labels") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        yield invalid("spec.template.metadata.labels", labels, MISMATCH)


RULES = (
    Rule("workload-counts", "counts and seconds are not negative", counts, _LASTING),
    Rule("workload-template", "the template's labels and annotations are well formed", template, _TEMPLATES),
    Rule("workload-pods", "the template is one that may run for ever", lasting_template, _LASTING),
    Rule(
        "deployment-strategy",
        "the rolling update can make progress",
        strategy,
        frozenset({"Deployment"}),
    ),
    Rule(
        "replication-controller-selector",
        "there is a selector, and a template that it matches",
        replication_controller,
        frozenset({"ReplicationController"}),
    ),
)
