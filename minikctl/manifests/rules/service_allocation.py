"""What the API server allocates for a Service before it validates it: cluster addresses and node ports.

Rules:
- What a client leaves out on a change is taken from the stored Service; what it keeps though the new type has
  no use for it is dropped. All of that happens here, in the server's order.
- Allocated values are stand-ins: nobody knows which ones a cluster would give. So no rule asks whether an
  address or node port lies in the cluster's ranges, or whether it has two families of addresses; a server
  that is only asked (`--dry-run=server`) does not check the node ports' range either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import check_address, parse_address
from minikctl.manifests.rules.problems import duplicate, invalid, repeated_at, required, unsupported
from minikctl.manifests.rules.rule import Fields
from minikctl.model import Object, copy
from minikctl.model.service_types import drop_useless, needs_health_check, needs_node_ports

HEADLESS = "None"
FAMILIES = ("IPv4", "IPv6")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_STAND_INS = {"IPv4": "240.0.0.1", "IPv6": "100::1"}
_FIRST_NODE_PORT = 30_000
_NODE_PORT_TAKEN = "provided port is already allocated"


def is_headless(spec: Fields) -> bool:
    return bool(spec.get("clusterIPs") == [HEADLESS])


# --- creation -------------------------------------------------------------------------------------


def normalized(obj: Object) -> Object:
    """A Service with the plural of its address and its policy for families, as they are allocated from."""
    obj = copy(obj)
    spec = obj["spec"]
    if "clusterIP" in spec:
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
    if spec["type"] != "ExternalName":
        policy = "RequireDualStack" if _is_for_any_family(spec) else "SingleStack"
        spec.setdefault("ipFamilyPolicy", policy)
    return obj


def allocated(obj: Object) -> Object:
    """A Service as the server validates it; what `allocation_problems` speaks of stays as it is."""
    obj = normalized(obj)
    spec = obj["spec"]
    if spec["type"] != "ExternalName":
        _set_families(spec)
        _set_addresses(spec)
    _set_node_ports(spec)
    return obj


def allocation_problems(obj: Object) -> Iterator[FieldProblem]:
    """Why the server can't allocate addresses for a new Service, or for one that `prepared` gave."""
    spec = normalized(obj)["spec"]
    if spec["type"] != "ExternalName":
        problems = list(_address_problems(spec))
        yield from problems or _policy_problems(spec)


def node_port_problems(obj: Object) -> Iterator[FieldProblem]:
    """Node ports that a new Service (without allocated values) asks for twice."""
    spec = obj["spec"]
    taken: dict[int, int] = {}
    if needs_node_ports(spec):
        for index, port in enumerate(spec.get("ports", ())):
            asked = port.get("nodePort", 0)
            # Ports of the same number, for TCP and UDP, may share one.
            if asked and taken.setdefault(asked, port.get("port", 0)) != port.get("port", 0):
                yield invalid(f"spec.ports[{index}].nodePort", asked, _NODE_PORT_TAKEN)
                return
    asked = spec.get("healthCheckNodePort", 0)
    if needs_health_check(spec) and asked in taken:
        yield invalid("spec.healthCheckNodePort", asked, _NODE_PORT_TAKEN)


def _set_families(spec: Fields) -> None:
    families = list(spec.get("ipFamilies", ()))
    if not is_headless(spec):
        families += [family_of(address) for address in spec.get("clusterIPs", ())[len(families) :]]
    families = families or ["IPv4"]
    if _is_for_any_family(spec) and len(families) < 2 and spec["ipFamilyPolicy"] != "SingleStack":
        families.append("IPv6" if families == ["IPv4"] else "IPv4")
    spec["ipFamilies"] = families


def _set_addresses(spec: Fields) -> None:
    if "clusterIPs" not in spec:
        spec["clusterIPs"] = [_STAND_INS.get(family, "") for family in spec["ipFamilies"]]
        spec["clusterIP"] = spec["clusterIPs"][0]


def _is_for_any_family(spec: Fields) -> bool:
    """Headless and without a selector: whoever writes its endpoints may use both families."""
    return spec.get("clusterIP") == HEADLESS and "selector" not in spec


def _set_node_ports(spec: Fields, *, shared: bool = True) -> None:
    """`shared`: new ports of the same number, for TCP and UDP, get one node port."""
    ports: list[Fields] = spec.get("ports", [])
    used = {port.get("nodePort", 0) for port in ports} | {spec.get("healthCheckNodePort", 0)}
    free = (number for number in range(_FIRST_NODE_PORT, 1 << 16) if number not in used)
    if needs_node_ports(spec) and spec.get("allocateLoadBalancerNodePorts", True):
        given = {port.get("port", 0): port["nodePort"] for port in reversed(ports) if "nodePort" in port}
        for port in ports:
            number = port.get("port", 0)
            if "nodePort" not in port:
                port["nodePort"] = (shared and given.get(number)) or next(free)
                given[number] = port["nodePort"]
    if needs_health_check(spec):
        spec.setdefault("healthCheckNodePort", next(free))


def family_of(address: str) -> str:
    parsed = parse_address(address)
    return "IPv6" if parsed is not None and parsed.version == 6 else "IPv4"


# --- addresses ------------------------------------------------------------------------------------


def _address_problems(spec: Fields) -> Iterator[FieldProblem]:
    """Whether clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy fit together."""
    addresses: list[str] = spec.get("clusterIPs", [])
    families: list[str] = spec.get("ipFamilies", [])
    policy = spec.get("ipFamilyPolicy")
    yield from _singular_problems(spec.get("clusterIP", ""), addresses)
    again = repeated_at(families)
    for index, family in enumerate(families):
        path = f"spec.ipFamilies[{index}]"
        if family not in FAMILIES:
            yield unsupported(path, family, FAMILIES)
        if index in again:
            yield duplicate(path, family)
    if policy is not None and policy not in _FAMILY_POLICIES:
        yield unsupported("spec.ipFamilyPolicy", policy, _FAMILY_POLICIES)
    malformed = list(_malformed_addresses(addresses))
    yield from malformed
    if len(addresses) > 2:
        yield invalid("spec.clusterIPs", addresses, "may only hold up to 2 values")
    if not malformed and not is_headless(spec):
        yield from _family_problems(addresses, families)


def _singular_problems(address: str, addresses: list[str]) -> Iterator[FieldProblem]:
    path = "spec.clusterIPs"
    if not address:
        if addresses:
            yield invalid(path, addresses, "must be empty when `clusterIP` is not specified")
    elif not addresses:
        yield required(path)
    elif addresses[0] != address:
        yield invalid(path, addresses, "first value must match `clusterIP`")


def _malformed_addresses(addresses: list[str]) -> Iterator[FieldProblem]:
    for index, address in enumerate(addresses):
        if index == 0 and address == HEADLESS:
            if len(addresses) > 1:
                yield invalid("spec.clusterIPs", addresses, "'None' must be the first and only value")
            continue
        yield from check_address(f"spec.clusterIPs[{index}]", address)


def _family_problems(addresses: list[str], families: list[str]) -> Iterator[FieldProblem]:
    if len(addresses) > 1 and len({family_of(address) for address in addresses}) == 1:
        yield invalid("spec.clusterIPs", addresses, "may specify no more than one IP for each IP family")
    for index, (address, family) in enumerate(zip(addresses, families, strict=False)):
        if family in FAMILIES and family_of(address) != family:
            yield invalid(
                f"spec.clusterIPs[{index}]",
                address,
                f"expected an {family} value as indicated by `ipFamilies[{index}]`",
            )


def _policy_problems(spec: Fields) -> Iterator[FieldProblem]:
    if spec.get("ipFamilyPolicy") != "SingleStack":
        return
    for field, what in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")):
        if len(spec.get(field, ())) == 2:
            yield invalid(
                "spec.ipFamilyPolicy",
                "SingleStack",
                f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified",
            )


# --- change ---------------------------------------------------------------------------------------


def prepared(old: Object, new: Object) -> tuple[Object, Object]:
    """The stored Service with what was allocated for it, and `new` with what it leaves out of that."""
    old, new = allocated(old), copy(new)
    before, after = old["spec"], new["spec"]
    _take_over(before, after)
    _take_over_addresses(before, after)
    if after["type"] != "ExternalName" and "ipFamilyPolicy" in before:
        after.setdefault("ipFamilyPolicy", before["ipFamilyPolicy"])
    if after.get("ipFamilyPolicy") == "SingleStack":
        for field in ("clusterIPs", "ipFamilies"):
            if before.get(field) == after.get(field) and field in after:
                after[field] = after[field][:1]
    _set_node_ports(after, shared=False)
    drop_useless(before, after)
    return old, new


def _take_over(before: Fields, after: Fields) -> None:
    if "ExternalName" not in (before["type"], after["type"]):
        for field in ("clusterIP", "clusterIPs"):
            if field in before:
                after.setdefault(field, before[field])
    if needs_node_ports(before) and needs_node_ports(after):
        asked = {port.get("nodePort") for port in after.get("ports", ())}
        known = {port.get("name", ""): port.get("nodePort") for port in before.get("ports", ())}
        for port in after.get("ports", ()):
            number = known.get(port.get("name", ""))
            if number and number not in asked:
                port.setdefault("nodePort", number)
    if needs_health_check(before) and needs_health_check(after) and "healthCheckNodePort" in before:
        after.setdefault("healthCheckNodePort", before["healthCheckNodePort"])


def _take_over_addresses(before: Fields, after: Fields) -> None:
    """clusterIP and clusterIPs say the same; a client that knows only the first one changes that."""
    single = after.get("clusterIP", "")
    same_single = single == before.get("clusterIP", "")
    if "clusterIPs" not in after and same_single and "clusterIPs" in before:
        after["clusterIPs"] = list(before["clusterIPs"])
    if same_single or before.get("clusterIPs", []) != after.get("clusterIPs", []):
        return
    if single:
        after["clusterIPs"] = [single]
    else:
        after.pop("clusterIPs", None)


def secondary_problems(before: Fields, after: Fields) -> Iterator[FieldProblem]:
    """A second address or family is released by asking for a single one."""
    if after["type"] == "ExternalName" or after.get("ipFamilyPolicy") == "SingleStack":
        return
    for field, what in (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")):
        if 0 < _length(after, field) < _length(before, field):
            yield invalid(
                "spec.ipFamilyPolicy",
                after.get("ipFamilyPolicy"),
                f"must be 'SingleStack' to release the secondary {what}",
            )


def _length(spec: Fields, field: str) -> int:
    values: list[Any] = spec.get(field, [])
    return len(values)
