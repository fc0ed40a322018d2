"""Services: their type, ports, addresses, and how they spread the traffic.

The rules see a Service with what the server allocates for it (`service_allocation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.metadata import check_labels
from minikctl.manifests.rules.networks import (
    check_endpoint_address,
    check_network,
    check_port,
    check_port_or_name,
    check_protocol,
)
from minikctl.manifests.rules.problems import (
    check_choice,
    check_range,
    check_syntax,
    duplicate,
    forbidden,
    invalid,
    label_advice,
    qualified_name_advice,
    required,
    subdomain_advice,
    unsupported,
)
from minikctl.manifests.rules.rule import Fields, Preparation, Rule, UpdateRule
from minikctl.manifests.rules.service_allocation import (
    allocated,
    allocation_problems,
    is_headless,
    node_port_problems,
    prepared,
    secondary_problems,
)
from minikctl.model import Object
from minikctl.model.service_types import needs_health_check, needs_node_ports

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_AFFINITIES = ("ClientIP", "None")
_MAX_AFFINITY_SECONDS = 86_400
_TRAFFIC_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameNode", "PreferSameZone")
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
_TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints"
_FOR_LOAD_BALANCERS = "may only be used when `type` is 'LoadBalancer'"
_NOT_FOR_EXTERNAL_NAMES = "may not be set for ExternalName services"
_SET_ONCE = "may not change once set"


def service_type(obj: Object) -> Iterator[FieldProblem]:
    spec = allocated(obj)["spec"]
    kind = spec["type"]
    yield from check_choice("spec.type", kind, _TYPES)
    if not spec.get("ports") and not is_headless(spec) and kind != "ExternalName":
        yield required("spec.ports")
    if is_headless(spec) and needs_node_ports(spec):
        yield invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")
    if kind == "ExternalName":
        yield from _external_name(spec)


def _external_name(spec: Fields) -> Iterator[FieldProblem]:
    for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if field in spec:
            yield forbidden(f"spec.{field}", _NOT_FOR_EXTERNAL_NAMES)
    # A dot at its end says that the name is fully qualified.
    if name := spec.get("externalName", "").removesuffix("."):
        yield from check_syntax("spec.externalName", name, subdomain_advice)
    else:
        yield required("spec.externalName")


def ports(obj: Object) -> Iterator[FieldProblem]:
    spec = allocated(obj)["spec"]
    found: list[Fields] = spec.get("ports", [])
    names: set[str] = set()
    for index, port in enumerate(found):
        yield from _port(port, f"spec.ports[{index}]", names, named=len(found) > 1)
    if spec["type"] == "ClusterIP":
        for index, port in enumerate(found):
            if port.get("nodePort"):
                yield forbidden(f"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'")
    yield from _duplicates(found)


def _port(port: Fields, path: str, names: set[str], *, named: bool) -> Iterator[FieldProblem]:
    name = port.get("name", "")
    if name:
        yield from check_syntax(f"{path}.name", name, label_advice)
        if name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name)
    elif named:
        yield required(f"{path}.name")
    yield from check_port(f"{path}.port", port.get("port", 0))
    yield from check_protocol(f"{path}.protocol", port.get("protocol", ""))
    yield from check_port_or_name(f"{path}.targetPort", port["targetPort"])
    if "appProtocol" in port:
        yield from check_syntax(f"{path}.appProtocol", port["appProtocol"], qualified_name_advice)


def _duplicates(found: list[Fields]) -> Iterator[FieldProblem]:
    """Node ports first, then ports; each counts once for a protocol."""
    for field, suffix in (("nodePort", ".nodePort"), ("port", "")):
        taken: set[tuple[str, int]] = set()
        for index, port in enumerate(found):
            number = port.get(field, 0)
            if field == "nodePort" and not number:
                continue
            key = (port["protocol"], number)
            if key in taken:
                shown = number if suffix else {"port": number, "protocol": port["protocol"]}
                yield duplicate(f"spec.ports[{index}]{suffix}", shown)
            taken.add(key)


def selector(obj: Object) -> Iterator[FieldProblem]:
    yield from check_labels(obj["spec"].get("selector", {}), "spec.selector")


def affinity(obj: Object) -> Iterator[FieldProblem]:
    spec = obj["spec"]
    yield from check_choice("spec.sessionAffinity", spec["sessionAffinity"], _AFFINITIES)
    if spec["sessionAffinity"] == "ClientIP":
        yield from check_range(
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
            spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"],
            1,
            _MAX_AFFINITY_SECONDS,
        )


def addresses(obj: Object) -> Iterator[FieldProblem]:
    """Cluster addresses are a matter of the allocation."""
    for index, address in enumerate(obj["spec"].get("externalIPs", ())):
        yield from check_endpoint_address(f"spec.externalIPs[{index}]", address)


def load_balancer(obj: Object) -> Iterator[FieldProblem]:
    spec = obj["spec"]
    is_balancer = spec["type"] == "LoadBalancer"
    yield from _source_ranges(obj, is_balancer)
    if "allocateLoadBalancerNodePorts" in spec and not is_balancer:
        yield forbidden("spec.allocateLoadBalancerNodePorts", _FOR_LOAD_BALANCERS)
    if "loadBalancerClass" in spec:
        if is_balancer:
            yield from check_syntax(
                "spec.loadBalancerClass", spec["loadBalancerClass"], qualified_name_advice
            )
        else:
            yield forbidden("spec.loadBalancerClass", _FOR_LOAD_BALANCERS)


def _source_ranges(obj: Object, is_balancer: bool) -> Iterator[FieldProblem]:
    """A field, or an annotation where there is none. The server writes the field with a capital."""
    ranges: list[str] = obj["spec"].get("loadBalancerSourceRanges", [])
    annotation = obj.get("metadata", {}).get("annotations", {}).get(_SOURCE_RANGES)
    path = "spec.LoadBalancerSourceRanges" if ranges else f"metadata.annotations[{_SOURCE_RANGES}]"
    if not ranges and annotation is None:
        return
    if not is_balancer:
        yield forbidden(path, _FOR_LOAD_BALANCERS)
    if ranges:
        for index, value in enumerate(ranges):
            yield from check_network(f"{path}[{index}]", value.strip())
    elif annotation.strip():
        for value in annotation.split(","):
            yield from check_network(path, value.strip())


def traffic(obj: Object) -> Iterator[FieldProblem]:
    spec = allocated(obj)["spec"]
    yield from _external_traffic(spec)
    port = spec.get("healthCheckNodePort", 0)
    if needs_health_check(spec):
        yield from check_port("spec.healthCheckNodePort", port)
    elif port:
        yield invalid(
            "spec.healthCheckNodePort",
            port,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        )
    policy, distribution = spec.get("internalTrafficPolicy"), spec.get("trafficDistribution")
    if policy is not None and policy not in _TRAFFIC_POLICIES:
        yield unsupported("spec.internalTrafficPolicy", policy, _TRAFFIC_POLICIES)
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        yield unsupported("spec.trafficDistribution", distribution, _DISTRIBUTIONS)


def _external_traffic(spec: Fields) -> Iterator[FieldProblem]:
    path, policy = "spec.externalTrafficPolicy", spec.get("externalTrafficPolicy", "")
    by_address = spec["type"] == "ClusterIP" and "externalIPs" in spec
    if needs_node_ports(spec) or by_address:
        yield from check_choice(path, policy, _TRAFFIC_POLICIES)
    elif policy:
        yield invalid(path, policy, "may only be set for externally-accessible services")


def topology(obj: Object) -> Iterator[FieldProblem]:
    annotations = obj.get("metadata", {}).get("annotations", {})
    mode, hints = annotations.get(_TOPOLOGY_MODE), annotations.get(_TOPOLOGY_HINTS)
    if mode is not None and hints is not None and mode != hints:
        yield invalid(
            f"metadata.annotations[{_TOPOLOGY_MODE}]",
            mode,
            f"must match annotations[{_TOPOLOGY_HINTS}] when both are specified",
        )


# --- creation and change: what is allocated -------------------------------------------------------


def released(old: Object, new: Object) -> Iterable[FieldProblem]:
    return secondary_problems(old["spec"], new["spec"])


def kept_addresses(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = old["spec"], allocated(new)["spec"]
    if "ExternalName" in (before["type"], after["type"]):
        return
    was_headless, headless = is_headless(before), is_headless(after)
    if not (was_headless and headless):
        yield from _kept(before, after, "clusterIPs")
    if not was_headless and not headless:
        yield from _kept(before, after, "ipFamilies")


def _kept(before: Fields, after: Fields, field: str) -> Iterator[FieldProblem]:
    """The values of a list stay; a second one may come, and go when a single family is asked for."""
    stored: list[str] = before.get(field, [])
    wanted: list[str] = after.get(field, [])
    compared = len(stored) if len(stored) == len(wanted) else 1
    for index, value in enumerate(stored[:compared]):
        if index >= len(wanted) or wanted[index] != value:
            yield invalid(f"spec.{field}[{index if field == 'clusterIPs' else 0}]", wanted, _SET_ONCE)
    if len(wanted) == 1 < len(stored) and after.get("ipFamilyPolicy") != "SingleStack":
        yield invalid(
            "spec.ipFamilyPolicy",
            after.get("ipFamilyPolicy"),
            f"must be set to 'SingleStack' when releasing the secondary {field.removesuffix('s')}",
        )


def kept_load_balancer(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = old["spec"], new["spec"]
    if before["type"] == after["type"] == "LoadBalancer":
        wanted = after.get("loadBalancerClass")
        if before.get("loadBalancerClass") != wanted:
            yield invalid("spec.loadBalancerClass", wanted, _SET_ONCE)
    checked = needs_health_check(before) and needs_health_check(after)
    if checked and before.get("healthCheckNodePort") != after.get("healthCheckNodePort"):
        yield forbidden("spec.healthCheckNodePort", "field is immutable")


_SERVICE = frozenset(("Service",))

PREPARATION = Preparation(_SERVICE, prepared)

RULES = (
    Rule(
        "service-allocation",
        "cluster addresses and their families fit together",
        allocation_problems,
        _SERVICE,
        alone=True,
    ),
    Rule(
        "service-node-ports",
        "no node port is asked for twice",
        node_port_problems,
        _SERVICE,
        on_update=False,
        alone=True,
    ),
    Rule("service-type", "the type is known and has what it needs", service_type, _SERVICE),
    Rule("service-ports", "ports are in range and differ in name, number and node port", ports, _SERVICE),
    Rule("service-selector", "the selector is well formed", selector, _SERVICE),
    Rule("service-affinity", "session affinity is known, and lasts up to a day", affinity, _SERVICE),
    Rule("service-external-addresses", "external addresses can be reached", addresses, _SERVICE),
    Rule(
        "service-load-balancer", "a load balancer's fields are valid, and only there", load_balancer, _SERVICE
    ),
    Rule("service-traffic", "traffic policies are known and fit the type", traffic, _SERVICE),
    Rule("service-topology", "the two annotations of topology say the same", topology, _SERVICE),
    UpdateRule("service-release", "a second address is released on request", released, _SERVICE, alone=True),
    UpdateRule("service-addresses-immutable", "cluster addresses stay", kept_addresses, _SERVICE),
    UpdateRule(
        "service-load-balancer-immutable", "the load balancer's class stays", kept_load_balancer, _SERVICE
    ),
)
