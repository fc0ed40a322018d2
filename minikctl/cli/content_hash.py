"""`--append-hash`: the hash of a ConfigMap or Secret as kubectl and kustomize append it to the name."""

from __future__ import annotations

import hashlib
import json

from minikctl.model import Object

_LETTERS = str.maketrans("013ae", "ghkmt")
"""Kubernetes' alphabet for names has neither vowels nor what looks like them."""
_ESCAPES = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def with_hash(manifest: Object) -> Object:
    name = manifest["metadata"]["name"]
    content = {"kind": manifest["kind"], "name": name, "data": manifest.get("data", {})}
    if manifest["kind"] == "Secret":
        content["type"] = manifest.get("type", "")
    elif manifest.get("binaryData"):
        content["binaryData"] = manifest["binaryData"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).translate(_ESCAPES)
    digest = hashlib.sha256(text.encode()).hexdigest()[:10].translate(_LETTERS)
    return {**manifest, "metadata": {**manifest["metadata"], "name": f"{name}-{digest}"}}
