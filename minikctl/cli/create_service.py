"""`minikctl create service clusterip`, `nodeport`, `loadbalancer` and `externalname`."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.base import Entry
from minikctl.cli.create import DEFAULT_TIMEOUT, Output, make
from minikctl.cli.create_configmap import Names
from minikctl.cli.options import value
from minikctl.errors import UsageError
from minikctl.model import Object

_HERE = "minikctl.cli.create_service"
ENTRIES = {
    "clusterip": Entry(_HERE, "cluster_ip", "An address inside of the cluster."),
    "externalname": Entry(_HERE, "external_name", "Another name for one outside."),
    "loadbalancer": Entry(_HERE, "load_balancer", "Its ports on the engine's host."),
    "nodeport": Entry(_HERE, "node_port", "A port of its own on the engine's host."),
}
Tcp = Annotated[list[str] | None, value("--tcp", metavar="PORT[:TARGET]", text="Repeat it for more ports.")]
_MOST = 65535
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?", re.ASCII)


def cluster_ip(
    context: typer.Context,
    names: Names = None,
    tcp: Tcp = None,
    address: Annotated[str, value("--clusterip", text="Its address; None for a headless Service.")] = "",
    dry_run: options.DryRun = "none",
    output: Output = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Create a Service with an address: `create service clusterip web --tcp=80:8080`."""
    may_lack_ports = address == "None"
    manifest = _service(names, "ClusterIP", tcp, may_lack_ports=may_lack_ports, clusterIP=address)
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=wait, timeout=timeout)


def node_port(
    context: typer.Context,
    names: Names = None,
    tcp: Tcp = None,
    number: Annotated[int, value("--node-port", metavar="PORT", text="The port on the host.")] = 0,
    dry_run: options.DryRun = "none",
    output: Output = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Create a Service with a port on the host: `create service nodeport web --tcp=80:8080`."""
    manifest = _service(names, "NodePort", tcp)
    if number:
        manifest["spec"]["ports"] = [{**port, "nodePort": number} for port in manifest["spec"]["ports"]]
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=wait, timeout=timeout)


def load_balancer(
    context: typer.Context,
    names: Names = None,
    tcp: Tcp = None,
    dry_run: options.DryRun = "none",
    output: Output = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Create a Service whose ports are the host's: `create service loadbalancer web --tcp=80:8080`."""
    manifest = _service(names, "LoadBalancer", tcp)
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=wait, timeout=timeout)


def external_name(
    context: typer.Context,
    names: Names = None,
    tcp: Tcp = None,
    target: Annotated[str, value("--external-name", metavar="NAME", text="What it stands for.")] = "",
    dry_run: options.DryRun = "none",
    output: Output = "",
) -> None:
    """Create another name for one outside: `create service externalname db --external-name=db.example`."""
    if not target:
        raise UsageError('required flag(s) "external-name" not set')
    manifest = _service(names, "ExternalName", tcp, may_lack_ports=True, externalName=target)
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=False, timeout=0)


def _service(
    names: list[str] | None, kind: str, tcp: list[str] | None, *, may_lack_ports: bool = False, **fields: str
) -> Object:
    """Its fields in the order of Go's structures."""
    name = options.only_name(names)
    ports = [_port(text) for text in options.comma_separated(tcp or [])]
    if not ports and not may_lack_ports:
        raise UsageError("at least one tcp port specifier must be provided")
    spec: dict[str, Any] = {"ports": ports} if ports else {}
    spec["selector"] = {"app": name}
    if fields.get("clusterIP"):
        spec["clusterIP"] = fields["clusterIP"]
    spec["type"] = kind
    if "externalName" in fields:
        spec["externalName"] = fields["externalName"]
    metadata = {"name": name, "labels": {"app": name}}
    whole = {"kind": "Service", "apiVersion": "v1", "metadata": metadata, "spec": spec}
    return {**whole, "status": {"loadBalancer": {}}}


def _port(text: str) -> dict[str, Any]:
    said, *rest = text.split(":")
    number = _number(said)
    return {
        "name": text.replace(":", "-"),
        "protocol": "TCP",
        "port": number,
        "targetPort": _target(rest[0]) if rest else number,
    }


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise UsageError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if int(text) > _MOST:
        raise UsageError(f"must be between 1 and {_MOST}, inclusive")
    return int(text)


def _target(text: str) -> int | str:
    if text.isascii() and text.isdecimal():
        return _number(text)
    if not _PORT_NAME.fullmatch(text) or "--" in text:
        raise UsageError(f"invalid port name: {text}")
    return text
