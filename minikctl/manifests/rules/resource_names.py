"""Names of resources (`cpu`, `requests.storage`, `example.com/gpu`) and the amounts that go with them.

Kubernetes knows three sets of names: what containers may ask for, what quotas count, and all of them
together. A name without `/` must be in the set of its place; one with a domain of its own is an extended
resource and is counted in whole units.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import NOT_NEGATIVE, invalid, qualified_name_advice
from minikctl.model.quantity import parse_quantity

_COMPUTE = frozenset({"cpu", "memory", "ephemeral-storage"})
_COUNTED = frozenset(
    {
        "configmaps",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "services",
        "services.loadbalancers",
        "services.nodeports",
    }
)
_QUOTA = frozenset(
    {
        *_COMPUTE,
        *_COUNTED,
        *(f"{side}.{name}" for side in ("limits", "requests") for name in _COMPUTE),
        "requests.storage",
    }
)

_HUGE_PAGES = "hugepages-"
_NOT_AN_INTEGER = "must be an integer"


def amount(quantity: Any) -> Decimal:
    """A quantity of a decoded object as a number; zero for null, as in Go."""
    if quantity is None or quantity == "":
        return Decimal(0)
    try:
        return parse_quantity(quantity)
    except (ArithmeticError, ValueError):  # an exponent that no number has
        return Decimal(0)


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_huge_pages(name: str) -> bool:
    return name.startswith(_HUGE_PAGES)


def is_extended(name: str) -> bool:
    """A device or the like, with a domain of its own."""
    if is_native(name) or name.startswith("requests."):
        return False
    return qualified_name_advice(f"requests.{name}") is None


def is_counted(name: str) -> bool:
    """Measured in whole units."""
    return name in _COUNTED or is_extended(name)


def may_be_overcommitted(name: str) -> bool:
    return is_native(name) and not is_huge_pages(name)


def is_quota_name(name: str) -> bool:
    return name in _QUOTA or name.startswith((_HUGE_PAGES, f"requests.{_HUGE_PAGES}"))


def check_name(name: str, path: str) -> Iterator[FieldProblem]:
    """Any resource that Kubernetes knows, or a fully qualified name."""
    if problem := qualified_name_advice(name):
        yield invalid(path, name, problem)
    elif "/" not in name and name != "storage" and not is_quota_name(name):
        yield invalid(path, name, "must be a standard resource type or fully qualified")


def check_container_name(name: str, path: str) -> Iterator[FieldProblem]:
    """A resource that containers may ask for."""
    yield from check_name(name, path)
    if "/" not in name:
        if name not in _COMPUTE and not is_huge_pages(name):
            yield invalid(path, name, "must be a standard resource for containers")
    elif not is_native(name) and not is_extended(name):
        yield invalid(path, name, "doesn't follow extended resource name standard")


def check_quota_name(name: str, path: str) -> Iterator[FieldProblem]:
    """A resource that quotas count."""
    yield from check_name(name, path)
    if "/" not in name and not is_quota_name(name):
        yield invalid(path, name, "must be a standard resource for quota")


def check_not_negative_amount(quantity: Any, path: str) -> Iterator[FieldProblem]:
    if amount(quantity) < 0:
        yield invalid(path, quantity, NOT_NEGATIVE)


def check_positive_amount(quantity: Any, path: str) -> Iterator[FieldProblem]:
    if amount(quantity) <= 0:
        yield invalid(path, quantity, "must be greater than zero")


def check_amount(name: str, quantity: Any, path: str) -> Iterator[FieldProblem]:
    """Not negative, and whole where the resource is counted."""
    yield from check_not_negative_amount(quantity, path)
    # The server looks at thousandths, rounded up.
    if is_counted(name) and -(-amount(quantity) * 1000 // 1) % 1000:
        yield invalid(path, quantity, _NOT_AN_INTEGER)
