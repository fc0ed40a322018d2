"""`minikctl create ingress`."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.create import DEFAULT_TIMEOUT, Output, make
from minikctl.cli.create_configmap import Names
from minikctl.cli.options import value
from minikctl.errors import UsageError
from minikctl.model import Object

_RULE = re.compile(r"[\w*\-.]*/.*=[\w\-]+:[\w\-]+(,tls=?([\w\-]+)?)?", re.ASCII)
_FORM = "is invalid and should be in format"


def create_ingress(
    context: typer.Context,
    names: Names = None,
    rules: Annotated[
        list[str] | None,
        value("--rule", metavar="HOST/PATH=SERVICE:PORT[,tls[=SECRET]]", text="A * at its end: a Prefix."),
    ] = None,
    default: Annotated[
        str, value("--default-backend", metavar="SERVICE:PORT", text="Where all else leads.")
    ] = "",
    kind: Annotated[str, value("--class", metavar="NAME", text="Its IngressClass.")] = "",
    annotations: Annotated[
        list[str] | None, value("--annotation", metavar="KEY=VALUE", text="Repeat it for more.")
    ] = None,
    dry_run: options.DryRun = "none",
    output: Output = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Create an Ingress: `create ingress web --rule="shop.example.com/*=web:80"`."""
    name, said = options.only_name(names), rules or []
    _check(said, default)
    spec: dict[str, Any] = {"ingressClassName": kind} if kind else {}
    if default:
        spec["defaultBackend"] = _backend(default)
    if tls := _tls(said):
        spec["tls"] = tls
    if said:
        spec["rules"] = _rules(said)
    metadata: dict[str, Any] = {"name": name}
    if annotations:
        metadata["annotations"] = dict(_annotation(one) for one in annotations)
    manifest: Object = {
        "kind": "Ingress",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": metadata,
        "spec": spec,
        "status": {"loadBalancer": {}},
    }
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=wait, timeout=timeout)


def _check(rules: list[str], default: str) -> None:
    if not rules and not default:
        raise UsageError(
            "not enough information provided: every ingress has to either specify a default-backend (which "
            "catches all traffic) or a list of rules (which catch specific paths)"
        )
    for rule in rules:
        if not _RULE.match(rule):
            raise UsageError(f"rule {rule} {_FORM} host/path=svcname:svcport[,tls[=secret]]")
    if default and len(default.split(":")) != 2:
        raise UsageError("default-backend should be in format servicename:serviceport")


def _annotation(text: str) -> tuple[str, str]:
    key, equals, said = text.partition("=")
    if not equals:
        raise UsageError(f"annotation {text} {_FORM} key=[value]")
    return key, said


def _backend(text: str) -> dict[str, Any]:
    name, _, port = text.partition(":")
    return {"service": {"name": name, "port": {"number": int(port)} if port.isdecimal() else {"name": port}}}


def _rules(said: list[str]) -> list[dict[str, Any]]:
    """One for each host, in the order in which hosts come first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for text in said:
        host, _, rest = text.partition(",")[0].partition("/")
        path, target = rest.split("=")[:2]
        kind = "Prefix" if path.endswith("*") else "Exact"
        entry = {"path": "/" + path.removesuffix("*"), "pathType": kind, "backend": _backend(target)}
        found.setdefault(host, []).append(entry)
    return [
        {**({"host": host} if host else {}), "http": {"paths": entries}} for host, entries in found.items()
    ]


def _tls(said: list[str]) -> list[dict[str, Any]]:
    """One for each Secret; of several that a host names the first counts."""
    entries: list[dict[str, Any]] = []
    seen: set[str] = set()
    for text in said:
        host, parts = text.partition("/")[0], text.split(",")
        if len(parts) != 2 or host in seen:
            continue
        seen.add(host)
        secret = parts[1].partition("=")[2]
        same = next((one for one in entries if one.get("secretName", "") == secret), None)
        if same is not None:
            same["hosts"] = [*same.get("hosts", ()), host]
        elif host or secret:
            entry: dict[str, Any] = {"hosts": [host]} if host else {}
            entries.append({**entry, "secretName": secret} if secret else entry)
    return entries
