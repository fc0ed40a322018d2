"""What autoscalers need beside the view: what pods use, and what each of them remembers.

The memory of a pass that was not committed is forgotten with it: a size that was never written was no change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikctl.controlplane.decision import Decision
from minikctl.controlplane.view import View
from minikctl.model import ObjectKey, uid_of

if TYPE_CHECKING:
    from minikctl.controlplane.autoscaling_rules import Memory
    from minikctl.controlplane.usage import Usage


class Autoscalers:
    def __init__(self) -> None:
        self.usage: Usage | None = None
        """None until pods were measured once."""
        self._memories: dict[str, Memory] = {}
        self._before: dict[str, Memory] = {}

    def begin(self) -> None:
        """A pass begins."""
        self._before = dict(self._memories)

    def undo(self) -> None:
        """It was rejected."""
        self._memories = dict(self._before)

    def look(self, key: ObjectKey, view: View, now: float) -> Decision:
        from minikctl.controlplane.autoscaling import reconcile
        from minikctl.controlplane.autoscaling_rules import Memory

        found = view.get(key)
        if found is None:
            known = {uid_of(one) for one in view.list(key.kind)}
            self._memories = {uid: memory for uid, memory in self._memories.items() if uid in known}
            return Decision()
        memory = self._memories.get(uid_of(found)) or Memory()
        decision, self._memories[uid_of(found)] = reconcile(key, view, self.usage, memory, now)
        return decision
