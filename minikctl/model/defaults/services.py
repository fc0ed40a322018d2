"""Services, and what leads to them."""

from __future__ import annotations

from minikctl.model.defaults.compaction import Fields
from minikctl.model.defaults.pods import spec_in


def _default_service(obj: Fields) -> None:
    spec = spec_in(obj)
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("type", "ClusterIP")
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    for port in spec.get("ports", ()):
        port.setdefault("protocol", "TCP")
        if port.get("targetPort", "") in ("", 0):
            port["targetPort"] = port.get("port")


DEFAULTS = {"Service": _default_service}
