"""PersistentVolumeClaims, StorageClasses, and the volumes behind them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikctl.model import (
    Object,
    annotations_of,
    controller_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.references import claim_name

DEFAULT_CLASS = "standard"
"""The StorageClass of claims that name none, where nobody declared another default; it is there without being
declared, as in kind."""
DRIVER = "engine.minikctl.io"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
"""Claims of such a class only get volumes that somebody wrote."""
CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_MARKS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


VOLUME_MARK = "minikctl.io/volume-mark"
"""Annotation of a claim whose volume is not the one of its name, because that still has what an earlier claim
left. Only so much of the volume's name is anybody's to say."""
_MARK_LENGTH = 8
_LETTERS_OF_MARKS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def volume_name(cluster_id: str, claim: Object) -> str:
    """The engine's volume behind a claim: it is found again after everything else was forgotten. No name in
    Kubernetes has an underscore, so that no two claims have one volume."""
    mark = annotations_of(claim).get(VOLUME_MARK, "")
    is_sound = 0 < len(mark) <= _MARK_LENGTH and set(mark) <= _LETTERS_OF_MARKS
    suffix = f"_{mark}" if is_sound else ""
    return f"minikctl_{cluster_id[:8]}_{namespace_of(claim)}_{name_of(claim)}{suffix}"


def with_mark(claim: Object, mark: str) -> Object:
    """ "" takes it away."""
    annotations = {name: text for name, text in annotations_of(claim).items() if name != VOLUME_MARK}
    if mark:
        annotations[VOLUME_MARK] = mark[:_MARK_LENGTH]
    return {**claim, "metadata": {**claim["metadata"], "annotations": annotations}}


def mark_in(volume: str, cluster_id: str, claim: Object) -> str | None:
    """What the volume's name has beyond the claim's; None where it is called after something else."""
    own = volume_name(cluster_id, with_mark(claim, ""))
    if volume == own:
        return ""
    return volume.removeprefix(f"{own}_") if volume.startswith(f"{own}_") else None


def needs_file(obj: Object) -> bool:
    """Whether it is a claim whose mark has to survive, whoever made the claim. One that a pod brought goes
    with the pod."""
    is_marked = obj["kind"] == "PersistentVolumeClaim" and VOLUME_MARK in annotations_of(obj)
    return is_marked and (controller_of(obj) or {}).get("kind") != "Pod"


def as_asked(claim: Object) -> Object:
    """A claim without what it got."""
    return {**claim, "spec": {name: one for name, one in spec_of(claim).items() if name != "volumeName"}}


def is_bound(claim: Object) -> bool:
    return status_of(claim).get("phase") == "Bound"


def class_name(claim: Object) -> str | None:
    """ "" asks for no class at all, None for the default one. The annotation from before there was a field
    still goes before it, as upstream."""
    name: str | None = annotations_of(claim).get(_CLASS_ANNOTATION, spec_of(claim).get("storageClassName"))
    return name


def default_class(classes: Iterable[Object]) -> str:
    """Of several that are marked the newest, as upstream."""
    marked = [
        one for one in classes if any(annotations_of(one).get(mark) == "true" for mark in _DEFAULT_MARKS)
    ]
    newest = max(
        marked, key=lambda one: (one["metadata"].get("creationTimestamp", ""), name_of(one)), default=None
    )
    return DEFAULT_CLASS if newest is None else name_of(newest)


def with_default_class(claim: Object, classes: Iterable[Object]) -> Object:
    """The claim with a class; as it is where it names one, or asks for none."""
    if class_name(claim) is not None:
        return claim
    return {**claim, "spec": {"storageClassName": default_class(classes), **spec_of(claim)}}


def provisions(storage_class: Object | None) -> bool:
    """Whether claims of the class get volumes of their own."""
    return storage_class is not None and storage_class.get("provisioner") != NO_PROVISIONER


def waits_for_consumer(storage_class: Object | None) -> bool:
    return (storage_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer"


# --- claims of ephemeral volumes ------------------------------------------------------------------------


def ephemeral_template(pod: Object, claim: str) -> dict[str, Any] | None:
    """What the pod's claim of that name is made from; None where it is no ephemeral volume's."""
    for volume in spec_of(pod).get("volumes") or ():
        if "ephemeral" in volume and claim_name(name_of(pod), volume) == claim:
            found: dict[str, Any] = volume["ephemeral"].get("volumeClaimTemplate") or {}
            return found
    return None


def is_anothers(claim: Object, pod: Object) -> bool:
    """Whether the pod would have made a claim of that name, and somebody else did."""
    if ephemeral_template(pod, name_of(claim)) is None:
        return False
    owners = claim["metadata"].get("ownerReferences") or ()
    return all(one["uid"] != uid_of(pod) for one in owners)


def not_its_own(claim: Object, pod: Object) -> str:
    """In the words of upstream."""
    names = (f"{namespace_of(one)}/{name_of(one)}" for one in (claim, pod))
    return "PVC {} was not created for pod {} (pod is not owner)".format(*names)


# --- volumes --------------------------------------------------------------------------------------------


def is_provisioned(volume: Object) -> bool:
    """Whether it is an engine's volume; otherwise it is a folder of a machine, and somebody wrote it."""
    return (spec_of(volume).get("csi") or {}).get("driver") == DRIVER


def claim_reference(volume: Object) -> dict[str, Any]:
    """The claim that has it, or is to have it: without a uid it is kept for whoever has that name."""
    found: dict[str, Any] = spec_of(volume).get("claimRef") or {}
    return found


def is_kept_for(volume: Object, claim: Object) -> bool:
    """Whether it is that claim's, or is to be."""
    reference = claim_reference(volume)
    names = (reference.get("namespace"), reference.get("name"))
    return names == (namespace_of(claim), name_of(claim)) and reference.get("uid") in (
        None,
        "",
        uid_of(claim),
    )


def with_claim(volume: Object, claim: Object) -> Object:
    reference = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "name": name_of(claim),
        "namespace": namespace_of(claim),
        "uid": uid_of(claim),
    }
    return {**volume, "spec": {**spec_of(volume), "claimRef": reference}}


# --- in files -------------------------------------------------------------------------------------------


def as_intended(obj: Object, hints: Iterable[Object]) -> Object:
    """A claim or a volume as its file says it: without what the control plane gave it, but for what nobody
    could find out again. A volume's claim stays, by its name: that one finds its data there. Of one that is
    gone its uid stays too: nobody else is to find that data."""
    metadata = {name: value for name, value in obj["metadata"].items() if name != "finalizers"}
    spec = dict(spec_of(obj))
    if obj["kind"] == "PersistentVolumeClaim":
        said = {name for hint in hints for name in spec_of(hint)}
        for field in {"storageClassName", "volumeName"} - said:
            spec.pop(field, None)
    elif reference := claim_reference(obj):
        kept = (
            ("namespace", "name") if status_of(obj).get("phase") == "Bound" else ("namespace", "name", "uid")
        )
        spec["claimRef"] = {name: reference[name] for name in kept if name in reference}
    return {**obj, "metadata": metadata, "spec": spec}
