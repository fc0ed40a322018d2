"""The last-applied annotation, and the order of documents."""

from __future__ import annotations

import pytest

from minikctl.apply.failure import PatchError
from minikctl.apply.last_applied import (
    ANNOTATION,
    encode_last_applied,
    read_last_applied,
    stripped,
)
from minikctl.apply.order import apply_order
from minikctl.model import Object, annotations_of, copy


def write_last_applied(obj: Object, manifest: Object) -> Object:
    """As kubectl does it."""
    result: Object = copy(obj)
    metadata = result.setdefault("metadata", {})
    metadata["annotations"] = {**annotations_of(result), ANNOTATION: encode_last_applied(manifest)}
    return result


def test_it_is_written_as_go_writes_json() -> None:
    manifest = {"kind": "Pod", "metadata": {"name": "é<&>"}, "apiVersion": "v1"}
    assert encode_last_applied(manifest) == (
        '{"apiVersion":"v1","kind":"Pod","metadata":{"annotations":{},"name":"é\\u003c\\u0026\\u003e"}}\n'
    )


def test_it_is_read_back_and_never_holds_itself() -> None:
    manifest: Object = {"kind": "Pod", "metadata": {"name": "p", "annotations": {"a": "b"}}}
    once = write_last_applied(manifest, manifest)
    twice = write_last_applied(once, once)
    assert twice == once
    assert read_last_applied(twice) == manifest
    assert stripped(twice) == manifest
    assert ANNOTATION not in manifest["metadata"]["annotations"]


def test_an_empty_map_of_annotations_goes_with_it() -> None:
    manifest: Object = {"kind": "Pod", "metadata": {"name": "p"}}
    assert stripped(write_last_applied(manifest, manifest)) == manifest
    assert read_last_applied(manifest) is None


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_annotation_is_an_error(text: str) -> None:
    with pytest.raises(PatchError):
        read_last_applied({"metadata": {"annotations": {ANNOTATION: text}}})


def test_namespaces_come_first_and_the_rest_keeps_its_order() -> None:
    kinds = ["Deployment", "Pod", "Unheard", "Namespace", "Pod"]
    documents: list[Object] = [{"kind": kind, "metadata": {"name": str(i)}} for i, kind in enumerate(kinds)]
    names = [document["metadata"]["name"] for document in apply_order(documents)]
    assert names == ["3", "1", "4", "0", "2"]
