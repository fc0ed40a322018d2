"""The tables of Services and what belongs to them. `support` joins them."""

from __future__ import annotations

from minikctl.manifests.handlings import (
    ENFORCED,
    REFUSED,
    Support,
    Table,
    declared,
    enforced,
    inert,
    inert_but_relied_on,
    plain,
)

_ONE_NODE = "every endpoint is as near as any other"
_ONLY_IPV4 = "pods have IPv4 addresses"
_PROXY = (
    "a proxy holds the address, and pods' hosts files have the names (nslookup and dig don't see them); where"
    " nothing really runs, nothing is forwarded"
)

_PORTS: Table = {
    "appProtocol": inert("bytes are forwarded as they are"),
    "name": ENFORCED,
    "nodePort": enforced("published on the engine's host"),
    "port": ENFORCED,
    "protocol": enforced("", "", "TCP", "UDP"),
    "targetPort": ENFORCED,
}
_SERVICE: Table = {
    "allocateLoadBalancerNodePorts": ENFORCED,
    "clusterIP": Support("emulated", _PROXY),
    "clusterIPs": Support("emulated", _PROXY),
    "externalIPs": REFUSED,
    "externalName": Support("emulated", "resolved by the agent every 30 s into pods' hosts files"),
    "externalTrafficPolicy": inert_but_relied_on(
        "the proxy stands between: pods see its address", "", "Cluster"
    ),
    "healthCheckNodePort": inert("no outer load balancer asks"),
    "internalTrafficPolicy": inert_but_relied_on(_ONE_NODE, "", "Cluster"),
    "ipFamilies": enforced(_ONLY_IPV4, [], ["IPv4"]),
    "ipFamilyPolicy": inert_but_relied_on(_ONLY_IPV4, "", "SingleStack", "PreferDualStack"),
    "loadBalancerClass": REFUSED,
    "loadBalancerIP": inert("the ports are published on the engine's host"),
    "loadBalancerSourceRanges": enforced(
        "by the address that the proxy sees; the engine's own machine comes as the pods' gateway"
    ),
    "ports": _PORTS,
    "publishNotReadyAddresses": ENFORCED,
    "selector": ENFORCED,
    "sessionAffinity": ENFORCED,
    "sessionAffinityConfig": ENFORCED,
    "trafficDistribution": inert(_ONE_NODE),
    "type": ENFORCED,
}
_SLICE: Table = {
    "addressType": enforced(_ONLY_IPV4, "IPv4"),
    "endpoints": {
        "addresses": ENFORCED,
        "conditions": {"ready": ENFORCED, "serving": ENFORCED, "terminating": ENFORCED},
        "deprecatedTopology": inert("nobody reads it any more, as in Kubernetes"),
        "hints": inert(_ONE_NODE),
        "hostname": ENFORCED,
        "nodeName": inert(_ONE_NODE),
        "targetRef": inert("it is told, and nothing follows from it"),
        "zone": inert(_ONE_NODE),
    },
    "ports": {
        "appProtocol": inert("bytes are forwarded as they are"),
        "name": ENFORCED,
        "port": ENFORCED,
        "protocol": ENFORCED,
    },
}


_ADDRESSES: Table = {
    "hostname": ENFORCED,
    "ip": enforced(_ONLY_IPV4),
    "nodeName": inert(_ONE_NODE),
    "targetRef": inert("it is told, and nothing follows from it"),
}
_SUBSETS: Table = {
    "addresses": _ADDRESSES,
    "notReadyAddresses": _ADDRESSES,
    "ports": {
        "appProtocol": inert("bytes are forwarded as they are"),
        "name": ENFORCED,
        "port": ENFORCED,
        "protocol": ENFORCED,
    },
}
_BACKEND: Table = {
    "resource": REFUSED,
    "service": {"name": ENFORCED, "port": {"name": ENFORCED, "number": ENFORCED}},
}
_INGRESS: Table = {
    "defaultBackend": _BACKEND,
    "ingressClassName": enforced(
        "nobody serves another class than `minikctl`, and those of minikctl.io/ingress"
    ),
    "rules": {
        "host": ENFORCED,
        "http": {
            "paths": {
                "backend": _BACKEND,
                "path": ENFORCED,
                "pathType": enforced("ImplementationSpecific is Prefix"),
            }
        },
    },
    "tls": {
        "hosts": ENFORCED,
        "secretName": enforced("there is no default certificate: without one a host has no TLS"),
    },
}
_INGRESS_CLASS: Table = {"controller": ENFORCED, "parameters": REFUSED}


def service_tables() -> dict[str, Table]:
    """By kind."""
    return {
        "EndpointSlice": plain(_SLICE),
        "Endpoints": plain({"subsets": _SUBSETS}),
        "Ingress": declared(_INGRESS),
        "IngressClass": plain({"spec": _INGRESS_CLASS}),
        "Service": declared(_SERVICE),
    }
