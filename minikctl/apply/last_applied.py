"""The annotation in which kubectl remembers the manifest that was applied last.

Where objects come from or go to kubectl, both sides must write it alike: compact JSON with sorted keys,
escaped as Go's encoder escapes, one newline at the end, the annotation itself left out of what it holds.
"""

from __future__ import annotations

import json
from typing import Any

from minikctl.apply.failure import PatchError
from minikctl.model import Object, annotations_of, copy

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"

# Go's encoding/json escapes these so that JSON is safe inside HTML and JavaScript.
_ESCAPES = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def read_last_applied(obj: Object) -> Object | None:
    """The manifest that was applied last, None where the object was not made by apply.

    :raises PatchError: the annotation holds no JSON object.
    """
    text = annotations_of(obj).get(ANNOTATION)
    if not text:
        return None
    try:
        manifest: Any = json.loads(text)
    except ValueError as error:
        raise PatchError(f"the annotation {ANNOTATION} is not JSON: {error}") from error
    if not isinstance(manifest, dict):
        raise PatchError(f"the annotation {ANNOTATION} is not a JSON object")
    return manifest


def encode_last_applied(manifest: Object) -> str:
    """The annotation's value for a manifest."""
    bare = stripped(manifest)
    # kubectl writes the map of annotations even where it is empty.
    bare["metadata"] = {**bare.get("metadata", {}), "annotations": dict(annotations_of(bare))}
    text = json.dumps(bare, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.translate(_ESCAPES) + "\n"


def stripped(obj: Object) -> Object:
    """`obj` without the annotation; the map of annotations goes too where nothing else is in it."""
    result: Object = copy(obj)
    annotations = result.get("metadata", {}).get("annotations")
    if annotations and ANNOTATION in annotations:
        del annotations[ANNOTATION]
        if not annotations:
            del result["metadata"]["annotations"]
    return result
