"""The pod's own fields: policies, names, host aliases, DNS and gates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import check_address
from minikctl.manifests.rules.pod.walk import Fields
from minikctl.manifests.rules.problems import (
    MAX_INT32,
    check_choice,
    check_not_negative,
    check_range,
    check_syntax,
    duplicate,
    forbidden,
    invalid,
    label_advice,
    qualified_name_advice,
    required,
    subdomain_advice,
    too_long,
)
from minikctl.manifests.rules.rule import PodRule, Rule
from minikctl.model import Object

_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_PREEMPTION_POLICIES = ("Never", "PreemptLowerPriority")
_SUBDOMAINS = ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName")
_LABELS = ("hostname", "subdomain")
_MAX_HOSTNAME = 64
_MAX_NAMESERVERS, _MAX_SEARCHES, _MAX_SEARCH_LENGTH = 3, 32, 2048
_SEARCH_LABEL = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SEARCH = re.compile(rf"{_SEARCH_LABEL}(\.{_SEARCH_LABEL})*\Z", re.ASCII)
_SEARCH_ADVICE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and "
    "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    rf"'{_SEARCH_LABEL}(\.{_SEARCH_LABEL})*')"
)


def policies(spec: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_choice(f"{path}.restartPolicy", spec.get("restartPolicy", ""), _RESTART_POLICIES)
    yield from check_choice(f"{path}.dnsPolicy", spec.get("dnsPolicy", ""), _DNS_POLICIES)
    if "activeDeadlineSeconds" in spec:
        yield from check_range(f"{path}.activeDeadlineSeconds", spec["activeDeadlineSeconds"], 1, MAX_INT32)
    if "preemptionPolicy" in spec:
        yield from check_choice(f"{path}.preemptionPolicy", spec["preemptionPolicy"], _PREEMPTION_POLICIES)
    # Of a template the server does not say it.
    if path == "spec":
        grace = spec.get("terminationGracePeriodSeconds", 0)
        yield from check_not_negative(f"{path}.terminationGracePeriodSeconds", grace)


def names(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for name in _LABELS:
        if value := spec.get(name):
            yield from check_syntax(f"{path}.{name}", value, label_advice)
    for name in _SUBDOMAINS:
        value = spec.get(name)
        # An empty runtime class is one that has a bad name; the others are then missing.
        if value or (value is not None and name == "runtimeClassName"):
            yield from check_syntax(f"{path}.{name}", value, subdomain_advice)
    if (override := spec.get("hostnameOverride")) is not None:
        yield from _hostname_override(spec, override, f"{path}.hostnameOverride")
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        yield from _host_alias(alias, f"{path}.hostAliases[{index}]")


def _hostname_override(spec: Fields, override: str, path: str) -> Iterator[FieldProblem]:
    for field in ("setHostnameAsFQDN", "hostNetwork"):
        if spec.get(field):
            yield forbidden(path, f"may not be specified when {field} is true")
    if len(override) > _MAX_HOSTNAME:
        yield too_long(path, _MAX_HOSTNAME)
    yield from check_syntax(path, override, subdomain_advice)


def _host_alias(alias: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_address(f"{path}.ip", alias.get("ip", ""))
    for index, name in enumerate(alias.get("hostnames") or ()):
        yield from check_syntax(f"{path}.hostnames[{index}]", name, subdomain_advice)


def dns(spec: Fields, path: str) -> Iterator[FieldProblem]:
    config, place = spec.get("dnsConfig"), f"{path}.dnsConfig"
    if spec.get("dnsPolicy") == "None" and not (config or {}).get("nameservers"):
        if config is None:
            yield required(place, "must provide `dnsConfig` when `dnsPolicy` is None")
        else:
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            yield required(f"{place}.nameservers", detail)
        return
    yield from _nameservers((config or {}).get("nameservers") or [], f"{place}.nameservers")
    yield from _searches((config or {}).get("searches") or [], f"{place}.searches")
    for index, option in enumerate((config or {}).get("options") or ()):
        if not option.get("name"):
            yield required(f"{place}.options[{index}]", "must not be empty")


def _nameservers(found: list[str], path: str) -> Iterator[FieldProblem]:
    if len(found) > _MAX_NAMESERVERS:
        yield invalid(path, found, f"must not have more than {_MAX_NAMESERVERS} nameservers")
    for index, server in enumerate(found):
        yield from check_address(f"{path}[{index}]", server)


def _searches(found: list[str], path: str) -> Iterator[FieldProblem]:
    if len(found) > _MAX_SEARCHES:
        yield invalid(path, found, f"must not have more than {_MAX_SEARCHES} search paths")
    if len(" ".join(found)) > _MAX_SEARCH_LENGTH:
        detail = (
            f"must not have more than {_MAX_SEARCH_LENGTH} characters (including spaces) in the search list"
        )
        yield invalid(path, found, detail)
    for index, search in enumerate(found):
        if search != ".":
            yield from check_syntax(f"{path}[{index}]", search.removesuffix("."), _search_advice)


def _search_advice(value: str) -> str | None:
    if len(value) > 253:
        return "must be no more than 253 bytes"
    return None if _SEARCH.match(value) else _SEARCH_ADVICE


def gates(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        condition = gate.get("conditionType", "")
        yield from check_syntax(
            f"{path}.readinessGates[{index}].conditionType", condition, qualified_name_advice
        )
    seen: set[str] = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        name, place = gate.get("name", ""), f"{path}.schedulingGates[{index}]"
        yield from check_syntax(place, name, qualified_name_advice)
        if name in seen:
            yield duplicate(place, name)
        seen.add(name)


def gated(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    if spec.get("schedulingGates") and spec.get("nodeName"):
        yield forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")


def scheduling_group(spec: Fields, path: str) -> Iterator[FieldProblem]:
    group, place = spec.get("schedulingGroup"), f"{path}.schedulingGroup"
    if group is None:
        return
    if name := group.get("podGroupName", ""):
        yield from check_syntax(f"{place}.podGroupName", name, subdomain_advice)
    else:
        yield required(f"{place}.podGroupName")
    if spec.get("evictionResponders"):
        yield forbidden(place, "may not be set when evictionResponders is set")


RULES = (
    PodRule("pod-policies", "restart and DNS policy, grace period and deadline are valid", policies),
    PodRule("pod-names", "host name, aliases, account, node and classes are valid names", names),
    PodRule("pod-dns", "name servers and search paths are valid and not too many", dns),
    PodRule("pod-gates", "gates have qualified names, each once", gates),
    Rule("pod-gated", "a Pod with gates has no node yet", gated, frozenset({"Pod"}), on_update=False),
    PodRule("pod-scheduling-group", "the scheduling group has a name", scheduling_group),
)
