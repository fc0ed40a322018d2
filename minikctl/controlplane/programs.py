"""What a proxy is to be told, whosever it is."""

from __future__ import annotations

from minikctl.controlplane.endpoints import slices_of
from minikctl.controlplane.forwarding import program
from minikctl.controlplane.ingress import heir, program_of_ingresses
from minikctl.controlplane.proxies import Program, is_ingress_proxy, role_of, service_of
from minikctl.controlplane.view import View
from minikctl.model import Object


def program_of(proxy: Object, view: View) -> Program | None:
    """None where nobody needs it any more."""
    if is_ingress_proxy(proxy):
        return program_of_ingresses(proxy, view)
    service = view.get(service_of(proxy))
    return program(service, role_of(proxy), slices_of(service, view)) if service is not None else None


def owner_again(proxy: Object, view: View) -> Object | None:
    """Its owner, which has another uid after state.db was lost."""
    return heir(view) if is_ingress_proxy(proxy) else view.get(service_of(proxy))
