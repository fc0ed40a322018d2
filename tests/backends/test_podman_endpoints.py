"""Where Podman is looked for: nothing here needs an engine."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from minikctl_podman import PodmanBackend
from minikctl_podman.endpoints import find_endpoints, identity_for

from minikctl.backend import Settings

SSH = "ssh://core@127.0.0.1:5000/run/user/501/podman/podman.sock"


class Machine:
    """A home folder and sockets of one test. Paths of sockets are short: the kernel allows 107 bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = {"HOME": str(root)}
        self._listeners: list[socket.socket] = []

    def listen(self, relative: str) -> str:
        path = self.root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        self._listeners.append(listener)
        return f"unix://{path}"

    def write(self, relative: str, text: str) -> None:
        path = self.root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def found(self, platform: str = "linux", **environ: str) -> list[str]:
        return find_endpoints(
            {**self.environ, **environ}, platform=platform, rootful_socket=self.root / "rootful.sock"
        )

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("m"))
    yield machine
    machine.close()


def connections(**by_name: Mapping[str, str]) -> str:
    return json.dumps({"Connection": {"Default": next(iter(by_name)), "Connections": by_name}})


def test_nothing_is_found_where_nothing_is(machine: Machine) -> None:
    assert machine.found() == []
    assert machine.found(XDG_RUNTIME_DIR=str(machine.root / "run")) == []
    assert find_endpoints({}, rootful_socket=machine.root / "rootful.sock") == []


def test_a_file_that_is_no_socket_is_not_named(machine: Machine) -> None:
    machine.write("rootful.sock", "")
    assert machine.found() == []


def test_the_environment_comes_first_and_is_believed(machine: Machine) -> None:
    rootless = machine.listen("run/podman/podman.sock")
    rootful = machine.listen("rootful.sock")
    named = "unix:///not/there.sock"
    found = machine.found(CONTAINER_HOST=named, XDG_RUNTIME_DIR=str(machine.root / "run"))
    assert found == [named, rootless, rootful]
    assert machine.found(CONTAINER_HOST=rootful) == [rootful], "each once"


@pytest.mark.parametrize(("platform", "first"), [("linux", 0), ("darwin", 1)])
def test_the_default_connection(machine: Machine, platform: str, first: int) -> None:
    rootful = machine.listen("rootful.sock")
    machine.write(
        ".config/containers/podman-connections.json",
        connections(main={"URI": SSH, "Identity": "/key"}, other={"URI": "ssh://other"}),
    )
    expected = [rootful, SSH]
    assert machine.found(platform) == [expected[first], expected[1 - first]]
    assert machine.found(platform, CONTAINER_CONNECTION="other")[0] == "ssh://other"


def test_the_default_connection_of_containers_conf(machine: Machine) -> None:
    machine.write(
        "conf/containers/containers.conf",
        f'[engine]\nactive_service = "m"\n[engine.service_destinations.m]\nuri = "{SSH}"\n',
    )
    assert machine.found(XDG_CONFIG_HOME=str(machine.root / "conf")) == [SSH]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"Connection": {"Default": "x", "Connections": 3}}'])
def test_damaged_files_are_as_good_as_missing(machine: Machine, text: str) -> None:
    machine.write(".config/containers/podman-connections.json", text)
    machine.write(".config/containers/containers.conf", text)
    assert machine.found() == []


def test_a_local_connection_is_named_only_where_its_socket_is(machine: Machine) -> None:
    machine.write(
        ".config/containers/podman-connections.json", connections(m={"URI": f"unix://{machine.root}/s"})
    )
    assert machine.found() == []
    endpoint = machine.listen("s")
    assert machine.found() == [endpoint]


def test_sockets_of_podman_machine(machine: Machine) -> None:
    newer = machine.listen("tmp/podman/podman-machine-default-api.sock")
    older = machine.listen(".local/share/containers/podman/machine/podman.sock")
    assert machine.found("darwin", TMPDIR=str(machine.root / "tmp")) == [newer, older]


def test_the_key_of_an_ssh_connection(machine: Machine) -> None:
    machine.write(
        ".config/containers/podman-connections.json", connections(main={"URI": SSH, "Identity": "/key"})
    )
    assert identity_for(SSH, machine.environ) == "/key"
    assert identity_for("ssh://somewhere/else", machine.environ) == ""
    assert identity_for(SSH, {**machine.environ, "CONTAINER_SSHKEY": "/mine"}) == "/mine"
    assert identity_for("unix:///x", {**machine.environ, "CONTAINER_SSHKEY": "/mine"}) == ""


def test_opening_does_not_connect() -> None:
    endpoint = "unix:///run/user/1000/podman/podman.sock"
    backend = PodmanBackend.open(Settings(endpoint, "c"))
    assert (backend.name, backend.endpoint) == ("podman", endpoint)
    assert backend.capabilities.native_pods
    backend.close()
