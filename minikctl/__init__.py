"""minikctl: Kubernetes manifests on the container engine you already have, without a cluster.

Importing this package imports nothing else: `minikctl version` must start as a compiled tool would.
"""

__version__ = "0.1.0"
