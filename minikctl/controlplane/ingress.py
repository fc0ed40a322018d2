"""The Ingress controller: the one proxy of all Ingresses of our class, and their statuses.

Rules:
- There is a proxy as long as there is an Ingress of our class. It belongs to the oldest of them, so that it
  goes with the last, and is known again after a lost state.db.
- It is made anew only when its host ports change: the port for TLS is only published while an Ingress asks
  for TLS, as somebody else on the host may have it.
- What an Ingress names and nobody has is told by events on it; the rest of it is served.
"""

from __future__ import annotations

from typing import Any

from minikctl.controlplane.decision import Decision, Ids, with_metadata, with_status
from minikctl.controlplane.ingress_program import START, ingress_program
from minikctl.controlplane.ingress_routes import is_ours, problems, served, virtual_hosts
from minikctl.controlplane.podcontrol import deleted
from minikctl.controlplane.proxies import (
    INGRESS_PROXY,
    MADE_FROM,
    Program,
    Role,
    has_useless_image,
    keep_namespace,
    new_pod,
    pod_spec,
    trouble_of,
)
from minikctl.controlplane.site import Site
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    controller_of,
    controller_reference,
    is_deleting,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.hashing import spec_hash
from minikctl.model.ingresses import tls_of
from minikctl.model.pods import is_ready

COMPONENT = "ingress-controller"
HTTP, HTTPS = "http", "https"


def reconcile(key: ObjectKey, view: View, now: float, ids: Ids) -> Decision:
    """Looks after the proxy and all statuses where `key` is its, else at what one Ingress names."""
    decision = Decision()
    if key == INGRESS_PROXY:
        _keep_proxy(view, decision, now, ids)
        for one in view.list("Ingress"):
            if not is_deleting(one):
                _write_status(one, view, decision)
        return decision
    ingress = view.get(key)
    if ingress is not None and not is_deleting(ingress):
        for reason, message in problems(ingress, view):
            decision.tell(ingress, reason, message, COMPONENT, "Warning")
    return decision


def _keep_proxy(view: View, decision: Decision, now: float, ids: Ids) -> None:
    ingresses, pod = served(view), view.get(INGRESS_PROXY)
    if pod is not None and is_deleting(pod):
        return
    if not ingresses:
        if pod is not None:
            decision.put(deleted(pod, now))
        return
    ports = _host_ports(ingresses, ids.site)
    made_from = spec_hash(_spec("", ports))
    if pod is None:
        keep_namespace(view, decision, now, ids)
        spec = _spec(ids.site.ingress_image, ports)
        annotations = {MADE_FROM: made_from}
        decision.put(new_pod(INGRESS_PROXY, Role.INGRESS, annotations, ingresses[0], spec, ids.uid(), now))
    elif annotations_of(pod).get(MADE_FROM) != made_from or has_useless_image(pod, ids.site.ingress_image):
        decision.put(deleted(pod, now))
    elif not _belongs_to(pod, ingresses):
        decision.put(with_metadata(pod, ownerReferences=[controller_reference(ingresses[0])]))


def _spec(image: str, ports: list[dict[str, Any]]) -> dict[str, Any]:
    return pod_spec(image, ["sh", "-c", START], ports)


def _belongs_to(pod: Object, ingresses: list[Object]) -> bool:
    owner = controller_of(pod)
    return owner is not None and any(uid_of(one) == owner["uid"] for one in ingresses)


def _host_ports(ingresses: list[Object], site: Site) -> list[dict[str, Any]]:
    wanted = [(HTTP, site.ingress_http_port)]
    if any(tls_of(one) for one in ingresses):
        wanted.append((HTTPS, site.ingress_https_port))
    return [
        {"name": name, "containerPort": number, "hostPort": number, "protocol": "TCP"}
        for name, number in wanted
        if number
    ]


def proxy_ports(pod: Object) -> tuple[int, int]:
    """Those for HTTP and HTTPS that the proxy was made with; 0 for none."""
    ports = spec_of(pod)["containers"][0].get("ports") or ()
    known = {one.get("name"): one["containerPort"] for one in ports}
    return known.get(HTTP, 0), known.get(HTTPS, 0)


def program_of_ingresses(pod: Object, view: View) -> Program:
    """What the proxy is to do now."""
    return ingress_program(virtual_hosts(view), *proxy_ports(pod))


def heir(view: View) -> Object | None:
    """The Ingress that the proxy belongs to when its owner is not known any more."""
    return next(iter(served(view)), None)


def _write_status(ingress: Object, view: View, decision: Decision) -> None:
    pod = view.get(INGRESS_PROXY)
    status: dict[str, Any] = {**status_of(ingress), "loadBalancer": {}}
    if pod is not None and is_ours(ingress, view) and not is_deleting(pod):
        http, https = proxy_ports(pod)
        if is_ready(pod) and (http or https):
            numbers = [one for one in (http, https if tls_of(ingress) else 0) if one]
            ports = [{"port": number, "protocol": "TCP"} for number in numbers]
            address = status_of(pod).get("hostIP", "127.0.0.1")
            status["loadBalancer"] = {"ingress": [{"ip": address, "ports": ports}]}
        elif trouble := trouble_of(pod):
            decision.tell(
                ingress, "IngressPending", f"The proxy does not serve: {trouble}", COMPONENT, "Warning"
            )
    if changed := with_status(ingress, status):
        decision.put(changed)
