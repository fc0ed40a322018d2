"""What was seen of an engine's containers, so that a pass over those that did nothing is one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from minikctl.backend.observed import Container

Facts = TypeVar("Facts")
Seen = TypeVar("Seen")


class Remembered(Generic[Facts, Seen]):
    """By container id: `facts` never change, `seen` is good for one state. Both go with the container."""

    def __init__(self) -> None:
        self.facts: dict[str, Facts] = {}
        self.seen: dict[str, Seen] = {}

    def facts_of(
        self,
        container_id: str,
        look: Callable[[str], Container | None],
        are_enough: Callable[[Facts], bool] = lambda facts: True,
    ) -> Facts | None:
        """As they are remembered, else as `look` finds them and puts them here; None where there is no such
        container of this cluster."""
        facts = self.facts.get(container_id)
        if facts is None or not are_enough(facts):
            found = look(container_id)
            facts = self.facts.get(found.id) if found else None
        return facts

    def forget(self, container_id: str) -> None:
        self.facts.pop(container_id, None)
        self.seen.pop(container_id, None)

    def forget_all_but(self, kept: set[str]) -> None:
        """`kept` are the ids that the engine listed."""
        for container_id in list(self.facts):
            if container_id not in kept:
                self.forget(container_id)
