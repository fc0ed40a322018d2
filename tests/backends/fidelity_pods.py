"""A pod that uses one field, through the kubelet's own translation: what a backend is asked for then.

`USES` has a pod for each field that is handed to engines; `check_complete` proves that it misses none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from minikctl.backend import ContainerSpec, FidelityTable
from minikctl.backend.users import check_non_root
from minikctl.controlplane.kubelet.configuration import Surroundings
from minikctl.controlplane.kubelet.environment import environment
from minikctl.controlplane.kubelet.specs import container_spec
from minikctl.errors import PermanentError
from minikctl.manifests.fidelity import engine_fields
from minikctl.model.defaults import set_defaults

RUNTIME_DEFAULT = {"type": "RuntimeDefault"}
UNCONFINED = {"type": "Unconfined"}
SELINUX = {"level": "s0:c1", "type": "web_t"}
ALIAS = {"ip": "192.0.2.7", "hostnames": ["a", "b"]}
SYSCTL = {"name": "net.core.somaxconn", "value": "1024"}


def _container(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "a", "image": "busybox", **fields}]}


def _security(**fields: Any) -> dict[str, Any]:
    return _container(securityContext=fields)


def _pod_security(**fields: Any) -> dict[str, Any]:
    return {**_container(), "securityContext": fields}


def _port(**fields: Any) -> dict[str, Any]:
    return _container(ports=[{"containerPort": 80, "hostPort": 8080, **fields}])


def _resources(kind: str, **amounts: str) -> dict[str, Any]:
    return _container(resources={kind: amounts})


def _dns(**parts: Any) -> dict[str, Any]:
    return {**_container(), "dnsConfig": parts}


PLAIN = _container()

USES: Mapping[str, dict[str, Any]] = {
    "spec.containers.args": _container(args=["printenv", "A"]),
    "spec.containers.command": _container(command=["echo", "hello"]),
    "spec.containers.env.name": _container(env=[{"name": "A", "value": "b"}]),
    "spec.containers.env.value": _container(env=[{"name": "A", "value": "b"}]),
    "spec.containers.image": _container(image="nginx:1.27"),
    "spec.containers.ports.containerPort": _port(containerPort=81),
    "spec.containers.ports.hostIP": _port(hostIP="127.0.0.1"),
    "spec.containers.ports.hostPort": _port(hostPort=8081),
    "spec.containers.ports.protocol": _port(protocol="UDP"),
    "spec.containers.resources.limits.cpu": _resources("limits", cpu="500m"),
    "spec.containers.resources.limits.memory": _resources("limits", memory="64Mi"),
    "spec.containers.resources.requests.cpu": _resources("requests", cpu="250m"),
    "spec.containers.securityContext.allowPrivilegeEscalation": _security(allowPrivilegeEscalation=False),
    "spec.containers.securityContext.appArmorProfile": _security(appArmorProfile=UNCONFINED),
    "spec.containers.securityContext.capabilities.add": _security(capabilities={"add": ["NET_ADMIN"]}),
    "spec.containers.securityContext.capabilities.drop": _security(capabilities={"drop": ["ALL"]}),
    "spec.containers.securityContext.privileged": _security(privileged=True),
    "spec.containers.securityContext.procMount": _security(procMount="Unmasked"),
    "spec.containers.securityContext.readOnlyRootFilesystem": _security(readOnlyRootFilesystem=True),
    "spec.containers.securityContext.runAsGroup": _security(runAsUser=1000, runAsGroup=2000),
    "spec.containers.securityContext.runAsNonRoot": _security(runAsNonRoot=True),
    "spec.containers.securityContext.runAsUser": _security(runAsUser=1000),
    "spec.containers.securityContext.seccompProfile": _security(seccompProfile=UNCONFINED),
    "spec.containers.securityContext.seLinuxOptions": _security(seLinuxOptions=SELINUX),
    "spec.containers.stdin": _container(stdin=True),
    "spec.containers.stdinOnce": _container(stdin=True, stdinOnce=True),
    "spec.containers.tty": _container(tty=True),
    "spec.containers.workingDir": _container(workingDir="/srv"),
    "spec.dnsConfig.nameservers": _dns(nameservers=["192.0.2.1"]),
    "spec.dnsConfig.options.name": _dns(options=[{"name": "debug"}]),
    "spec.dnsConfig.options.value": _dns(options=[{"name": "ndots", "value": "1"}]),
    "spec.dnsConfig.searches": _dns(searches=["a.example"]),
    "spec.hostAliases.hostnames": {
        **_container(),
        "hostAliases": [{"ip": "192.0.2.7", "hostnames": ["a", "b"]}],
    },
    "spec.hostAliases.ip": {**_container(), "hostAliases": [{"ip": "192.0.2.7", "hostnames": ["a", "b"]}]},
    "spec.hostNetwork": {**_container(), "hostNetwork": True},
    "spec.hostIPC": {**_container(), "hostIPC": True},
    "spec.hostPID": {**_container(), "hostPID": True},
    "spec.hostname": {**_container(), "hostname": "web-0"},
    "spec.securityContext.appArmorProfile": _pod_security(appArmorProfile=UNCONFINED),
    "spec.securityContext.runAsGroup": _pod_security(runAsUser=1000, runAsGroup=2000),
    "spec.securityContext.runAsNonRoot": _pod_security(runAsNonRoot=True),
    "spec.securityContext.runAsUser": _pod_security(runAsUser=1000),
    "spec.securityContext.seccompProfile": _pod_security(seccompProfile=UNCONFINED),
    "spec.securityContext.seLinuxOptions": _pod_security(seLinuxOptions=SELINUX),
    "spec.securityContext.supplementalGroups": _pod_security(supplementalGroups=[3000]),
    "spec.securityContext.sysctls.name": _pod_security(sysctls=[SYSCTL]),
    "spec.securityContext.sysctls.value": _pod_security(sysctls=[SYSCTL]),
    "spec.shareProcessNamespace": {**_container(), "shareProcessNamespace": True},
}


def spec_for(pod_spec: dict[str, Any], sandbox_id: str = "") -> ContainerSpec:
    """The first container of a pod with that spec, as the kubelet asks for it."""
    pod = set_defaults(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "namespace": "default", "uid": "u"},
            "spec": pod_spec,
        }
    )
    container = pod["spec"]["containers"][0]
    values = environment(container, Surroundings(pod))
    assert isinstance(values, dict)
    return container_spec(
        pod,
        container,
        attempt=0,
        backoff=None,
        sandbox_id=sandbox_id,
        cluster_id="c",
        seal_key=b"k",
        environment=values,
    )


def look_up(body: Any, path: str) -> Any:
    """`HostConfig.PortBindings` of a request; None where there is nothing."""
    for step in path.split("."):
        body = body.get(step) if isinstance(body, dict) else None
    return body


# --- what holds for every backend of a real engine -----------------------------------------------------

NOTHING_SAID = (
    PLAIN,
    _security(appArmorProfile=RUNTIME_DEFAULT, seccompProfile=RUNTIME_DEFAULT, procMount="Default"),
    _pod_security(appArmorProfile=RUNTIME_DEFAULT, seccompProfile=RUNTIME_DEFAULT),
)
"""Enforced by asking for nothing: the engine's own profiles stay in force."""
IN_SANDBOX = ["spec.shareProcessNamespace"]
"""Asked for by who joins a sandbox."""
CHECKED_HERE = [name for name in USES if name.endswith("runAsNonRoot")]
"""Enforced before the engine is asked."""

Requests = Mapping[str, Mapping[str, Any]]
"""By field: what its pod in `USES` puts where in a request."""


def check_complete(table: FidelityTable, requests: Requests) -> None:
    assert sorted(table) == sorted(USES) == engine_fields()
    assert {one.handling for one in table.values()} == {"enforced"}
    assert {*requests, *IN_SANDBOX, *CHECKED_HERE} == set(table)


def check_requests(requests: Requests, body: Callable[[dict[str, Any]], Any]) -> None:
    plain = body(PLAIN)
    for name, expected in requests.items():
        asked = body(USES[name])
        assert {path: look_up(asked, path) for path in expected} == expected, name
        assert {path: look_up(plain, path) for path in expected} != expected, f"{name} changes nothing"


def check_root_is_refused() -> None:
    for name in CHECKED_HERE:
        with pytest.raises(PermanentError):
            check_non_root(spec_for(USES[name]), "")
