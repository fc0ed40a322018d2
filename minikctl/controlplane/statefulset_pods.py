"""The pods and claims of a StatefulSet: names and ordinals, how they are made, what keeps their identity."""

from __future__ import annotations

import re
from typing import Any

from minikctl.controlplane.decision import Decision, Ids, with_metadata
from minikctl.controlplane.podcontrol import pod_from
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    controller_of,
    controller_reference,
    copy,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    uid_of,
)
from minikctl.model.controller_revisions import REVISION_LABEL, template_of
from minikctl.model.timestamps import format_time

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
CLAIM = "PersistentVolumeClaim"
_NUMBERED = re.compile(r"^(.*)-([0-9]+)$")


def ordinal_of(stateful_set: Object, pod: Object) -> int:
    """The pod's number in the set, -1 where its name is none that the set would give."""
    found = _NUMBERED.match(name_of(pod))
    if found is None or found[1] != name_of(stateful_set):
        return -1
    return int(found[2])


def start_of(stateful_set: Object) -> int:
    start: int = (spec_of(stateful_set).get("ordinals") or {}).get("start", 0)
    return start


def revision_of(pod: Object) -> str:
    return labels_of(pod).get(REVISION_LABEL, "")


# --- pods ------------------------------------------------------------------------------------------


def new_pod(stateful_set: Object, revision: Object, ordinal: int, now: float, uid: str) -> Object:
    """The pod of that ordinal, from the template of a revision."""
    pod = pod_from(stateful_set, template_of(revision), now)
    pod["metadata"] |= {"name": f"{name_of(stateful_set)}-{ordinal}", "uid": uid}
    pod["metadata"]["labels"][REVISION_LABEL] = name_of(revision)
    return with_identity(stateful_set, pod)


def with_identity(stateful_set: Object, pod: Object) -> Object:
    """The pod with everything that makes it the one of its ordinal; the same object where it has it."""
    wanted = {POD_NAME: name_of(pod), POD_INDEX: str(ordinal_of(stateful_set, pod))}
    labels = {**labels_of(pod), **wanted}
    spec = {**spec_of(pod), "hostname": name_of(pod)}
    if service := spec_of(stateful_set).get("serviceName"):
        spec["subdomain"] = service
    if claims := claim_names(stateful_set, pod):
        spec["volumes"] = _with_claims(spec.get("volumes") or (), claims)
    if spec_of(pod).get("nodeName"):
        spec = spec_of(pod)  # a pod that runs keeps what it was made with
    if labels == labels_of(pod) and spec == spec_of(pod):
        return pod
    return {**with_metadata(pod, labels=labels), "spec": spec}


def without_identity(stateful_set: Object, pod: Object) -> Object:
    """The pod without what makes it the one of its ordinal: as its template has it."""
    labels = {name: text for name, text in labels_of(pod).items() if name not in (POD_NAME, POD_INDEX)}
    claims = claim_names(stateful_set, pod)
    spec = {name: value for name, value in spec_of(pod).items() if name not in ("hostname", "subdomain")}
    volumes = [one for one in spec.get("volumes") or () if one["name"] not in claims]
    if "volumes" in spec:
        spec = {**spec, "volumes": volumes} if volumes else _without(spec, "volumes")
    return {**with_metadata(pod, labels=labels), "spec": spec}


def _without(spec: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name != field}


def _with_claims(volumes: Any, claims: dict[str, str]) -> list[dict[str, Any]]:
    """A volume of the template with a claim's name gives way to the claim."""
    own = [{"name": name, "persistentVolumeClaim": {"claimName": claim}} for name, claim in claims.items()]
    return [*own, *(one for one in volumes if one["name"] not in claims)]


# --- claims ----------------------------------------------------------------------------------------


def claim_names(stateful_set: Object, pod: Object) -> dict[str, str]:
    """By the name of the volume, the pod's own claims."""
    templates = spec_of(stateful_set).get("volumeClaimTemplates") or ()
    return {name_of(one): f"{name_of(one)}-{name_of(pod)}" for one in templates}


def missing_claims(stateful_set: Object, pod: Object, view: View, now: float) -> list[Object]:
    """The pod's claims that are not there, as they would be made; without uids."""
    templates = spec_of(stateful_set).get("volumeClaimTemplates") or ()
    names = claim_names(stateful_set, pod)
    return [
        _new_claim(stateful_set, template, names[name_of(template)], now, "")
        for template in templates
        if view.get(ObjectKey(CLAIM, namespace_of(stateful_set), names[name_of(template)])) is None
    ]


def ensure_claims(
    stateful_set: Object, pod: Object, view: View, decision: Decision, now: float, ids: Ids
) -> list[str]:
    """Makes the pod's missing claims and sets who owns them. Returns the names of those just made."""
    made = []
    for template in spec_of(stateful_set).get("volumeClaimTemplates") or ():
        name = claim_names(stateful_set, pod)[name_of(template)]
        known = view.get(ObjectKey(CLAIM, namespace_of(stateful_set), name))
        if known is None:
            decision.put(_new_claim(stateful_set, template, name, now, ids.uid()))
            made.append(name)
        else:
            _own(known, _owner_of_claims(stateful_set), stateful_set, decision)
    return made


def claim_again(stateful_set: Object, *, name: str, now: float, uid: str) -> Object | None:
    """The claim of that name as the set made it for one of its pods, of whatever ordinal; None where it would
    not have."""
    for template in spec_of(stateful_set).get("volumeClaimTemplates") or ():
        pod = name.removeprefix(f"{name_of(template)}-")
        found = _NUMBERED.match(pod) if pod != name else None
        if found is not None and found[1] == name_of(stateful_set):
            return _new_claim(stateful_set, template, name, now, uid)
    return None


def has_claims_that_go(stateful_set: Object, pod: Object, view: View) -> bool:
    """Whether a claim of that name is still on its way out: a new pod waits for it to be gone."""
    names = claim_names(stateful_set, pod).values()
    found = (view.get(ObjectKey(CLAIM, namespace_of(stateful_set), name)) for name in names)
    return any(one is not None and is_deleting(one) for one in found)


def condemn_claims(stateful_set: Object, pod: Object, view: View, decision: Decision) -> None:
    """The claims of a pod that is scaled away go with it, where the policy says so."""
    policy = spec_of(stateful_set).get("persistentVolumeClaimRetentionPolicy") or {}
    owner = pod if policy.get("whenScaled") == "Delete" else _owner_of_claims(stateful_set)
    for name in claim_names(stateful_set, pod).values():
        known = view.get(ObjectKey(CLAIM, namespace_of(stateful_set), name))
        if known is not None:
            _own(known, owner, stateful_set, decision)


def _owner_of_claims(stateful_set: Object) -> Object | None:
    policy = spec_of(stateful_set).get("persistentVolumeClaimRetentionPolicy") or {}
    return stateful_set if policy.get("whenDeleted") == "Delete" else None


def _own(claim: Object, owner: Object | None, stateful_set: Object, decision: Decision) -> None:
    """Gives the claim to its owner. One that belongs to anybody else is left alone."""
    reference = controller_of(claim)
    wanted = controller_reference(owner) if owner is not None else None
    if reference == wanted or is_deleting(claim):
        return
    if reference is not None and not _is_ours(reference, stateful_set):
        return
    others = [one for one in claim["metadata"].get("ownerReferences") or () if one != reference]
    references = [*others, wanted] if wanted else others
    decision.put(with_metadata(claim, ownerReferences=references or None))


def _is_ours(reference: dict[str, Any], stateful_set: Object) -> bool:
    if reference["kind"] == "Pod":
        found = _NUMBERED.match(reference["name"])
        return found is not None and found[1] == name_of(stateful_set)
    return bool(reference["uid"] == uid_of(stateful_set))


def _new_claim(stateful_set: Object, template: Object, name: str, now: float, uid: str) -> Object:
    selected = (spec_of(stateful_set).get("selector") or {}).get("matchLabels") or {}
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace_of(stateful_set),
        "uid": uid,
        "creationTimestamp": format_time(now),
        "generation": 1,
        "labels": {**labels_of(template), **selected},
    }
    if annotations := template["metadata"].get("annotations"):
        metadata["annotations"] = dict(annotations)
    if owner := _owner_of_claims(stateful_set):
        metadata["ownerReferences"] = [controller_reference(owner)]
    return {
        "apiVersion": "v1",
        "kind": CLAIM,
        "metadata": metadata,
        "spec": copy(spec_of(template)),
        "status": {"phase": "Pending"},
    }
