"""The labels on every container that minikctl makes: what is needed to find it again without state.db.

The `io.kubernetes.*` ones are the kubelet's own, so that tools which know them understand our containers.
"""

from __future__ import annotations

POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
POD_UID = "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"
RESTART_COUNT = "io.kubernetes.container.restartCount"

CLUSTER = "minikctl.io/cluster"
NODE = "minikctl.io/node"
TYPE = "minikctl.io/type"
"""`container` or `sandbox`."""
SPEC_HASH = "minikctl.io/spec-hash"
"""Of the pod's fields that the container was made from: a different one means it must be made anew."""
BACKOFF = "minikctl.io/crash-backoff"
"""Seconds that the kubelet waited before this attempt; the next wait is made from it."""
CLAIM = "minikctl.io/claim"
"""On a volume: the PersistentVolumeClaim that it was made for."""
POD = "minikctl.io/pod"
"""The pod as JSON (identity, labels, owner, spec as declared: references to Secrets, never their values)."""
SEAL = "minikctl.io/seal"
"""HMAC over the labels above and the container's name: a copied or forged label set is not obeyed."""

TYPE_CONTAINER = "container"
TYPE_SANDBOX = "sandbox"
