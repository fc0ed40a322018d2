"""Resource requests and limits: known names, no negative amounts, requests within limits; device claims."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.walk import Fields, each_container, is_sidecar
from minikctl.manifests.rules.problems import (
    check_syntax,
    duplicate,
    forbidden,
    invalid,
    label_advice,
    required,
    show,
    subdomain_advice,
    unsupported,
)
from minikctl.manifests.rules.resource_names import (
    amount,
    check_amount,
    check_container_name,
    check_name,
    is_huge_pages,
    may_be_overcommitted,
)
from minikctl.manifests.rules.rule import PodRule

_COMPUTE = frozenset({"cpu", "memory"})
_LONGEST_LIST = 1000
"""Characters of the names that are told of."""


def resources(spec: Fields, path: str) -> Iterator[FieldProblem]:
    claims = {claim["name"] for claim in spec.get("resourceClaims") or () if claim.get("name")}
    for place, container in each_container(spec, path):
        found = container.get("resources") or {}
        yield from _check(found, f"{place}.resources")
        yield from _claimed(found, f"{place}.resources.claims", claims)
    if spec.get("overhead"):
        yield from _check({"limits": spec["overhead"]}, f"{path}.overhead")


def _check(found: Fields, path: str, *, of_pod: bool = False) -> Iterator[FieldProblem]:
    limits, requests = found.get("limits") or {}, found.get("requests") or {}
    yield from _amounts(limits, f"{path}.limits", of_pod=of_pod)
    yield from _amounts(requests, f"{path}.requests", of_pod=of_pod)
    for name, request in requests.items():
        if name in limits:
            yield from _within(name, request, limits[name], f"{path}.requests")
        elif not may_be_overcommitted(name):
            yield required(f"{path}.limits", "Limit must be set for non overcommitable resources")
    names = limits.keys() | requests.keys()
    if any(map(is_huge_pages, names)) and not names & _COMPUTE:
        yield forbidden(path, "HugePages require cpu or memory")


def _amounts(amounts: Fields, path: str, *, of_pod: bool) -> Iterator[FieldProblem]:
    for name, quantity in amounts.items():
        place = f"{path}[{name}]"
        yield from _pod_name(name, place) if of_pod else check_container_name(name, place)
        yield from check_amount(name, quantity, place)
        if is_huge_pages(name) and not _is_divisible(name, quantity):
            yield invalid(place, quantity, f"{quantity} is not positive integer multiple of {name}")


def _pod_name(name: str, path: str) -> Iterator[FieldProblem]:
    problems = list(check_name(name, path))
    yield from problems
    if not problems and name not in _COMPUTE and not is_huge_pages(name):
        yield unsupported(path, name, (*_COMPUTE, "hugepages-"))


def _is_divisible(name: str, quantity: str) -> bool:
    size = amount(name.removeprefix("hugepages-"))
    return size > 0 and size % 1 == 0 and amount(quantity) % size == 0


def _within(name: str, request: str, limit: str, path: str) -> Iterator[FieldProblem]:
    asked, most = amount(request), amount(limit)
    if asked != most and not may_be_overcommitted(name):
        yield invalid(path, request, f"must be equal to {name} limit of {limit}")
    elif asked > most:
        yield invalid(path, request, f"must be less than or equal to {name} limit of {limit}")


# --- claims on devices ----------------------------------------------------------------------------


def _claimed(found: Fields, path: str, known: set[str]) -> Iterator[FieldProblem]:
    """A container's claims: each once, whole or by its requests, and known to the pod."""
    seen: set[str] = set()
    names: set[str] = set()
    among = f": {', '.join(sorted(known))}" if known else " which is empty"
    among = among if len(among) <= _LONGEST_LIST else f"{among[:_LONGEST_LIST]}..."
    for index, claim in enumerate(found.get("claims") or ()):
        place, name, request = f"{path}[{index}]", claim.get("name", ""), claim.get("request", "")
        if not name:
            yield required(place)
            continue
        if request:
            yield from check_syntax(f"{place}.request", request, label_advice)
        key = f"{name}/{request}" if request else name
        if name in seen or key in seen or (not request and name in names):
            yield duplicate(place, key)
        seen.add(key)
        names.add(name)
        if name not in known:
            message = f"Not found: {show(name)}: must be one of the names in pod.spec.resourceClaims{among}"
            yield FieldProblem(place, "FieldValueNotFound", message)


def pod_claims(spec: Fields, path: str) -> Iterator[FieldProblem]:
    seen: set[str] = set()
    for index, claim in enumerate(spec.get("resourceClaims") or ()):
        place, name = f"{path}.resourceClaims[{index}]", claim.get("name", "")
        if not name:
            yield required(f"{place}.name")
        elif name in seen:
            yield duplicate(f"{place}.name", name)
        else:
            yield from check_syntax(f"{place}.name", name, label_advice)
        seen.add(name)
        yield from _claim_source(claim, place)


def _claim_source(claim: Fields, path: str) -> Iterator[FieldProblem]:
    sources = [name for name in ("resourceClaimName", "resourceClaimTemplateName") if name in claim]
    if len(sources) > 1:
        detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
        yield invalid(path, claim, detail)
    if not sources:
        yield invalid(path, claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`")
    for source in sources:
        yield from check_syntax(f"{path}.{source}", claim[source], subdomain_advice)


# --- the pod's own resources ----------------------------------------------------------------------


def pod_resources(spec: Fields, path: str) -> Iterator[FieldProblem]:
    found, place = spec.get("resources"), f"{path}.resources"
    if found is None:
        return
    if (spec.get("os") or {}).get("name") == "windows":
        yield forbidden(place, "may not be set for a windows pod")
        return
    if found.get("claims"):
        yield forbidden(f"{place}.claims", "claims may not be set for Resources at pod-level")
    yield from _check(found, place, of_pod=True)
    known = {claim["name"] for claim in spec.get("resourceClaims") or () if claim.get("name")}
    yield from _claimed(found, f"{place}.claims", known)
    yield from _room_for_containers(spec, found, place)


def _room_for_containers(spec: Fields, found: Fields, path: str) -> Iterator[FieldProblem]:
    """What the pod asks for is enough for all of its containers together."""
    requests, limits = found.get("requests") or {}, found.get("limits") or {}
    for name, most in requests.items():
        if (needed := _aggregate(spec, "requests", name)) > amount(most):
            detail = f"must be greater than or equal to aggregate container requests of {needed}"
            yield invalid(f"{path}.requests[{name}]", most, detail)
    for name, most in limits.items():
        if is_huge_pages(name) and (needed := _aggregate(spec, "limits", name)) > amount(most):
            detail = f"must be greater than or equal to aggregate container limits of {needed}"
            yield invalid(f"{path}.limits[{name}]", most, detail)
    for index, container in enumerate(spec.get("containers") or ()):
        for name, limit in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and amount(limit) > amount(limits[name]):
                detail = f"must be less than or equal to pod limits of {limits[name]}"
                # The server puts the words in this order.
                yield invalid(f"{path}.containers[{index}][{name}].limits", limit, detail)


def _aggregate(spec: Fields, side: str, name: str) -> Decimal:
    """The most that the containers need at any time: sidecars stay, other init containers come and go."""
    stays, start = Decimal(0), Decimal(0)
    for container in spec.get("initContainers") or ():
        needed = _amount_of(container, side, name)
        if is_sidecar(container):
            stays += needed
            needed = Decimal(0)
        start = max(start, stays + needed)
    together = sum((_amount_of(one, side, name) for one in spec.get("containers") or ()), stays)
    return max(start, together)


def _amount_of(container: Fields, side: str, name: str) -> Decimal:
    return amount(((container.get("resources") or {}).get(side) or {}).get(name, "0"))


RULES = (
    PodRule(
        "pod-claims", "a pod's claims on devices have names of their own and one source each", pod_claims
    ),
    PodRule("container-resources", "quantities are valid and requests within limits", resources),
    PodRule("pod-resources", "the pod's own resources have room for its containers", pod_resources),
)
