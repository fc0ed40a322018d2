"""`minikctl autoscale`: an autoscaler for what runs already, put together as kubectl does it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.create import Output, sendable
from minikctl.cli.editing import choose
from minikctl.cli.errors import Failed, complain
from minikctl.cli.options import value
from minikctl.cli.printing import ResultPrinter
from minikctl.cli.session import open_session
from minikctl.cli.timed import tell_timed
from minikctl.errors import UsageError
from minikctl.model import Object, ObjectKey, key_of
from minikctl.model.kinds import KINDS, SCALABLE

_UNITS = {"cpu": "m", "memory": "Mi"}
_DEPRECATED = (
    "Flag --cpu-percent has been deprecated, Use --cpu with percentage or resource quantity format"
    " (e.g., '70%' for utilization or '500m' for milliCPU)."
)


def autoscale(
    context: typer.Context,
    names: options.Names = None,
    most: Annotated[int, value("--max", metavar="COUNT", text="At most so many pods. Required.")] = -1,
    fewest: Annotated[int, value("--min", metavar="COUNT", text="At least so many pods; default 1.")] = -1,
    cpu: Annotated[str, value("--cpu", metavar="AMOUNT", text="A pod: 70% of its request, or 500m.")] = "",
    memory: Annotated[
        str, value("--memory", metavar="AMOUNT", text="A pod: 70% of its request, or 200Mi.")
    ] = "",
    cpu_percent: Annotated[int, value("--cpu-percent", metavar="PERCENT", text="Older form of --cpu.")] = -1,
    name: Annotated[str, value("--name", text="The autoscaler's name, instead of the resource's.")] = "",
    files: options.Files = None,
    recursive: options.Recursive = False,
    dry_run: options.DryRun = "none",
    output: Output = "",
) -> None:
    """Size a deployment, replica set or stateful set by its use: `autoscale deploy web --max=5 --cpu=80%`."""
    _check(most, fewest, cpu, cpu_percent)
    if cpu_percent >= 0:
        complain(_DEPRECATED)
        cpu = f"{cpu_percent}%"
    metrics = [_metric(resource, said) for resource, said in (("cpu", cpu), ("memory", memory)) if said]
    suffix = options.dry_run_suffix(dry_run)
    printer = ResultPrinter(output, one_by_one=True)
    with open_session(context) as session:
        for key in choose(session, "autoscale", names, files=files, recursive=recursive):
            if key.kind not in SCALABLE:
                raise Failed(f"cannot autoscale a {key.kind}: only {', '.join(SCALABLE)} have a size")
            manifest = _manifest(key, name, fewest, most, metrics)
            if dry_run == "client":
                printer.add(manifest, "created", suffix, as_built=True)
                continue
            obj = session.api.create(sendable(manifest), key.namespace, dry_run=bool(suffix))
            printer.add(obj, "autoscaled", suffix)
            if not suffix:
                tell_timed(session, [key_of(obj)])


def _check(most: int, fewest: int, cpu: str, cpu_percent: int) -> None:
    if most < 1:
        raise UsageError(f"--max=MAXPODS is required and must be at least 1, max: {most}")
    if most < fewest:
        raise UsageError(
            f"--max=MAXPODS must be larger or equal to --min=MINPODS, max: {most}, min: {fewest}"
        )
    if cpu and cpu_percent >= 0:
        raise UsageError("--cpu-percent and --cpu are mutually exclusive")


def _metric(resource: str, said: str) -> dict[str, Any]:
    """`70%` is a share of the request; a number without a unit is in thousandths of a core, or Mi."""
    from minikctl.model.quantity import canonical_quantity, parse_quantity

    target: dict[str, Any]
    if said.endswith("%") and said[:-1].isdecimal():
        target = {"type": "Utilization", "averageUtilization": int(said[:-1])}
    else:
        amount = f"{said}{_UNITS[resource]}" if said.isdecimal() else said
        try:
            parse_quantity(amount)
        except ValueError:
            raise UsageError(f"invalid --{resource} value: {said}: not a percentage or a quantity") from None
        target = {"type": "AverageValue", "averageValue": canonical_quantity(amount)}
    return {"type": "Resource", "resource": {"name": resource, "target": target}}


def _manifest(key: ObjectKey, name: str, fewest: int, most: int, metrics: list[dict[str, Any]]) -> Object:
    spec: dict[str, Any] = {
        "scaleTargetRef": {"kind": key.kind, "name": key.name, "apiVersion": KINDS[key.kind].api_version}
    }
    if fewest > 0:
        spec["minReplicas"] = fewest
    spec["maxReplicas"] = most
    if metrics:
        spec["metrics"] = metrics
    return {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "metadata": {"name": name or key.name},
        "spec": spec,
        "status": {"desiredReplicas": 0, "currentMetrics": None},
    }
