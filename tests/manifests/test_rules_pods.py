"""Rules on pods: for each a few values that the API server takes, and that it refuses, with its exact paths."""

# ruff: noqa: E501 (rows are as long as the paths in them)

from __future__ import annotations

from typing import Any

import pytest
from rule_tables import Changes, changed, refusals, refusals_of_change

from minikctl.manifests import validate

Row = tuple[Changes, list[str]]
C = "spec.containers[0]"
OTHER: dict[str, Any] = {"name": "b", "image": "b:1"}


def pod() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "a", "image": "a:1"}]},
    }


def deployment() -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": pod()["spec"]}
    spec = {"selector": {"matchLabels": {"app": "a"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}


def volume(**source: Any) -> Changes:
    return {"spec.volumes": [{"name": "v", **source}]}


CONTAINERS: list[Row] = [
    ({f"{C}.imagePullPolicy": "", f"{C}.terminationMessagePolicy": "FallbackToLogsOnError"}, []),
    ({f"{C}.image": " a"}, [f"{C}.image Invalid"]),
    ({f"{C}.terminationMessagePolicy": "x"}, [f"{C}.terminationMessagePolicy NotSupported"]),
    ({"spec.containers[1]": {**OTHER, "name": "a"}}, ["spec.containers[1].name Duplicate"]),
    ({"spec.initContainers": [{"name": "a", "image": "x"}]}, ["spec.initContainers[0].name Duplicate"]),
    ({f"{C}.restartPolicy": "Never"}, []),
    ({f"{C}.restartPolicy": ""}, [f"{C}.restartPolicy NotSupported"]),
    ({f"{C}.restartPolicyRules": [{}]},
     [f"{C}.restartPolicy Required", f"{C}.restartPolicyRules[0].action NotSupported",
      f"{C}.restartPolicyRules[0].exitCodes Required"]),
    ({f"{C}.resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}]}, []),
    ({f"{C}.resizePolicy": [{"resourceName": "x", "restartPolicy": ""}]},
     [f"{C}.resizePolicy NotSupported", f"{C}.resizePolicy Required"]),
    ({"spec.initContainers": [{**OTHER, "lifecycle": {}}]}, ["spec.initContainers[0].lifecycle Forbidden"]),
    ({"spec.initContainers": [{**OTHER, "restartPolicy": "Always", "lifecycle": {}}]}, []),
    ({"spec.ephemeralContainers": [{**OTHER, "ports": [{"containerPort": 1}]}]},
     ["spec.ephemeralContainers Forbidden", "spec.ephemeralContainers[0].ports Forbidden"]),
]  # fmt: skip

PORTS: list[Row] = [
    ({f"{C}.ports": [{"containerPort": 80, "hostIP": "anything"}]}, []),
    ({f"{C}.ports": [{"containerPort": 0, "name": "UP", "protocol": "x"}]},
     [f"{C}.ports[0].containerPort Required", f"{C}.ports[0].name Invalid",
      f"{C}.ports[0].protocol NotSupported"]),
    ({f"{C}.ports": [{"containerPort": 1, "hostPort": 8}, {"containerPort": 2, "hostPort": 8}]},
     [f"{C}.ports[1].hostPort Duplicate"]),
    ({f"{C}.ports": [{"containerPort": 1, "hostPort": 8}], "spec.hostNetwork": True},
     [f"{C}.ports[0].hostPort Invalid"]),
    ({f"{C}.ports": [{"containerPort": 1}], "spec.hostNetwork": True}, []),
    ({f"{C}.ports": [{"name": "x"}], "spec.hostNetwork": True}, [f"{C}.ports[0].containerPort Required"]),
]  # fmt: skip

ENVIRONMENT: list[Row] = [
    ({f"{C}.env": [{"name": "x y", "value": "1"}]}, []),
    ({f"{C}.env": [{"name": "a=b"}, {"value": "1"}]}, [f"{C}.env[0].name Invalid", f"{C}.env[1].name Required"]),
    ({f"{C}.env": [{"name": "a", "valueFrom": {}}]}, [f"{C}.env[0].valueFrom Invalid"]),
    ({f"{C}.env": [{"name": "a", "valueFrom": {"secretKeyRef": {"name": "s", "key": "a b"}}}]},
     [f"{C}.env[0].valueFrom.secretKeyRef.key Invalid"]),
    ({f"{C}.env": [{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "status.phase"}}}]},
     [f"{C}.env[0].valueFrom.fieldRef.fieldPath NotSupported"]),
    ({f"{C}.env": [{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "bogus"}}}]},
     [f"{C}.env[0].valueFrom.fieldRef.fieldPath Invalid"]),
    ({f"{C}.env": [{"name": "a", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a b']"}}}]},
     [f"{C}.env[0].valueFrom.fieldRef Invalid"]),
    ({f"{C}.env": [{"name": "a", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "2"}}}]},
     [f"{C}.env[0].valueFrom.resourceFieldRef.divisor Invalid"]),
    ({f"{C}.env": [{"name": "a", "valueFrom": {"fileKeyRef": {"key": "k", "path": "p", "volumeName": "v"}}}]},
     [f"{C}.env[0].valueFrom.fileKeyRef.volumeName NotFound"]),
    ({f"{C}.envFrom": [{}]}, [f"{C}.envFrom Invalid"]),
    ({f"{C}.envFrom": [{"configMapRef": {"name": "c-"}}, {"secretRef": {}}]},
     [f"{C}.envFrom[1].secretRef.name Required"]),
]  # fmt: skip

RESOURCES: list[Row] = [
    ({f"{C}.resources.limits": {"cpu": 7, "memory": "1.5Gi", "example.com/gpu": "2"}}, []),
    ({f"{C}.resources.limits": {"cpux": "1"}},
     [f"{C}.resources.limits[cpux] Invalid", f"{C}.resources.requests[cpux] Invalid"]),
    ({f"{C}.resources.requests": {"example.com/gpu": "1.5"}},
     [f"{C}.resources.limits Required", f"{C}.resources.requests[example.com/gpu] Invalid"]),
    ({f"{C}.resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}, [f"{C}.resources.requests Invalid"]),
    ({f"{C}.resources.limits": {"hugepages-2Mi": "3Mi"}},
     [f"{C}.resources Forbidden", f"{C}.resources.limits[hugepages-2Mi] Invalid",
      f"{C}.resources.requests[hugepages-2Mi] Invalid"]),
    ({f"{C}.resources.claims": [{"name": "x"}]}, [f"{C}.resources.claims[0] NotFound"]),
    ({f"{C}.resources.claims": [{"name": "x"}], "spec.resourceClaims": [{"name": "x", "resourceClaimName": "c"}]}, []),
    ({f"{C}.resources.claims": [{"name": "x", "request": "r"}, {"name": "x", "request": "s"}],
      "spec.resourceClaims": [{"name": "x", "resourceClaimName": "c"}]}, []),
    ({f"{C}.resources.claims": [{"name": "x", "request": "r"}, {"name": "x"}],
      "spec.resourceClaims": [{"name": "x", "resourceClaimName": "c"}]}, [f"{C}.resources.claims[1] Duplicate"]),
    ({f"{C}.resources.claims": [{"name": "x"}, {"name": "x", "request": "r"}],
      "spec.resourceClaims": [{"name": "x", "resourceClaimName": "c"}]}, [f"{C}.resources.claims[1] Duplicate"]),
    ({"spec.resourceClaims": [{"name": "x"}]}, ["spec.resourceClaims[0] Invalid"]),
    ({"spec.resources": {"requests": {"cpu": "1"}}, f"{C}.resources.requests": {"cpu": "2"}},
     ["spec.resources.requests[cpu] Invalid"]),
    ({"spec.overhead": {"x": "1"}}, ["spec.overhead.limits[x] Invalid"]),
]  # fmt: skip

HANDLERS: list[Row] = [
    ({f"{C}.livenessProbe": {"httpGet": {"port": "web"}}}, []),
    ({f"{C}.livenessProbe": {"tcpSocket": {}, "grpc": {"port": 1}}},
     [f"{C}.livenessProbe.grpc Forbidden", f"{C}.livenessProbe.tcpSocket.port Invalid"]),
    ({f"{C}.livenessProbe": {"exec": {"command": ["a"]}, "successThreshold": 2}},
     [f"{C}.livenessProbe.successThreshold Invalid"]),
    ({f"{C}.readinessProbe": {"exec": {}, "terminationGracePeriodSeconds": 0}},
     [f"{C}.readinessProbe.exec.command Required", f"{C}.readinessProbe.terminationGracePeriodSeconds Invalid"]),
    ({f"{C}.startupProbe": {"httpGet": {"port": 1, "scheme": "x", "httpHeaders": [{"name": "a b"}]}}},
     [f"{C}.startupProbe.httpGet.httpHeaders Invalid", f"{C}.startupProbe.httpGet.scheme NotSupported"]),
    ({f"{C}.lifecycle": {"preStop": {"sleep": {"seconds": 31}}, "postStart": {}}},
     [f"{C}.lifecycle.postStart Required", f"{C}.lifecycle.preStop.sleep Invalid"]),
    ({f"{C}.lifecycle": {"stopSignal": "SIGUSR1"}}, [f"{C}.lifecycle.stopSignal Forbidden"]),
    ({f"{C}.lifecycle": {"stopSignal": "SIGRTMIN+3"}, "spec.os": {"name": "linux"}}, []),
]  # fmt: skip

SECURITY: list[Row] = [
    ({f"{C}.securityContext": {"runAsUser": 0, "capabilities": {"add": ["x y"]}}}, []),
    ({f"{C}.securityContext": {"allowPrivilegeEscalation": False, "privileged": True}}, [f"{C}.securityContext Invalid"]),
    ({f"{C}.securityContext": {"procMount": "Unmasked"}}, [f"{C}.securityContext.procMount Invalid"]),
    ({f"{C}.securityContext": {"procMount": "Unmasked"}, "spec.hostUsers": False}, []),
    ({"spec.hostUsers": False, "spec.hostPID": True}, ["spec.HostPID Forbidden"]),
    ({"spec.securityContext.seccompProfile": {"type": "Localhost", "localhostProfile": ""}}, []),
    ({"spec.securityContext.seccompProfile": {"type": "Localhost"}},
     ["spec.securityContext.seccompProfile.localhostProfile Required"]),
    ({"spec.securityContext.appArmorProfile": {"type": "x"}}, ["spec.securityContext.appArmorProfile.type NotSupported"]),
    ({"spec.securityContext.sysctls": [{"name": "net/core/a"}, {"name": "-a"}]},
     ["spec.securityContext.sysctls[1].name Invalid"]),
    ({"spec.securityContext.sysctls": [{"name": "net.core.a"}], "spec.hostNetwork": True},
     ["spec.securityContext.sysctls[0].name Invalid"]),
    ({"spec.securityContext.fsGroupChangePolicy": ""}, ["spec.securityContext.fsGroupChangePolicy NotSupported"]),
    ({"spec.securityContext.supplementalGroups": [1, -1]}, ["spec.securityContext.supplementalGroups[1] Invalid"]),
    ({"spec.securityContext.windowsOptions": {"runAsUserName": "a\\b\\c"}},
     ["spec.securityContext.windowsOptions.runAsUserName Invalid"]),
    ({"spec.os": {"name": "windows"}, "spec.hostPID": True, f"{C}.securityContext": {"privileged": False}},
     [f"{C}.securityContext.privileged Forbidden", "spec.hostPID Forbidden"]),
    ({"spec.os": {"name": "plan9"}}, ["spec.os NotSupported"]),
    ({f"{C}.securityContext": {"windowsOptions": {"hostProcess": True}}}, ["spec.hostNetwork Invalid"]),
]  # fmt: skip

NAMES: list[Row] = [
    ({"spec.hostname": "a.b"}, ["spec.hostname Invalid"]),
    ({"spec.runtimeClassName": ""}, ["spec.runtimeClassName Invalid"]),
    ({"spec.priorityClassName": ""}, []),
    ({"spec.hostnameOverride": "a.b", "spec.hostNetwork": True}, ["spec.hostnameOverride Forbidden"]),
    ({"spec.hostAliases": [{"ip": "010.0.0.1", "hostnames": ["-a"]}]},
     ["spec.hostAliases[0].hostnames[0] Invalid", "spec.hostAliases[0].ip Invalid"]),
    ({"spec.dnsPolicy": "None"}, ["spec.dnsConfig Required"]),
    ({"spec.dnsPolicy": "None", "spec.dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["_a.b."]}}, []),
    ({"spec.dnsConfig": {"nameservers": ["x"], "options": [{"value": "1"}]}},
     ["spec.dnsConfig.nameservers[0] Invalid", "spec.dnsConfig.options[0] Required"]),
    ({"spec.schedulingGates": [{"name": "a"}, {"name": "a"}], "spec.nodeName": "n"},
     ["spec.nodeName Forbidden", "spec.schedulingGates[1] Duplicate"]),
    ({"spec.readinessGates": [{"conditionType": "a b"}]}, ["spec.readinessGates[0].conditionType Invalid"]),
    ({"spec.preemptionPolicy": "x"}, ["spec.preemptionPolicy NotSupported"]),
]  # fmt: skip

TERM = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
NODES = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution"
SPREAD = {"maxSkew": 1, "topologyKey": "x y", "whenUnsatisfiable": "DoNotSchedule"}
PLACEMENT: list[Row] = [
    ({"spec.nodeSelector": {"a": "-"}}, ["spec.nodeSelector Invalid"]),
    ({NODES: {}}, [f"{TERM} Required"]),
    ({NODES: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a b", "operator": "In", "values": ["-"]}]}]}},
     [f"{TERM}[0].matchExpressions[0].key Invalid", f"{TERM}[0].matchExpressions[0].values[0] Invalid"]),
    ({NODES: {"nodeSelectorTerms": [{"matchFields": [{"key": "x", "operator": "In", "values": ["a"]}]}]}},
     [f"{TERM}[0].matchFields[0].key Invalid"]),
    ({"spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution":
      [{"weight": 101, "preference": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["-"]}]}}]},
     ["spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight Invalid"]),
    ({PREFERRED: [{"weight": 0, "podAffinityTerm": {"topologyKey": "a"}}]}, [f"{PREFERRED}[0].weight Invalid"]),
    ({PREFERRED: [{"weight": 1, "podAffinityTerm": {"topologyKey": "a"}}]}, []),
    ({PREFERRED: [{"weight": 1}]},
     [f"{PREFERRED}[0].podAffinityTerm.topologyKey Invalid", f"{PREFERRED}[0].podAffinityTerm.topologyKey Required"]),
    ({PREFERRED: [{"weight": 1, "podAffinityTerm": {"topologyKey": "a", "matchLabelKeys": ["x"]}}]},
     [f"{PREFERRED}[0].podAffinityTerm.matchLabelKeys Forbidden"]),
    ({"spec.topologySpreadConstraints": [SPREAD]}, []),
    ({"spec.topologySpreadConstraints": [SPREAD, SPREAD]},
     ["spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable} Duplicate"]),
    ({"spec.topologySpreadConstraints": [{**SPREAD, "maxSkew": 0, "minDomains": 0, "nodeTaintsPolicy": ""}]},
     ["spec.topologySpreadConstraints[0].maxSkew Invalid", "spec.topologySpreadConstraints[0].minDomains Invalid",
      "spec.topologySpreadConstraints[0].nodeTaintsPolicy NotSupported"]),
    ({"metadata.labels": {"app": "a"}, "spec.topologySpreadConstraints":
      [{**SPREAD, "labelSelector": {"matchLabels": {"app": "a"}}, "matchLabelKeys": ["app"]}]},
     ["spec.topologySpreadConstraints[0][0] Invalid"]),
    ({"spec.tolerations": [{"key": "a", "operator": "Gt", "value": "x"}]}, ["spec.tolerations[0].value Invalid"]),
    ({"spec.tolerations": [{"key": "a", "operator": "Gt", "value": "1" * 5000}]}, ["spec.tolerations[0].value Invalid"]),
    ({"spec.tolerations": [{"key": "a", "operator": "Gt", "value": str(-(2**63))}]}, []),
    ({"spec.tolerations": [{"key": "a", "operator": "Gt", "value": str(2**63)}]}, ["spec.tolerations[0].value Invalid"]),
    ({"spec.tolerations": [{"key": "a", "tolerationSeconds": 0}]}, ["spec.tolerations[0].effect Invalid"]),
]  # fmt: skip

V = "spec.volumes[0]"
VOLUMES: list[Row] = [
    (volume(), []),
    (volume(emptyDir={"sizeLimit": "-1"}), [f"{V}.emptyDir.sizeLimit Forbidden"]),
    (volume(emptyDir={}, hostPath={"path": "/"}), [f"{V}.hostPath Forbidden"]),
    (volume(hostPath={"path": "a/../b", "type": "x"}), [f"{V}.hostPath.path Invalid", f"{V}.hostPath.type NotSupported"]),
    (volume(configMap={"name": "c", "defaultMode": 512}), [f"{V}.configMap.defaultMode Invalid"]),
    (volume(configMap={"name": "c", "items": [{"key": "k", "path": "..x", "mode": -1}]}),
     [f"{V}.configMap.items[0].mode Invalid", f"{V}.configMap.items[0].path Invalid"]),
    (volume(secret={}), [f"{V}.secret.secretName Required"]),
    (volume(downwardAPI={"items": [{"path": "a"}]}), [f"{V}.downwardAPI Required"]),
    (volume(downwardAPI={"items": [{"path": "a", "resourceFieldRef": {"resource": "limits.cpu"}}]}),
     [f"{V}.downwardAPI.resourceFieldRef.containerName Required"]),
    (volume(projected={"sources": [{}]}), []),
    (volume(projected={"sources": [{"configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}}] * 2}),
     [f"{V}.projected Invalid"]),
    (volume(projected={"sources": [{"serviceAccountToken": {"expirationSeconds": 1}, "secret": {"name": "s"}}]}),
     [f"{V}.projected.path Required", f"{V}.projected.sources[0] Forbidden",
      f"{V}.projected.sources[0].serviceAccountToken.expirationSeconds Invalid"]),
    (volume(projected={"sources": [{"clusterTrustBundle": {"path": "a"}}]}),
     [f"{V}.projected.sources[0].clusterTrustBundle Required"]),
    (volume(persistentVolumeClaim={}), [f"{V}.persistentVolumeClaim.claimName Required"]),
    (volume(ephemeral={}), [f"{V}.ephemeral.volumeClaimTemplate Required"]),
    (volume(ephemeral={"volumeClaimTemplate": {"metadata": {"name": "x"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}),
     [f"{V}.ephemeral.volumeClaimTemplate.metadata.name Forbidden"]),
    (volume(csi={"driver": "a b", "nodePublishSecretRef": {"name": "-"}}), [f"{V}.csi.driver Invalid", f"{V}.csi.name Invalid"]),
    (volume(image={}), [f"{V}.image.reference Required"]),
    (volume(image={"reference": "a:1", "pullPolicy": "x"}), [f"{V}.image.pullPolicy NotSupported"]),
    (volume(nfs={"server": "s", "path": "a"}), [f"{V}.nfs.path Invalid"]),
    (volume(iscsi={"targetPortal": "p", "iqn": "x", "lun": 256}), [f"{V}.iscsi.iqn Invalid", f"{V}.iscsi.lun Invalid"]),
    (volume(fc={"targetWWNs": ["a"], "lun": 0}), []),
    (volume(gcePersistentDisk={"partition": 256}),
     [f"{V}.persistentDisk.partition Invalid", f"{V}.persistentDisk.pdName Required"]),
    (volume(azureDisk={"diskName": "a", "diskURI": "x", "kind": "Managed"}), [f"{V}.azureDisk.diskURI NotSupported"]),
    (volume(flexVolume={"driver": "d", "options": {"a.kubernetes.io/b": "c"}}),
     [f"{V}.flexVolume.options[a.kubernetes.io/b] Invalid"]),
    (volume(quobyte={"registry": "a", "volume": "v"}), [f"{V}.quobyte.registry Invalid"]),
    (volume(gitRepo={"repository": "r", "directory": "/a"}), [f"{V}.gitRepo.directory Invalid"]),
    ({"spec.volumes": [{"name": "v"}, {"name": "v"}]}, ["spec.volumes[1].name Duplicate"]),
]  # fmt: skip

M = f"{C}.volumeMounts"
MOUNTS: list[Row] = [
    ({**volume(), M: [{"name": "v", "mountPath": "rel"}]}, []),
    ({M: [{"name": "v", "mountPath": "/v"}]}, [f"{M}[0].name NotFound"]),
    ({**volume(secret={}), M: [{"name": "v", "mountPath": "/v"}]}, [f"{M}[0].name NotFound", f"{V}.secret.secretName Required"]),
    ({**volume(), M: [{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/v"}]}, [f"{M}[1].mountPath Invalid"]),
    ({**volume(), M: [{"name": "v", "mountPath": "/v", "subPath": "../a"}]}, [f"{M}.subPath Invalid"]),
    ({**volume(), M: [{"name": "v", "mountPath": "/v", "mountPropagation": "Bidirectional"}]},
     [f"{M}.mountPropagation Forbidden"]),
    ({**volume(), M: [{"name": "v", "mountPath": "/v", "recursiveReadOnly": "Enabled"}]},
     [f"{M}.recursiveReadOnly Forbidden"]),
    ({**volume(), f"{C}.volumeDevices": [{"name": "v", "devicePath": "/a/.."}]},
     [f"{C}.volumeDevices[0].devicePath Invalid", f"{C}.volumeDevices[0].name Invalid"]),
    ({**volume(persistentVolumeClaim={"claimName": "c"}), f"{C}.volumeDevices": [{"name": "v", "devicePath": "/d"}]}, []),
    ({"spec.volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}, {"name": "w", "emptyDir": {}}],
      f"{C}.volumeDevices": [{"name": "v", "devicePath": "/d"}], M: [{"name": "w", "mountPath": "/d"}]},
     [f"{C}.volumeDevices[0].devicePath Invalid", f"{M}[0].mountPath Invalid"]),
]  # fmt: skip

A = "metadata.annotations"
ANNOTATIONS: list[Row] = [
    ({A: {"controller.kubernetes.io/pod-deletion-cost": "-1"}}, []),
    ({A: {"controller.kubernetes.io/pod-deletion-cost": "01"}}, [f"{A}[controller.kubernetes.io/pod-deletion-cost] Invalid"]),
    ({A: {"kubernetes.io/config.mirror": "x"}}, [f"{A}[kubernetes.io/config.mirror] Invalid"]),
    ({A: {"seccomp.security.alpha.kubernetes.io/pod": "x"}}, [f"{A}.seccomp.security.alpha.kubernetes.io/pod Invalid"]),
    ({A: {"container.apparmor.security.beta.kubernetes.io/b": "x"}},
     [f"{A}[container.apparmor.security.beta.kubernetes.io/b] Invalid"]),
    ({A: {"container.seccomp.security.alpha.kubernetes.io/a": "unconfined"},
      f"{C}.securityContext.seccompProfile": {"type": "RuntimeDefault"}},
     [f"{C}.securityContext.seccompProfile.type Forbidden"]),
]  # fmt: skip

METADATA: list[Row] = [
    ({"metadata.generateName": "a-", "metadata.name": ...}, []),
    ({"metadata.generateName": "AB-", "metadata.name": ...}, ["metadata.generateName Invalid", "metadata.name Invalid"]),
    ({"metadata.ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "u"}]}, []),
    ({"metadata.ownerReferences": [{"apiVersion": "a/b/c", "kind": "Pod", "name": "x"}]},
     ["metadata.ownerReferences[0].apiVersion Invalid", "metadata.ownerReferences[0].uid Required"]),
    ({"metadata.finalizers": ["orphan", "example.com/x"]}, []),
    ({"metadata.finalizers": ["x"]}, ["metadata.finalizers[0] Invalid"]),
    ({"metadata.finalizers": ["a b"]}, ["metadata.finalizers Invalid", "metadata.finalizers[0] Invalid"]),
    ({"metadata.labels": {"a/b/c": ""}}, ["metadata.labels Invalid"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        *CONTAINERS, *PORTS, *ENVIRONMENT, *RESOURCES, *HANDLERS, *SECURITY, *NAMES, *PLACEMENT, *VOLUMES,
        *MOUNTS, *ANNOTATIONS, *METADATA,
    ],
)  # fmt: skip
def test_pod(changes: Changes, expected: list[str]) -> None:
    assert refusals(pod(), changes) == expected


T = "spec.template.spec"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({f"{T}.containers[0].image": " a"}, []),
        ({f"{T}.terminationGracePeriodSeconds": -1}, []),
        ({f"{T}.volumes": [{"name": "v", "image": {}}]}, []),
        ({f"{T}.volumes": [{"name": "v", "hostPath": {}}]}, [f"{T}.volumes[0].hostPath.path Required"]),
        (
            {f"{T}.hostNetwork": True, f"{T}.containers[0].ports": [{"containerPort": 1}]},
            [],
        ),
        (
            {f"{T}.ephemeralContainers": [OTHER]},
            [f"{T}.ephemeralContainers Forbidden"],
        ),
        (
            {"spec.template.metadata.annotations": {"seccomp.security.alpha.kubernetes.io/pod": "x"}},
            ["spec.template.annotations.seccomp.security.alpha.kubernetes.io/pod Invalid"],
        ),
    ],
)
def test_template(changes: Changes, expected: list[str]) -> None:
    assert refusals(deployment(), changes) == expected


@pytest.mark.parametrize(
    ("api_version", "kind", "name", "accepted"),
    [
        ("v1", "Namespace", "a.b", False),
        ("v1", "ConfigMap", "a.b", True),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "system:x Y", True),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "a/b", False),
        ("v1", "ServiceAccount", "A", False),
    ],
)
def test_each_kind_says_what_its_names_must_be(
    api_version: str, kind: str, name: str, accepted: bool
) -> None:
    obj = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}
    assert [problem.path for problem in validate(obj)] == ([] if accepted else ["metadata.name"])


def test_a_namespace_on_what_lives_in_none_is_dropped() -> None:
    obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "namespace": "b"}}
    assert validate(obj) == []


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"enforce": "restricted", "enforce-version": "v1.30"}, []),
        ({"warn": "x"}, ["metadata.labels[pod-security.kubernetes.io/warn] Invalid"]),
        ({"audit-version": "1.30"}, ["metadata.labels[pod-security.kubernetes.io/audit-version] Invalid"]),
        ({"enforce": "x y"}, ["metadata.labels Invalid"]),
    ],
)
def test_levels_of_pod_security(labels: dict[str, str], expected: list[str]) -> None:
    obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
    found = {f"pod-security.kubernetes.io/{key}": value for key, value in labels.items()}
    assert refusals(obj, {"metadata.labels": found}) == expected


# --- changes --------------------------------------------------------------------------------------


def stored() -> dict[str, Any]:
    return changed(pod(), {"metadata.uid": "u", "spec.activeDeadlineSeconds": 9, "spec.nodeName": "n"})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({f"{C}.image": "a:2", "metadata.labels": {"a": "b"}}, []),
        ({"spec.nodeName": ...}, []),
        ({"spec.nodeName": "other"}, ["spec Forbidden"]),
        ({"spec.activeDeadlineSeconds": 5}, []),
        ({"spec.activeDeadlineSeconds": 10, f"{C}.args": ["x"]}, ["spec.activeDeadlineSeconds Invalid"]),
        ({"spec.activeDeadlineSeconds": ...}, ["spec.activeDeadlineSeconds Invalid"]),
        ({"spec.containers[1]": OTHER}, ["spec.containers Forbidden"]),
        ({f"{C}.args": ["x"]}, ["spec Forbidden"]),
        ({"spec.tolerations": [{"key": "a", "operator": "Exists"}]}, []),
        ({"spec.schedulingGates": [{"name": "a"}]}, ["spec.schedulingGates[0].name Forbidden"]),
        (
            {"metadata.annotations": {"kubernetes.io/config.mirror": "x"}},
            ["metadata.annotations[kubernetes.io/config.mirror] Forbidden"],
        ),
    ],
)
def test_change_of_a_stored_pod(changes: Changes, expected: list[str]) -> None:
    assert refusals_of_change(stored(), changes) == expected


def test_a_toleration_that_is_there_stays() -> None:
    old = changed(stored(), {"spec.tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute"}]})
    assert refusals_of_change(old, {"spec.tolerations[0].tolerationSeconds": 5}) == []
    assert refusals_of_change(old, {"spec.tolerations[0].key": "b"}) == ["spec.tolerations Forbidden"]


def test_a_pod_with_gates_may_still_be_placed() -> None:
    old = changed(pod(), {"metadata.uid": "u", "spec.schedulingGates": [{"name": "g"}]})
    old["spec"]["nodeSelector"] = {"a": "b"}
    assert refusals_of_change(old, {"spec.nodeSelector.c": "d", "spec.schedulingGates": []}) == []
    assert refusals_of_change(old, {"spec.nodeSelector.a": "x"}) == ["spec.nodeSelector Invalid"]
    terms = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}
    assert refusals_of_change(old, {NODES: terms}) == []


def test_a_manifest_in_the_place_of_a_pod_takes_its_token_away() -> None:
    assert refusals_of_change(pod(), {f"{C}.image": "a:2"}) == ["spec Forbidden"]
    without = {**pod(), "spec": {**pod()["spec"], "automountServiceAccountToken": False}}
    assert refusals_of_change(without, {f"{C}.image": "a:2"}) == []
