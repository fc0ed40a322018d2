"""Amounts of resources that are added up, and the sums over a pod's containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from minikctl.model import Object, spec_of
from minikctl.model.pods import is_sidecar
from minikctl.model.quantity import format_quantity, parse_quantity


class Amount(NamedTuple):
    """A number of base units. As with apimachinery's quantities a sum has the form of its first part."""

    value: Decimal = Decimal(0)
    is_binary: bool = False

    def plus(self, other: Amount) -> Amount:
        return Amount(self.value + other.value, self.is_binary if self.value else other.is_binary)

    def minus(self, other: Amount) -> Amount:
        return Amount(self.value - other.value, self.is_binary)

    def times(self, count: int) -> Amount:
        return Amount(self.value * count, self.is_binary)

    def __str__(self) -> str:
        return format_quantity(self.value, binary=self.is_binary)


Amounts: TypeAlias = dict[str, Amount]
ONE = Amount(Decimal(1))


def amount(text: str | int | float) -> Amount:
    """:raises ValueError: it is no quantity."""
    return Amount(parse_quantity(text), str(text).endswith("i"))


def amounts_of(texts: Mapping[str, Any] | None) -> Amounts:
    return {name: amount(text) for name, text in (texts or {}).items()}


def added(left: Mapping[str, Amount], right: Mapping[str, Amount]) -> Amounts:
    """All that either has."""
    return {**left, **{name: left.get(name, Amount()).plus(value) for name, value in right.items()}}


def pod_totals(pod: Object, side: str) -> Amounts:
    """The most that its containers have at one time of `requests` or `limits`, and the pod's overhead.

    A resource that no container names is not in it.
    """
    total: Amounts = {}
    peaks: list[Amounts] = []
    for container in spec_of(pod).get("initContainers") or ():
        own = amounts_of((container.get("resources") or {}).get(side))
        peaks.append(added(total, own))
        if is_sidecar(container):
            total = added(total, own)
    for container in spec_of(pod).get("containers") or ():
        total = added(total, amounts_of((container.get("resources") or {}).get(side)))
    result = _greatest([total, *peaks])
    for name, value in amounts_of(spec_of(pod).get("overhead")).items():
        if side == "requests" or name in result:
            result[name] = result.get(name, Amount()).plus(value)
    return result


def _greatest(peaks: Iterable[Amounts]) -> Amounts:
    result: Amounts = {}
    for peak in peaks:
        for name, value in peak.items():
            if name not in result or value.value > result[name].value:
                result[name] = value
    return result
