"""Tokens of service accounts, for programs that want to find one.

Nobody checks accounts here, and no API server would take a token. So it is a JSON Web Token with the claims
that Kubernetes would make, and without a signature (`alg: none`): a program can read whose it is, and nobody
can mistake it for a key. It names no end, so that it never has to be made anew.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

from minikctl.controlplane.kubelet.configuration import Surroundings
from minikctl.model import name_of, namespace_of, spec_of, uid_of
from minikctl.model.timestamps import parse_time

ISSUER = "https://minikctl.invalid"


def token(source: dict[str, Any], around: Surroundings) -> bytes:
    """What a `serviceAccountToken` projection asks for. The same pod always gets the same."""
    pod = around.pod
    namespace, account = namespace_of(pod), spec_of(pod).get("serviceAccountName") or "default"
    issued = int(parse_time(pod["metadata"]["creationTimestamp"]))
    claims = {
        "aud": [source.get("audience") or ISSUER],
        "iat": issued,
        "iss": ISSUER,
        "kubernetes.io": {
            "namespace": namespace,
            "pod": {"name": name_of(pod), "uid": uid_of(pod)},
            "serviceaccount": {"name": account},
        },
        "nbf": issued,
        "sub": f"system:serviceaccount:{namespace}:{account}",
    }
    return b".".join((_part({"alg": "none", "typ": "JWT"}), _part(claims), b""))


def _part(values: dict[str, Any]) -> bytes:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).rstrip(b"=")
