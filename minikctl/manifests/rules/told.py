"""What a status says, to rules about changes: as decoded, where a null in a list is an empty element."""

from __future__ import annotations

from minikctl.model import Object


def is_told(obj: Object, kind: str) -> bool:
    """Whether the condition of that type is True."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == kind and one.get("status") == "True" for one in conditions if one)
