"""Evictions as `drain` makes them: one after the other, again and again where a budget says "not now".

Pods without a budget go at once. What a budget allows is only known when the control plane has looked, so the
others are asked for when a goal is: by then it has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from minikctl.cli.errors import Failed, complain, text_of
from minikctl.cli.session import Session, out
from minikctl.controlplane.disruption import budgets_of
from minikctl.errors import ApiError, NotFound, TooManyRequests
from minikctl.model import Object, key_of, name_of, namespace_of

RETRY_SECONDS = 5.0


def tell_evicting(pod: Object, suffix: str = "") -> None:
    out(f"evicting pod {namespace_of(pod)}/{name_of(pod)}{suffix}\n")


class Evictions:
    """Of one node's pods. `go_on` may be called at any time, and never waits."""

    def __init__(
        self,
        session: Session,
        pods: Sequence[Object],
        grace_seconds: int | None,
        *,
        by_force: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """:param by_force: pods are deleted, whatever their budgets say."""
        self._session = session
        self._grace = grace_seconds
        self._by_force = by_force
        self._now = now
        budgets = () if by_force else session.api.list("PodDisruptionBudget")
        self._waiting = [(0.0, pod) for pod in pods if budgets_of(pod, budgets)]
        held = [pod for _, pod in self._waiting]
        for pod in pods:
            if pod not in held:
                self._ask(pod)

    def go_on(self) -> None:
        """Asks for the pods that it is time for.

        :raises Failed: one was refused for good.
        """
        due = [pod for moment, pod in self._waiting if moment <= self._now()]
        self._waiting = [one for one in self._waiting if one[0] > self._now()]
        for pod in due:
            self._ask(pod)

    def _ask(self, pod: Object) -> None:
        tell_evicting(pod)
        remove = self._session.api.delete if self._by_force else self._session.api.evict
        try:
            remove(key_of(pod), grace_seconds=self._grace)
        except NotFound:
            return
        except TooManyRequests as error:
            complain(f"{_problem(pod)} (will retry after {RETRY_SECONDS:.0f}s): {error}")
            self._waiting.append((self._now() + RETRY_SECONDS, pod))
        except ApiError as error:
            raise Failed(f"{_problem(pod)}: {text_of(error)}") from None


def _problem(pod: Object) -> str:
    return f'error when evicting pods/"{name_of(pod)}" -n "{namespace_of(pod)}"'
