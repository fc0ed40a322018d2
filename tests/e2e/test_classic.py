"""The lines that everybody types first."""

from __future__ import annotations

import socket

import pytest

from e2e.places import on_current_engines, on_current_real_engines
from e2e.stage import Stage, pod, until

RUN = ("run", "nginx", "--image=nginx", "--port=80")
CREATE = ("create", "deployment", "nginx-deployment", "--image=nginx", "--port=80", "--replicas=1")


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_run_create_and_delete(stage: Stage) -> None:
    assert stage.ok(*RUN).out == "pod/nginx created\n"
    assert stage.ok(*CREATE).out == "deployment.apps/nginx-deployment created\n"
    running = stage.wait_running(2)
    rows = sorted(line.split()[:4] for line in stage.ok("get", "pods", "--no-headers").lines)
    assert [row[1:] for row in rows] == [["1/1", "Running", "0"]] * 2
    assert rows[0][0] == "nginx"
    assert rows[1][0].startswith("nginx-deployment-")
    assert all("nginx" in one.image for one in running)
    policies = {one["spec"]["containers"][0]["imagePullPolicy"] for one in stage.pods()}
    assert policies == {"Always"}
    assert "Successfully pulled image" in stage.ok("events").out

    assert stage.ok("delete", "pod", "nginx").out == 'pod "nginx" deleted from default namespace\n'
    (left,) = stage.running()
    assert left.pod == rows[1][0]
    again = stage.fails("delete", "pod", "nginx")
    assert again.err.splitlines()[-1] == 'Error from server (NotFound): pods "nginx" not found'


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def nginx_on(port: int) -> dict[str, object]:
    ports = [{"containerPort": 80, "hostPort": port, "hostIP": "127.0.0.1"}]
    return pod("nginx", {"containers": [{"name": "nginx", "image": "nginx:1.27", "ports": ports}]})


@pytest.mark.parametrize("place", on_current_real_engines(), indirect=True)
def test_nginx_answers_on_its_host_port(stage: Stage) -> None:
    port = free_port()
    warned = stage.ok("apply", "-f", stage.write("nginx.yaml", nginx_on(port)))
    assert warned.out == "pod/nginx created\n"

    def page() -> str:
        try:
            return stage.place.http(port)
        except RuntimeError:
            return ""

    assert "Welcome to nginx!" in until("nginx answers", page, seconds=10)
    until("the request is in the log", lambda: "GET / HTTP/1.1" in stage.ok("logs", "nginx").out, seconds=5)
    stage.ok("delete", "pod", "nginx")
    with pytest.raises(RuntimeError):
        stage.place.http(port)
