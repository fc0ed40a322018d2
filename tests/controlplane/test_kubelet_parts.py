"""Labels and their seal, environments, what an engine is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from controlplane_builders import NOW, but, metadata
from hypothesis import given
from hypothesis import strategies as st

from minikctl.backend import (
    Container,
    ContainerSpec,
    ContainerState,
    NetworkMode,
    PortMapping,
    ResourceLimits,
    labels,
)
from minikctl.controlplane.kubelet.backoff import next_wait, retry_wait
from minikctl.controlplane.kubelet.configuration import Missing, Surroundings
from minikctl.controlplane.kubelet.downward import field_value
from minikctl.controlplane.kubelet.environment import environment, expand
from minikctl.controlplane.kubelet.instances import Instances
from minikctl.controlplane.kubelet.network import hostname
from minikctl.controlplane.kubelet.seal import Identity, identity, is_sealed, recorded_pod
from minikctl.controlplane.kubelet.specs import (
    LAST_APPLIED,
    container_hash,
    container_spec,
    needs_sandbox,
    sandbox_spec,
)
from minikctl.model import Object

KEY = b"a key"


def whole_pod(**spec: Any) -> Object:
    fields = {"labels": {"app": "web"}, "annotations": {"team": "a", LAST_APPLIED: '{"secret": 1}'}}
    container = {
        "name": "app",
        "image": "nginx:1",
        "command": ["serve", "$(PORT)"],
        "args": ["--name=$(NAME)", "$$(PORT)", "$(NOBODY)"],
        "env": [
            {"name": "PORT", "value": "80"},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "ports": [
            {"containerPort": 80, "hostPort": 8080, "hostIP": "127.0.0.1"},
            {"containerPort": 53, "hostPort": 53, "protocol": "UDP"},
            {"containerPort": 9},
        ],
        "resources": {"limits": {"cpu": "1", "memory": "64Mi"}, "requests": {"cpu": "250m"}},
        "workingDir": "/srv",
        "tty": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata("p", **fields),
        "spec": {"containers": [container], "nodeName": "node-1", **spec},
    }


def spec_for(pod: Object, **facts: Any) -> ContainerSpec:
    container = pod["spec"]["containers"][0]
    values = environment(container, Surroundings(pod))
    assert not isinstance(values, Missing)
    given_facts = {"attempt": 0, "backoff": None, "sandbox_id": "", "environment": values, **facts}
    return container_spec(pod, container, cluster_id="a-cluster", seal_key=KEY, **given_facts)


def as_container(spec: ContainerSpec, **facts: Any) -> Container:
    made = Container("id", spec.name, spec.labels, ContainerState.RUNNING, spec.image, "", NOW)
    return but(made, **facts)


class TestSeal:
    def test_ours_is_sealed(self) -> None:
        container = as_container(spec_for(whole_pod(), attempt=3, backoff=20))
        assert is_sealed(container, KEY)
        assert identity(container) == Identity(
            "uid-of-p", "app", 3, 20, container_hash(whole_pod()["spec"]["containers"][0]), False
        )

    def test_a_sandbox_is_too(self) -> None:
        spec = sandbox_spec(whole_pod(), cluster_id="a-cluster", seal_key=KEY)
        container = Container("id", spec.name, spec.labels, ContainerState.RUNNING, "", "", NOW)
        assert is_sealed(container, KEY)
        assert identity(container).is_sandbox
        assert identity(container).attempt == 0
        assert identity(container).backoff is None

    def test_any_changed_label_breaks_it(self) -> None:
        spec = spec_for(whole_pod(), attempt=1, backoff=0)
        assert {labels.POD_UID, labels.CLUSTER, labels.RESTART_COUNT, labels.POD} <= set(spec.labels)
        for name, value in spec.labels.items():
            for forged in (value + "x", "", value[::-1] + "0"):
                container = as_container(spec, labels={**spec.labels, name: forged})
                assert not is_sealed(container, KEY), f"{name}={forged}"
            fewer = {label: text for label, text in spec.labels.items() if label != name}
            assert not is_sealed(as_container(spec, labels=fewer), KEY), f"without {name}"

    @pytest.mark.parametrize("name", ["minikctl.io/more", "io.kubernetes.more"])
    def test_so_does_one_more(self, name: str) -> None:
        spec = spec_for(whole_pod())
        assert not is_sealed(as_container(spec, labels={**spec.labels, name: "x"}), KEY)

    def test_labels_of_others_do_not(self) -> None:
        spec = spec_for(whole_pod())
        assert is_sealed(as_container(spec, labels={**spec.labels, "com.docker.compose": "x"}), KEY)

    def test_so_does_another_name_and_another_key(self) -> None:
        """All labels copied onto another container are still not ours."""
        spec = spec_for(whole_pod())
        assert not is_sealed(as_container(spec, name=spec.name + "-copy"), KEY)
        assert not is_sealed(as_container(spec), b"another key")

    @given(st.dictionaries(st.sampled_from([labels.SEAL, labels.POD_UID, labels.CLUSTER, "x"]), st.text()))
    def test_nobody_guesses_it(self, forged: dict[str, str]) -> None:
        assert not is_sealed(as_container(spec_for(whole_pod()), labels=forged), KEY)

    @pytest.mark.parametrize("forged", ["\x80", "\ud800", "é" * 64])
    @pytest.mark.parametrize("name", [labels.SEAL, labels.POD_NAME])
    def test_strange_letters_break_it_and_nothing_else(self, name: str, forged: str) -> None:
        spec = spec_for(whole_pod())
        assert not is_sealed(as_container(spec, labels={**spec.labels, name: forged}), KEY)

    def test_the_pod_stands_on_it(self) -> None:
        pod = whole_pod()
        recorded = recorded_pod(as_container(spec_for(pod)))
        assert recorded is not None
        assert recorded["spec"] == pod["spec"]
        for field in ("name", "namespace", "uid", "labels", "creationTimestamp"):
            assert recorded["metadata"][field] == pod["metadata"][field]
        assert recorded["metadata"]["annotations"] == {"team": "a"}
        assert "resourceVersion" not in recorded["metadata"]

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', '{"metadata": {}}'])
    def test_nothing_readable_is_no_pod(self, text: str) -> None:
        assert recorded_pod(as_container(spec_for(whole_pod()), labels={labels.POD: text})) is None
        assert recorded_pod(as_container(spec_for(whole_pod()), labels={})) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Kubernetes' third_party/forked/golang/expansion tables
        ("$(VAR_A)", "A"),
        ("___$(VAR_A)___", "___A___"),
        ("$(VAR_A)$(VAR_B)", "AB"),
        ("$(VAR_C)", "$(VAR_C)"),
        ("$$(VAR_A)", "$(VAR_A)"),
        ("$$$(VAR_A)", "$A"),
        ("$$$$(VAR_A)", "$$(VAR_A)"),
        ("$(VAR_A", "$(VAR_A"),
        ("$VAR_A", "$VAR_A"),
        ("$", "$"),
        ("$$", "$"),
        ("$$$", "$$"),
        ("f000-$$VAR_A", "f000-$VAR_A"),
        ("$()", "$()"),
        ("$(VAR_REF)", "$(VAR_A)"),
        ("foo$(VAR_EMPTY)bar", "foobar"),
        ("\n$(VAR_A)\n", "\nA\n"),
        ("$(EMPTY", "$(EMPTY"),
        ("$(VAR_A))", "A)"),
        ("$( VAR_A)", "$( VAR_A)"),
    ],
)
def test_expansion(text: str, expected: str) -> None:
    values = {"VAR_A": "A", "VAR_B": "B", "VAR_REF": "$(VAR_A)", "VAR_EMPTY": ""}
    assert expand(text, values) == expected


@given(st.text(alphabet="ab()_ "))
def test_without_a_dollar_nothing_is_expanded(text: str) -> None:
    assert expand(text, {"a": "x", "b": "y"}) == text


@given(st.text())
def test_escaped_text_comes_back_as_it_is(text: str) -> None:
    assert expand(text.replace("$", "$$"), {"A": "x"}) == text


class TestEnvironment:
    def test_values_refer_to_those_before_them(self) -> None:
        entries = [
            {"name": "EARLY", "value": "$(LATE)"},
            {"name": "LATE", "value": "2"},
            {"name": "BOTH", "value": "$(EARLY)-$(LATE)"},
            {"name": "NOTHING"},
            {"name": "LATE", "value": "3"},
        ]
        assert environment({"env": entries}, Surroundings(whole_pod())) == {
            "EARLY": "$(LATE)",
            "LATE": "3",
            "BOTH": "$(LATE)-2",
            "NOTHING": "",
        }

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("metadata.name", "p"),
            ("metadata.namespace", "default"),
            ("metadata.uid", "uid-of-p"),
            ("spec.nodeName", "node-1"),
            ("spec.serviceAccountName", "default"),
            ("metadata.labels['app']", "web"),
            ("metadata.labels['none']", ""),
            ("metadata.annotations['team']", "a"),
        ],
    )
    def test_the_downward_api(self, path: str, value: str) -> None:
        assert field_value(path, Surroundings(whole_pod())) == value


class TestSpecs:
    def test_all_that_an_engine_needs(self) -> None:
        spec = spec_for(whole_pod(), attempt=2)
        assert spec.name == "k8s_app_p_default_uid-of-p_2"
        assert spec.command == ("serve", "80")
        assert spec.args == ("--name=p", "$(PORT)", "$(NOBODY)")
        assert spec.env == (("PORT", "80"), ("NAME", "p"))
        assert spec.ports == (PortMapping(80, 8080, "TCP", "127.0.0.1"), PortMapping(53, 53, "UDP"))
        assert spec.resources == ResourceLimits(250, 1000, 64 * 1024 * 1024)
        assert (spec.working_dir, spec.tty, spec.stdin) == ("/srv", True, False)
        assert (spec.network, spec.hostname) == (NetworkMode.POD, "p")

    def test_in_a_sandbox_ports_and_name_are_the_sandboxs(self) -> None:
        spec = spec_for(whole_pod(), sandbox_id="box")
        assert (spec.ports, spec.hostname, spec.network) == ((), "", NetworkMode.SANDBOX)
        box = sandbox_spec(whole_pod(), cluster_id="c", seal_key=KEY)
        assert [port.host_port for port in box.ports] == [8080, 53]
        assert box.hostname == "p"

    def test_requests_are_limits_where_there_are_none(self) -> None:
        pod = whole_pod()
        pod["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "500m"}}
        assert spec_for(pod).resources == ResourceLimits(500, 500, 0)

    def test_no_command_is_the_images(self) -> None:
        pod = whole_pod()
        pod["spec"]["containers"][0] = {"name": "app", "image": "nginx:1"}
        spec = spec_for(pod)
        assert (spec.command, spec.args, spec.resources) == (None, None, ResourceLimits())

    @pytest.mark.parametrize(
        ("pod_level", "own", "expected"),
        [
            ({"runAsUser": 1}, {}, {"run_as_user": 1}),
            ({"runAsUser": 1}, {"runAsUser": 2}, {"run_as_user": 2}),
            ({"runAsUser": 1}, {"runAsUser": 0}, {"run_as_user": 0}),
            (
                {"runAsGroup": 3, "supplementalGroups": [4]},
                {},
                {"run_as_group": 3, "supplemental_groups": (4,)},
            ),
            ({}, {"privileged": True}, {"privileged": True}),
            ({}, {"allowPrivilegeEscalation": False}, {"allow_privilege_escalation": False}),
            (
                {},
                {"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}},
                {"add_capabilities": ("NET_ADMIN",), "drop_capabilities": ("ALL",)},
            ),
            ({}, {"readOnlyRootFilesystem": True}, {"read_only_root_filesystem": True}),
            ({"runAsNonRoot": True}, {}, {"run_as_non_root": True}),
        ],
    )
    def test_security(self, pod_level: dict[str, Any], own: dict[str, Any], expected: dict[str, Any]) -> None:
        pod = whole_pod(securityContext=pod_level)
        pod["spec"]["containers"][0]["securityContext"] = own
        plain = spec_for(whole_pod()).security
        assert spec_for(pod).security == but(plain, **expected)

    def test_the_hash_changes_with_every_field(self) -> None:
        container = whole_pod()["spec"]["containers"][0]
        hashes = {container_hash(container)}
        for field in container:
            hashes.add(container_hash({**container, field: "other"}))
        assert len(hashes) == len(container) + 1
        assert container_hash(json.loads(json.dumps(container, sort_keys=True))) == container_hash(container)

    @pytest.mark.parametrize(
        ("name", "expected"), [("p", "p"), ("a" * 70, "a" * 63), ("a" * 62 + "-b", "a" * 62), ("a.b", "a.b")]
    )
    def test_hostnames_fit(self, name: str, expected: str) -> None:
        pod = whole_pod()
        pod["metadata"]["name"] = name
        assert hostname(pod) == expected
        pod["spec"]["hostname"] = "own"
        assert hostname(pod) == "own"

    def test_who_needs_a_sandbox(self) -> None:
        assert not needs_sandbox({"spec": {"containers": [{}]}})
        assert needs_sandbox({"spec": {"containers": [{}, {}]}})


class TestInstances:
    def make(self, attempt: int, state: ContainerState) -> Container:
        spec = spec_for(whole_pod(), attempt=attempt)
        return as_container(spec, id=f"c{attempt}", state=state)

    @given(st.permutations([0, 1, 2, 10]))
    def test_attempts_are_in_order_whatever_the_lists(self, order: list[int]) -> None:
        made = Instances([self.make(number, ContainerState.EXITED) for number in order])
        assert [one.id for one in made.of("app")] == ["c0", "c1", "c2", "c10"]
        latest, previous = made.latest("app"), made.previous("app")
        assert latest and latest.id == "c10"
        assert previous and previous.id == "c2"

    def test_a_running_one_is_the_latest(self) -> None:
        made = Instances([self.make(1, ContainerState.RUNNING), self.make(2, ContainerState.CREATED)])
        latest = made.latest("app")
        assert latest and latest.id == "c1"
        assert made.previous("app") is None

    def test_nothing(self) -> None:
        made = Instances([])
        assert (made.latest("app"), made.previous("app"), made.sandbox(), made.apps()) == (
            None,
            None,
            None,
            [],
        )


@given(st.one_of(st.none(), st.integers(0, 300)), st.floats(0, 599))
def test_waits_grow_and_end(previous: int | None, ran: float) -> None:
    wait = next_wait(previous, ran)
    assert 0 <= wait <= 300
    if previous is None:
        assert wait == 0
    else:
        assert wait >= min(previous + 1, 300) or wait == 10
    assert next_wait(wait, 600) == 0


@given(st.integers(1, 10_000))
def test_retries_never_wait_longer_than_five_minutes(failures: int) -> None:
    assert 10 <= retry_wait(failures) <= 300
