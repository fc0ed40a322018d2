"""What becomes of a pod's fields on one engine: the vocabulary, and the shape of a backend's table.

Rules:
- The control plane does its part of each field itself (`minikctl.manifests.support` says how); what it hands
  to the engine is the backend's to say: an entry for each field whose meaning is the engine's.
- A key is the field's path in a Pod, without indices, as `kubectl explain` has it
  (`spec.containers.resources.limits.cpu`); an entry also speaks for the fields below it that have none.
- A field that the table does not name is enforced: the port's promises ask for that, and the contract suite
  looks. A backend that does everything needs no table.
- A table is read by `validate`, `apply` and the documentation, without an engine: it stands in a module that
  imports no SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

Handling: TypeAlias = Literal["enforced", "emulated", "inert", "rejected"]
"""`enforced`: means what it means in Kubernetes. `emulated`: its effect can be seen, but something else
brings it about. `inert`: taken, and changes nothing. `rejected`: refused before anything happens."""


class Fidelity(NamedTuple):
    """How one field is handled, and in one short line why or how, where that is not plain."""

    handling: Handling
    note: str = ""


FidelityTable: TypeAlias = Mapping[str, Fidelity]

ENFORCED = Fidelity("enforced")
EVERYTHING_ENFORCED: FidelityTable = {}
"""For a backend without an opinion."""


def entry_for(table: FidelityTable, path: str) -> Fidelity:
    """The entry of the field or of its nearest parent."""
    while path:
        if path in table:
            return table[path]
        path = path.rpartition(".")[0]
    return ENFORCED
