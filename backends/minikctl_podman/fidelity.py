"""What Podman does with the pod fields that are handed to it: data, read without the SDK.

What the fields become is in `payload`; the contract suite looks at the running containers.
"""

from __future__ import annotations

from minikctl.backend.fidelity import CONTAINER_ENGINE, FidelityTable

TABLE: FidelityTable = CONTAINER_ENGINE
