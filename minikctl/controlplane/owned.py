"""Which objects a controller counts as its own: adopt what matches and has nobody, release what does not.

Never adopted: what somebody else controls, what is on its way out, anything for an owner on its way out.
"""

from __future__ import annotations

from collections.abc import Callable

from minikctl.controlplane.decision import Decision, with_metadata
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    controller_reference,
    is_deleting,
    labels_of,
    namespace_of,
    selectors,
    spec_of,
    uid_of,
)


def claim(
    owner: Object,
    kind: str,
    view: View,
    decision: Decision,
    accepts: Callable[[Object], bool] = lambda obj: True,
) -> list[Object]:
    """The objects of a kind that `owner` controls after adoption and release, in the view's order.

    :param accepts: what it would adopt at all, whatever its selector matches.
    """
    selector = selector_of(owner)
    mine = [
        obj
        for obj in view.controlled(uid_of(owner), kind)
        if selectors.matches(selector, labels_of(obj)) or not _release(obj, owner, decision)
    ]
    if is_deleting(owner) or not selector:
        return mine
    for obj in view.orphans(kind, namespace_of(owner)):
        if not is_deleting(obj) and accepts(obj) and selectors.matches(selector, labels_of(obj)):
            mine.append(_adopt(obj, owner, decision))
    return mine


def selector_of(owner: Object) -> selectors.Selector:
    """What an owner selects. A ReplicationController's selector is a plain map of labels."""
    selector = spec_of(owner).get("selector")
    if owner["kind"] == "ReplicationController":
        selector = {"matchLabels": selector or {}}
    return selectors.from_object(selector)


def _adopt(obj: Object, owner: Object, decision: Decision) -> Object:
    references = [*(obj["metadata"].get("ownerReferences") or ()), controller_reference(owner)]
    return decision.put(with_metadata(obj, ownerReferences=references))


def _release(obj: Object, owner: Object, decision: Decision) -> bool:
    """Lets go of an object that no longer matches; one on its way out is kept until it is gone."""
    if is_deleting(obj) or is_deleting(owner):
        return False
    references = [r for r in obj["metadata"]["ownerReferences"] if r["uid"] != uid_of(owner)]
    decision.put(with_metadata(obj, ownerReferences=references or None))
    return True
