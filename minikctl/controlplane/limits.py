"""LimitRanges: what a namespace gives containers that ask for nothing, and what it lets nobody ask for.

Rules:
- A port of upstream's admission plugin LimitRanger: defaults first, then everything that is wrong at once, in
  its words. New objects are held to it, and claims that change.
- What was filled in is named in an annotation, so that a desired file can be written without it.
- Pure: a pod as stored (with its defaults) in, a pod or a text out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from minikctl.model import Object, annotations_of, copy, spec_of
from minikctl.model.amounts import Amount, Amounts, amounts_of, pod_totals
from minikctl.model.quantity import canonical_quantity, parse_quantity

ANNOTATION = "kubernetes.io/limit-ranger"
KIND = "LimitRange"
_MOST_IN_THOUSANDTHS = Decimal((2**63 - 1) // 1000)


# --- defaults


def with_defaults(pod: Object, ranges: Iterable[Object]) -> Object:
    """A new pod with the defaults of its namespace; the same object where there are none."""
    items = [item for item in _items(ranges) if item["type"] == "Container"]
    limits = {name: value for item in items for name, value in (item.get("default") or {}).items()}
    requests = {name: value for item in items for name, value in (item.get("defaultRequest") or {}).items()}
    if not limits and not requests:
        return pod
    spec = copy(spec_of(pod))
    said: list[str] = []
    for group in ("containers", "initContainers"):
        for container in spec.get(group) or ():
            what = "container" if group == "containers" else "init container"
            said += _filled(container, what, requests, limits)
    if not said:
        return pod
    notes = {**annotations_of(pod), ANNOTATION: f"LimitRanger plugin set: {'; '.join(said)}"}
    return {**pod, "metadata": {**pod["metadata"], "annotations": notes}, "spec": spec}


def _filled(
    container: dict[str, Any], what: str, requests: Mapping[str, str], limits: Mapping[str, str]
) -> Iterator[str]:
    """What was given to the container, in words. Changes the container."""
    resources = container.setdefault("resources", {})
    for side, word, defaults in (("requests", "request", requests), ("limits", "limit", limits)):
        missing = {name: value for name, value in defaults.items() if name not in resources.get(side, {})}
        if missing:
            resources[side] = {**resources.get(side, {}), **missing}
            yield f"{', '.join(sorted(missing))} {word} for {what} {container['name']}"


def without_defaults(pod: Object, hints: Sequence[Object]) -> Object:
    """A pod without what it was given here; what somebody said himself (in one of the hints) stays."""
    if ANNOTATION not in annotations_of(pod):
        return pod
    result: Object = copy(pod)
    result["metadata"]["annotations"].pop(ANNOTATION)
    for group in ("containers", "initContainers"):
        for container in spec_of(result).get(group) or ():
            said = [
                one
                for hint in hints
                for one in spec_of(hint).get(group) or ()
                if one.get("name") == container["name"]
            ]
            _emptied(container, [one.get("resources") or {} for one in said])
    return result


def _emptied(container: dict[str, Any], said: Sequence[Mapping[str, Any]]) -> None:
    resources = container.get("resources") or {}
    for side in ("limits", "requests"):
        known = {name for one in said for name in one.get(side) or {}}
        kept = {name: value for name, value in resources.get(side, {}).items() if name in known}
        resources.pop(side, None)
        if kept:
            resources[side] = kept


# --- bounds


def refusal(obj: Object, ranges: Iterable[Object]) -> str | None:
    """Why a new Pod, or a new or changed PersistentVolumeClaim, is not let in; None where it is."""
    found: list[str] = []
    for item in _items(ranges):
        match obj["kind"], item["type"]:
            case "Pod", "Container":
                for container in (*_group(obj, "containers"), *_group(obj, "initContainers")):
                    resources = container.get("resources") or {}
                    asked, most = (amounts_of(resources.get(side)) for side in ("requests", "limits"))
                    found += _problems(item, asked, most)
            case "Pod", "Pod":
                found += _problems(item, pod_totals(obj, "requests"), pod_totals(obj, "limits"))
            case "PersistentVolumeClaim", "PersistentVolumeClaim":
                resources = spec_of(obj).get("resources") or {}
                found += _claim_problems(item, amounts_of(resources.get("requests")))
    texts = list(dict.fromkeys(found))
    return None if not texts else texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _group(pod: Object, group: str) -> list[dict[str, Any]]:
    return spec_of(pod).get(group) or []


def _items(ranges: Iterable[Object]) -> Iterator[dict[str, Any]]:
    for one in ranges:
        yield from spec_of(one).get("limits") or ()


def _problems(item: Mapping[str, Any], asked: Amounts, most: Amounts) -> Iterator[str]:
    where = item["type"]
    for name, text in _sorted(item, "min"):
        yield from _too_little(
            f"minimum {name} usage per {where} is {text}", text, asked.get(name), most.get(name)
        )
    for name, text in _sorted(item, "max"):
        yield from _too_much(
            f"maximum {name} usage per {where} is {text}", text, asked.get(name), most.get(name)
        )
    for name, text in _sorted(item, "maxLimitRequestRatio"):
        begin = f"{name} max limit to request ratio per {where} is {text}"
        yield from _too_far_apart(begin, text, asked.get(name), most.get(name))


def _claim_problems(item: Mapping[str, Any], asked: Amounts) -> Iterator[str]:
    where = item["type"]
    for name, text in _sorted(item, "min"):
        yield from _too_little(f"minimum {name} usage per {where} is {text}", text, asked.get(name), None)
    for name, text in _sorted(item, "max"):
        begin = f"maximum {name} usage per {where} is {text}"
        found = asked.get(name)
        if found is None:
            yield f"{begin}.  No request is specified"
        elif found.value > parse_quantity(text):
            yield f"{begin}, but request is {found}"


def _sorted(item: Mapping[str, Any], side: str) -> list[tuple[str, str]]:
    return sorted((name, canonical_quantity(text)) for name, text in (item.get(side) or {}).items())


def _too_little(begin: str, bound: str, request: Amount | None, limit: Amount | None) -> Iterator[str]:
    least = parse_quantity(bound)
    if request is None:
        yield f"{begin}.  No request is specified"
    elif request.value < least:
        yield f"{begin}, but request is {request}"
    elif limit is not None and limit.value < least:
        yield f"{begin}, but limit is {limit}"


def _too_much(begin: str, bound: str, request: Amount | None, limit: Amount | None) -> Iterator[str]:
    most = parse_quantity(bound)
    if limit is None:
        yield f"{begin}.  No limit is specified"
    elif limit.value > most:
        yield f"{begin}, but limit is {limit}"
    elif request is not None and request.value > most:
        yield f"{begin}, but request is {request}"


def _too_far_apart(begin: str, bound: str, request: Amount | None, limit: Amount | None) -> Iterator[str]:
    if request is None or not request.value:
        yield f"{begin}, but no request is specified or request is 0"
        return
    if limit is None or not limit.value:
        yield f"{begin}, but no limit is specified or limit is 0"
        return
    ratio, most = float(limit.value / request.value), parse_quantity(bound)
    # Upstream compares thousandths where they fit into its integers, and says what it compares.
    factor = 1000 if most <= _MOST_IN_THOUSANDTHS else 1
    if ratio * factor > float(most * factor):
        yield f"{begin}, but provided ratio is {ratio:f}"
