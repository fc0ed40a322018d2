"""A pod's network as its spec asks for it: whose it is, what the pod is called, whom it asks for names.

Rules:
- A pod on its machine's network has the address at which other pods find that machine: its gateway on their
  network. (The machine's own word for itself is mostly 127.0.0.1, where every pod finds itself.)
- The names of Services stand in hosts files and not in a name server (`names`), so `ClusterFirst` asks the
  servers that the machine asks. Who wants none of the cluster's names (`Default`, `None`, `ClusterFirst` on
  the machine's network) finds none in its file.
- A resolver reads three servers. One of the machine's stands first, as the cluster's does before a kubelet;
  then come those that the pod names. Of its own the third has no room there, and the pod is told.
"""

from __future__ import annotations

from typing import Any

from minikctl.backend import Dns
from minikctl.model import Object, name_of, namespace_of, spec_of

LONGEST_HOSTNAME = 63
LONGEST_FQDN = 64
"""What the kernel keeps of a host name."""
MOST_SERVERS = 3
"""What a C library reads of them."""
DOMAIN = "cluster.local"


def is_on_host(pod: Object) -> bool:
    return bool(spec_of(pod).get("hostNetwork"))


def machine_ip(pod_network: str, host_ip: str) -> str:
    """Where pods find their node's machine."""
    from minikctl.model.networks import gateway

    return gateway(pod_network) or host_ip


# --- names of its own -----------------------------------------------------------------------------------


def hostname(pod: Object) -> str:
    name: str = spec_of(pod).get("hostname") or name_of(pod)
    return name[:LONGEST_HOSTNAME].rstrip("-.")


def fqdn(pod: Object) -> str:
    """The whole name; "" where the pod has no subdomain."""
    subdomain = spec_of(pod).get("subdomain")
    return f"{hostname(pod)}.{subdomain}.{namespace_of(pod)}.svc.{DOMAIN}" if subdomain else ""


def kernel_hostname(pod: Object) -> str:
    """What `hostname` says in its containers, where they have a name of their own."""
    return (spec_of(pod).get("setHostnameAsFQDN") and fqdn(pod)) or hostname(pod)


def hostname_problem(pod: Object) -> str | None:
    """Why a pod can't have the name that it asks for, in the kubelet's words."""
    name = kernel_hostname(pod)
    if len(name) <= LONGEST_FQDN or is_on_host(pod):
        return None
    return (
        f"failed to construct FQDN from pod hostname and cluster domain, FQDN {name} is too long"
        f" ({LONGEST_FQDN} is the max, {len(name)} characters requested)"
    )


# --- names of others ------------------------------------------------------------------------------------


def knows_services(pod: Object) -> bool:
    """Whether the cluster's names are resolved for it."""
    policy = spec_of(pod).get("dnsPolicy", "ClusterFirst")
    return policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not is_on_host(pod))


def dns(pod: Object, machine: Dns) -> Dns | None:
    """What its resolver reads; None is what the engine gives everybody.

    :param machine: what the machine's own resolver reads; of a machine that nobody can ask, nothing.
    """
    spec = spec_of(pod)
    config = spec.get("dnsConfig") or {}
    has_none = spec.get("dnsPolicy") == "None"
    if not (config or has_none):
        return None
    base = Dns() if has_none else machine
    servers = tuple(config.get("nameservers") or ())
    room = max(1, MOST_SERVERS - len(servers))
    return Dns(
        _each_once(base.servers[:room], servers)[:MOST_SERVERS],
        _each_once(base.searches, tuple(config.get("searches") or ())),
        _options(base.options, config.get("options") or ()),
    )


def unread_servers(pod: Object, machine: Dns) -> str | None:
    """What is said of servers that the pod names and its resolver does not read, in the kubelet's words."""
    found = dns(pod, machine)
    named = (spec_of(pod).get("dnsConfig") or {}).get("nameservers") or ()
    if found is None or all(one in found.servers for one in named):
        return None
    return (
        "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is:"
        f" {' '.join(found.servers)}"
    )


def _each_once(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _options(base: tuple[str, ...], own: Any) -> tuple[str, ...]:
    """The pod's replace those of the same name."""
    merged = dict(one.partition(":")[::2] for one in base)
    merged |= {one["name"]: one.get("value") or "" for one in own}
    return tuple(f"{name}:{value}" if value else name for name, value in merged.items())
