"""Whether the proxies of Services and Ingresses serve: what a command waits for that changed one of them.

Rules:
- A Service is served when the proxy with its address is ready, and made as the Service now says.
- Somebody else on the host may have the ports of a LoadBalancer and of the Ingresses for good. That these
  can't be had is a warning; all else that keeps a proxy from serving is a failure.
- Only a proxy that has been in trouble for a while is given up: ports of one that goes become free.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from msgspec import Struct

from minikctl.cli.pod_troubles import is_stuck
from minikctl.controlplane.proxies import (
    INGRESS_PROXY,
    MADE_FROM,
    Role,
    is_misled,
    made_from,
    pod_key,
    roles,
    trouble_of,
)
from minikctl.controlplane.reader import Reader
from minikctl.controlplane.services import SERVED, pod_network
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    conditions,
    controller_of,
    is_deleting,
    key_of,
    status_of,
    uid_of,
)
from minikctl.model.networks import contains
from minikctl.model.pods import is_ready
from minikctl.model.services import cluster_ip, ports_of, publishes, wants_address


class Serving(Struct, frozen=True):
    """How far one proxy is. Nothing is said of one that serves."""

    waits_for: str = ""
    trouble: str = ""
    """Why it can't serve, in the engine's or the scheduler's words."""
    may_wait: bool = False
    """Whether its trouble is a warning only."""


SERVES = Serving()


def serving_of(obj: Object, reader: Reader) -> list[Serving]:
    """What the Service or Ingress still waits for, one entry a proxy; [] where it is served as far as it is
    to be."""
    if obj["kind"] == "Service":
        found = _of_service(obj, reader)
    else:
        found = [_of_ingress(obj, reader)]
    return [one for one in found if one != SERVES]


def _of_service(service: Object, reader: Reader) -> list[Serving]:
    if not wants_address(service) or conditions.find(status_of(service), SERVED) or not ports_of(service):
        return []
    network, address = pod_network(reader), cluster_ip(service)
    if not network or not address:
        return [Serving("an address")]
    if not contains(network, address):
        return []  # an event says so: nothing ever serves it
    if publishes(service) and any("nodePort" not in port for port in ports_of(service)):
        return [Serving("a node port")]
    return [_of_role(service, role, network, reader) for role in roles(service)]


def _of_role(service: Object, role: Role, network: str, reader: Reader) -> Serving:
    pod = reader.get(pod_key(key_of(service), role))
    owner = (controller_of(pod) or {}).get("uid") if pod is not None else None
    fits = pod is not None and annotations_of(pod).get(MADE_FROM) == made_from(service, role, network)
    if pod is None or not fits or owner != uid_of(service):  # one of an earlier Service of the name goes
        return Serving("its proxy")
    return _of_pod(pod, may_wait=role is Role.BALANCER)


def _of_ingress(ingress: Object, reader: Reader) -> Serving:
    from minikctl.controlplane.ingress_routes import is_ours

    if not is_ours(ingress, reader):
        return SERVES
    pod = reader.get(INGRESS_PROXY)
    return Serving("the proxy of all Ingresses") if pod is None else _of_pod(pod, may_wait=True)


def _of_pod(pod: Object, *, may_wait: bool) -> Serving:
    if is_deleting(pod):
        return Serving("the next proxy")
    if is_ready(pod):
        return SERVES
    if is_misled(pod):
        return Serving("its proxy", trouble_of(pod))
    placed = conditions.find(status_of(pod), "PodScheduled")
    is_refused = placed is not None and placed["status"] == "False"
    trouble = trouble_of(pod) if is_stuck(pod) or is_refused else ""
    return Serving("its proxy", trouble, may_wait)


class Traffic:
    """The Services and Ingresses of a goal, looked at again and again."""

    def __init__(self, reader: Reader, now: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._now = now
        self._since: dict[tuple[ObjectKey, bool], float] = {}
        self.waiting: list[str] = []
        """What is still to come, one line each."""
        self.failures: list[str] = []
        self.warnings: list[str] = []

    def look(self, objects: Iterable[Object], patience: float) -> None:
        """Finds out anew what is still waited for, and what can't come.

        :param patience: seconds of trouble after which a proxy is given up.
        """
        self.waiting, self.failures, self.warnings = [], [], []
        troubled: set[tuple[ObjectKey, bool]] = set()
        for obj in objects:
            for serving in serving_of(obj, self._reader):
                if serving.trouble:
                    troubled.add((key_of(obj), serving.may_wait))
                self._sort(obj, serving, patience)
        self._since = {one: since for one, since in self._since.items() if one in troubled}

    def is_unserved(self, obj: Object) -> bool:
        """Whether something of it does not serve, for whatever reason."""
        return bool(serving_of(obj, self._reader))

    def _sort(self, obj: Object, serving: Serving, patience: float) -> None:
        name = _display_name(obj)
        if not serving.trouble:
            self.waiting.append(f"{name}: waiting for {serving.waits_for}")
            return
        line = f"{name}: the proxy does not serve: {serving.trouble}"
        since = self._since.setdefault((key_of(obj), serving.may_wait), self._now())
        if self._now() - since < patience:
            self.waiting.append(line)
        else:
            (self.warnings if serving.may_wait else self.failures).append(line)


def _display_name(obj: Object) -> str:
    from minikctl.render.printers import qualified_name

    return qualified_name(obj)
