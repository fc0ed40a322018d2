"""Ingresses: who serves them, where they lead, what the proxy is told, and what people are told."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from controlplane_builders import Cluster, counted_ids, metadata, namespace, node, pod
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from test_endpoints import at, service

from minikctl.controlplane.ingress import program_of_ingresses
from minikctl.controlplane.ingress_program import ingress_program
from minikctl.controlplane.ingress_routes import Route, VirtualHost, virtual_hosts
from minikctl.controlplane.manager import Manager
from minikctl.controlplane.proxies import INGRESS_PROXY
from minikctl.controlplane.site import Site
from minikctl.model import Object, ObjectKey, controller_of, is_deleting, spec_of, status_of
from minikctl.model.services import Target

KEY = ObjectKey("Ingress", "default", "i")
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----"
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nREVG\n-----END PRIVATE KEY-----"


def backend(name: str = "web", port: int | str = 80) -> dict[str, Any]:
    wanted = {"number": port} if isinstance(port, int) else {"name": port}
    return {"service": {"name": name, "port": wanted}}


def rule(host: str, *paths: tuple[str, str, str]) -> dict[str, Any]:
    """Paths with their types and Services."""
    entries = [{"path": path, "pathType": kind, "backend": backend(name)} for path, kind, name in paths]
    return {**({"host": host} if host else {}), **({"http": {"paths": entries}} if entries else {})}


def ingress(*rules: dict[str, Any], name: str = "i", age: float = 0.0, **spec: Any) -> Object:
    whole = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata(name, age=age)}
    return {**whole, "spec": {**({"rules": list(rules)} if rules else {}), **spec}, "status": {}}


def secret(key: str = PRIVATE_KEY, kind: str = "kubernetes.io/tls") -> Object:
    texts = {"tls.crt": CERTIFICATE, "tls.key": key}
    data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata("cert"), "type": kind, "data": data}


def ingress_class(controller: str) -> Object:
    whole = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": metadata("some")}
    del whole["metadata"]["namespace"]  # type: ignore[attr-defined]
    return {**whole, "spec": {"controller": controller}}


def backends(*names: str) -> list[Object]:
    """Services with a ready pod each: that of the first at 10.0.0.1."""
    made: list[Object] = []
    for number, name in enumerate(names, 1):
        one = service(selector={"app": name})
        made.append({**one, "metadata": metadata(name)})
        made.append(at(pod(f"pod-{name}", labels={"app": name}), f"10.0.0.{number}"))
    return made


def cluster(*objects: Object, site: Site | None = None) -> Cluster:
    made = Cluster(namespace())
    made.manager = Manager(replace(counted_ids(1), site=site or Site("c1")), made.manager._kubelet)
    for obj in (node(podCIDR="172.17.0.0/16"), namespace(), *objects):
        made.put(obj)
    made.run()
    return made


def proxy(made: Cluster) -> Object:
    found = made.view.get(INGRESS_PROXY)
    assert found is not None
    return found


def host_ports(made: Cluster) -> list[int]:
    return [one["hostPort"] for one in spec_of(proxy(made))["containers"][0].get("ports", ())]


class TestProxy:
    def test_it_publishes_http_and_tls_only_where_that_is_asked_for(self) -> None:
        made = cluster(ingress(rule("a.b")))
        assert host_ports(made) == [80]
        made.put(ingress(rule("a.b"), tls=[{"secretName": "cert"}]))
        made.run()
        assert made.view.get(INGRESS_PROXY) is None or is_deleting(proxy(made))
        made.remove(INGRESS_PROXY)
        made.run()
        assert host_ports(made) == [80, 443]

    def test_ports_are_chosen_by_the_site(self) -> None:
        made = cluster(
            ingress(rule("a.b"), tls=[{}]),
            site=Site("c1", ingress_image="i", ingress_http_port=8080, ingress_https_port=0),
        )
        assert host_ports(made) == [8080]

    def test_it_belongs_to_the_oldest_and_goes_with_the_last(self) -> None:
        made = cluster(ingress(name="old", age=9), ingress())
        owner = controller_of(proxy(made))
        assert owner is not None and owner["name"] == "old"
        before = proxy(made)["metadata"]["uid"]
        made.remove(ObjectKey("Ingress", "default", "old"))
        made.run()
        owner = controller_of(proxy(made))
        assert owner is not None and owner["name"] == "i"
        assert proxy(made)["metadata"]["uid"] == before and not is_deleting(proxy(made))
        made.remove(KEY)
        made.run()
        assert made.view.get(INGRESS_PROXY) is None or is_deleting(proxy(made))

    @pytest.mark.parametrize(
        ("spec", "others", "serves"),
        [
            ({}, (), True),
            ({"ingressClassName": "minikctl"}, (), True),
            ({"ingressClassName": "some"}, (ingress_class("minikctl.io/ingress"),), True),
            ({"ingressClassName": "some"}, (ingress_class("k8s.io/ingress-nginx"),), False),
            ({"ingressClassName": "some"}, (), False),
        ],
    )
    def test_classes(self, spec: dict[str, Any], others: tuple[Object, ...], serves: bool) -> None:
        made = cluster(ingress(**spec), *others)
        assert (made.view.get(INGRESS_PROXY) is not None) is serves
        assert ("IngressClassNotServed" in [one.reason for one in made.happenings]) is not serves

    def test_the_status_names_its_ports_or_an_event_says_why_not(self) -> None:
        made = cluster(ingress(rule("a.b", ("/", "Prefix", "web"))), *backends("web"))
        waiting = {"reason": "RunContainerError", "message": "port is already allocated"}
        stuck = {"phase": "Pending", "containerStatuses": [{"name": "nginx", "state": {"waiting": waiting}}]}
        made.put({**proxy(made), "status": stuck})
        made.run()
        assert "already allocated" in made.happenings[-1].message
        assert status_of(live(made)) == {"loadBalancer": {}}
        made.put({**proxy(made), "status": {**status_of(pod("x")), "hostIP": "192.0.2.1"}})
        made.run()
        assert status_of(live(made))["loadBalancer"]["ingress"] == [
            {"ip": "192.0.2.1", "ports": [{"port": 80, "protocol": "TCP"}]}
        ]
        assert made.run().writes == []


def live(made: Cluster) -> Object:
    found = made.view.get(KEY)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("objects", "reasons"),
    [
        ((ingress(rule("a.b", ("/", "Prefix", "web"))),), ["BackendNotFound"]),
        ((ingress(defaultBackend=backend("web", 81)), *backends("web")), ["BackendNotFound"]),
        ((ingress(defaultBackend=backend("web", 80)), *backends("web")), []),
        ((ingress(rule("a.b"), tls=[{"secretName": "cert"}]),), ["MissingCertificate"]),
        ((ingress(rule("a.b"), tls=[{"secretName": "cert"}]), secret()), []),
        ((ingress(rule("a.b"), tls=[{"secretName": "cert"}]), secret("x")), ["MissingCertificate"]),
        ((ingress(rule("a.b"), tls=[{"secretName": "cert"}]), secret(kind="Opaque")), ["MissingCertificate"]),
        ((ingress(rule("a.b"), tls=[{}]),), ["MissingCertificate"]),
        ((ingress(rule("a.b", ("/" + "x" * 901, "Exact", "web"))), *backends("web")), ["PathTooLong"]),
    ],
)
def test_what_is_missing_is_told(objects: tuple[Object, ...], reasons: list[str]) -> None:
    made = cluster(*reversed(objects))
    assert [one.reason for one in made.happenings if one.about["kind"] == "Ingress"] == reasons


# --- routes ----------------------------------------------------------------------------------------


def leads_to(made: Cluster, host: str, path: str) -> str:
    """What the proxy's program does with a request, as nginx would read it: an address, 404 or 503."""
    text = program_of_ingresses(proxy(made), made.view).text
    servers = re.findall(r"server \{\n\s+server_name (\S+);.*?proxy_pass http://\$to(\d+)", text, re.DOTALL)
    by_name = {name.strip('"'): number for name, number in servers}
    patterns = [name for name in by_name if name.startswith("~") and re.search(_python(name[1:]), host)]
    number = by_name[host if host in by_name else next(iter(patterns), "")]
    (body,) = re.findall(rf"map \$uri \$to{number} {{\n(.*?)\n    }}", text, re.DOTALL)
    found = re.search(r"default (\w+);", body)
    assert found is not None
    chosen = found[1]
    for pattern, name in re.findall(r'"~(\S+)" (\w+);', body):
        if re.search(_python(pattern), path):
            chosen = name
            break
    match = re.search(rf"upstream {chosen} {{\n\s+server (\S+) ", text)
    return match[1] if match else chosen


def _python(pattern: str) -> str:
    return pattern.replace(r"\z", r"\Z")


ONE, TWO, THREE = "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"


@pytest.mark.parametrize(
    ("paths", "path", "where"),
    [
        ([("/", "Prefix", "a")], "/any/thing", ONE),
        ([("/foo", "Exact", "a")], "/foo", ONE),
        ([("/foo", "Exact", "a")], "/bar", "404"),
        ([("/foo", "Exact", "a")], "/foo/", "404"),
        ([("/foo/", "Exact", "a")], "/foo", "404"),
        ([("/foo", "Prefix", "a")], "/foo", ONE),
        ([("/foo", "Prefix", "a")], "/foo/", ONE),
        ([("/foo/", "Prefix", "a")], "/foo", ONE),
        ([("/foo/", "Prefix", "a")], "/foo/", ONE),
        ([("/aaa/bb", "Prefix", "a")], "/aaa/bbb", "404"),
        ([("/aaa/bbb", "Prefix", "a")], "/aaa/bbb/ccc", ONE),
        ([("/aaa/bbb", "Prefix", "a")], "/aaa/bbbxyz", "404"),
        ([("/", "Prefix", "a"), ("/aaa", "Prefix", "b")], "/aaa/ccc", TWO),
        ([("/", "Prefix", "a"), ("/aaa", "Prefix", "b")], "/ccc", ONE),
        ([("/", "Prefix", "a"), ("/aaa", "Prefix", "b"), ("/aaa/bbb", "Prefix", "c")], "/aaa/bbb", THREE),
        ([("/foo", "Prefix", "a"), ("/foo", "Exact", "b")], "/foo", TWO),
        ([("/FOO", "Exact", "a")], "/foo", "404"),
        ([("/a%20b", "Exact", "a")], "/a b", ONE),
        ([("/a.c", "Exact", "a")], "/abc", "404"),
        ([("", "ImplementationSpecific", "a")], "/x", ONE),
        ([("/x", "ImplementationSpecific", "a")], "/x/y", ONE),
        ([("/", "Prefix", "nobody")], "/x", "503"),
    ],
)
def test_paths_as_in_kubernetes(paths: list[tuple[str, str, str]], path: str, where: str) -> None:
    made = cluster(ingress(rule("", *paths)), *backends("a", "b", "c"))
    assert leads_to(made, "any.host", path) == where


@pytest.mark.parametrize(
    ("host", "path", "where"),
    [
        ("a.test", "/", ONE),
        ("a.test", "/open/x", THREE),
        ("b.test", "/", "10.0.0.4:80"),
        ("x.w.test", "/", TWO),
        ("x.y.w.test", "/", "10.0.0.4:80"),
        ("w.test", "/open", THREE),
        ("exact.w.test", "/", ONE),
    ],
)
def test_hosts(host: str, path: str, where: str) -> None:
    made = cluster(
        ingress(
            rule("a.test", ("/", "Exact", "a")),
            rule("*.w.test", ("/", "Prefix", "b")),
            rule("exact.w.test", ("/", "Prefix", "a")),
            rule("", ("/open", "Prefix", "c")),
            defaultBackend=backend("d"),
        ),
        *backends("a", "b", "c", "d"),
    )
    assert leads_to(made, host, path) == where


def test_of_two_that_say_the_same_the_older_counts() -> None:
    young = ingress(rule("a.test", ("/", "Prefix", "b")), name="young")
    old = ingress(rule("a.test", ("/", "Prefix", "a")), age=100)
    assert leads_to(cluster(young, old, *backends("a", "b")), "a.test", "/") == ONE


def test_ports_by_name_and_only_ready_endpoints() -> None:
    named = service({"name": "http", "port": 80, "targetPort": 8080})
    made = cluster(
        ingress(defaultBackend=backend("web", "http")),
        named,
        at(pod("a"), "10.0.0.1"),
        at(pod("b", ready_for=None), "10.0.0.2"),
    )
    program = program_of_ingresses(proxy(made), made.view)
    assert program.addresses == {"10.0.0.1"} and "10.0.0.1:8080" in program.text


class TestTls:
    def made(self, **entry: Any) -> Cluster:
        rules = (rule("a.test"), rule("b.test"))
        return cluster(ingress(*rules, tls=[{"secretName": "cert", **entry}]), secret())

    def certificates(self, made: Cluster) -> set[str]:
        return {one.host for one in virtual_hosts(made.view) if one.certificate}

    def test_hosts_have_certificates(self) -> None:
        assert self.certificates(self.made()) == {"a.test", "b.test"}
        assert self.certificates(self.made(hosts=["a.test"])) == {"a.test"}
        assert self.certificates(self.made(hosts=["*.test"])) == {"a.test", "b.test", "*.test"}

    def test_the_key_is_in_a_file_and_in_no_command(self) -> None:
        program = program_of_ingresses(proxy(made := self.made()), made.view)
        ((name, text),) = program.files
        assert PRIVATE_KEY in text and CERTIFICATE in text
        assert not any("REVG" in word for word in program.command)
        assert f"ssl_certificate_key /tmp/{name}$nothing;" in program.text
        assert "ssl_reject_handshake on;" in program.text


# --- nothing that people write is read as configuration --------------------------------------------

NAMES = re.compile(r'("~\^\[\^\.\]\+[a-z0-9\\-]+\\z"|"[a-z0-9.-]*");')
LINE = re.compile(r'        ("~\^[A-Za-z0-9/_\\-]*(\(/\|\\z\)|\\z)"|default) (backend\d+|404|503);')


def told(host: str, path: str, is_exact: bool) -> str:
    route = Route(path, is_exact, (Target("10.0.0.1", 80),))
    return ingress_program([VirtualHost("", (), None), VirtualHost(host, (route,), None)], 80, 0).text


HOSTILE = [
    '/"; } } evil {',
    "/a\nreturn 200;",
    "/$host",
    "/\\",
    "/x(){}[]|^.*+?",
    "/%0a%22%7d",
    "/ü\x00\x7f",
    "/;#",
    "/'",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_path_stays_in_its_word(path: str) -> None:
    check(told("a.test", path, True))
    check(told("a.test", path, False))


@pytest.mark.parametrize(
    "host",
    ['a"; evil', "a b", "a;b", "a{b}", "$host", "a\nb", "*.", "**.a", "a..b", "a-.b", ".a", "~.*", "A", "ü"],
)
def test_a_hostile_host_is_left_out(host: str) -> None:
    text = told(host, "/", False)
    check(text)
    assert text.count("server_name ") == 1


@given(st.text(max_size=30), st.text(max_size=60), st.booleans())
def test_whatever_is_written(host: str, path: str, is_exact: bool) -> None:
    check(told(host, "/" + path, is_exact))


def check(text: str) -> None:
    """Each line is one of those that we write."""
    fixed = told("a.test", "/a", True)
    known = {re.sub(r"\d+", "N", line) for line in fixed.splitlines()}
    for line in text.split("\n")[:-1]:
        if "server_name" in line and "hash" not in line:
            assert NAMES.fullmatch(line.strip().removeprefix("server_name ")), line
        elif line.startswith('        "~') or "default 404" in line:
            assert LINE.fullmatch(line), line
        else:
            assert re.sub(r"\d+", "N", line) in known, line
