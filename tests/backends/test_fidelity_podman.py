"""What the table says of Podman is what the libpod API is asked for."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from backends.fidelity_pods import (
    NOTHING_SAID,
    check_complete,
    check_requests,
    check_root_is_refused,
    spec_for,
)
from minikctl_podman import payload
from minikctl_podman.fidelity import TABLE

from minikctl.backend import PodOptions, SandboxSpec


def body(pod_spec: dict[str, Any]) -> dict[str, Any]:
    return payload.container_payload(spec_for(pod_spec), pod_id="", image_user="")


def mapped(container: int = 80, host: int = 8080, protocol: str = "tcp", ip: str = "") -> dict[str, Any]:
    one = {"container_port": container, "host_port": host, "protocol": protocol, "host_ip": ip}
    return {"portmappings": [one]}


REQUESTS: dict[str, dict[str, Any]] = {
    "spec.containers.args": {"command": ["printenv", "A"]},
    "spec.containers.command": {"entrypoint": ["echo", "hello"], "command": None},
    "spec.containers.env.name": {"env": {"A": "b"}},
    "spec.containers.env.value": {"env": {"A": "b"}},
    "spec.containers.image": {"image": "nginx:1.27"},
    "spec.containers.ports.containerPort": mapped(container=81),
    "spec.containers.ports.hostIP": mapped(ip="127.0.0.1"),
    "spec.containers.ports.hostPort": mapped(host=8081),
    "spec.containers.ports.protocol": mapped(protocol="udp"),
    "spec.containers.resources.limits.cpu": {
        "resource_limits.cpu.quota": 50_000,
        "resource_limits.cpu.period": 100_000,
    },
    "spec.containers.resources.limits.memory": {
        "resource_limits.memory": {"limit": 64 << 20, "swap": 64 << 20}
    },
    "spec.containers.resources.requests.cpu": {"resource_limits.cpu": {"shares": 256}},
    "spec.containers.securityContext.allowPrivilegeEscalation": {"no_new_privileges": True},
    "spec.containers.securityContext.capabilities.add": {"cap_add": ["NET_ADMIN"]},
    "spec.containers.securityContext.capabilities.drop": {"cap_drop": ["ALL"]},
    "spec.containers.securityContext.privileged": {"privileged": True},
    "spec.containers.securityContext.readOnlyRootFilesystem": {"read_only_filesystem": True},
    "spec.containers.securityContext.runAsGroup": {"user": "1000:2000"},
    "spec.containers.securityContext.runAsUser": {"user": "1000"},
    "spec.containers.securityContext.appArmorProfile": {"apparmor_profile": "unconfined"},
    "spec.containers.securityContext.procMount": {"unmask": ["ALL"]},
    "spec.containers.securityContext.seLinuxOptions": {"selinux_opts": ["type:web_t", "level:s0:c1"]},
    "spec.containers.securityContext.seccompProfile": {"seccomp_profile_path": "unconfined"},
    "spec.containers.stdin": {"stdin": True},
    "spec.containers.stdinOnce": {"stdin": True},
    "spec.containers.tty": {"terminal": True},
    "spec.containers.workingDir": {"work_dir": "/srv"},
    "spec.dnsConfig.nameservers": {"dns_server": ["192.0.2.1"], "dns_search": ["."]},
    "spec.dnsConfig.options.name": {"dns_option": ["debug"], "dns_server": []},
    "spec.dnsConfig.options.value": {"dns_option": ["ndots:1"]},
    "spec.dnsConfig.searches": {"dns_search": ["a.example"]},
    "spec.hostAliases.hostnames": {"hostadd": ["a:192.0.2.7", "b:192.0.2.7"]},
    "spec.hostAliases.ip": {"hostadd": ["a:192.0.2.7", "b:192.0.2.7"]},
    "spec.hostNetwork": {"netns": {"nsmode": "host"}},
    "spec.hostIPC": {"ipcns": {"nsmode": "host"}},
    "spec.hostPID": {"pidns": {"nsmode": "host"}},
    "spec.hostname": {"hostname": "web-0"},
    "spec.securityContext.appArmorProfile": {"apparmor_profile": "unconfined"},
    "spec.securityContext.seLinuxOptions": {"selinux_opts": ["type:web_t", "level:s0:c1"]},
    "spec.securityContext.seccompProfile": {"seccomp_profile_path": "unconfined"},
    "spec.securityContext.sysctls.name": {"sysctl": {"net.core.somaxconn": "1024"}},
    "spec.securityContext.sysctls.value": {"sysctl": {"net.core.somaxconn": "1024"}},
    "spec.securityContext.runAsGroup": {"user": "1000:2000"},
    "spec.securityContext.runAsUser": {"user": "1000"},
    "spec.securityContext.supplementalGroups": {"groups": ["3000"]},
}


def test_the_table_and_its_proofs_miss_no_field() -> None:
    check_complete(TABLE, REQUESTS)


def test_what_is_enforced_is_asked_for() -> None:
    check_requests(REQUESTS, body)


def test_root_is_refused_before_the_container_is_made() -> None:
    check_root_is_refused()


@pytest.mark.parametrize("pod_spec", NOTHING_SAID)
def test_the_engines_own_profiles_stay_in_force(pod_spec: dict[str, Any]) -> None:
    asked = body(pod_spec)
    assert asked["privileged"] is False
    assert not {"apparmor_profile", "seccomp_profile_path", "selinux_opts", "mask", "unmask"} & asked.keys()


@pytest.mark.parametrize("shared", [True, False])
def test_processes_are_shared_in_a_pod(shared: bool) -> None:
    sandbox = SandboxSpec("n", "h", {}, pod=PodOptions(share_process_namespace=shared))
    assert ("pid" in payload.sandbox_payload(sandbox)["shared_namespaces"]) is shared


def test_the_table_is_read_without_the_sdk() -> None:
    script = (
        "import sys, minikctl_podman.fidelity; print({'podman', 'requests', 'urllib3'} & set(sys.modules))"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"
