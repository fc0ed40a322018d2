"""`kubectl describe service` and `endpointslice`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minikctl.model import Object, annotations_of, labels_of, name_of, namespace_of, spec_of, status_of
from minikctl.model.services import SERVICE_NAME, kind_of, ports_of
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.writer import NONE, Page
from minikctl.render.service_columns import MOST_SHOWN

UNSET = "<unset>"


def describe_service(
    service: Object, slices: Iterable[Object], events: Sequence[Object] | None, now: float
) -> str:
    page = Page()
    spec = spec_of(service)
    page.row(0, "Name:", name_of(service))
    page.row(0, "Namespace:", namespace_of(service))
    page.labels(0, "Labels", labels_of(service))
    page.annotations(0, "Annotations", annotations_of(service))
    selector = spec.get("selector") or {}
    page.row(0, "Selector:", ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or NONE)
    page.row(0, "Type:", kind_of(service))
    if "ipFamilyPolicy" in spec:
        page.row(0, "IP Family Policy:", spec["ipFamilyPolicy"])
    if spec.get("ipFamilies"):
        page.row(0, "IP Families:", ",".join(spec["ipFamilies"]))
    page.row(0, "IP:", spec.get("clusterIP", ""))
    if spec.get("clusterIPs"):
        page.row(0, "IPs:", ",".join(spec["clusterIPs"]))
    _describe_outside(page, service)
    mine = [one for one in slices if labels_of(one).get(SERVICE_NAME) == name_of(service)]
    for port in ports_of(service):
        _describe_port(page, port, mine)
    page.row(0, "Session Affinity:", spec.get("sessionAffinity", ""))
    if spec.get("externalTrafficPolicy"):
        page.row(0, "External Traffic Policy:", spec["externalTrafficPolicy"])
    if spec.get("internalTrafficPolicy"):
        page.row(0, "Internal Traffic Policy:", spec["internalTrafficPolicy"])
    if spec.get("loadBalancerSourceRanges"):
        page.row(0, "LoadBalancer Source Ranges:", ",".join(spec["loadBalancerSourceRanges"]))
    describe_events(page, events, now)
    return page.aligned()


def _describe_outside(page: Page, service: Object) -> None:
    spec = spec_of(service)
    if spec.get("externalIPs"):
        page.row(0, "External IPs:", ",".join(spec["externalIPs"]))
    if spec.get("externalName"):
        page.row(0, "External Name:", spec["externalName"])
    if ingress := (status_of(service).get("loadBalancer") or {}).get("ingress"):
        words = [f"{one.get('ip') or one.get('hostname')}{_mode(one)}" for one in ingress]
        page.row(0, "LoadBalancer Ingress:", ", ".join(words))


def _mode(ingress: dict[str, Any]) -> str:
    return f" ({ingress['ipMode']})" if ingress.get("ipMode") else ""


def _describe_port(page: Page, port: dict[str, Any], slices: Iterable[Object]) -> None:
    name, protocol = port.get("name") or UNSET, port.get("protocol", "TCP")
    page.row(0, "Port:", name, f"{port['port']}/{protocol}")
    page.row(0, "TargetPort:", f"{port.get('targetPort', port['port'])}/{protocol}")
    if port.get("nodePort"):
        page.row(0, "NodePort:", name, f"{port['nodePort']}/{protocol}")
    page.row(0, "Endpoints:", _endpoints(port, slices))


def _endpoints(port: dict[str, Any], slices: Iterable[Object]) -> str:
    found = []
    for one in slices:
        for offered in one.get("ports") or ():
            if offered.get("name", "") == port.get("name", ""):
                ready = (
                    endpoint
                    for endpoint in one.get("endpoints") or ()
                    if (endpoint.get("conditions") or {}).get("ready", True)
                )
                found += [
                    f"{address}:{offered.get('port')}"
                    for endpoint in ready
                    for address in endpoint["addresses"]
                ]
    more = f" + {len(found) - MOST_SHOWN} more..." if len(found) > MOST_SHOWN else ""
    return ",".join(found[:MOST_SHOWN]) + more


def describe_endpoint_slice(one: Object, events: Sequence[Object] | None, now: float) -> str:
    page = Page()
    page.row(0, "Name:", name_of(one))
    page.row(0, "Namespace:", namespace_of(one))
    page.labels(0, "Labels", labels_of(one))
    page.annotations(0, "Annotations", annotations_of(one))
    page.row(0, "AddressType:", one.get("addressType", ""))
    if not one.get("ports"):
        page.row(0, "Ports:", UNSET)
    else:
        page.row(0, "Ports:")
        page.row(1, "Name", "Port", "Protocol")
        page.row(1, "----", "----", "--------")
        for port in one["ports"]:
            page.row(1, port.get("name") or UNSET, port.get("port", UNSET), port.get("protocol", ""))
    if not one.get("endpoints"):
        page.row(0, "Endpoints:", NONE)
    else:
        page.row(0, "Endpoints:")
        for endpoint in one["endpoints"]:
            _describe_endpoint(page, endpoint)
    describe_events(page, events, now)
    return page.aligned()


def describe_endpoints(one: Object, events: Sequence[Object] | None, now: float) -> str:
    page = Page()
    page.row(0, "Name:", name_of(one))
    page.row(0, "Namespace:", namespace_of(one))
    page.labels(0, "Labels", labels_of(one))
    page.annotations(0, "Annotations", annotations_of(one))
    page.row(0, "Subsets:")
    for subset in one.get("subsets") or ():
        for title, field in (("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")):
            page.row(1, f"{title}:", ",".join(item["ip"] for item in subset.get(field) or ()) or NONE)
        if subset.get("ports"):
            page.row(1, "Ports:")
            page.row(2, "Name", "Port", "Protocol")
            page.row(2, "----", "----", "--------")
            for port in subset["ports"]:
                page.row(2, port.get("name") or UNSET, port["port"], port.get("protocol", "TCP"))
        page.row(0, "")
    describe_events(page, events, now)
    return page.aligned()


def _describe_endpoint(page: Page, endpoint: dict[str, Any]) -> None:
    conditions = endpoint.get("conditions") or {}
    page.row(1, f"- Addresses:  {', '.join(endpoint.get('addresses') or ())}")
    page.row(2, "Conditions:")
    for name in ("ready", "serving", "terminating"):
        if name in conditions:
            page.row(3, f"{name.capitalize()}:", str(conditions[name]).lower())
    page.row(2, "Hostname:", endpoint.get("hostname", UNSET))
    if reference := endpoint.get("targetRef"):
        page.row(2, "TargetRef:", f"{reference.get('kind')}/{reference.get('name')}")
    page.row(2, "NodeName:", endpoint.get("nodeName", UNSET))
    page.row(2, "Zone:", endpoint.get("zone", UNSET))
