"""ServiceCIDRs and IPAddresses: the addresses that a cluster gives its Services."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import check_canonical_network, parse_network
from minikctl.manifests.rules.problems import (
    check_syntax,
    invalid,
    path_segment_advice,
    required,
    subdomain_advice,
)
from minikctl.manifests.rules.rule import Rule, UpdateRule
from minikctl.model import Object

_IMMUTABLE = "field is immutable"
_PATH = "spec.cidrs"


def ranges(obj: Object) -> Iterator[FieldProblem]:
    cidrs = _cidrs(obj)
    if not cidrs:
        yield required(_PATH, "at least one CIDR required")
        return
    if len(cidrs) > 2:
        yield invalid(_PATH, cidrs, "may only hold up to 2 values")
        return
    for index, cidr in enumerate(cidrs):
        yield from check_canonical_network(f"{_PATH}[{index}]", cidr)
    networks = [parse_network(cidr) for cidr in cidrs]
    versions = [network.version for network in networks if network is not None]
    if len(versions) == 2 and versions[0] == versions[1]:
        yield invalid(
            _PATH,
            cidrs,
            "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
        )


def changed_ranges(old: Object, new: Object) -> Iterator[FieldProblem]:
    """Nothing changes, but a second range may join the first."""
    before, after = _cidrs(old), _cidrs(new)
    extended = len(before) == 1 and len(after) == 2
    if len(before) != len(after) and not extended:
        yield invalid(_PATH, after, _IMMUTABLE)
        return
    for index, cidr in enumerate(before):
        if cidr != after[index]:
            yield invalid(f"{_PATH}[{index}]", after[index], _IMMUTABLE)
    if extended:
        yield from ranges(new)


def parent(obj: Object) -> Iterator[FieldProblem]:
    path, reference = "spec.parentRef", obj.get("spec", {}).get("parentRef")
    if reference is None:
        yield required(path)
        return
    if group := reference.get("group"):
        yield from check_syntax(f"{path}.group", group, subdomain_advice)
    for field in ("resource", "name"):
        if not reference.get(field):
            yield required(f"{path}.{field}")
    for field in ("resource", "name", "namespace"):
        yield from check_syntax(f"{path}.{field}", reference.get(field, ""), path_segment_advice)


def immutable_parent(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = (obj.get("spec", {}).get("parentRef") for obj in (old, new))
    if before != after:
        yield invalid("spec.parentRef", after, _IMMUTABLE)


def _cidrs(obj: Object) -> list[str]:
    found: list[str] = obj.get("spec", {}).get("cidrs", [])
    return found


_SERVICE_CIDR = frozenset(("ServiceCIDR",))
_IP_ADDRESS = frozenset(("IPAddress",))

RULES = (
    Rule(
        "service-cidr-ranges",
        "one range for each family of addresses",
        ranges,
        _SERVICE_CIDR,
        on_update=False,
    ),
    UpdateRule("service-cidr-ranges-immutable", "ranges stay", changed_ranges, _SERVICE_CIDR),
    Rule("ip-address-parent", "the address belongs to an object", parent, _IP_ADDRESS),
    UpdateRule(
        "ip-address-parent-immutable", "the address stays with its object", immutable_parent, _IP_ADDRESS
    ),
)
