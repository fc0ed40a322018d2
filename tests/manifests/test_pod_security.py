"""Pod Security's levels, in Kubernetes' words; and what is worth a warning."""

# ruff: noqa: E501 (messages are as long as Kubernetes')

from __future__ import annotations

from typing import Any

import pytest

from minikctl.manifests.warnings import warnings_of
from minikctl.model.pod_security import refusal, violations
from minikctl.model.pod_security.sockets import holds_a_socket

ENFORCE = "pod-security.kubernetes.io/enforce"
HARD: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def told(level: str, spec: dict[str, Any], annotations: dict[str, str] | None = None) -> list[str]:
    whole = {"containers": [{"name": "a", "image": "a"}], **spec}
    return [str(one) for one in violations(whole, {"annotations": annotations or {}}, level)]


def container(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "a", "image": "a", **fields}]}


def context(**fields: Any) -> dict[str, Any]:
    return container(securityContext=fields)


BASELINE: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    (context(privileged=True), ['privileged (container "a" must not set securityContext.privileged=true)']),
    ({"hostNetwork": True, "hostPID": True}, ["host namespaces (hostNetwork=true, hostPID=true)"]),
    ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "hostPath": {"path": "/"}}]},
     ['hostPath volumes (volumes "v", "w")']),
    (container(ports=[{"containerPort": 1, "hostPort": 80}, {"containerPort": 2, "hostPort": 443}]),
     ['hostPort (container "a" uses hostPorts 443, 80)']),
    (context(capabilities={"add": ["NET_ADMIN", "CHOWN"]}),
     ['non-default capabilities (container "a" must not include "NET_ADMIN" in securityContext.capabilities.add)']),
    (context(procMount="Unmasked"), ['procMount (container "a" must not set securityContext.procMount to "Unmasked")']),
    ({**context(procMount="Unmasked"), "hostUsers": False}, []),
    ({"securityContext": {"seLinuxOptions": {"type": "x", "user": "u"}}},
     ['seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "x"; user may not be set)']),
    ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
     ['seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")']),
    ({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
     ['forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")']),
    ({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem"}, {"name": "kernel.x"}]}}, ["forbidden sysctls (kernel.x)"]),
    (context(windowsOptions={"hostProcess": True}),
     ['hostProcess (container "a" must not set securityContext.windowsOptions.hostProcess=true)']),
    (container(livenessProbe={"httpGet": {"port": 1, "host": "h"}}),
     ['probe or lifecycle host (container "a" uses probe or lifecycle host "h")']),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), BASELINE)
def test_baseline(spec: dict[str, Any], expected: list[str]) -> None:
    assert told("baseline", spec) == expected
    assert told("privileged", spec) == []


def test_annotations_of_app_armor_count() -> None:
    notes = {"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}
    assert len(told("baseline", {}, notes)) == 1


def test_all_of_restricted() -> None:
    assert told("restricted", {}) == [
        'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)',
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])',
        'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
        'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ]


RESTRICTED: list[tuple[dict[str, Any], list[str]]] = [
    (context(**HARD), []),
    (context(**{**HARD, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE", "CHOWN"]}}),
     ['unrestricted capabilities (container "a" must not include "CHOWN" in securityContext.capabilities.add)']),
    (context(**HARD, runAsUser=0), ['runAsUser=0 (container "a" must not set runAsUser=0)']),
    (context(**{**HARD, "runAsNonRoot": False}),
     ['runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false)']),
    ({**context(**HARD), "volumes": [{"name": "v", "nfs": {}}, {"name": "w", "emptyDir": {}}]},
     ['restricted volume types (volume "v" uses restricted volume type "nfs")']),
    ({**context(**HARD), "hostIPC": True}, ["host namespaces (hostIPC=true)"]),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), RESTRICTED)
def test_restricted(spec: dict[str, Any], expected: list[str]) -> None:
    assert told("restricted", spec) == expected


def test_init_containers_count_and_come_first() -> None:
    spec = {
        **context(privileged=True),
        "initContainers": [{"name": "i", "securityContext": {"privileged": True}}],
    }
    assert told("baseline", spec)[0].startswith('privileged (containers "i", "a" must not')


def test_the_namespaces_label_and_its_version_decide() -> None:
    pod = {"spec": context(privileged=True)}
    assert refusal(None, pod) is None
    assert refusal({ENFORCE: "privileged"}, pod) is None
    why = refusal({ENFORCE: "baseline", f"{ENFORCE}-version": "v1.25"}, pod)
    assert why is not None
    assert why.startswith('violates PodSecurity "baseline:v1.25": privileged (')


# --- warnings -------------------------------------------------------------------------------------


def pod(**spec: Any) -> dict[str, Any]:
    whole = {"containers": [{"name": "a", "image": "a:1"}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": whole}


def deployment(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod(**spec)["spec"]}
    found = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": found}


def warned(obj: dict[str, Any], labels: dict[str, str] | None = None) -> list[str]:
    found = warnings_of(obj, {ENFORCE: "privileged"} if labels is None else labels)
    assert {problem.reason for problem in found} <= {"Warning"}
    return [str(problem) for problem in found]


C = "spec.containers[0]"
PODS: list[tuple[dict[str, Any], list[str]]] = [
    (pod(), []),
    (pod(**container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])),
     [f'{C}.env[1]: hides previous definition of "A", which may be dropped when using apply']),
    (pod(**container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}])), []),
    (pod(**container(ports=[{"containerPort": 80}, {"containerPort": 80}])),
     [f"{C}.ports[1]: duplicate port definition with {C}.ports[0]"]),
    (pod(**container(ports=[{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}])), []),
    (pod(**container(resources={"limits": {"memory": "500m"}}))
     , [f'{C}.resources.limits[memory]: fractional byte value "500m" is invalid, must be an integer',
        f'{C}.resources.requests[memory]: fractional byte value "500m" is invalid, must be an integer']),
    (pod(nodeSelector={"beta.kubernetes.io/os": "linux"}),
     ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead']),
    (pod(**container(ports=[{"containerPort": 80}, {"containerPort": 80, "hostPort": 80}])),
     [f"{C}.ports[1]: overlapping port definition with {C}.ports[0]"]),
    (pod(**container(ports=[{"containerPort": 80, "hostPort": 8}, {"containerPort": 80, "hostPort": 8, "hostIP": "1.1.1.1"}])),
     [f"{C}.ports[1]: dangerously ambiguous port definition with {C}.ports[0]"]),
    (pod(**container(ports=[{"containerPort": 80, "hostPort": 8}, {"containerPort": 80, "hostPort": 9, "hostIP": "1.1.1.1"}])), []),
    (pod(**container(ports=[{"containerPort": 80, "hostPort": 8, "hostIP": ip} for ip in ("1.1.1.1", "1.1.1.2")])), []),
    (pod(priority=5), ["spec.priority: is refused without a priorityClassName, unless the default class has the same value"]),
    (pod(priority=5, priorityClassName="a"), []),
    (pod(overhead={"cpu": "1"}), ["spec.overhead: is refused without a runtimeClassName whose class has the same"]),
    (pod(overhead={"cpu": "1"}, runtimeClassName="a"), []),
    (pod(hostAliases=[{"ip": "1.1.1.1"}] * 2), ['spec.hostAliases[1].ip: duplicate ip "1.1.1.1"']),
    (pod(imagePullSecrets=[{}]), ['spec.imagePullSecrets[0].name: invalid empty name ""']),
    (pod(volumes=[{"name": "v", "gitRepo": {"repository": "r"}}]),
     ["spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+"]),
    (pod(topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}]),
     ["spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod"]),
    ({**pod(), "metadata": {"name": "p", "annotations": {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}}},
     ['metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead']),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "expected"), PODS)
def test_warnings_of_pods(obj: dict[str, Any], expected: list[str]) -> None:
    assert warned(obj) == expected


def test_a_template_is_looked_at_too() -> None:
    assert warned(deployment(hostAliases=[{"ip": "1.1.1.1"}] * 2)) == [
        'spec.template.spec.hostAliases[1].ip: duplicate ip "1.1.1.1"'
    ]


def test_risks_are_named_where_no_level_is() -> None:
    risky = pod(
        **{
            **container(
                securityContext={"privileged": True, "capabilities": {"add": ["NET_ADMIN"]}},
                ports=[{"containerPort": 80, "hostPort": 80}],
            ),
            "hostPID": True,
            "volumes": [{"name": "v", "hostPath": {"path": "/var"}}],
        }
    )
    paths = [problem.path for problem in warnings_of(risky, None)]
    assert paths == [
        "spec.hostPID",
        "spec.volumes[0].hostPath.path",
        f"{C}.securityContext.privileged",
        f"{C}.securityContext.capabilities.add[0]",
        f"{C}.ports[0].hostPort",
    ]
    assert "socket" in str(warnings_of(risky, {})[1])
    assert not warned(risky, {ENFORCE: "privileged"})


def test_of_a_workload_it_is_said_that_its_pods_would_be_refused() -> None:
    risky = deployment(**context(privileged=True))
    expected = 'spec.template.spec: would violate PodSecurity "baseline:latest": privileged ('
    assert [line[: len(expected)] for line in warned(risky, {ENFORCE: "baseline"})] == [expected]
    assert not warned(pod(**context(privileged=True)), {ENFORCE: "baseline"}), "it is refused anyway"
    labels = {ENFORCE: "privileged", "pod-security.kubernetes.io/warn": "restricted"}
    assert "restricted:latest" in warned(pod(), labels)[0]


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        ({"apiVersion": "v1", "kind": "Service", "spec": {"externalIPs": ["1.2.3.4"]}}, "spec.externalIPs"),
        ({"apiVersion": "v1", "kind": "Endpoints"}, "apiVersion"),
        (
            {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80, "nodePort": 32768}]}},
            "spec.ports[0].nodePort",
        ),
        (
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"revisionHistoryLimit": -1}},
            "spec.revisionHistoryLimit",
        ),
    ],
)
def test_warnings_of_other_kinds(obj: dict[str, Any], path: str) -> None:
    assert [problem.path for problem in warnings_of({"metadata": {"name": "a"}, **obj}, None)] == [path]


def test_only_what_is_created_has_no_resource_version() -> None:
    obj = {**pod(), "metadata": {"name": "p", "resourceVersion": "1"}}
    assert not warned(obj)
    found = warnings_of(obj, {ENFORCE: "privileged"}, to_create=True)
    assert [problem.path for problem in found] == ["metadata.resourceVersion"]


def test_ports_of_the_usual_range_are_fine() -> None:
    ports = [{"port": 80, "nodePort": 30000}, {"port": 81, "nodePort": 32767, "name": "b"}, {"port": 82}]
    obj = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": ports}}
    assert not warned(obj)


def test_a_name_that_is_no_host_name() -> None:
    obj = {**deployment(), "metadata": {"name": "a.b"}}
    assert warned(obj)[0].startswith("metadata.name: this is used in Pod names and hostnames")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", True),
        ("/var", True),
        ("//run/../var/run/", True),
        ("/run/docker.sock", True),
        ("/var/run/docker.sock", True),
        ("/run/user/1000/podman", True),
        ("/srv/docker.sock", True),
        ("/var/log", False),
        ("/home", False),
        ("/running", False),
    ],
)
def test_paths_that_lead_to_an_engine(path: str, expected: bool) -> None:
    assert holds_a_socket(path) is expected
