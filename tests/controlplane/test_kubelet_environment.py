"""What a container finds in its environment, and what keeps it from being made."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_kubelet_sync import FACTS, bound, sandbox_of

from minikctl.controlplane.kubelet import ImageBook, PodMemo, PodSync, RunContainer, RunSandbox, sync_pod
from minikctl.controlplane.kubelet.configuration import Missing, Surroundings
from minikctl.controlplane.kubelet.downward import field_value, resource_value
from minikctl.controlplane.kubelet.environment import environment
from minikctl.model import Object, ObjectKey
from minikctl.model.references import Reference, references


def config_map(name: str, **data: str) -> Object:
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def secret(name: str, **data: bytes) -> Object:
    encoded = {key: b64encode(value).decode() for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"name": name, "namespace": "default"}, "data": encoded}


STORED = (
    config_map("web", mode="fast", bind="0.0.0.0"),
    secret("db", password=b"s3cret", raw=b"\xff"),
)


def find(key: ObjectKey, stored: tuple[Object, ...] = STORED) -> Object | None:
    for one in stored:
        if (one["kind"], one["metadata"]["name"]) == (key.kind, key.name):
            return one
    return None


def around(pod: Object | None = None, **facts: Any) -> Surroundings:
    return Surroundings(pod or bound("app"), find, **facts)


def env_of(*entries: dict[str, Any], sources: tuple[dict[str, Any], ...] = ()) -> Any:
    return environment({"name": "app", "env": list(entries), "envFrom": list(sources)}, around())


def entry(name: str, **source: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "valueFrom": source}


def test_all_sources_in_kubernetes_order() -> None:
    found = env_of(
        {"name": "mode", "value": "$(mode)er"},
        entry("PASSWORD", secretKeyRef={"name": "db", "key": "password"}),
        {"name": "URL", "value": "db:$(PASSWORD)@$(P_password)"},
        entry("BIND", configMapKeyRef={"name": "web", "key": "bind"}),
        sources=({"configMapRef": {"name": "web"}}, {"secretRef": {"name": "db"}, "prefix": "P_"}),
    )
    assert found == {
        "bind": "0.0.0.0",
        "mode": "faster",
        "P_password": "s3cret",
        "P_raw": "\ufffd",
        "PASSWORD": "s3cret",
        "URL": "db:s3cret@s3cret",
        "BIND": "0.0.0.0",
    }


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"configMapKeyRef": {"name": "none", "key": "k"}}, 'configmap "none" not found'),
        ({"secretKeyRef": {"name": "none", "key": "k"}}, 'secret "none" not found'),
        ({"configMapKeyRef": {"name": "web", "key": "k"}}, "couldn't find key k in ConfigMap default/web"),
        ({"secretKeyRef": {"name": "db", "key": "k"}}, "couldn't find key k in Secret default/db"),
    ],
)
def test_what_is_missing_is_told_or_left_out(source: dict[str, Any], message: str) -> None:
    assert env_of(entry("A", **source), {"name": "B", "value": "b"}) == Missing(message)
    ((field, reference),) = source.items()
    optional = {field: {**reference, "optional": True}}
    assert env_of(entry("A", **optional), {"name": "B", "value": "b"}) == {"B": "b"}


@pytest.mark.parametrize(("field", "word"), [("configMapRef", "configmap"), ("secretRef", "secret")])
def test_a_missing_source_of_all_keys(field: str, word: str) -> None:
    assert env_of(sources=({field: {"name": "none"}},)) == Missing(f'{word} "none" not found')
    assert env_of(sources=({field: {"name": "none", "optional": True}},)) == {}


def test_what_is_known_only_while_it_runs() -> None:
    here = around(pod_ip="10.1.0.9", host_ip="10.0.0.1")
    values = {path: field_value(f"status.{path}", here) for path in ("podIP", "podIPs", "hostIP", "hostIPs")}
    assert values == {"podIP": "10.1.0.9", "podIPs": "10.1.0.9", "hostIP": "10.0.0.1", "hostIPs": "10.0.0.1"}


def test_labels_as_lines_are_quoted_as_go_does() -> None:
    pod = bound("app", labels={"b": "2", "a": 'say "x"\n\t\x01é\\'})
    assert field_value("metadata.labels", around(pod)) == 'a="say \\"x\\"\\n\\t\\x01é\\\\"\nb="2"'


@pytest.mark.parametrize(
    ("resource", "divisor", "value"),
    [
        ("limits.cpu", "0", "1"),
        ("limits.cpu", "1m", "500"),
        ("requests.cpu", "1m", "250"),
        ("requests.cpu", "1", "1"),
        ("limits.memory", "1Mi", "65"),
        ("limits.memory", "0", "68157440"),
        ("requests.memory", "1", "0"),
        ("limits.ephemeral-storage", "1Gi", "9"),
    ],
)
def test_resources_are_divided_and_rounded_up(resource: str, divisor: str, value: str) -> None:
    pod = bound("app", "other")
    limits = {"cpu": "500m", "memory": "65Mi"}
    pod["spec"]["containers"][1]["resources"] = {"limits": limits, "requests": {"cpu": "250m"}}
    reference = {"containerName": "other", "resource": resource, "divisor": divisor}
    known = around(pod, allocatable={"cpu": "4", "ephemeral-storage": "9Gi"})
    assert resource_value(reference, pod["spec"]["containers"][0], known) == value


def test_a_limit_that_is_not_set_is_the_nodes() -> None:
    pod = bound("app")
    known = around(pod, allocatable={"cpu": "4", "memory": "8Gi"})
    own = pod["spec"]["containers"][0]
    assert resource_value({"resource": "limits.cpu", "divisor": "1m"}, own, known) == "4000"
    assert resource_value({"resource": "limits.memory", "divisor": "1Gi"}, own, known) == "8"


@given(st.binary(max_size=20))
def test_every_secret_value_becomes_text(value: bytes) -> None:
    source = secret("s", k=value)
    entries = [entry("A", secretKeyRef={"name": "s", "key": "k"})]
    found = environment({"env": entries}, Surroundings(bound("app"), lambda key: source))
    assert found == {"A": value.decode(errors="replace")}


# --- the pod that waits ---------------------------------------------------------------------------------


def look(pod: Object, *stored: Object, **facts: Any) -> PodSync:
    return sync_pod(
        pod,
        facts.get("containers", ()),
        PodMemo(),
        ImageBook(),
        FACTS,
        1000.0,
        cluster_id="c",
        seal_key=b"k",
        find=lambda key: find(key, stored),
    )


def using(name: str) -> Object:
    pod = bound("app")
    pod["spec"]["containers"][0]["env"] = [entry("A", configMapKeyRef={"name": name, "key": "mode"})]
    return pod


def test_it_waits_and_says_so_once() -> None:
    pod = using("web")
    sync = look(pod)
    assert sync.actions == []
    (write,) = sync.decision.writes
    (status,) = write.obj["status"]["containerStatuses"]  # type: ignore[union-attr]
    waiting = {"reason": "CreateContainerConfigError", "message": 'configmap "web" not found'}
    assert status["state"] == {"waiting": waiting}
    (event,) = sync.decision.happenings
    assert (event.kind, event.reason, event.message) == (
        "Warning",
        "Failed",
        'Error: configmap "web" not found',
    )
    again = look(write.obj)  # type: ignore[union-attr]
    assert (again.actions, again.decision.happenings, again.decision.writes) == ([], [], [])


def test_it_starts_when_the_config_map_is_there() -> None:
    sync = look(using("web"), config_map("web", mode="fast"))
    (action,) = sync.actions
    assert isinstance(action, RunContainer)
    assert action.spec.env == (("A", "fast"),)


@pytest.mark.parametrize(
    "path",
    ["/proc/self/fd/7", "/proc", "//proc/self/fd/8/../..", "/srv/../proc/1", "proc/self/cwd", "/./proc"],
)
def test_no_process_begins_in_proc(path: str) -> None:
    """CVE-2024-21626: a folder that the runtime holds open is a way out of the container."""
    pod = bound("app")
    pod["spec"]["containers"][0]["workingDir"] = path
    sync = look(pod)
    assert sync.actions == []
    (event,) = sync.decision.happenings
    assert event.message.startswith(f"Error: workingDir {path} is in /proc")


@pytest.mark.parametrize("path", ["", "/", "/srv", "/srv/proc", "/procs", "/proc/../srv"])
def test_others_do_where_they_say(path: str) -> None:
    pod = bound("app")
    pod["spec"]["containers"][0]["workingDir"] = path
    (action,) = look(pod).actions
    assert isinstance(action, RunContainer)
    assert action.spec.working_dir == path


def test_who_asks_for_its_address_gets_a_sandbox_first() -> None:
    pod = bound("app")
    pod["spec"]["containers"][0]["env"] = [entry("IP", fieldRef={"fieldPath": "status.podIP"})]
    (action,) = look(pod).actions
    assert isinstance(action, RunSandbox)
    (action,) = look(pod, containers=(sandbox_of(pod),)).actions
    assert isinstance(action, RunContainer)
    assert action.spec.env == (("IP", "10.1.0.9"),)


def test_what_a_pod_refers_to() -> None:
    pod = using("web")
    spec = pod["spec"]
    spec["initContainers"] = [{"name": "i", "envFrom": [{"secretRef": {"name": "db"}}]}]
    spec["volumes"] = [
        {"name": "a", "configMap": {"name": "files"}},
        {"name": "b", "secret": {"secretName": "keys"}},
        {"name": "c", "projected": {"sources": [{"secret": {"name": "p"}}, {"configMap": {"name": "web"}}]}},
        {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "e", "ephemeral": {}},
        {"name": "f", "emptyDir": {}},
    ]
    spec["imagePullSecrets"] = [{"name": "hub"}]
    assert references(pod) == (
        Reference("Secret", "db"),
        Reference("ConfigMap", "web"),
        Reference("ConfigMap", "files"),
        Reference("Secret", "keys"),
        Reference("Secret", "p"),
        Reference("PersistentVolumeClaim", "data"),
        Reference("PersistentVolumeClaim", "p-e"),
        Reference("Secret", "hub"),
    )
