"""Services, what leads to them and what keeps others from them."""

from __future__ import annotations

from minikctl.model.defaults.compaction import Fields, types_of
from minikctl.model.defaults.pods import spec_in

_AFFINITY_SECONDS = 10800


def _default_service(obj: Fields) -> None:
    spec = spec_in(obj)
    _default_affinity(spec)
    kind = spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports", ()):
        port.setdefault("protocol", "TCP")
        if port.get("targetPort", "") in ("", 0):
            port["targetPort"] = port.get("port", 0)
    if kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and "externalIPs" in spec):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _default_affinity(spec: Fields) -> None:
    affinity = spec.setdefault("sessionAffinity", "None")
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    elif affinity == "ClientIP":
        config = spec.get("sessionAffinityConfig", {})
        if "timeoutSeconds" not in config.get("clientIP", {}):
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": _AFFINITY_SECONDS}}


def _default_endpoints(obj: Fields) -> None:
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            port.setdefault("protocol", "TCP")


def _default_endpoint_slice(obj: Fields) -> None:
    for port in obj.get("ports", ()):
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _default_ingress_class(obj: Fields) -> None:
    if "parameters" in spec_in(obj):
        obj["spec"]["parameters"].setdefault("scope", "Cluster")


def _default_network_policy(obj: Fields) -> None:
    spec = spec_in(obj)
    # No pointer in Go: always written.
    spec.setdefault("podSelector", {})
    for rule in spec.get("ingress", []) + spec.get("egress", []):
        for port in rule.get("ports", ()):
            port.setdefault("protocol", "TCP")
    if "policyTypes" not in spec:
        spec["policyTypes"] = ["Ingress", "Egress"] if "egress" in spec else ["Ingress"]


DEFAULTS = {
    "EndpointSlice": _default_endpoint_slice,
    "Endpoints": _default_endpoints,
    "IngressClass": _default_ingress_class,
    "NetworkPolicy": _default_network_policy,
    "Service": _default_service,
}

TYPES = {
    "EndpointSlice": types_of(
        pointers=(
            "appProtocol",
            "hostname",
            "nodeName",
            "protocol",
            "ready",
            "serving",
            "terminating",
            "zone",
        ),
        lists_of_strings=("addresses",),
        maps=("deprecatedTopology",),
    ),
    "Endpoints": types_of(pointers=("appProtocol", "nodeName")),
    "Ingress": types_of(pointers=("apiGroup", "ingressClassName", "pathType"), lists_of_strings=("hosts",)),
    "IngressClass": types_of(pointers=("apiGroup", "namespace", "scope")),
    "NetworkPolicy": types_of(
        pointers=("endPort", "port", "protocol"), lists_of_strings=("except", "policyTypes")
    ),
    "Service": types_of(
        pointers=(
            "allocateLoadBalancerNodePorts",
            "appProtocol",
            "internalTrafficPolicy",
            "ipFamilyPolicy",
            "loadBalancerClass",
            "timeoutSeconds",
            "trafficDistribution",
        ),
        lists_of_strings=("clusterIPs", "externalIPs", "ipFamilies", "loadBalancerSourceRanges"),
        maps=("selector",),
    ),
    "ServiceCIDR": types_of(lists_of_strings=("cidrs",)),
}
