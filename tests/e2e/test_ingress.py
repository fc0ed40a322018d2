"""Ingresses: hosts, paths and certificates on one port of the host, while pods come and go."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from engines import rig

from e2e.places import everywhere
from e2e.stage import Stage, until
from e2e.test_services import naming, outcome, service, web

LOAD = Path(__file__).with_name("load.py")
RATE = 100
ASK = """
import http.client, json, ssl, sys
port, tls, host, path, headers = json.loads(sys.argv[1])
if tls:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    import socket
    raw = socket.create_connection(("127.0.0.1", port), 3)
    try:
        wrapped = context.wrap_socket(raw, server_hostname=host)
    except ssl.SSLError as error:
        print(json.dumps([0, error.reason or "", ""])); sys.exit()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    connection.sock = wrapped
    certificate = ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(True))
else:
    connection, certificate = http.client.HTTPConnection("127.0.0.1", port, timeout=3), ""
connection.request("GET", path, headers={"Host": host, **headers})
answer = connection.getresponse()
print(json.dumps([answer.status, answer.read().decode(), certificate]))
"""


def ingress(*rules: dict[str, Any], name: str = "web", **spec: Any) -> dict[str, Any]:
    spec = {"rules": list(rules), **spec} if rules else spec
    metadata = {"name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def rule(host: str, **services: str) -> dict[str, Any]:
    """`a="/path"`: a Prefix that leads to port 80 of Service a."""
    paths = [
        {"path": path, "pathType": "Prefix", "backend": {"service": {"name": name, "port": {"number": 80}}}}
        for name, path in services.items()
    ]
    return {"host": host, "http": {"paths": paths}} if host else {"http": {"paths": paths}}


def free_ports(stage: Stage, count: int) -> list[int]:
    script = "import socket; s = [socket.socket() for _ in range(%d)]; [x.bind(('', 0)) for x in s]"
    script += "; print(*[x.getsockname()[1] for x in s])"
    if stage.place.is_real:
        return [
            int(one) for one in rig.run_beside(stage.place.name, sys.executable, "-c", script % count).split()
        ]
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("", 0))
    return [one.getsockname()[1] for one in sockets]


@pytest.fixture
def ports(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where HTTP and HTTPS are published: nobody else on the machine must lose its port 80."""
    found = free_ports(stage, 2)
    monkeypatch.setenv("MINIKCTL_INGRESS_HTTP_PORT", str(found[0]))
    monkeypatch.setenv("MINIKCTL_INGRESS_HTTPS_PORT", str(found[1]))
    return found


def ask(
    stage: Stage, port: int, host: str, path: str = "/", *, tls: bool = False, **headers: str
) -> tuple[int, str, str]:
    """Status, body and certificate; status 0 and the reason where there is no handshake."""
    words = json.dumps([port, tls, host, path, headers])
    status, body, certificate = json.loads(rig.run_beside(stage.place.name, sys.executable, "-c", ASK, words))
    return status, body, certificate


def named(name: str, image: str = "") -> list[dict[str, Any]]:
    """A Deployment whose pods answer with their names, and its Service."""
    made = naming(1)
    text = json.dumps(made).replace('"web"', f'"{name}"')
    return [json.loads(text), service(name)]


def certificate(folder: Path, host: str) -> dict[str, str]:
    """Of its own making: what a Secret holds."""
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "crt")]
    subprocess.run([*words, *files, "-subj", f"/CN={host}", "-days", "2"], check=True, capture_output=True)
    return {f"tls.{name}": base64.b64encode((folder / name).read_bytes()).decode() for name in ("crt", "key")}


def secret(data: dict[str, str]) -> dict[str, Any]:
    kind = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls"}
    return {**kind, "metadata": {"name": "cert"}, "data": data}


def wait_served(stage: Stage, name: str = "web") -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        (found,) = (one for one in stage.get("ing") if one["metadata"]["name"] == name)
        (address,) = found["status"]["loadBalancer"].get("ingress") or (None,)
        return address if address else None

    return until("the Ingress has an address", look)


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_hosts_and_paths(stage: Stage, ports: Sequence[int]) -> None:
    rules = (rule("shop.test", a="/", b="/b"), rule("*.wild.test", b="/"))
    catching = ingress(name="rest", defaultBackend={"service": {"name": "a", "port": {"name": "http"}}})
    documents = [*named("a"), *named("b"), ingress(*rules), catching]
    stage.ok("apply", "-f", stage.write("all.yaml", *documents))
    assert wait_served(stage)["ports"] == [{"port": ports[0], "protocol": "TCP"}]
    words = stage.ok("get", "ing", "web", "--no-headers").out.split()
    assert words[:3] == ["web", "<none>", "shop.test,*.wild.test"] and words[4] == "80"
    assert "b:80 (" in stage.ok("describe", "ingress", "web").out
    runs = stage.runs()
    for path in stage.state.glob("state.db*"):
        path.unlink()
    stage.ok("agent", "run", "--once")
    wait_served(stage)
    assert stage.runs() == runs
    if not stage.place.is_real:
        return
    for host, path, leads_to in (
        ("shop.test", "/", "a-"),
        ("shop.test", "/b", "404"),
        ("shop.test", "/bb", "404"),
        ("x.wild.test", "/", "b-"),
        ("x.y.wild.test", "/", "a-"),
        ("other.test", "/", "a-"),
    ):
        status, body, _ = ask(stage, ports[0], host, path)
        assert (body if status == 200 else str(status)).startswith(leads_to), (host, path, status, body)
    stage.ok("delete", "ing", "web", "rest")
    until("the proxy is gone", lambda: not [one for one in stage.running() if one.pod == "ingress"])


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_tls_and_a_certificate_that_is_missing(stage: Stage, ports: Sequence[int]) -> None:
    tls = [{"hosts": ["shop.test"], "secretName": "cert"}]
    made = ingress(rule("shop.test", a="/"), rule("plain.test", a="/"), tls=tls)
    stage.ok("apply", "-f", stage.write("all.yaml", *named("a"), made))
    stage.start_agent()
    wait_served(stage)
    assert ask(stage, ports[0], "shop.test")[0] == 200
    assert ask(stage, ports[1], "shop.test", tls=True)[0] == 0
    assert "MissingCertificate" in stage.ok("get", "events").out
    data = certificate(stage.folder, "shop.test")
    stage.ok("apply", "-f", stage.write("cert.yaml", secret(data)))
    until("TLS is served", lambda: ask(stage, ports[1], "shop.test", tls=True)[0] == 200)
    _, body, shown = ask(stage, ports[1], "shop.test", tls=True)
    assert body.startswith("a-") and shown.strip() == base64.b64decode(data["tls.crt"]).decode().strip()
    assert ask(stage, ports[1], "plain.test", tls=True)[0] == 0
    stage.ok(
        "apply", "-f", stage.write("cert.yaml", secret({**data, "tls.key": base64.b64encode(b"x").decode()}))
    )
    until("TLS is not served", lambda: ask(stage, ports[1], "shop.test", tls=True)[0] == 0)
    assert ask(stage, ports[0], "shop.test")[0] == 200


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_headers_and_websockets_get_through(stage: Stage, ports: Sequence[int]) -> None:
    conf = "user nginx; events {} http { server { listen 80; location / { return 200 "
    told = ("host", "x_forwarded_for", "x_forwarded_proto", "x_forwarded_port", "upgrade", "connection")
    said = f"'{'|'.join(f'$http_{one}' for one in told)}|$request_uri'"
    made = web(1, "nginx:1.29-alpine")
    main = made["spec"]["template"]["spec"]["containers"][0]
    main["command"] = [
        "sh",
        "-c",
        'echo "$0" >/tmp/c; exec nginx -c /tmp/c -g "daemon off;"',
        f"{conf}{said}; }} }} }}",
    ]
    stage.ok("apply", "-f", stage.write("all.yaml", made, service(), ingress(rule("", web="/"))))
    wait_served(stage)
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "X-Forwarded-For": "6.6.6.6"}
    status, body, _ = ask(stage, ports[0], "a.test:81", "/x%20y?z=%2f", **headers)
    assert status == 200, (status, body)
    host, client, scheme, port, upgrade, connection, uri = body.split("|")
    assert (status, host, scheme, port) == (200, "a.test:81", "http", str(ports[0]))
    assert "6.6.6.6" not in client and client
    assert (upgrade, connection, uri) == ("websocket", "upgrade", "/x%20y?z=%2f")


@pytest.mark.parametrize("place", everywhere()[1:], indirect=True)
def test_no_request_fails_during_an_update(
    stage: Stage, ports: Sequence[int], record_property: Callable[[str, object], None]
) -> None:
    stage.ok("apply", "-f", stage.write("all.yaml", web(3), service(), ingress(rule("", web="/"))))
    stage.start_agent()
    wait_served(stage)
    until("it answers", lambda: ask(stage, ports[0], "x")[0] == 200)
    command = [str(rig.ENGINES_SCRIPT), "exec", stage.place.name, sys.executable, str(LOAD)]
    pipe = subprocess.PIPE
    words = [*command, "127.0.0.1", str(ports[0]), str(RATE)]
    running, began = (
        subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True),
        time.monotonic(),
    )
    time.sleep(0.5)
    stage.ok("set", "image", "deploy/web", "main=nginx:1.28")
    stage.ok("rollout", "status", "deploy/web", "--timeout=60s")
    time.sleep(0.5)
    lasted = time.monotonic() - began
    found = outcome(running)
    record_property("requests, slowest in seconds", f"{found['sent']}, {found['slowest']}")
    assert found["failed"] == 0, found
    assert found["sent"] > 0.5 * RATE * lasted, "too few to prove anything"
