"""What pods and pod templates have in common: containers, tolerations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_CEILING
from typing import Any

from minikctl.model import (
    Object,
    annotations_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.quantity import parse_quantity
from minikctl.model.selectors import format_selector
from minikctl.render.describe.pod_volumes import volumes
from minikctl.render.describe.writer import NONE, Page
from minikctl.render.durations import rfc1123
from minikctl.render.gotext import go_print
from minikctl.render.quantities import canonical_quantity

Data = Mapping[str, Any]
FieldReader = Callable[[str], str]
"""The value that a `fieldRef` path has in one pod."""


def pod_template(page: Page, template: Data) -> None:
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    page.row(0, "Pod Template:")
    page.labels(1, "Labels", metadata.get("labels"))
    if metadata.get("annotations"):
        page.annotations(1, "Annotations", metadata["annotations"])
    if spec.get("serviceAccountName"):
        page.row(1, "Service Account:", spec["serviceAccountName"])
    if spec.get("initContainers"):
        containers(page, "Init Containers", spec["initContainers"], template=True)
    containers(page, "Containers", spec.get("containers") or (), template=True)
    volumes(page, spec.get("volumes") or (), template=True)
    topology_spread(page, 1, spec)
    if spec.get("priorityClassName"):
        page.row(1, "Priority Class Name:", spec["priorityClassName"])
    page.labels(1, "Node-Selectors", spec.get("nodeSelector"))
    tolerations(page, 1, spec)


def containers(
    page: Page,
    title: str,
    specs: Sequence[Data],
    *,
    template: bool = False,
    statuses: Iterable[Data] = (),
    read_field: FieldReader = lambda _path: "",
) -> None:
    """The block of containers. In a template the names stand one space deeper, as in kubectl."""
    by_name = {status["name"]: status for status in statuses}
    page.row(1 if template else 0, f"{title}:{'' if specs else f' {NONE}'}")
    for spec in specs:
        status = by_name.get(spec["name"])
        page.row(1, f"{' ' if template else ''}{spec['name']}:")
        _basics(page, spec, status)
        _lines(page, "Command", spec.get("command"))
        _lines(page, "Args", spec.get("args"))
        if status is not None:
            _status(page, status)
        resources(page, 2, spec.get("resources") or {})
        for field, word in (("liveness", "Liveness"), ("readiness", "Readiness"), ("startup", "Startup")):
            if spec.get(f"{field}Probe"):
                page.row(2, f"{word}:", probe_text(spec[f"{field}Probe"]))
        _environment(page, spec, read_field)
        _mounts(page, spec)


def _basics(page: Page, spec: Data, status: Data | None) -> None:
    if status is not None:
        page.row(2, "Container ID:", status.get("containerID", ""))
    page.row(2, "Image:", spec.get("image", ""))
    if status is not None:
        page.row(2, "Image ID:", status.get("imageID", ""))
    ports = spec.get("ports") or ()
    plural = "s" if len(ports) > 1 else ""
    page.row(2, f"Port{plural}:", _ports(ports, "containerPort"))
    page.row(2, f"Host Port{plural}:", _ports(ports, "hostPort"))
    profile = (spec.get("securityContext") or {}).get("seccompProfile")
    if profile:
        page.row(2, "SeccompProfile:", profile.get("type", ""))
        if profile.get("type") == "Localhost":
            page.row(3, "LocalhostProfile:", profile.get("localhostProfile", ""))


def _ports(ports: Iterable[Data], field: str) -> str:
    words = []
    for port in ports:
        name = f" ({port['name']})" if port.get("name") else ""
        words.append(f"{port.get(field) or 0}/{port.get('protocol', 'TCP')}{name}")
    return ", ".join(words) or NONE


def _lines(page: Page, title: str, words: Sequence[str] | None) -> None:
    if words:
        page.row(2, f"{title}:")
        for word in words:
            for line in word.split("\n"):
                page.row(3, line)


def _status(page: Page, status: Data) -> None:
    _state(page, "State", status.get("state") or {})
    if "terminated" in (status.get("lastState") or {}):
        _state(page, "Last State", status["lastState"])
    page.row(2, "Ready:", bool(status.get("ready")))
    page.row(2, "Restart Count:", status.get("restartCount", 0))


def _state(page: Page, title: str, state: Data) -> None:
    if "running" in state:
        page.row(2, f"{title}:", "Running")
        page.row(3, "Started:", rfc1123(state["running"].get("startedAt")))
    elif "terminated" in state and "waiting" not in state:
        _terminated(page, title, state["terminated"])
    else:
        page.row(2, f"{title}:", "Waiting")
        if (state.get("waiting") or {}).get("reason"):
            page.row(3, "Reason:", state["waiting"]["reason"])


def _terminated(page: Page, title: str, end: Data) -> None:
    page.row(2, f"{title}:", "Terminated")
    for field in ("reason", "message"):
        if end.get(field):
            page.row(3, f"{field.capitalize()}:", end[field])
    page.row(3, "Exit Code:", end.get("exitCode", 0))
    if end.get("signal"):
        page.row(3, "Signal:", end["signal"])
    page.row(3, "Started:", rfc1123(end.get("startedAt")))
    page.row(3, "Finished:", rfc1123(end.get("finishedAt")))


def resources(page: Page, level: int, wanted: Data) -> None:
    for field in ("limits", "requests"):
        if wanted.get(field):
            page.row(level, f"{field.capitalize()}:")
            for name, quantity in sorted(wanted[field].items()):
                page.row(level + 1, f"{name}:", canonical_quantity(quantity))


def probe_text(probe: Data) -> str:
    """`http-get http://:http/ delay=0s timeout=1s period=10s #success=1 #failure=3`."""
    numbers = (
        f"delay={probe.get('initialDelaySeconds', 0)}s timeout={probe.get('timeoutSeconds', 1)}s "
        f"period={probe.get('periodSeconds', 10)}s #success={probe.get('successThreshold', 1)} "
        f"#failure={probe.get('failureThreshold', 3)}"
    )
    return f"{_probe_action(probe)} {numbers}"


def _probe_action(probe: Data) -> str:
    if "exec" in probe:
        return f"exec {go_print(probe['exec'].get('command') or [])}"
    if "httpGet" in probe:
        return f"http-get {_url(probe['httpGet'])}"
    if "tcpSocket" in probe:
        return f"tcp-socket {probe['tcpSocket'].get('host', '')}:{probe['tcpSocket'].get('port', '')}"
    if "grpc" in probe:
        return f"grpc <pod>:{probe['grpc'].get('port', 0)} {probe['grpc'].get('service') or ''}"
    return "unknown"


def _url(action: Data) -> str:
    from urllib.parse import quote  # A describe of a pod with probes is the only one that needs it.

    host = action.get("host", "")
    path = action.get("path", "")
    slash = "" if path.startswith("/") or not path else "/"
    bracketed = f"[{host}]" if ":" in host else host
    scheme = action.get("scheme", "HTTP").lower()
    return f"{scheme}://{bracketed}:{action.get('port', '')}{slash}{quote(path, safe='/$&+,:;=@!*()~')}"


def _environment(page: Page, spec: Data, read_field: FieldReader) -> None:
    if spec.get("envFrom"):
        page.row(2, "Environment Variables from:")
        for source in spec["envFrom"]:
            _environment_source(page, source)
    variables = spec.get("env") or ()
    page.row(2, "Environment:", *(() if variables else (NONE,)))
    for variable in variables:
        cells = _variable(variable, spec, read_field)
        page.row(3, f"{variable['name']}:", *cells)


def _environment_source(page: Page, source: Data) -> None:
    kind = "ConfigMap" if "configMapRef" in source else "Secret"
    reference = source.get("configMapRef") or source.get("secretRef") or {}
    prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
    page.row(3, reference.get("name", ""), f"{kind}{prefix}", f"Optional: {_word(reference.get('optional'))}")


def _variable(variable: Data, container: Data, read_field: FieldReader) -> tuple[str, ...]:
    source = variable.get("valueFrom")
    if not source:
        return (str(variable.get("value", "")),)
    if "fieldRef" in source:
        reference = source["fieldRef"]
        path = reference.get("fieldPath", "")
        return (f"{read_field(path)} ({reference.get('apiVersion', 'v1')}:{path})",)
    if "resourceFieldRef" in source:
        return (f"{_resource_value(source['resourceFieldRef'], container)}",)
    if "secretKeyRef" in source:
        reference = source["secretKeyRef"]
        text = f"<set to the key '{reference.get('key')}' in secret '{reference.get('name')}'>"
    else:
        reference = source.get("configMapKeyRef") or {}
        text = f"<set to the key '{reference.get('key')}' of config map '{reference.get('name')}'>"
    return text, f"Optional: {_word(reference.get('optional'))}"


def _resource_value(reference: Data, container: Data) -> str:
    resource: str = reference.get("resource", "")
    field, _, name = resource.partition(".")
    quantity = ((container.get("resources") or {}).get(field) or {}).get(name, 0)
    divisor = parse_quantity(reference.get("divisor") or 1) or 1
    value = int((parse_quantity(quantity) / divisor).to_integral_value(ROUND_CEILING))
    shown = "node allocatable" if not value and resource in ("limits.cpu", "limits.memory") else str(value)
    return f"{shown} ({resource})"


def _word(value: object) -> str:
    return "true" if value else "false"


def _mounts(page: Page, spec: Data) -> None:
    mounts = spec.get("volumeMounts") or ()
    page.row(2, "Mounts:", *(() if mounts else (NONE,)))
    for mount in sorted(mounts, key=lambda mount: str(mount["mountPath"])):
        flags = "ro" if mount.get("readOnly") else "rw"
        if mount.get("subPath"):
            flags += f',path="{mount["subPath"]}"'
        page.row(3, f"{mount['mountPath']} from {mount['name']} ({flags})")


# --- placement -------------------------------------------------------------------------------------


def tolerations(page: Page, level: int, spec: Data) -> None:
    found = sorted(spec.get("tolerations") or (), key=lambda one: str(one.get("key", "")))
    page.values(level, "Tolerations", (_toleration(one) for one in found))


def _toleration(toleration: Data) -> str:
    text: str = toleration.get("key", "")
    if toleration.get("value"):
        text += f"={toleration['value']}"
    if toleration.get("effect"):
        text += f":{toleration['effect']}"
    if toleration.get("operator") == "Exists" and not toleration.get("value"):
        text = f"{text} op=Exists".lstrip()
    seconds = toleration.get("tolerationSeconds")
    return text if seconds is None else f"{text} for {seconds}s"


def topology_spread(page: Page, level: int, spec: Data) -> None:
    constraints = sorted(spec.get("topologySpreadConstraints") or (), key=lambda one: str(one["topologyKey"]))
    if constraints:
        page.values(level, "Topology Spread Constraints", (_spread(one) for one in constraints))


def _spread(constraint: Data) -> str:
    text = (
        f"{constraint['topologyKey']}:{constraint.get('whenUnsatisfiable', '')} when max skew "
        f"{constraint.get('maxSkew', 1)} is exceeded"
    )
    selector = constraint.get("labelSelector")
    return text if selector is None else f"{text} for selector {format_selector(selector)}"


_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")


def field_reader(pod: Object) -> FieldReader:
    """Reads downward API fields of `pod`; "" for what it does not have."""
    spec, status = spec_of(pod), status_of(pod)
    fields: dict[str, str] = {
        "metadata.name": name_of(pod),
        "metadata.namespace": namespace_of(pod),
        "metadata.uid": uid_of(pod),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": status.get("hostIP", ""),
        "status.podIP": status.get("podIP", ""),
        "status.hostIPs": ",".join(one["ip"] for one in status.get("hostIPs") or ()),
        "status.podIPs": ",".join(one["ip"] for one in status.get("podIPs") or ()),
    }

    def read(path: str) -> str:
        if found := _SUBSCRIPT.fullmatch(path):
            values = labels_of(pod) if found[1] == "labels" else annotations_of(pod)
            return values.get(found[2], "")
        return fields.get(path, "")

    return read
