"""What the table says of Docker is what the Engine API is asked for."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from backends.fidelity_pods import (
    NOTHING_SAID,
    PLAIN,
    USES,
    check_complete,
    check_requests,
    check_root_is_refused,
    spec_for,
)
from minikctl_docker import payload
from minikctl_docker.fidelity import TABLE


def body(pod_spec: dict[str, Any]) -> dict[str, Any]:
    return payload.container_payload(spec_for(pod_spec), image_user="")


def bound(port: str, host_port: str = "8080", host_ip: str = "") -> dict[str, Any]:
    return {port: [{"HostIp": host_ip, "HostPort": host_port}]}


REQUESTS: dict[str, dict[str, Any]] = {
    "spec.containers.args": {"Cmd": ["printenv", "A"]},
    "spec.containers.command": {"Entrypoint": ["echo", "hello"], "Cmd": []},
    "spec.containers.env.name": {"Env": ["A=b"]},
    "spec.containers.env.value": {"Env": ["A=b"]},
    "spec.containers.image": {"Image": "nginx:1.27"},
    "spec.containers.ports.containerPort": {"HostConfig.PortBindings": bound("81/tcp")},
    "spec.containers.ports.hostIP": {"HostConfig.PortBindings": bound("80/tcp", host_ip="127.0.0.1")},
    "spec.containers.ports.hostPort": {"HostConfig.PortBindings": bound("80/tcp", "8081")},
    "spec.containers.ports.protocol": {"HostConfig.PortBindings": bound("80/udp")},
    "spec.containers.resources.limits.cpu": {"HostConfig.CpuQuota": 50_000, "HostConfig.CpuPeriod": 100_000},
    "spec.containers.resources.limits.memory": {
        "HostConfig.Memory": 64 << 20,
        "HostConfig.MemorySwap": 64 << 20,
    },
    "spec.containers.resources.requests.cpu": {"HostConfig.CpuShares": 256},
    "spec.containers.securityContext.allowPrivilegeEscalation": {
        "HostConfig.SecurityOpt": ["no-new-privileges"]
    },
    "spec.containers.securityContext.capabilities.add": {"HostConfig.CapAdd": ["NET_ADMIN"]},
    "spec.containers.securityContext.capabilities.drop": {"HostConfig.CapDrop": ["ALL"]},
    "spec.containers.securityContext.privileged": {"HostConfig.Privileged": True},
    "spec.containers.securityContext.readOnlyRootFilesystem": {"HostConfig.ReadonlyRootfs": True},
    "spec.containers.securityContext.runAsGroup": {"User": "1000:2000"},
    "spec.containers.securityContext.runAsUser": {"User": "1000"},
    "spec.containers.securityContext.appArmorProfile": {"HostConfig.SecurityOpt": ["apparmor=unconfined"]},
    "spec.containers.securityContext.procMount": {
        "HostConfig.MaskedPaths": [],
        "HostConfig.ReadonlyPaths": [],
    },
    "spec.containers.securityContext.seLinuxOptions": {
        "HostConfig.SecurityOpt": ["label=type:web_t", "label=level:s0:c1"]
    },
    "spec.containers.securityContext.seccompProfile": {"HostConfig.SecurityOpt": ["seccomp=unconfined"]},
    "spec.containers.stdin": {"OpenStdin": True},
    "spec.containers.stdinOnce": {"OpenStdin": True, "StdinOnce": True},
    "spec.containers.tty": {"Tty": True},
    "spec.containers.workingDir": {"WorkingDir": "/srv"},
    "spec.dnsConfig.nameservers": {"HostConfig.Dns": ["192.0.2.1"], "HostConfig.DnsSearch": ["."]},
    "spec.dnsConfig.options.name": {"HostConfig.DnsOptions": ["debug"], "HostConfig.Dns": []},
    "spec.dnsConfig.options.value": {"HostConfig.DnsOptions": ["ndots:1"]},
    "spec.dnsConfig.searches": {"HostConfig.DnsSearch": ["a.example"]},
    "spec.hostAliases.hostnames": {"HostConfig.ExtraHosts": ["a:192.0.2.7", "b:192.0.2.7"]},
    "spec.hostAliases.ip": {"HostConfig.ExtraHosts": ["a:192.0.2.7", "b:192.0.2.7"]},
    "spec.hostNetwork": {"HostConfig.NetworkMode": "host"},
    "spec.hostIPC": {"HostConfig.IpcMode": "host"},
    "spec.hostPID": {"HostConfig.PidMode": "host"},
    "spec.hostname": {"Hostname": "web-0"},
    "spec.securityContext.appArmorProfile": {"HostConfig.SecurityOpt": ["apparmor=unconfined"]},
    "spec.securityContext.seLinuxOptions": {
        "HostConfig.SecurityOpt": ["label=type:web_t", "label=level:s0:c1"]
    },
    "spec.securityContext.seccompProfile": {"HostConfig.SecurityOpt": ["seccomp=unconfined"]},
    "spec.securityContext.sysctls.name": {"HostConfig.Sysctls": {"net.core.somaxconn": "1024"}},
    "spec.securityContext.sysctls.value": {"HostConfig.Sysctls": {"net.core.somaxconn": "1024"}},
    "spec.securityContext.runAsGroup": {"User": "1000:2000"},
    "spec.securityContext.runAsUser": {"User": "1000"},
    "spec.securityContext.supplementalGroups": {"HostConfig.GroupAdd": ["3000"]},
}


def test_the_table_and_its_proofs_miss_no_field() -> None:
    check_complete(TABLE, REQUESTS)


def test_what_is_enforced_is_asked_for() -> None:
    check_requests(REQUESTS, body)


def test_root_is_refused_before_the_container_is_made() -> None:
    check_root_is_refused()


@pytest.mark.parametrize("pod_spec", NOTHING_SAID)
def test_the_engines_own_profiles_stay_in_force(pod_spec: dict[str, Any]) -> None:
    config = body(pod_spec)["HostConfig"]
    assert (config["SecurityOpt"], config["Privileged"]) == ([], False)
    assert not {"MaskedPaths", "ReadonlyPaths"} & config.keys()


def test_processes_are_shared_in_a_sandbox() -> None:
    shared = spec_for(USES["spec.shareProcessNamespace"], sandbox_id="s")
    assert payload.container_payload(shared, image_user="")["HostConfig"]["PidMode"] == "container:s"
    assert "PidMode" not in payload.container_payload(spec_for(PLAIN, "s"), image_user="")["HostConfig"]


def test_the_table_is_read_without_the_sdk() -> None:
    script = (
        "import sys, minikctl_docker.fidelity; print({'docker', 'requests', 'urllib3'} & set(sys.modules))"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"
