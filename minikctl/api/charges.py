"""Quotas pay in the commit that uses them, as in an API server.

Two who fill the same quota at the same time then write the same status: one of them meets a conflict, looks
again, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from minikctl.controlplane.overlay import Overlay
from minikctl.model import Object, key_of, namespace_of
from minikctl.model.writes import Put


def charges(written: Iterable[Object], coming: Overlay) -> list[Put]:
    """The statuses of the quotas of these objects' namespaces, with the objects in them.

    :param coming: knows the objects. Quotas that are about to be written themselves are left out.
    """
    found: list[Put] = []
    for namespace in sorted({namespace_of(obj) for obj in written} - {""}):
        for quota in coming.list("ResourceQuota", namespace):
            from minikctl.controlplane.quotas import with_used

            if not coming.has(key_of(quota)) and (new := with_used(quota, coming)) is not None:
                found.append(Put(new))
    return found
