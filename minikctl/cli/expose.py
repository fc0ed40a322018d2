"""`minikctl expose`: a Service for what runs already, put together as kubectl does it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.create import DEFAULT_TIMEOUT, Output, make
from minikctl.cli.options import value
from minikctl.cli.resources import parse_targets
from minikctl.cli.session import open_session
from minikctl.errors import UsageError
from minikctl.model import Object, ObjectKey, labels_of, spec_of

EXPOSABLE = ("Service", "Pod", "ReplicationController", "Deployment", "ReplicaSet")
_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")


def expose(
    context: typer.Context,
    words: Annotated[list[str] | None, typer.Argument(metavar="TYPE NAME", show_default=False)] = None,
    port: Annotated[str, value("--port", text="The Service's port; default: what the containers say.")] = "",
    target_port: Annotated[str, value("--target-port", text="The pods' port, or its name.")] = "",
    protocol: Annotated[str, value("--protocol", text="TCP (the default) or UDP.")] = "",
    name: Annotated[str, value("--name", text="The Service's name, instead of the resource's.")] = "",
    kind: Annotated[str, value("--type", text="ClusterIP (the default), NodePort or LoadBalancer.")] = "",
    selector: Annotated[str, value("--selector", text="Instead of the resource's: a=b,c=d")] = "",
    labels: Annotated[str, value("--labels", "-l", text="For the Service: a=b,c=d")] = "",
    cluster_ip: Annotated[str, value("--cluster-ip", text="Its address; None for a headless one.")] = "",
    session_affinity: Annotated[str, value("--session-affinity", text="None or ClientIP.")] = "",
    dry_run: options.DryRun = "none",
    output: Output = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Make a Service for a deployment, replica set or pod: `expose deployment web --port=80`."""
    if kind and kind not in _TYPES:
        raise UsageError(f'"{kind}" is not a type of Service; these are: {", ".join(_TYPES)}')
    with open_session(context) as session:
        exposed = _exposed(session.api.get, session.namespace, words or [])
    wanted = _pairs(selector) or _selector_of(exposed)
    if not wanted:
        raise UsageError(
            f"couldn't retrieve selectors via --selector flag or introspection: {_word(exposed)}"
        )
    spec: dict[str, Any] = {"ports": _ports(exposed, port, target_port, protocol), "selector": wanted}
    for field, said in (("type", kind), ("clusterIP", cluster_ip), ("sessionAffinity", session_affinity)):
        if said:
            spec[field] = said
    metadata: dict[str, Any] = {"name": name or exposed["metadata"]["name"]}
    if own := _pairs(labels) or labels_of(exposed):
        metadata["labels"] = dict(own)
    manifest: Object = {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": spec,
        "status": {"loadBalancer": {}},
    }
    make(
        context,
        "expose",
        manifest,
        dry_run=dry_run,
        output=output,
        wait=wait,
        timeout=timeout,
        verb="exposed",
    )


def _exposed(get: Any, namespace: str, words: list[str]) -> Object:
    """The one resource that the words name."""
    if not words:
        raise UsageError("You must provide one or more resources: expose deployment NAME --port=PORT")
    targets = parse_targets(words)
    if len(targets) != 1 or targets[0].name is None:
        raise UsageError("expose needs one resource by its name")
    kind = targets[0].kind
    if kind.name not in EXPOSABLE:
        raise UsageError(f"cannot expose a {kind.qualified}")
    found: Object = get(ObjectKey(kind.name, namespace, targets[0].name))
    return found


def _selector_of(exposed: Object) -> dict[str, str]:
    spec = spec_of(exposed)
    match exposed["kind"]:
        case "Pod":
            return labels_of(exposed)
        case "Service" | "ReplicationController":
            return dict(spec.get("selector") or {})
    selector = spec.get("selector") or {}
    if selector.get("matchExpressions"):
        raise UsageError("couldn't convert expressions of the selector: give one with --selector")
    return dict(selector.get("matchLabels") or {})


def _ports(exposed: Object, port: str, target_port: str, protocol: str) -> list[dict[str, Any]]:
    """From the flags, else what the containers (or the other Service) offer."""
    numbers = [_number(one) for one in port.split(",")] if port else []
    offered = _offered(exposed)
    if not numbers and not offered:
        raise UsageError("couldn't find port via --port flag or introspection")
    found = []
    for number, said in [(number, protocol) for number in numbers] or offered:
        one: dict[str, Any] = {"protocol": protocol or said or "TCP", "port": number}
        one["targetPort"] = _target(target_port) if target_port else number
        found.append(one)
    if len(found) > 1:
        found = [{"name": f"port-{index}", **one} for index, one in enumerate(found, 1)]
    return found


def _offered(exposed: Object) -> list[tuple[int, str]]:
    spec = spec_of(exposed)
    if exposed["kind"] == "Service":
        return [(one["port"], one.get("protocol", "TCP")) for one in spec.get("ports") or ()]
    pod = spec if exposed["kind"] == "Pod" else spec["template"]["spec"]
    return [
        (one["containerPort"], one.get("protocol", "TCP"))
        for container in pod["containers"]
        for one in container.get("ports") or ()
    ]


def _number(text: str) -> int:
    if not text.isdigit():
        raise UsageError(f"invalid port: {text}")
    return int(text)


def _target(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _pairs(text: str) -> dict[str, str]:
    found = {}
    for part in filter(None, text.split(",")):
        key, equals, said = part.partition("=")
        if not equals:
            raise UsageError(f"unexpected label spec: {part}")
        found[key] = said
    return found


def _word(exposed: Object) -> str:
    return f"{exposed['kind'].lower()}/{exposed['metadata']['name']}"
