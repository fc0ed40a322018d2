"""What is said of each field that an object uses, on each backend; and that nobody is left out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from minikctl import registry
from minikctl.backend.fidelity import Fidelity, FidelityTable, entry_for
from minikctl.errors import UsageError
from minikctl.manifests import FieldFidelity, fidelity_of, unhandled
from minikctl.manifests.fidelity import engine_fields, relied_on_in_vain, table_of
from minikctl.manifests.support import TABLES, Support, Table

BACKENDS = tuple(registry.BUILT_IN)


def pod(**spec: Any) -> dict[str, Any]:
    container = {"name": "a", "image": "a", **spec.pop("container", {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [container], **spec},
    }


def deployment(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "a"}, "name": "x"}, "spec": pod(**spec)["spec"]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": template}}


def namespace(level: str) -> dict[str, Any]:
    metadata = {"name": "n", "labels": {"pod-security.kubernetes.io/enforce": level}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def handlings(obj: dict[str, Any], backend: str) -> dict[str, str]:
    return {one.path: one.handling for one in fidelity_of(obj, backend)}


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two backends of third parties: `picky` refuses some and emulates the rest, `quiet` says nothing."""

    class Picky:
        name: ClassVar[str] = "picky"

        @classmethod
        def fidelity(cls) -> FidelityTable:
            return {
                "spec.hostname": Fidelity("rejected", "all are called localhost"),
                "spec.containers": Fidelity("emulated", "by hand"),
                "spec.containers.tty": Fidelity("rejected"),
            }

    class Quiet:
        name: ClassVar[str] = "quiet"

    found = {"picky": Picky, "quiet": Quiet}
    known = registry.find
    monkeypatch.setattr(registry, "find", lambda name: found.get(name) or known(name))
    table_of.cache_clear()
    yield
    table_of.cache_clear()


# --- the tables ----------------------------------------------------------------------------------------


def leaves(table: Table) -> Iterator[Support]:
    for entry in table.values():
        if isinstance(entry, Support):
            yield entry
        else:
            yield from leaves(entry)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backends_table_speaks_of_every_engine_field_and_of_nothing_else(backend: str) -> None:
    table, fields = registry.fidelity(backend), engine_fields()
    assert [one for one in fields if not any(one == key or one.startswith(f"{key}.") for key in table)] == []
    assert [key for key in table if not any(one == key or one.startswith(f"{key}.") for one in fields)] == []


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", TABLES)
def test_with_a_backend_every_field_has_one_of_the_four_words(kind: str, backend: str) -> None:
    table = table_of(kind, backend)
    assert table is not None
    found = list(leaves(table))
    assert {one.handling for one in found} <= {"enforced", "emulated", "inert", "rejected"}
    unexplained = [one for one in found if one.handling in ("emulated", "inert") and not one.note]
    assert unexplained == [], "what is not plainly enforced says why"


def test_a_parents_entry_speaks_for_what_has_none() -> None:
    table = {"a.b": Fidelity("inert", "x"), "a.b.c": Fidelity("emulated")}
    assert entry_for(table, "a.b.c.d").handling == "emulated"
    assert entry_for(table, "a.b.e") == Fidelity("inert", "x")
    assert entry_for(table, "a.bc") == Fidelity("enforced")


# --- one object ----------------------------------------------------------------------------------------


def test_each_field_that_is_used_is_named_with_the_servers_path() -> None:
    obj = pod(
        hostname="web-0",
        hostNetwork=False,
        dnsPolicy=None,
        container={
            "env": [{"name": "A", "value": "b"}],
            "resources": {"limits": {"cpu": "1", "example.com/gpu": "1"}},
        },
    )
    obj["metadata"]["labels"] = {"app": "a"}
    assert handlings(obj, "docker") == {
        "apiVersion": "enforced",
        "kind": "enforced",
        "metadata.name": "enforced",
        "metadata.labels": "enforced",
        "spec.containers[0].name": "enforced",
        "spec.containers[0].image": "enforced",
        "spec.containers[0].env[0].name": "enforced",
        "spec.containers[0].env[0].value": "enforced",
        "spec.containers[0].resources.limits.cpu": "enforced",
        "spec.containers[0].resources.limits[example.com/gpu]": "rejected",
        "spec.hostname": "enforced",
        "spec.hostNetwork": "enforced",
    }


@pytest.mark.parametrize(
    ("spec", "path", "docker", "memory"),
    [
        ({"container": {"stdin": True}}, "spec.containers[0].stdin", "enforced", "inert"),
        ({"container": {"image": "b"}}, "spec.containers[0].image", "enforced", "emulated"),
        ({"serviceAccountName": "x"}, "spec.serviceAccountName", "inert", "inert"),
        ({"volumes": [{"nfs": {"path": "/"}}]}, "spec.volumes[0].nfs", "rejected", "rejected"),
        ({"priority": 1}, "spec.priority", "enforced", "enforced"),
        ({"affinity": {"podAffinity": {}}}, "spec.affinity", "enforced", "enforced"),
        ({"hostnameOverride": "x"}, "spec.hostnameOverride", "rejected", "rejected"),
        (
            {"tolerations": [{"operator": "Gt"}]},
            "spec.tolerations[0].operator",
            "rejected",
            "rejected",
        ),
        (
            {"tolerations": [{"tolerationSeconds": 3}]},
            "spec.tolerations[0].tolerationSeconds",
            "inert",
            "inert",
        ),
        (
            {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
            "spec.securityContext.seccompProfile",
            "enforced",
            "inert",
        ),
        (
            {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
            "spec.securityContext.seccompProfile",
            "enforced",
            "inert",
        ),
        (
            {"container": {"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "NotRequired"}]}},
            "spec.containers[0].resizePolicy",
            "rejected",
            "rejected",
        ),
    ],
)
def test_handling(spec: dict[str, Any], path: str, docker: str, memory: str) -> None:
    for backend, expected in (("docker", docker), ("podman", docker), ("memory", memory)):
        assert handlings(pod(**spec), backend)[path] == expected
        inside = handlings(deployment(**spec), backend)
        assert inside[f"spec.template.{path}"] == expected, "in a template it is the same"


def test_templates_metadata_is_taken_over_as_in_kubernetes() -> None:
    found = handlings(deployment(), "docker")
    assert found["spec.template.metadata.name"] == "inert"
    assert found["spec.template.metadata.labels"] == "enforced"


def test_notes_and_steps() -> None:
    found = {
        one.path: one
        for one in fidelity_of(deployment(ephemeralContainers=[{}], container={"tty": True}), "memory")
    }
    tty = found["spec.template.spec.containers[0].tty"]
    assert tty.note == "no process reads anything"
    assert tty.steps == ("spec", "template", "spec", "containers", 0, "tty")
    assert "not run it yet" in found["spec.template.spec.ephemeralContainers"].note


@pytest.mark.parametrize(
    ("api_version", "kind", "why"),
    [
        ("resource.k8s.io/v1", "ResourceClaim", "this version does not run it"),
        ("v1", "Node", "nodes are not declared in manifests"),
        ("v1", "Event", "events are not declared in manifests"),
        ("extensions/v1beta1", "Deployment", "this version does not run it"),
    ],
)
def test_a_kind_that_is_not_run_is_rejected_as_a_whole(api_version: str, kind: str, why: str) -> None:
    obj = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, "spec": {"replicas": 1}}
    (found,) = fidelity_of(obj, "docker")
    assert (found.path, found.handling, found.steps) == ("kind", "rejected", ("kind",))
    assert why in found.note


@pytest.mark.parametrize("level", ["privileged", "baseline", "restricted"])
def test_a_namespaces_level_is_enforced(level: str) -> None:
    assert {one.handling for one in fidelity_of(namespace(level), "docker")} <= {"enforced", "inert"}


def test_what_is_rejected_is_what_unhandled_refuses() -> None:
    for obj in (
        deployment(setHostnameAsFQDN=True, subdomain="", os={"name": "windows"}),
        deployment(hostUsers=False),
    ):
        for backend in BACKENDS:
            rejected = [one for one in fidelity_of(obj, backend) if one.handling == "rejected"]
            assert rejected
            assert [(one.path, one.note) for one in rejected] == [
                (problem.path, problem.message) for problem in unhandled(obj, backend)
            ]


# --- backends of third parties -------------------------------------------------------------------------


def test_a_backend_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="lxd"):
        fidelity_of(pod(), "lxd")


@pytest.mark.usefixtures("made_up")
def test_what_a_backend_rejects_is_refused_by_name() -> None:
    obj = deployment(hostname="web-0", container={"tty": True, "stdin": True})
    assert unhandled(obj) == []
    assert [(one.path, one.reason, one.message) for one in unhandled(obj, "picky")] == [
        (
            "spec.template.spec.containers[0].tty",
            "NotHandled",
            "the picky backend does not do it",
        ),
        (
            "spec.template.spec.hostname",
            "NotHandled",
            "the picky backend does not do it: all are called localhost",
        ),
    ]
    found = {one.path: one for one in fidelity_of(obj, "picky")}
    stdin = "spec.template.spec.containers[0].stdin"
    assert found[stdin] == FieldFidelity(stdin, "emulated", "by hand", found[stdin].steps)
    assert unhandled(pod(hostname="", container={"tty": False}), "picky") == [], "that asks for nothing"


@pytest.mark.usefixtures("made_up")
def test_a_backend_without_an_opinion_enforces_all() -> None:
    assert registry.fidelity("quiet") == {}
    assert set(handlings(pod(hostname="web-0"), "quiet").values()) == {"enforced"}


# --- what people are told ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"serviceAccountName": "robot"}, ["spec.serviceAccountName"]),
        ({"automountServiceAccountToken": True}, ["spec.automountServiceAccountToken"]),
        ({"tolerations": [{"tolerationSeconds": 5}]}, ["spec.tolerations[0].tolerationSeconds"]),
        # What every exported pod has.
        ({"serviceAccountName": "default", "serviceAccount": "default", "enableServiceLinks": True}, []),
        ({"automountServiceAccountToken": False, "dnsPolicy": "ClusterFirst", "priority": 0}, []),
        ({"tolerations": [{"tolerationSeconds": 300}], "preemptionPolicy": "PreemptLowerPriority"}, []),
    ],
)
def test_who_relies_on_an_inert_field_is_told(spec: dict[str, Any], told: list[str]) -> None:
    assert [one.path for one in relied_on_in_vain(pod(**spec))] == told


def test_speed() -> None:
    """A field costs a look into a table."""
    many = [{"name": f"V{number}", "value": "x"} for number in range(20)]
    obj = deployment(container={"env": many, "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}})
    unhandled(obj, "docker")
    start = time.perf_counter()
    for _ in range(100):
        unhandled(obj, "docker")
    assert (time.perf_counter() - start) / 100 < 0.001
