"""Random lives of Services: whatever befalls them, at the end they lead to the ready pods and nowhere else:
see seeds."""

from __future__ import annotations

from typing import Any

import pytest

from minikctl.controlplane.endpoints import slices_of
from minikctl.controlplane.programs import program_of
from minikctl.controlplane.proxies import Role, is_proxy, pod_key, role_of, service_of
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    controller_of,
    is_deleting,
    key_of,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.networks import contains
from minikctl.model.pods import is_finished, is_ready
from minikctl.model.services import cluster_ip, is_headless, ports_of, publishes, selects

from .seeds import batches, live
from .story import NAMES, Story

NETWORK = "10.244.240.0/20"
TYPES = ("ClusterIP", "ClusterIP", "NodePort", "LoadBalancer", "headless")


class ServiceStory(Story):
    kinds = ("Deployment", "Service")

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.addresses: dict[str, str] = {}
        self.world.stored_checks.append(self.check_addresses)

    def deeds(self) -> list[Any]:
        return [*super().deeds(), *[self.serve] * 4, self.stop_serving]

    def serve(self) -> None:
        name = self.random.choice(NAMES)
        self._try(lambda: self.world.api.apply([self._service(name)]))

    def stop_serving(self) -> None:
        key = ObjectKey("Service", "default", self.random.choice(NAMES))
        self._try(lambda: self.world.api.delete(key))

    def _service(self, name: str) -> Object:
        kind = self.random.choice(TYPES)
        ports = [
            {"name": f"p{number}", "port": number} for number in range(80, 80 + self.random.randint(1, 2))
        ]
        spec: dict[str, Any] = {"selector": {"app": name}, "ports": ports}
        spec |= {"clusterIP": "None"} if kind == "headless" else {"type": kind}
        metadata = {"name": f"{name}-headless" if kind == "headless" else name}
        return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}

    # --- what must always hold

    def check_addresses(self) -> None:
        """An address is of one Service, and a Service has one for its life."""
        services = [one for one in self.world.database.list("Service") if cluster_ip(one)]
        addresses = [cluster_ip(one) for one in services]
        assert len(set(addresses)) == len(addresses), f"two Services have one address: {addresses}"
        known = {uid_of(one): cluster_ip(one) for one in services}
        for uid, address in known.items():
            assert self.addresses.get(uid, address) == address, f"{uid} has another address"
        self.addresses.update(known)

    # --- the end

    def what_is_wrong(self) -> str:
        if reason := super().what_is_wrong():
            return reason
        view = View(self.world.database.list())
        services = list(view.list("Service"))
        wrong = next(filter(None, (self._is_service_wrong(one, view) for one in services)), "")
        return wrong or self._left_over(view, {uid_of(one) for one in services})

    def _is_service_wrong(self, service: Object, view: View) -> str:
        name = name_of(service)
        wanted = {
            status_of(pod)["podIP"]
            for pod in view.list("Pod", "default")
            if selects(service, pod) and is_ready(pod) and not is_finished(pod)
        }
        found = {
            endpoint["addresses"][0]
            for one in slices_of(service, view)
            for endpoint in one.get("endpoints") or ()
            if endpoint["conditions"]["ready"]
        }
        if found != wanted:
            return f"{name} leads to {found}, not to {wanted}"
        if is_headless(service):
            return ""
        if not contains(NETWORK, cluster_ip(service)):
            return f"{name} has no address"
        if publishes(service) and not all(port.get("nodePort") for port in ports_of(service)):
            return f"{name} has no node ports"
        roles = [Role.CLUSTER, *([Role.BALANCER] if spec_of(service)["type"] == "LoadBalancer" else [])]
        return next(filter(None, (self._is_proxy_wrong(service, role, view) for role in roles)), "")

    def _is_proxy_wrong(self, service: Object, role: Role, view: View) -> str:
        pod = view.get(pod_key(key_of(service), role))
        if pod is None:
            return f"{name_of(service)} has no proxy"
        if not spec_of(pod).get("nodeName"):
            return ""  # its host ports are taken: it waits for them
        if (controller_of(pod) or {}).get("uid") != uid_of(service):
            return f"{name_of(pod)} is of another Service"
        known = self.world.loop.kubelets._proxies._known.get(uid_of(pod))
        if known is None or known.told != program_of(pod, view):
            return f"{name_of(pod)} was not told"
        return "" if is_ready(pod) else f"{name_of(pod)} is not ready"

    def _left_over(self, view: View, uids: set[str]) -> str:
        for kind in ("EndpointSlice", "Pod"):
            for one in view.list(kind):
                if kind == "Pod" and not is_proxy(one):
                    continue
                if not is_deleting(one) and (controller_of(one) or {}).get("uid") not in uids:
                    return f"{key_of(one)} is of no Service"
                if kind == "Pod" and view.get(service_of(one)) is None:
                    return f"{key_of(one)} serves nothing as {role_of(one)}"
        return ""


@pytest.mark.parametrize("seeds", batches(), ids=str)
def test_services_lead_to_ready_pods(seeds: range) -> None:
    live(ServiceStory, seeds)
