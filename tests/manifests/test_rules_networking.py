"""Services and networking: tables of what the API server accepts and refuses, with its paths and reasons."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_strategies import values

from minikctl.manifests import validate, validate_update
from minikctl.manifests.paths import parse_path
from minikctl.model import copy
from minikctl.model.defaults import set_defaults

Fields = dict[str, Any]
LONG = "a" * 300
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
MODE = "service.kubernetes.io/topology-mode"
HINTS = "service.kubernetes.io/topology-aware-hints"


def service(kind: str, **spec: Any) -> Fields:
    body = {"type": kind, "selector": {"app": "web"}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": body}


def networking(kind: str, spec: Fields, name: str = "n") -> Fields:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def changed(obj: Fields, **changes: Any) -> Fields:
    """`obj` with values set at paths; `...` removes one."""
    obj = copy(obj)
    for path, value in changes.items():
        *parents, last = parse_path(path)
        target: Any = obj
        for step in parents:
            target = target.setdefault(step, {}) if isinstance(step, str) else target[step]
        if value is ...:
            del target[last]
        elif isinstance(last, int) and last == len(target):
            target.append(value)
        else:
            target[last] = value
    return obj


def told(problems: list[Any]) -> list[str]:
    """`path Reason` of each problem, once."""
    return sorted({f"{one.path} {one.reason.removeprefix('FieldValue')}" for one in problems})


# What one change of an accepted object is answered with; no answer means that it is accepted.
Row = tuple[dict[str, Any], list[str]]

PORTS = [{"name": "a", "port": 80, "nodePort": 30080}, {"name": "b", "port": 81}]
NODE_PORT = service("NodePort", ports=PORTS)
NODE_PORTS: list[Row] = [
    ({"metadata.name": "1web"}, []),
    ({"metadata.name": "a.b"}, ["metadata.name Invalid"]),
    ({"spec.type": "Bogus"}, ["spec.type NotSupported"]),
    ({"spec.type": "ClusterIP"}, ["spec.ports[0].nodePort Forbidden"]),
    ({"spec.type": ""}, ["spec.ports[0].nodePort Forbidden"]),
    ({"spec.ports": []}, ["spec.ports Required"]),
    ({"spec.clusterIP": "None"}, ["spec.clusterIPs[0] Invalid"]),
    ({"spec.selector": {"app": "x y"}}, ["spec.selector Invalid"]),
    # Ports.
    ({"spec.ports[1].name": ""}, ["spec.ports[1].name Required"]),
    ({"spec.ports[1].name": "a"}, ["spec.ports[1].name Duplicate"]),
    ({"spec.ports[1].name": "A_b"}, ["spec.ports[1].name Invalid"]),
    ({"spec.ports[0].port": 70000}, ["spec.ports[0].port Invalid", "spec.ports[0].targetPort Invalid"]),
    ({"spec.ports[0].port": ...}, ["spec.ports[0].port Invalid", "spec.ports[0].targetPort Invalid"]),
    ({"spec.ports[0].targetPort": "http"}, []),
    ({"spec.ports[0].targetPort": ""}, []),
    ({"spec.ports[0].targetPort": "80"}, ["spec.ports[0].targetPort Invalid"]),
    ({"spec.ports[0].targetPort": "-x"}, ["spec.ports[0].targetPort Invalid"]),
    ({"spec.ports[0].targetPort": -1}, ["spec.ports[0].targetPort Invalid"]),
    ({"spec.ports[0].protocol": ""}, []),
    ({"spec.ports[0].protocol": "tcp"}, ["spec.ports[0].protocol NotSupported"]),
    ({"spec.ports[0].appProtocol": "kubernetes.io/h2c"}, []),
    ({"spec.ports[0].appProtocol": ""}, ["spec.ports[0].appProtocol Invalid"]),
    # Node ports: one for a number, whatever the protocols.
    ({"spec.ports[1].nodePort": 30080}, ["spec.ports[1].nodePort Invalid"]),
    ({"spec.ports[1]": {"name": "b", "port": 80, "protocol": "UDP", "nodePort": 30080}}, []),
    (
        {"spec.ports[1]": {"name": "b", "port": 80}},
        ["spec.ports[1] Duplicate", "spec.ports[1].nodePort Duplicate"],
    ),
    # What allocation refuses is said alone.
    ({"spec.ports[1].nodePort": 30080, "metadata.name": "x y"}, ["spec.ports[1].nodePort Invalid"]),
    # Session affinity.
    ({"spec.sessionAffinity": "ClientIP"}, []),
    ({"spec.sessionAffinity": "clientip"}, ["spec.sessionAffinity NotSupported"]),
    ({"spec.sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 0}}}, []),
    (
        {
            "spec.sessionAffinity": "ClientIP",
            "spec.sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86401}},
        },
        ["spec.sessionAffinityConfig.clientIP.timeoutSeconds Invalid"],
    ),
    (
        {"spec.sessionAffinity": "ClientIP", "spec.sessionAffinityConfig.clientIP.timeoutSeconds": 0},
        ["spec.sessionAffinityConfig.clientIP.timeoutSeconds Invalid"],
    ),
    # Traffic.
    ({"spec.externalTrafficPolicy": "Local"}, []),
    ({"spec.externalTrafficPolicy": "x"}, ["spec.externalTrafficPolicy NotSupported"]),
    ({"spec.internalTrafficPolicy": ""}, ["spec.internalTrafficPolicy NotSupported"]),
    ({"spec.trafficDistribution": "PreferSameNode"}, []),
    ({"spec.trafficDistribution": "PreferFar"}, ["spec.trafficDistribution NotSupported"]),
    ({"spec.healthCheckNodePort": 31000}, ["spec.healthCheckNodePort Invalid"]),
    ({"spec.externalIPs": ["10.1.2.3"]}, []),
    ({"spec.externalIPs": ["127.0.0.1"]}, ["spec.externalIPs[0] Invalid"]),
    ({"spec.externalIPs": ["010.1.2.3"]}, ["spec.externalIPs[0] Invalid"]),
    ({"spec.externalIPs": ["10.1.2.3", "x"]}, ["spec.externalIPs[1] Invalid"]),
    ({"metadata.annotations": {MODE: "Auto", HINTS: "Auto"}}, []),
    (
        {"metadata.annotations": {MODE: "Auto", HINTS: "x"}},
        [f"metadata.annotations[{MODE}] Invalid"],
    ),
    # Fields of load balancers.
    ({"spec.allocateLoadBalancerNodePorts": False}, ["spec.allocateLoadBalancerNodePorts Forbidden"]),
    ({"spec.loadBalancerClass": "a/b"}, ["spec.loadBalancerClass Forbidden"]),
    ({"spec.loadBalancerSourceRanges": ["10.0.0.0/8"]}, ["spec.LoadBalancerSourceRanges Forbidden"]),
    ({"metadata.annotations": {RANGES: ""}}, [f"metadata.annotations[{RANGES}] Forbidden"]),
]

LOAD_BALANCER = service("LoadBalancer", externalTrafficPolicy="Local")
LOAD_BALANCERS: list[Row] = [
    ({"spec.loadBalancerClass": "a/b"}, []),
    ({"spec.loadBalancerClass": ""}, ["spec.loadBalancerClass Invalid"]),
    ({"spec.loadBalancerSourceRanges": [" 10.0.0.0/8 "]}, []),
    ({"spec.loadBalancerSourceRanges": ["10.0.0.1/8"]}, ["spec.LoadBalancerSourceRanges[0] Invalid"]),
    ({"spec.loadBalancerSourceRanges": ["x"]}, ["spec.LoadBalancerSourceRanges[0] Invalid"]),
    ({"metadata.annotations": {RANGES: "10.0.0.0/8, 11.0.0.0/8"}}, []),
    ({"metadata.annotations": {RANGES: "10.0.0.0/8,"}}, [f"metadata.annotations[{RANGES}] Invalid"]),
    ({"spec.healthCheckNodePort": 31000}, []),
    ({"spec.healthCheckNodePort": 70000}, ["spec.healthCheckNodePort Invalid"]),
    (
        {"spec.healthCheckNodePort": 31000, "spec.ports[0].nodePort": 31000},
        ["spec.healthCheckNodePort Invalid"],
    ),
    ({"spec.clusterIP": "None"}, ["spec.clusterIPs[0] Invalid"]),
]

CLUSTER_IP = service("ClusterIP")
CLUSTER_IPS: list[Row] = [
    ({"spec.clusterIP": "10.0.0.7"}, []),
    ({"spec.clusterIP": "x"}, ["spec.clusterIPs[0] Invalid"]),
    ({"spec.clusterIP": "x", "spec.ports": []}, ["spec.clusterIPs[0] Invalid"]),
    ({"spec.clusterIPs": ["10.0.0.7"]}, ["spec.clusterIPs Invalid"]),
    ({"spec.clusterIP": "10.0.0.8", "spec.clusterIPs": ["10.0.0.7"]}, ["spec.clusterIPs Invalid"]),
    ({"spec.clusterIP": "10.0.0.7", "spec.clusterIPs": ["10.0.0.7"]}, []),
    (
        {"spec.clusterIP": "10.0.0.7", "spec.clusterIPs": ["10.0.0.7", "fd00::7"]},
        ["spec.ipFamilyPolicy Invalid"],
    ),
    (
        {
            "spec.clusterIP": "10.0.0.7",
            "spec.clusterIPs": ["10.0.0.7", "fd00::7"],
            "spec.ipFamilyPolicy": "PreferDualStack",
        },
        [],
    ),
    (
        {
            "spec.clusterIP": "10.0.0.7",
            "spec.clusterIPs": ["10.0.0.7", "10.0.0.8"],
            "spec.ipFamilyPolicy": "PreferDualStack",
        },
        ["spec.clusterIPs Invalid"],
    ),
    ({"spec.clusterIP": "None", "spec.clusterIPs": ["None", "10.0.0.7"]}, ["spec.clusterIPs Invalid"]),
    ({"spec.clusterIP": "10.0.0.7", "spec.ipFamilies": ["IPv6"]}, ["spec.clusterIPs[0] Invalid"]),
    ({"spec.ipFamilies": ["x"]}, ["spec.ipFamilies[0] NotSupported"]),
    (
        {"spec.ipFamilies": ["IPv4", "IPv4"], "spec.ipFamilyPolicy": "PreferDualStack"},
        ["spec.ipFamilies[1] Duplicate"],
    ),
    ({"spec.ipFamilies": ["IPv4", "IPv6"]}, ["spec.ipFamilyPolicy Invalid"]),
    ({"spec.ipFamilyPolicy": "x"}, ["spec.ipFamilyPolicy NotSupported"]),
    ({"spec.externalTrafficPolicy": "Local"}, ["spec.externalTrafficPolicy Invalid"]),
    ({"spec.externalTrafficPolicy": "Local", "spec.externalIPs": ["1.2.3.4"]}, []),
    ({"spec.ports": []}, ["spec.ports Required"]),
    ({"spec.ports": [], "spec.clusterIP": "None"}, []),
]

EXTERNAL_NAME: Fields = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "e"},
    "spec": {"type": "ExternalName", "externalName": "db.example.com"},
}
EXTERNAL_NAMES: list[Row] = [
    ({"spec.externalName": "db.example.com."}, []),
    ({"spec.externalName": "x y"}, ["spec.externalName Invalid"]),
    ({"spec.externalName": ""}, ["spec.externalName Required"]),
    ({"spec.clusterIP": "10.0.0.7"}, ["spec.clusterIPs Forbidden"]),
    ({"spec.ipFamilies": ["IPv4"]}, ["spec.ipFamilies Forbidden"]),
    ({"spec.ipFamilyPolicy": "SingleStack"}, ["spec.ipFamilyPolicy Forbidden"]),
    ({"spec.type": ""}, ["spec.ports Required"]),
]

ENDPOINTS: Fields = {
    "apiVersion": "v1",
    "kind": "Endpoints",
    "metadata": {"name": "e"},
    "subsets": [
        {
            "addresses": [{"ip": "10.0.0.1", "hostname": "h", "nodeName": "n"}],
            "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}],
        }
    ],
}
SUBSETS: list[Row] = [
    ({"subsets[0].addresses": []}, ["subsets[0] Required"]),
    ({"subsets[0].notReadyAddresses": [{"ip": "::1"}]}, ["subsets[0].notReadyAddresses[0].ip Invalid"]),
    ({"subsets[0].addresses[0].ip": "169.254.1.1"}, ["subsets[0].addresses[0].ip Invalid"]),
    ({"subsets[0].addresses[0].ip": "224.0.0.1"}, ["subsets[0].addresses[0].ip Invalid"]),
    ({"subsets[0].addresses[0].ip": "0.0.0.0"}, ["subsets[0].addresses[0].ip Invalid"]),
    ({"subsets[0].addresses[0].ip": "ff02::1"}, ["subsets[0].addresses[0].ip Invalid"]),
    ({"subsets[0].addresses[0].ip": "224.1.0.1"}, []),
    ({"subsets[0].addresses[0].ip": "::ffff:1.2.3.4"}, ["subsets[0].addresses[0].ip Invalid"]),
    ({"subsets[0].addresses[0].ip": ...}, ["subsets[0].addresses[0].ip Invalid"]),
    ({"subsets[0].addresses[0].hostname": "a.b"}, ["subsets[0].addresses[0].hostname Invalid"]),
    ({"subsets[0].addresses[0].hostname": ""}, []),
    ({"subsets[0].addresses[0].nodeName": ""}, ["subsets[0].addresses[0].nodeName Invalid"]),
    ({"subsets[0].ports[0].name": ""}, ["subsets[0].ports[0].name Required"]),
    ({"subsets[0].ports[0].name": "X"}, ["subsets[0].ports[0].name Invalid"]),
    ({"subsets[0].ports[0].port": 0}, ["subsets[0].ports[0].port Invalid"]),
    ({"subsets[0].ports[0].protocol": "x"}, ["subsets[0].ports[0].protocol NotSupported"]),
    ({"subsets[0].ports[0].appProtocol": ""}, ["subsets[0].ports[0].appProtocol Invalid"]),
]

SLICE: Fields = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "s"},
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.0.0.1"], "hints": {"forZones": [{"name": "z"}]}}],
    "ports": [{"name": "a", "port": 80}],
}
SLICES: list[Row] = [
    ({"addressType": ""}, ["addressType Required"]),
    ({"addressType": "x"}, ["addressType NotSupported"]),
    ({"addressType": "IPv6"}, ["endpoints[0].addresses[0] Invalid"]),
    ({"addressType": "FQDN", "endpoints[0].addresses": ["a.example.com."]}, []),
    (
        {"addressType": "FQDN", "endpoints[0].addresses": ["local"]},
        ["endpoints[0].addresses[0] Invalid"],
    ),
    ({"addressType": "FQDN", "endpoints[0].addresses": [""]}, ["endpoints[0].addresses[0] Required"]),
    (
        {"addressType": "FQDN", "endpoints[0].addresses": ["a" * 64 + ".b"]},
        ["endpoints[0].addresses[0] Invalid"],
    ),
    ({"endpoints[0].addresses": ["127.0.0.1"]}, ["endpoints[0].addresses[0] Invalid"]),
    ({"endpoints[0].addresses": []}, ["endpoints[0].addresses Required"]),
    ({"endpoints[0].addresses": ["10.0.0.1"] * 101}, ["endpoints[0].addresses TooMany"]),
    ({"endpoints": [{"addresses": ["10.0.0.1"]}] * 1001}, ["endpoints TooMany"]),
    ({"endpoints[0].hostname": ""}, ["endpoints[0].hostname Invalid"]),
    ({"endpoints[0].nodeName": "x y"}, ["endpoints[0].nodeName Invalid"]),
    ({"endpoints[0].zone": "x y"}, []),
    ({"endpoints[0].hints.forZones[0].name": ...}, []),
    ({"endpoints[0].hints.forZones[0].name": "x y"}, ["endpoints[0].hints.forZones[0].name Invalid"]),
    ({"endpoints[0].hints.forZones[1]": {"name": "z"}}, ["endpoints[0].hints.forZones[1].name Duplicate"]),
    ({"endpoints[0].hints.forNodes": [{}]}, ["endpoints[0].hints.forNodes[0].name Invalid"]),
    (
        {"endpoints[0].hints.forZones": [{"name": str(number)} for number in range(9)]},
        ["endpoints[0].hints.forZones TooMany"],
    ),
    ({"ports[0].port": 70000}, []),
    ({"ports[0].port": ...}, []),
    ({"ports[0].name": "X"}, ["ports[0].name Invalid"]),
    ({"ports[1]": {"name": "a"}}, ["ports[1].name Duplicate"]),
    ({"ports[0].protocol": ""}, ["ports[0].protocol NotSupported"]),
    ({"ports[0].appProtocol": "x y"}, ["ports[0].appProtocol Invalid"]),
]

BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
INGRESS = networking(
    "Ingress",
    {
        "ingressClassName": "x",
        "tls": [{"hosts": ["a.example.com"], "secretName": "tls"}],
        "rules": [
            {
                "host": "a.example.com",
                "http": {"paths": [{"path": "/api", "pathType": "Prefix", "backend": BACKEND}]},
            }
        ],
    },
)
PATH = "spec.rules[0].http.paths[0]"
INGRESSES: list[Row] = [
    ({"spec.rules": []}, ["spec Invalid"]),
    ({"spec.rules": [], "spec.defaultBackend": BACKEND}, []),
    ({"spec.defaultBackend": {}}, ["spec.defaultBackend Invalid"]),
    ({"spec.ingressClassName": ""}, ["spec.ingressClassName Invalid"]),
    ({"spec.ingressClassName": ...}, []),
    ({"metadata.annotations": {"kubernetes.io/ingress.class": "x"}}, []),
    (
        {"metadata.annotations": {"kubernetes.io/ingress.class": "y"}},
        ["annotations.kubernetes.io/ingress.class Invalid"],
    ),
    ({"spec.rules[0].host": "*.example.com"}, []),
    ({"spec.rules[0].host": "*"}, ["spec.rules[0].host Invalid"]),
    ({"spec.rules[0].host": "a.*.example.com"}, ["spec.rules[0].host Invalid"]),
    ({"spec.rules[0].host": "10.0.0.1"}, ["spec.rules[0].host Invalid"]),
    ({"spec.rules[0].http": ...}, []),
    ({"spec.rules[0].http.paths": []}, ["spec.rules[0].http.paths Required"]),
    ({f"{PATH}.path": ""}, [f"{PATH}.path Invalid"]),
    ({f"{PATH}.path": "api"}, [f"{PATH}.path Invalid"]),
    ({f"{PATH}.path": "/a//b"}, [f"{PATH}.path Invalid"]),
    ({f"{PATH}.path": "/a/.."}, [f"{PATH}.path Invalid"]),
    ({f"{PATH}.path": "/a%2Fb"}, [f"{PATH}.path Invalid"]),
    ({f"{PATH}.path": "/a/../b", f"{PATH}.pathType": "ImplementationSpecific"}, []),
    ({f"{PATH}.path": "", f"{PATH}.pathType": "ImplementationSpecific"}, []),
    ({f"{PATH}.path": "a", f"{PATH}.pathType": "ImplementationSpecific"}, [f"{PATH}.path Invalid"]),
    ({f"{PATH}.pathType": "prefix"}, [f"{PATH}.pathType NotSupported"]),
    ({f"{PATH}.pathType": ..., f"{PATH}.backend": {}}, [f"{PATH}.pathType Required"]),
    ({f"{PATH}.backend.service.name": "1web"}, []),
    ({f"{PATH}.backend.service.name": "Web"}, [f"{PATH}.backend.service.name Invalid"]),
    ({f"{PATH}.backend.service.name": ""}, [f"{PATH}.backend.service.name Required"]),
    ({f"{PATH}.backend.service.port": {}}, [f"{PATH}.backend Required"]),
    ({f"{PATH}.backend.service.port.name": "http"}, [f"{PATH}.backend Invalid"]),
    ({f"{PATH}.backend.service.port": {"name": "80"}}, [f"{PATH}.backend.service.port.name Invalid"]),
    ({f"{PATH}.backend.service.port.number": -1}, [f"{PATH}.backend.service.port.number Invalid"]),
    ({f"{PATH}.backend.resource": {"kind": "K", "name": "n"}}, [f"{PATH}.backend Invalid"]),
    ({f"{PATH}.backend": {"resource": {"kind": "K", "name": "n"}}}, []),
    (
        {f"{PATH}.backend": {"resource": {"apiGroup": "", "kind": "a/b", "name": ""}}},
        [
            f"{PATH}.backend.resource.apiGroup Invalid",
            f"{PATH}.backend.resource.kind Invalid",
            f"{PATH}.backend.resource.name Required",
        ],
    ),
    ({"spec.tls[0].hosts": ["*.example.com", "x y"]}, ["spec.tls[0].hosts[1] Invalid"]),
    ({"spec.tls[0].secretName": ""}, []),
    ({"spec.tls[0].secretName": "X"}, ["spec.tls[0].secretName Invalid"]),
]

INGRESS_CLASS = networking(
    "IngressClass", {"controller": "a.b/c", "parameters": {"apiGroup": "a.b", "kind": "K", "name": "n"}}
)
INGRESS_CLASSES: list[Row] = [
    ({"spec.controller": ""}, ["spec.controller Required"]),
    ({"spec.controller": "x"}, ["spec.controller Invalid"]),
    ({"spec.controller": "a.b/x y"}, ["spec.controller Invalid"]),
    ({"spec.controller": f"a.b/{LONG}"}, ["spec.controller TooLong"]),
    ({"spec.parameters": {}}, ["spec.parameters.kind Required", "spec.parameters.name Required"]),
    ({"spec.parameters.scope": "x"}, ["spec.parameters.scope NotSupported"]),
    ({"spec.parameters.scope": "Namespace"}, ["spec.parameters.namespace Required"]),
    ({"spec.parameters.namespace": "ns"}, ["spec.parameters.namespace Forbidden"]),
    (
        {"spec.parameters.scope": "Namespace", "spec.parameters.namespace": "x y"},
        ["spec.parameters.namespace Invalid"],
    ),
]

POLICY = networking(
    "NetworkPolicy",
    {
        "podSelector": {},
        "ingress": [
            {
                "from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
                "ports": [{"port": 80, "endPort": 90}],
            }
        ],
    },
)
PEER, PORT = "spec.ingress[0].from[0]", "spec.ingress[0].ports[0]"
POLICIES: list[Row] = [
    ({"spec": {}}, []),
    ({"spec.podSelector": {"matchLabels": {"a": "x y"}}}, ["spec.podSelector.matchLabels Invalid"]),
    ({"spec.policyTypes": ["Egress", ""]}, ["spec.policyTypes[1] NotSupported"]),
    ({"spec.policyTypes": ["Egress"] * 3}, ["spec.policyTypes Invalid"]),
    ({PEER: {}}, [f"{PEER} Required"]),
    ({f"{PEER}.podSelector": {}}, [f"{PEER} Forbidden"]),
    ({PEER: {"podSelector": {}, "namespaceSelector": {}}}, []),
    ({f"{PEER}.ipBlock.cidr": ""}, [f"{PEER}.ipBlock.cidr Required"]),
    ({f"{PEER}.ipBlock.cidr": "10.0.0.1"}, [f"{PEER}.ipBlock.cidr Invalid"]),
    ({f"{PEER}.ipBlock.cidr": "10.0.0.1/8"}, [f"{PEER}.ipBlock.cidr Invalid"]),
    ({f"{PEER}.ipBlock.cidr": "11.0.0.0/8"}, [f"{PEER}.ipBlock.except[0] Invalid"]),
    ({f"{PEER}.ipBlock.cidr": "fd00::/8"}, [f"{PEER}.ipBlock.except[0] Invalid"]),
    ({f"{PEER}.ipBlock.except": ["10.0.0.0/8"]}, [f"{PEER}.ipBlock.except[0] Invalid"]),
    ({f"{PORT}.port": "http", f"{PORT}.endPort": ...}, []),
    ({f"{PORT}.port": "http"}, [f"{PORT}.endPort Invalid"]),
    ({f"{PORT}.port": ...}, [f"{PORT}.endPort Invalid"]),
    ({f"{PORT}.port": "", f"{PORT}.endPort": ...}, [f"{PORT}.port Invalid"]),
    ({f"{PORT}.endPort": 80}, []),
    ({f"{PORT}.endPort": 79}, [f"{PORT}.endPort Invalid"]),
    ({f"{PORT}.endPort": 0}, [f"{PORT}.endPort Invalid"]),
    ({f"{PORT}.protocol": ""}, [f"{PORT}.protocol NotSupported"]),
    (
        {"spec.egress": [{"to": [{}], "ports": [{"port": 0}]}]},
        ["spec.egress[0].ports[0].port Invalid", "spec.egress[0].to[0] Required"],
    ),
]

SERVICE_CIDR = networking("ServiceCIDR", {"cidrs": ["10.0.0.0/8"]})
SERVICE_CIDRS: list[Row] = [
    ({"spec.cidrs": []}, ["spec.cidrs Required"]),
    ({"spec.cidrs": ["10.0.0.0/8", "fd00::/64"]}, []),
    ({"spec.cidrs": ["10.0.0.0/8", "11.0.0.0/8"]}, ["spec.cidrs Invalid"]),
    ({"spec.cidrs": ["10.0.0.0/8"] * 3}, ["spec.cidrs Invalid"]),
    ({"spec.cidrs": ["FD00::/64"]}, ["spec.cidrs[0] Invalid"]),
]
IP_ADDRESS = networking("IPAddress", {"parentRef": {"resource": "services", "name": "n"}}, "fd00::1")
IP_ADDRESSES: list[Row] = [
    ({"metadata.name": "FD00::1"}, ["metadata.name Invalid"]),
    ({"metadata.name": "n"}, ["metadata.name Invalid"]),
    ({"spec": {}}, ["spec.parentRef Required"]),
    ({"spec.parentRef": {}}, ["spec.parentRef.name Required", "spec.parentRef.resource Required"]),
    ({"spec.parentRef.group": "X"}, ["spec.parentRef.group Invalid"]),
    ({"spec.parentRef.namespace": "a/b"}, ["spec.parentRef.namespace Invalid"]),
]

TABLES = [
    (NODE_PORT, NODE_PORTS),
    (LOAD_BALANCER, LOAD_BALANCERS),
    (CLUSTER_IP, CLUSTER_IPS),
    (EXTERNAL_NAME, EXTERNAL_NAMES),
    (ENDPOINTS, SUBSETS),
    (SLICE, SLICES),
    (INGRESS, INGRESSES),
    (INGRESS_CLASS, INGRESS_CLASSES),
    (POLICY, POLICIES),
    (SERVICE_CIDR, SERVICE_CIDRS),
    (IP_ADDRESS, IP_ADDRESSES),
]


@pytest.mark.parametrize(
    ("base", "changes", "expected"), [(base, *row) for base, rows in TABLES for row in rows]
)
def test_creation(base: Fields, changes: Fields, expected: list[str]) -> None:
    assert told(validate(base)) == []
    assert told(validate(changed(base, **changes))) == expected


HEADLESS = service("ClusterIP", clusterIP="None")
DUAL = service(
    "ClusterIP",
    clusterIP="10.0.0.7",
    clusterIPs=["10.0.0.7", "fd00::7"],
    ipFamilies=["IPv4", "IPv6"],
    ipFamilyPolicy="RequireDualStack",
)
UPDATES: list[tuple[Fields, dict[str, Any], list[str]]] = [
    # What was allocated may be left out, and stays.
    (DUAL, {"spec.clusterIP": ..., "spec.clusterIPs": ..., "spec.ipFamilies": ...}, []),
    (HEADLESS, {"spec.clusterIP": ...}, []),
    (HEADLESS, {"spec.clusterIP": ..., "spec.ports": []}, []),
    (HEADLESS, {"spec.clusterIP": "10.0.0.7"}, ["spec.clusterIPs[0] Invalid"]),
    (HEADLESS, {"spec.clusterIP": "x", "spec.ports[0].port": 0}, ["spec.clusterIPs[0] Invalid"]),
    (CLUSTER_IP, {"spec.clusterIP": "10.0.0.7"}, ["spec.clusterIPs[0] Invalid"]),
    (CLUSTER_IP, {"spec.ipFamilies": ["IPv6"]}, ["spec.clusterIPs[0] Invalid"]),
    # Who knows the first address only can't mean the second one.
    (DUAL, {"spec.clusterIP": "10.0.0.8"}, ["spec.ipFamilyPolicy Invalid"]),
    (DUAL, {"spec.clusterIPs[1]": "fd00::8"}, ["spec.clusterIPs[1] Invalid"]),
    (DUAL, {"spec.clusterIPs": ["10.0.0.7"]}, ["spec.ipFamilyPolicy Invalid"]),
    (DUAL, {"spec.ipFamilyPolicy": "SingleStack"}, []),
    # Types.
    (NODE_PORT, {"spec.type": "ClusterIP"}, []),
    (
        NODE_PORT,
        {"spec.type": "ClusterIP", "spec.ports[0].nodePort": 1},
        ["spec.ports[0].nodePort Forbidden"],
    ),
    (
        NODE_PORT,
        {"spec.type": "ExternalName", "spec.externalName": "a.b", "spec.ports[0].nodePort": ...},
        [],
    ),
    (DUAL, {"spec.type": "ExternalName", "spec.externalName": "a.b"}, []),
    (
        DUAL,
        {"spec.type": "ExternalName", "spec.externalName": "a.b", "spec.clusterIP": "10.0.0.8"},
        ["spec.clusterIPs Forbidden"],
    ),
    (EXTERNAL_NAME, {"spec.type": "ClusterIP", "spec.ports": [{"port": 80}]}, []),
    (EXTERNAL_NAME, {"spec": {}}, ["spec.ports Required"]),
    # Node ports go with the names of ports.
    (NODE_PORT, {"spec.ports[0].nodePort": ...}, []),
    (NODE_PORT, {"spec.ports[1].name": "a"}, ["spec.ports[1].name Duplicate"]),
    (
        NODE_PORT,
        {"spec.ports[0].nodePort": ..., "spec.ports[1].name": "a"},
        ["spec.ports[1].name Duplicate", "spec.ports[1].nodePort Duplicate"],
    ),
    (
        NODE_PORT,
        {"spec.ports[2]": {"name": "c", "port": 81}},
        ["spec.ports[2] Duplicate"],
    ),
    # Load balancers.
    (LOAD_BALANCER, {"spec.loadBalancerClass": "a/b"}, ["spec.loadBalancerClass Invalid"]),
    (LOAD_BALANCER, {"spec.healthCheckNodePort": 31000}, ["spec.healthCheckNodePort Forbidden"]),
    (LOAD_BALANCER, {"spec.externalTrafficPolicy": "Cluster"}, []),
    (LOAD_BALANCER, {"spec.type": "NodePort"}, []),
    (service("LoadBalancer", loadBalancerClass="a/b"), {"spec.type": "NodePort"}, []),
    (NODE_PORT, {"spec.type": "LoadBalancer", "spec.loadBalancerClass": "a/b"}, []),
    # Others.
    (SLICE, {"addressType": "FQDN", "endpoints": []}, ["addressType Invalid"]),
    (INGRESS, {"metadata.annotations": {"kubernetes.io/ingress.class": "y"}}, []),
    (INGRESS, {"spec.rules": []}, ["spec Invalid"]),
    (INGRESS_CLASS, {"spec.controller": "a.b/d"}, ["spec.controller Invalid"]),
    (POLICY, {"spec.policyTypes": ["x"]}, ["spec.policyTypes[0] NotSupported"]),
    (SERVICE_CIDR, {"spec.cidrs": ["11.0.0.0/8"]}, ["spec.cidrs[0] Invalid"]),
    (SERVICE_CIDR, {"spec.cidrs": ["10.0.0.0/8", "fd00::/64"]}, []),
    (SERVICE_CIDR, {"spec.cidrs": ["10.0.0.0/8", "11.0.0.0/8"]}, ["spec.cidrs Invalid"]),
    (SERVICE_CIDR, {"spec.cidrs": ["10.0.0.0/8"] * 3}, ["spec.cidrs Invalid"]),
    (IP_ADDRESS, {"spec.parentRef.name": "m"}, ["spec.parentRef Invalid"]),
]


@pytest.mark.parametrize(("base", "changes", "expected"), UPDATES)
def test_change(base: Fields, changes: Fields, expected: list[str]) -> None:
    assert told(validate_update(base, base)) == []
    assert told(validate_update(base, changed(base, **changes))) == expected


def test_messages_are_the_servers() -> None:
    problems = validate(changed(NODE_PORT, **{"spec.ports[1].name": "a", "spec.ports[0].port": 0}))
    assert [str(problem) for problem in problems] == [
        "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
        'spec.ports[1].name: Duplicate value: "a"',
    ]


def test_defaults() -> None:
    spec = set_defaults(service("LoadBalancer", sessionAffinity="ClientIP"))["spec"]
    assert spec["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}
    lasting = {"clientIP": {"timeoutSeconds": 5}}
    spec = set_defaults(service("LoadBalancer", sessionAffinityConfig=lasting))["spec"]
    assert "sessionAffinityConfig" not in spec
    assert spec["allocateLoadBalancerNodePorts"] is True
    assert (spec["externalTrafficPolicy"], spec["internalTrafficPolicy"]) == ("Cluster", "Cluster")
    assert set_defaults(EXTERNAL_NAME)["spec"] == {**EXTERNAL_NAME["spec"], "sessionAffinity": "None"}
    policy = set_defaults(networking("NetworkPolicy", {"egress": [{}]}))
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


HARD = ["", "None", "::1", 0, -1, None, [None], {}]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(TABLES) - 1), st.integers(0, 100), st.one_of(values, st.sampled_from(HARD)))
def test_rules_never_raise(table: int, place: int, value: Any) -> None:
    base = TABLES[table][0]
    obj = copy(base)
    places = list(_places(obj))
    *parents, last = places[place % len(places)]
    target: Any = obj
    for step in parents:
        target = target[step]
    target[last] = value
    validate(obj)
    validate_update(base, obj)


def _places(value: Any, at: tuple[Any, ...] = ()) -> Any:
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        if at or key not in ("apiVersion", "kind"):
            yield (*at, key)
            if isinstance(child, dict | list):
                yield from _places(child, (*at, key))
