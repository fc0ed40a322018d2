"""Containers of a pod: names, images, policies, and what only some sorts of them may have."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.walk import CONTAINERS, Fields, each_container, is_sidecar
from minikctl.manifests.rules.problems import (
    check_choice,
    check_filled,
    check_syntax,
    duplicate,
    forbidden,
    invalid,
    label_advice,
    not_found,
    required,
    too_many,
    unsupported,
)
from minikctl.manifests.rules.rule import PodRule, Rule
from minikctl.model import Object

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("FallbackToLogsOnError", "File")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_RESIZABLE = ("cpu", "memory")
_RESIZE_POLICIES = ("NotRequired", "RestartContainer")
_RULE_ACTIONS = ("Restart", "RestartAllContainers")
_RULE_OPERATORS = ("In", "NotIn")
_MAX_RULES, _MAX_EXIT_CODES = 20, 255
_HANDLERS = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
# What a debugging container can't have: it is added to a pod that runs.
_NOT_EPHEMERAL = (*_HANDLERS, "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules")


def containers(spec: Fields, path: str) -> Iterator[FieldProblem]:
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    seen: set[str] = set()
    for field in CONTAINERS:
        for index, container in enumerate(spec.get(field) or ()):
            yield from _identity(container, f"{path}.{field}[{index}]", seen, is_pod=path == "spec")


def _identity(container: Fields, path: str, seen: set[str], *, is_pod: bool) -> Iterator[FieldProblem]:
    name, image = container.get("name", ""), container.get("image", "")
    if name:
        yield from check_syntax(f"{path}.name", name, label_advice)
    else:
        yield required(f"{path}.name")
    if name and name in seen:
        yield duplicate(f"{path}.name", name)
    seen.add(name)
    yield from check_filled(f"{path}.image", image)
    # Of a template the server does not say it: the pods would then never come to be.
    if is_pod and image != image.strip():
        yield invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    yield from check_choice(f"{path}.imagePullPolicy", container.get("imagePullPolicy", ""), PULL_POLICIES)
    policy = container.get("terminationMessagePolicy", "")
    yield from check_choice(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES)


def resize_policies(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for place, container in each_container(spec, path):
        yield from _resize_policies(container, f"{place}.resizePolicy", spec.get("restartPolicy", ""))
    for index, container in enumerate(spec.get("initContainers") or ()):
        for number, policy in enumerate(() if is_sidecar(container) else container.get("resizePolicy") or ()):
            if policy.get("restartPolicy") == "RestartContainer":
                place = f"{path}.initContainers[{index}].resizePolicy[{number}].restartPolicy"
                detail = "must not be set to 'RestartContainer' for non-sidecar initContainers"
                yield invalid(place, "RestartContainer", detail)


def _resize_policies(container: Fields, path: str, pod_policy: str) -> Iterator[FieldProblem]:
    seen: set[str] = set()
    for index, entry in enumerate(container.get("resizePolicy") or ()):
        resource, policy = entry.get("resourceName", ""), entry.get("restartPolicy", "")
        if resource in seen:
            yield duplicate(f"{path}[{index}]", resource)
        seen.add(resource)
        # The server leaves the index out from here on.
        yield from check_choice(path, resource, _RESIZABLE)
        yield from check_choice(path, policy, _RESIZE_POLICIES)
        if pod_policy == "Never" and policy != "NotRequired":
            yield invalid(path, policy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")


def restart_policies(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            yield from _restart_policy(container, f"{path}.{field}[{index}]")


def _restart_policy(container: Fields, path: str) -> Iterator[FieldProblem]:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    if policy is not None and policy not in _RESTART_POLICIES:
        yield unsupported(f"{path}.restartPolicy", policy, _RESTART_POLICIES)
    elif policy is None and rules:
        yield required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used")
        if ".initContainers[" in path:
            return
    if len(rules) > _MAX_RULES:
        yield too_many(f"{path}.restartPolicyRules", len(rules), _MAX_RULES)
    for index, rule in enumerate(rules):
        yield from _restart_rule(rule, f"{path}.restartPolicyRules[{index}]")


def _restart_rule(rule: Fields, path: str) -> Iterator[FieldProblem]:
    if rule.get("action", "") not in _RULE_ACTIONS:
        yield unsupported(f"{path}.action", rule.get("action", ""), _RULE_ACTIONS)
    codes = rule.get("exitCodes")
    if codes is None:
        yield required(f"{path}.exitCodes", "must be specified")
        return
    if codes.get("operator", "") not in _RULE_OPERATORS:
        yield unsupported(f"{path}.exitCodes.operator", codes.get("operator", ""), _RULE_OPERATORS)
    if len(codes.get("values") or ()) > _MAX_EXIT_CODES:
        yield too_many(f"{path}.exitCodes.values", len(codes["values"]), _MAX_EXIT_CODES)


def init_containers(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """Who ends before the others begin has nothing to be probed or hooked."""
    for index, container in enumerate(spec.get("initContainers") or ()):
        for field in () if is_sidecar(container) else _HANDLERS:
            if field in container:
                yield forbidden(
                    f"{path}.initContainers[{index}].{field}",
                    "may not be set for init containers without restartPolicy=Always",
                )


def ephemeral_containers(spec: Fields, path: str) -> Iterator[FieldProblem]:
    """They come in through a door of their own, into a pod that runs."""
    found = spec.get("ephemeralContainers") or ()
    others = [one.get("name", "") for field in CONTAINERS[:2] for one in spec.get(field) or ()]
    for index, container in enumerate(found):
        place = f"{path}.ephemeralContainers[{index}]"
        target = container.get("targetContainerName")
        if target and target not in others:
            yield not_found(f"{place}.targetContainerName", target)
        for field in _NOT_EPHEMERAL:
            if container.get(field):
                yield forbidden(f"{place}.{field}", "cannot be set for an Ephemeral Container")
        for number, mount in enumerate(container.get("volumeMounts") or ()):
            for field in ("subPath", "subPathExpr"):
                if mount.get(field):
                    mounted = f"{place}.volumeMounts[{number}].{field}"
                    yield forbidden(mounted, "cannot be set for an Ephemeral Container")


def not_created_with_ephemeral(obj: Object) -> Iterator[FieldProblem]:
    if (obj.get("spec") or {}).get("ephemeralContainers"):
        yield forbidden("spec.ephemeralContainers", "cannot be set on create")


RULES = (
    PodRule(
        "container-identity", "containers have names of their own, images and known policies", containers
    ),
    PodRule("container-resize", "resize policies name cpu or memory, each once", resize_policies),
    PodRule("container-restart-policy", "restart policies and their rules are known ones", restart_policies),
    PodRule(
        "container-init", "only sidecars among the init containers have probes and hooks", init_containers
    ),
    PodRule("container-ephemeral", "ephemeral containers ask for nothing lasting", ephemeral_containers),
    Rule(
        "pod-ephemeral",
        "a Pod comes without ephemeral containers",
        not_created_with_ephemeral,
        frozenset({"Pod"}),
        on_update=False,
    ),
)
