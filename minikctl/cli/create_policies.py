"""`minikctl create poddisruptionbudget`, `create quota` and `create priorityclass`."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.create import Output, make
from minikctl.cli.options import flag, value
from minikctl.errors import UsageError

_AMOUNT = r"[0-9]+%?"
_POLICIES = ("PreemptLowerPriority", "Never")

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]


def create_budget(
    context: typer.Context,
    name: Name,
    selector: Annotated[str, value("--selector", metavar="LABELS", text="The pods: app=web.")] = "",
    min_available: Annotated[
        str, value("--min-available", metavar="COUNT|PERCENT", text="So many stay, at least.")
    ] = "",
    max_unavailable: Annotated[
        str, value("--max-unavailable", metavar="COUNT|PERCENT", text="So many may go, at most.")
    ] = "",
    dry_run: options.DryRun = "none",
    output: Output = "",
) -> None:
    """Create a pod disruption budget: `create pdb web --selector=app=web --min-available=2`."""
    if not selector:
        raise UsageError("a selector must be specified")
    if not (min_available or max_unavailable):
        raise UsageError("one of min-available or max-unavailable must be specified")
    if min_available and max_unavailable:
        raise UsageError("min-available and max-unavailable cannot be both specified")
    spec: dict[str, Any] = {}
    if min_available:
        spec["minAvailable"] = _amount(min_available, "min-available")
    spec["selector"] = _selector(selector)
    if max_unavailable:
        spec["maxUnavailable"] = _amount(max_unavailable, "max-unavailable")
    status = dict.fromkeys(("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"), 0)
    manifest = {
        "kind": "PodDisruptionBudget",
        "apiVersion": "policy/v1",
        "metadata": {"name": name},
        "spec": spec,
        "status": status,
    }
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=False, timeout=0)


def _amount(text: str, flag_name: str) -> int | str:
    if not re.fullmatch(_AMOUNT, text):
        raise UsageError(f"invalid format specified for {flag_name}")
    return text if text.endswith("%") else int(text)


def _selector(text: str) -> dict[str, Any]:
    from minikctl.cli.resources import parse_selector

    labels: dict[str, str] = {}
    expressions: list[dict[str, Any]] = []
    for one in parse_selector(text):
        if one.operator == "In" and len(one.values) == 1:
            labels[one.key] = one.values[0]
        elif one.operator in ("Gt", "Lt"):
            raise UsageError(f'"{one.operator}" is not a valid label selector operator')
        else:
            values = {"values": sorted(one.values)} if one.values else {}
            expressions.append({"key": one.key, "operator": one.operator, **values})
    found: dict[str, Any] = {"matchLabels": labels} if labels else {}
    return {**found, "matchExpressions": expressions} if expressions else found


def create_quota(
    context: typer.Context,
    name: Name,
    hard: Annotated[
        list[str] | None, value("--hard", metavar="RESOURCE=AMOUNT,...", text="pods=10,requests.cpu=2.")
    ] = None,
    scopes: Annotated[
        list[str] | None, value("--scopes", metavar="SCOPE,...", text="Of which pods: BestEffort, …")
    ] = None,
    dry_run: options.DryRun = "none",
    output: Output = "",
) -> None:
    """Create a resource quota: `create quota small --hard=pods=4,requests.cpu=2`."""
    spec: dict[str, Any] = {}
    for part in options.comma_separated(hard or []):
        resource, equals, amount = part.partition("=")
        if not equals or "=" in amount:
            raise UsageError(f"Invalid argument syntax {part}, expected <resource>=<value>")
        spec.setdefault("hard", {})[resource] = _quantity(amount)
    if scopes:
        spec["scopes"] = list(options.comma_separated(scopes))
    manifest = {
        "kind": "ResourceQuota",
        "apiVersion": "v1",
        "metadata": {"name": name},
        "spec": spec,
        "status": {},
    }
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=False, timeout=0)


def _quantity(text: str) -> str:
    from minikctl.model.quantity import canonical_quantity, parse_quantity

    try:
        parse_quantity(text)
    except ValueError:
        raise UsageError(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ) from None
    return canonical_quantity(text)


def create_priority_class(
    context: typer.Context,
    name: Name,
    priority: Annotated[
        int, value("--value", metavar="NUMBER", text="The priority; higher comes first.")
    ] = 0,
    global_default: Annotated[bool, flag("--global-default", text="Of pods that name no class.")] = False,
    description: Annotated[str, value("--description", metavar="TEXT", text="What it is for.")] = "",
    policy: Annotated[
        str, value("--preemption-policy", metavar="POLICY", text="PreemptLowerPriority (default) or Never.")
    ] = "PreemptLowerPriority",
    dry_run: options.DryRun = "none",
    output: Output = "",
) -> None:
    """Create a priority class: `create priorityclass high --value=1000 --description=important`."""
    if policy not in _POLICIES:
        raise UsageError(f"invalid preemption policy {policy!r}: must be one of {', '.join(_POLICIES)}")
    manifest: dict[str, Any] = {
        "kind": "PriorityClass",
        "apiVersion": "scheduling.k8s.io/v1",
        "metadata": {"name": name},
        "value": priority,
    }
    if global_default:
        manifest["globalDefault"] = True
    if description:
        manifest["description"] = description
    manifest["preemptionPolicy"] = policy
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=False, timeout=0)
