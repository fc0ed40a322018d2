"""Whom a change concerns that has to do with traffic: Services, their proxies, and all who know names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from minikctl.controlplane.proxies import (
    INGRESS_PROXY,
    is_ingress_proxy,
    is_proxy,
    pod_keys,
    service_of,
    trouble_of,
)
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from minikctl.model.ingresses import secret_names, service_names
from minikctl.model.pods import is_finished, is_ready
from minikctl.model.services import SERVICE_NAME, is_headless, selects


class Concerned(Struct, frozen=True):
    services: tuple[ObjectKey, ...] = ()
    pods: tuple[ObjectKey, ...] = ()
    """Their kubelets should look: proxies that may have another program, or pods with other names."""
    names: bool = False
    """The names of Services may be others, or stand for other addresses."""
    ingresses: tuple[ObjectKey, ...] = ()
    """Their controller should look: Ingresses, or their proxy."""


NOBODY = Concerned()


def concerned(obj: Object | None, old: Object | None, view: View) -> Concerned:
    """`obj` None: it is gone. `old` None: it is new."""
    either = obj or old
    match either and either["kind"]:
        case "Pod":
            return _by_pod(obj, old, view)
        case "EndpointSlice":
            return _by_slice(obj, old, view)
        case "Service":
            return _by_service(obj, old, view)
        case "Endpoints":
            return Concerned((ObjectKey("Service", namespace_of(either or {}), name_of(either or {})),))
        case "Ingress" | "IngressClass":
            return _by_ingress(obj, old, view)
        case "Secret":
            return _by_secret(either or {}, view)
        case "Node" if obj is not None and spec_of(obj) != spec_of(old or {}):
            return Concerned(tuple(key_of(one) for one in view.list("Service")))
    return NOBODY


def _by_pod(obj: Object | None, old: Object | None, view: View) -> Concerned:
    either = obj or old or {}
    if is_ingress_proxy(either):
        is_same = obj is not None and old is not None and _state(obj) == _state(old)
        return NOBODY if is_same else Concerned(ingresses=(INGRESS_PROXY,))
    if is_proxy(either):
        return Concerned((service_of(either),))
    if obj is not None and old is not None and _endpoint_of(obj) == _endpoint_of(old):
        return NOBODY
    found = [
        key_of(service)
        for service in view.list("Service", namespace_of(either))
        if any(pod is not None and selects(service, pod) for pod in (obj, old))
    ]
    return Concerned(tuple(found))


def _endpoint_of(pod: Object) -> tuple[object, ...]:
    """All that an endpoint is made from."""
    status = status_of(pod)
    conditions = [one for one in status.get("conditions") or () if one["type"] == "Ready"]
    ready = conditions[0]["status"] if conditions else ""
    going = "deletionTimestamp" in pod["metadata"]
    return (labels_of(pod), status.get("podIP"), is_finished(pod), ready, going, spec_of(pod))


def _by_slice(obj: Object | None, old: Object | None, view: View) -> Concerned:
    found: dict[ObjectKey, None] = {}
    for one in (obj, old):
        if one is not None and (name := labels_of(one).get(SERVICE_NAME)):
            found[ObjectKey("Service", namespace_of(one), name)] = None
    if _facts(obj) == _facts(old):
        return Concerned(tuple(found))
    services = [view.get(key) for key in found]
    names = any(one is not None and is_headless(one) for one in services)
    proxies = [pod for key in found for pod in pod_keys(key)]
    if any(view.list("Ingress", namespace_of(obj or old or {}))):
        proxies.append(INGRESS_PROXY)
    return Concerned(tuple(found), (*proxies, *(bound_pods(view) if names else ())), names)


def _facts(one: Object | None) -> tuple[object, ...]:
    return (one.get("endpoints"), one.get("ports"), labels_of(one)) if one is not None else ()


def _by_service(obj: Object | None, old: Object | None, view: View) -> Concerned:
    if obj is not None and old is not None and spec_of(obj) == spec_of(old):
        return NOBODY
    keys: Iterable[ObjectKey] = (key_of(one) for one in (obj, old) if one is not None)
    proxies = dict.fromkeys(pod for key in keys for pod in pod_keys(key))
    either = obj or old or {}
    leading = [
        key_of(one)
        for one in view.list("Ingress", namespace_of(either))
        if name_of(either) in service_names(one)
    ]
    if leading:
        proxies[INGRESS_PROXY] = None
    return Concerned((), (*proxies, *bound_pods(view)), True, tuple(leading))


def _by_ingress(obj: Object | None, old: Object | None, view: View) -> Concerned:
    if obj is not None and old is not None and _told(obj) == _told(old):
        return NOBODY
    either = obj or old or {}
    found = [key_of(either)] if either["kind"] == "Ingress" else [key_of(one) for one in view.list("Ingress")]
    return Concerned(pods=(INGRESS_PROXY,), ingresses=(*found, INGRESS_PROXY))


def _told(one: Object) -> tuple[object, ...]:
    """All that people say of an Ingress or a class."""
    return (spec_of(one), annotations_of(one), is_deleting(one))


def _state(proxy: Object) -> tuple[object, ...]:
    return (trouble_of(proxy), is_ready(proxy), is_deleting(proxy), status_of(proxy).get("hostIP"))


def _by_secret(secret: Object, view: View) -> Concerned:
    found = [
        key_of(one)
        for one in view.list("Ingress", namespace_of(secret))
        if name_of(secret) in secret_names(one)
    ]
    return Concerned(pods=(INGRESS_PROXY,), ingresses=tuple(found)) if found else NOBODY


def bound_pods(view: View) -> Iterator[ObjectKey]:
    """Those that know names."""
    return (key_of(pod) for pod in view.list("Pod") if spec_of(pod).get("nodeName") and not is_proxy(pod))
