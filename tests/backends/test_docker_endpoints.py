"""Where a Docker engine is looked for, without one."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from minikctl_docker.endpoints import find_endpoints, tls_files

NOWHERE = Path("/nonexistent/docker.sock")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        yield path


def write_context(folder: Path, name: str, host: str, *, skip_verify: bool = False) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / digest / "meta.json"
    meta.parent.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": skip_verify}
    meta.write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    return digest


def use_context(folder: Path, name: str) -> None:
    (folder / "config.json").write_text(json.dumps({"currentContext": name}))


def test_nothing_anywhere(home: Path) -> None:
    assert find_endpoints({"HOME": str(home)}, NOWHERE) == []
    assert find_endpoints({}, NOWHERE) == []


def test_docker_host_comes_first_and_is_believed(home: Path, listener: Path) -> None:
    environ = {"DOCKER_HOST": "tcp://10.0.0.1:2375", "HOME": str(home)}
    assert find_endpoints(environ, listener) == ["tcp://10.0.0.1:2375", f"unix://{listener}"]


def test_the_usual_socket_is_named_once_and_only_where_it_is(listener: Path, tmp_path: Path) -> None:
    assert find_endpoints({"DOCKER_HOST": f"unix://{listener}"}, listener) == [f"unix://{listener}"]
    plain_file = tmp_path / "docker.sock"
    plain_file.touch()
    assert find_endpoints({"XDG_RUNTIME_DIR": str(tmp_path)}, NOWHERE) == []


@pytest.mark.parametrize(
    ("variable", "place"),
    [
        ("XDG_RUNTIME_DIR", "docker.sock"),
        ("HOME", ".docker/run/docker.sock"),
        ("HOME", ".docker/desktop/docker.sock"),
        ("HOME", ".colima/default/docker.sock"),
    ],
)
def test_sockets_of_rootless_docker_and_of_desktops(variable: str, place: str, tmp_path: Path) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        assert find_endpoints({variable: str(tmp_path)}, NOWHERE) == [f"unix://{path}"]


def test_current_context(home: Path) -> None:
    write_context(home / ".docker", "remote", "tcp://10.0.0.2:2376")
    use_context(home / ".docker", "remote")
    assert find_endpoints({"HOME": str(home)}, NOWHERE) == ["tcp://10.0.0.2:2376"]
    environ = {"HOME": str(home), "DOCKER_CONTEXT": "default"}
    assert find_endpoints({**environ, "DOCKER_CONFIG": str(home / "empty")}, NOWHERE) == []


def test_named_context_comes_before_the_configured_one(home: Path) -> None:
    write_context(home, "one", "tcp://10.0.0.1:2376")
    write_context(home, "two", "tcp://10.0.0.2:2376")
    use_context(home, "one")
    environ = {"DOCKER_CONFIG": str(home), "DOCKER_CONTEXT": "two"}
    assert find_endpoints(environ, NOWHERE) == ["tcp://10.0.0.2:2376", "tcp://10.0.0.1:2376"]


def test_configured_context_whose_socket_is_gone(home: Path, listener: Path) -> None:
    write_context(home, "desktop", "unix:///nonexistent/desktop.sock")
    use_context(home, "desktop")
    assert find_endpoints({"DOCKER_CONFIG": str(home)}, listener) == [f"unix://{listener}"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"currentContext": "gone"}', '{"currentContext": 3}'])
def test_damaged_configuration_is_none(content: str, home: Path) -> None:
    (home / "config.json").write_text(content)
    assert find_endpoints({"DOCKER_CONFIG": str(home)}, NOWHERE) == []


def test_tls_of_the_environment(home: Path) -> None:
    (home / "ca.pem").touch()
    host = {"DOCKER_HOST": "tcp://10.0.0.1:2376", "DOCKER_CERT_PATH": str(home)}
    assert tls_files("tcp://10.0.0.1:2376", host) is None
    files = tls_files("tcp://10.0.0.1:2376", {**host, "DOCKER_TLS_VERIFY": "1"})
    assert files is not None
    assert (files.ca, files.cert, files.verify) == (str(home / "ca.pem"), "", True)
    unverified = tls_files("tcp://10.0.0.1:2376", {**host, "DOCKER_TLS": "1"})
    assert unverified is not None
    assert not unverified.verify


def test_tls_of_a_context(home: Path) -> None:
    write_context(home, "plain", "tcp://10.0.0.1:2375")
    digest = write_context(home, "secure", "tcp://10.0.0.2:2376", skip_verify=True)
    folder = home / "contexts" / "tls" / digest / "docker"
    folder.mkdir(parents=True)
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (folder / name).touch()
    environ = {"DOCKER_CONFIG": str(home)}
    assert tls_files("tcp://10.0.0.1:2375", environ) is None
    assert tls_files("unix:///var/run/docker.sock", environ) is None
    files = tls_files("tcp://10.0.0.2:2376", environ)
    assert files is not None
    assert (files.key, files.verify) == (str(folder / "key.pem"), False)
