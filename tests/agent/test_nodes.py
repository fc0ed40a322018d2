"""cluster.yaml in all its forms, and what is said of one that can't be understood."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from minikctl.agent.nodes import declared_backend, init_cluster, load_nodes, machine_name
from minikctl.controlplane.node import NodeConfig
from minikctl.errors import ManifestError, UsageError

HEAD = "apiVersion: minikctl.io/v1alpha1\nkind: Cluster\n"
KIND = "apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "cluster.yaml").write_text(text)


def load(folder: Path, text: str) -> tuple[NodeConfig, ...]:
    write(folder, text)
    return load_nodes(folder, "docker", "unix:///docker.sock", "here")


class TestOurForm:
    def test_without_a_file_there_is_one_node(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: "My_Laptop.example.org")
        assert machine_name() == "my-laptop"
        assert load_nodes(folder, "docker", "unix:///x", "here") == (
            NodeConfig("here", "docker", "unix:///x"),
        )
        assert declared_backend(folder) is None

    def test_a_nameless_machine(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: "_._")
        assert machine_name() == "node-1"

    def test_all_fields(self, folder: Path) -> None:
        text = (
            "nodes:\n- name: a\n  role: worker\n  labels: {disk: ssd}\n  capacity: {cpu: 2, memory: 1Gi}\n"
            "  taints: [{key: gpu, effect: NoSchedule}]\n- name: b\n  backend: podman\n- name: c\n"
            "  endpoint: unix:///other\n"
        )
        first, second, third = load(folder, HEAD + text)
        assert first == NodeConfig(
            "a",
            "docker",
            "unix:///docker.sock",
            "worker",
            {"disk": "ssd"},
            ({"key": "gpu", "effect": "NoSchedule"},),
            {"cpu": "2", "memory": "1Gi"},
        )
        assert (second.backend, second.endpoint) == ("podman", ""), "another engine's address is not its own"
        assert (third.backend, third.endpoint) == ("docker", "unix:///other")

    def test_the_backend_of_all(self, folder: Path) -> None:
        write(folder, HEAD + "backend: memory\nnodes: [{name: a}]\n")
        assert declared_backend(folder) == "memory"


class TestKind:
    def test_nodes_are_named_as_kind_names_them(self, folder: Path) -> None:
        text = (
            "name: dev\nnodes:\n- role: control-plane\n- role: worker\n  labels: {zone: a}\n"
            "- role: worker\n- role: control-plane\n"
        )
        nodes = load(folder, KIND + text)
        assert [one.name for one in nodes] == [
            "dev-control-plane",
            "dev-worker",
            "dev-worker2",
            "dev-control-plane2",
        ]
        assert nodes[1].labels["zone"] == "a"
        tainted = [bool(one.taints) for one in nodes]
        assert tainted == [True, False, False, True], "with workers, nothing runs on the control plane"

    def test_alone_the_control_plane_works_too(self, folder: Path) -> None:
        (node,) = load(folder, KIND)
        assert (node.name, node.taints) == ("kind-control-plane", ())


BAD = [
    pytest.param("nodes: [", id="no YAML"),
    pytest.param("- a\n", id="no mapping"),
    pytest.param("apiVersion: v1\nkind: Pod\n", id="another kind"),
    pytest.param("apiVersion: minikctl.io/v9\nkind: Cluster\n", id="another version"),
    pytest.param("kind: Cluster\n", id="no version"),
    pytest.param(HEAD, id="no nodes"),
    pytest.param(HEAD + "nodes: []\n", id="an empty list"),
    pytest.param(HEAD + "nodes: {name: a}\n", id="no list"),
    pytest.param(HEAD + "nodes: [a]\n", id="a node that is a word"),
    pytest.param(HEAD + "nodes: [{}]\n", id="no name"),
    pytest.param(HEAD + "nodes: [{name: a}, {name: a}]\n", id="a name twice"),
    pytest.param(HEAD + "nodes: [{name: 5}]\n", id="a name that is a number"),
    pytest.param(HEAD + "nodes: [{name: Node_1}]\n", id="a name that is none"),
    pytest.param(HEAD + "nodes: [{name: a, colour: red}]\n", id="an unknown field"),
    pytest.param(HEAD + "nodes: [{name: a, labels: x}]\n", id="labels that are a word"),
    pytest.param(HEAD + "nodes: [{name: a, labels: {x: [1]}}]\n", id="a label that is a list"),
    pytest.param(HEAD + "nodes: [{name: a, taints: x}]\n", id="taints that are a word"),
    pytest.param(HEAD + "nodes: [{name: a, taints: [{effect: NoSchedule}]}]\n", id="a taint without key"),
    pytest.param(HEAD + "nodes: [{name: a, taints: [{key: x}]}]\n", id="a taint without effect"),
    pytest.param(HEAD + "nodes: [{name: a, capacity: {cpu: lots}}]\n", id="capacity that is no quantity"),
    pytest.param(HEAD + "nodes: [{name: a, capacity: 5}]\n", id="capacity that is a number"),
    pytest.param(HEAD + "nodes: [{name: a, backend: [x]}]\n", id="a backend that is a list"),
    pytest.param(HEAD + "nodes: [{name: a, role: 5}]\n", id="a role that is a number"),
    pytest.param(KIND + "nodes: [{role: master}]\n", id="kind: an unknown role"),
    pytest.param(KIND + "nodes: [worker]\n", id="kind: a node that is a word"),
    pytest.param(KIND + "nodes: worker\n", id="kind: no list"),
    pytest.param(KIND + "nodes: [{role: worker, labels: x}]\n", id="kind: labels that are a word"),
    pytest.param(KIND + "name: 5\n", id="kind: a name that is a number"),
]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_file_is_one_clear_line_with_its_place(folder: Path, text: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(folder, text)
    assert caught.value.position is not None
    assert str(caught.value).startswith(f"{folder / 'cluster.yaml'}:")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text(folder: Path) -> None:
    (folder / "cluster.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ManifestError, match=r"cluster\.yaml"):
        load_nodes(folder, "docker", "", "here")


class TestInit:
    @pytest.mark.parametrize("count", [1, 3])
    def test_so_many_nodes(self, folder: Path, count: int) -> None:
        assert init_cluster(folder, nodes=count, backend="memory") == []
        nodes = load_nodes(folder, "memory", "", "here")
        assert [one.name for one in nodes] == [f"node-{number}" for number in range(1, count + 1)]
        assert declared_backend(folder) == "memory"
        assert stat.S_IMODE((folder / "cluster.yaml").stat().st_mode) == 0o600

    @pytest.mark.parametrize("count", [0, -1, 1001])
    def test_a_number_that_makes_no_sense(self, folder: Path, count: int) -> None:
        with pytest.raises(UsageError, match=f"between 1 and 1000, not {count}"):
            init_cluster(folder, nodes=count)
        assert not (folder / "cluster.yaml").exists()

    def test_from_kinds_file(self, folder: Path) -> None:
        text = (
            KIND
            + "networking: {ipFamily: dual}\nnodes:\n- role: control-plane\n  extraMounts: []\n"
            + "- role: worker\n"
            + "  extraMounts: []\n"
        )
        notes = init_cluster(folder, config=text)
        assert notes == [
            "networking has no meaning without a cluster and was left out",
            "nodes[].extraMounts has no meaning without a cluster and was left out",
        ]
        assert [one.name for one in load_nodes(folder, "memory", "", "here")] == [
            "kind-control-plane",
            "kind-worker",
        ]

    def test_what_is_bad_replaces_nothing(self, folder: Path) -> None:
        init_cluster(folder, nodes=2)
        before = (folder / "cluster.yaml").read_text()
        with pytest.raises(ManifestError):
            init_cluster(folder, config="kind: Pod")
        assert (folder / "cluster.yaml").read_text() == before
