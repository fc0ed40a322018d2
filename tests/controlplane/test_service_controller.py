"""What a Service is given (address, node ports), its proxies, and what these are told."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from controlplane_builders import NOW, Cluster, counted_ids, metadata, namespace, node, pod
from msgspec.structs import replace
from test_endpoints import at, service

from minikctl.controlplane.forwarding import program
from minikctl.controlplane.manager import Manager
from minikctl.controlplane.names import hosts_file, outer_names, service_environment, service_lines
from minikctl.controlplane.proxies import Role, pod_key
from minikctl.controlplane.site import Site
from minikctl.model import Object, ObjectKey, annotations_of, is_deleting, spec_of, status_of
from minikctl.model.networks import contains, node_port, service_address, service_network

NETWORK = "172.17.0.0/16"
KEY = ObjectKey("Service", "default", "web")
PROXY = pod_key(KEY, Role.CLUSTER)
BALANCER = pod_key(KEY, Role.BALANCER)


def cluster(*objects: Object, first_id: int = 1) -> Cluster:
    made = Cluster(namespace(), first_id=first_id)
    made.manager = Manager(replace(counted_ids(first_id), site=Site("c1")), made.manager._kubelet)
    for obj in (node(podCIDR=NETWORK), namespace(), *objects):
        made.put(obj)
    made.run()
    return made


def live(made: Cluster) -> Object:
    found = made.view.get(KEY)
    assert found is not None
    return found


def changed(made: Cluster, **spec: Any) -> None:
    one = live(made)
    made.put({**one, "spec": {**spec_of(one), **spec}})
    made.run()


class TestAllocation:
    def test_an_address_of_the_top_of_the_pods_network(self) -> None:
        spec = spec_of(live(cluster(service())))
        assert spec["clusterIP"] == service_address(NETWORK, "c1/default/web", ())
        assert str(service_network(NETWORK)) == "172.17.240.0/20"
        assert contains("172.17.240.0/20", spec["clusterIP"])
        assert spec["clusterIPs"] == [spec["clusterIP"]]
        assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")

    def test_one_that_is_taken_is_not_given_twice(self) -> None:
        first = cluster(service())
        address = spec_of(live(first))["clusterIP"]
        other = service(clusterIP=address)
        other = {**other, "metadata": metadata("other")}
        assert spec_of(live(cluster(other, service())))["clusterIP"] != address

    def test_no_address_before_an_engine_named_its_network(self) -> None:
        made = Cluster(namespace(), service())
        made.run()
        assert "clusterIP" not in spec_of(live(made))
        made.put(node(podCIDR=NETWORK))
        made.run()
        assert contains(NETWORK, spec_of(live(made))["clusterIP"])

    def test_an_engine_without_a_network_serves_none_and_that_is_told_once(self) -> None:
        made = Cluster(namespace(), node(), service())
        made.run()
        assert [one.reason for one in made.happenings] == ["NoPodNetwork"]
        (condition,) = status_of(live(made))["conditions"]
        assert (condition["status"], condition["reason"]) == ("False", "NoPodNetwork")
        changed(made, sessionAffinity="ClientIP")
        assert [one.reason for one in made.happenings] == ["NoPodNetwork"]
        made.put(node(podCIDR=NETWORK))
        made.run()
        assert "conditions" not in status_of(live(made))
        headless = Cluster(namespace(), node(), service(clusterIP="None"))
        headless.run()
        assert headless.happenings == []

    def test_a_headless_service_has_none_and_no_proxy(self) -> None:
        made = cluster(service(clusterIP="None"))
        assert spec_of(live(made))["clusterIPs"] == ["None"]
        assert made.view.get(PROXY) is None

    def test_an_address_from_elsewhere_is_told_and_not_served(self) -> None:
        made = cluster(service(clusterIP="10.96.0.7"))
        assert [one.reason for one in made.happenings] == ["ClusterIPOutOfRange"]
        assert made.view.get(PROXY) is None

    def test_node_ports_come_and_go_with_the_type(self) -> None:
        made = cluster(service({"port": 80}, {"port": 53, "protocol": "UDP"}, type="NodePort"))
        ports = [port["nodePort"] for port in spec_of(live(made))["ports"]]
        assert ports == [node_port("c1/default/web/80/TCP", ()), node_port("c1/default/web/53/UDP", ())]
        changed(made, type="ClusterIP")
        assert all("nodePort" not in port for port in spec_of(live(made))["ports"])

    def test_what_a_running_proxy_holds_is_given_again(self) -> None:
        made = cluster(service(type="NodePort"))
        proxy = made.view.get(PROXY)
        assert proxy is not None
        held = '{"clusterIP": "172.17.241.9", "nodePorts": {"80/TCP": 31111}}'
        annotations = {**annotations_of(proxy), "minikctl.io/allocated": held}
        proxy = {**proxy, "metadata": {**proxy["metadata"], "annotations": annotations}}
        again = Cluster(namespace(), node(podCIDR=NETWORK), proxy, service(type="NodePort"))
        again.run()
        assert spec_of(live(again))["clusterIP"] == "172.17.241.9"
        assert spec_of(live(again))["ports"][0]["nodePort"] == 31111


class TestProxies:
    def test_its_pod_adds_the_address_and_is_owned_by_the_service(self) -> None:
        made = cluster(service())
        proxy = made.view.get(PROXY)
        assert proxy is not None
        (container,) = spec_of(proxy)["containers"]
        assert container["command"][-1] == f"{spec_of(live(made))['clusterIP']}/16"
        assert container["securityContext"] == {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}
        assert {"name": "net.ipv4.ip_forward", "value": "1"} in spec_of(proxy)["securityContext"]["sysctls"]
        assert "ports" not in container
        assert proxy["metadata"]["ownerReferences"][0]["uid"] == live(made)["metadata"]["uid"]
        assert made.view.get(ObjectKey("Namespace", "", "kube-system")) is not None

    def test_it_goes_with_the_service(self) -> None:
        made = cluster(service())
        made.remove(KEY)
        made.run()
        found = made.view.get(PROXY)
        assert found is None or is_deleting(found)  # at once where no kubelet had it yet

    def test_it_is_made_anew_when_its_host_ports_change_and_only_then(self) -> None:
        made = cluster(service())
        changed(made, ports=[{"port": 81, "protocol": "TCP", "targetPort": 81}])
        proxy = made.view.get(PROXY)
        assert proxy is not None and not is_deleting(proxy)
        changed(made, type="NodePort")
        gone = made.view.get(PROXY)
        assert gone is not None and is_deleting(gone)
        made.remove(PROXY)
        made.run()
        proxy = made.view.get(PROXY)
        assert proxy is not None
        (port,) = spec_of(proxy)["containers"][0]["ports"]
        assert port["hostPort"] == spec_of(live(made))["ports"][0]["nodePort"]

    def test_a_load_balancer_is_there_when_its_ports_are_published(self) -> None:
        made = cluster(service(type="LoadBalancer"))
        assert status_of(live(made))["loadBalancer"] == {}
        balancer = made.view.get(BALANCER)
        assert balancer is not None
        assert spec_of(balancer)["containers"][0]["ports"][0]["hostPort"] == 80
        status = {**status_of(pod("x")), "hostIP": "192.0.2.1"}
        made.put({**balancer, "status": status})
        made.run()
        reasons = [one.reason for one in made.happenings if one.component == "service-controller"]
        assert reasons == ["EnsuringLoadBalancer", "EnsuredLoadBalancer"]
        (ingress,) = status_of(live(made))["loadBalancer"]["ingress"]
        assert "SyncLoadBalancerFailed" not in [one.reason for one in made.happenings]
        assert ingress["ip"] == "192.0.2.1"


def test_a_load_balancer_that_waits_says_why() -> None:
    made = cluster(service(type="LoadBalancer"))
    balancer = made.view.get(BALANCER)
    assert balancer is not None
    waiting = {"reason": "RunContainerError", "message": "port is already allocated"}
    status = {"phase": "Pending", "containerStatuses": [{"name": "proxy", "state": {"waiting": waiting}}]}
    made.put({**balancer, "status": status})
    made.run()
    (told_of,) = (one for one in made.happenings if one.reason == "SyncLoadBalancerFailed")
    assert told_of.about["kind"] == "Service" and "already allocated" in told_of.message


def told(made: Cluster, role: Role = Role.CLUSTER) -> str:
    found = list(made.view.list("EndpointSlice"))
    return program(live(made), role, found).text


class TestPrograms:
    def test_a_port_leads_to_the_ready_endpoints(self) -> None:
        made = cluster(
            service({"port": 80, "targetPort": 8080}),
            at(pod("a"), "172.17.0.2"),
            at(pod("b"), "172.17.0.3"),
            at(pod("c", ready_for=None), "172.17.0.4"),
        )
        text = told(made)
        assert f"ip daddr {spec_of(live(made))['clusterIP']} tcp dport 80 dnat to " in text
        assert [address in text for address in ("172.17.0.2 . 8080", "172.17.0.3 . 8080", "172.17.0.4")] == [
            True,
            True,
            False,
        ]

    def test_a_node_port_is_for_every_other_address(self) -> None:
        made = cluster(service(type="NodePort"), at(pod("a"), "172.17.0.2"))
        number = spec_of(live(made))["ports"][0]["nodePort"]
        match = f"ip daddr != {spec_of(live(made))['clusterIP']} tcp dport {number} dnat to "
        assert match in told(made)

    def test_without_an_endpoint_nobody_is_let_in_and_what_is_open_stays(self) -> None:
        text = told(cluster(service()))
        assert "dnat to" not in text and "prerouting" not in text
        assert "ct status dnat masquerade" in text and "ct state invalid drop" in text

    @pytest.mark.parametrize(("others", "goes_there"), [((), True), ((at(pod("b"), "172.17.0.3"),), False)])
    def test_a_pod_that_ends_serves_while_nobody_else_does(
        self, others: tuple[Object, ...], goes_there: bool
    ) -> None:
        made = cluster(service(), at(pod("a", node="node-1", deleting=True), "172.17.0.2"), *others)
        assert ("172.17.0.2" in told(made)) is goes_there

    def test_a_client_is_remembered_for_as_long_as_was_said(self) -> None:
        config = {"clientIP": {"timeoutSeconds": 60}}
        one = service(sessionAffinity="ClientIP", sessionAffinityConfig=config)
        made = cluster(one, at(pod("a"), "172.17.0.2"), at(pod("b"), "172.17.0.3"))
        text = told(made)
        assert "map clients0_60 {\n        type ipv4_addr : mark;" in text and "timeout 60s;" in text
        first, second = (f"{zlib.crc32(f'172.17.0.{last} . 80'.encode()):#x}" for last in (2, 3))
        assert _of_port(text, "tcp dport 80") == [
            "meta mark set 0x0",
            "meta mark set ip saddr map @clients0_60",
            f"meta mark != {{ {first}, {second} }} delete @clients0_60 {{ ip saddr : meta mark }}",
            f"meta mark != {{ {first}, {second} }}"
            f" meta mark set jhash ip saddr . tcp sport mod 2 map {{ 0 : {first}, 1 : {second} }}",
            "update @clients0_60 { ip saddr : meta mark }",
            f"dnat to meta mark map {{ {first} : 172.17.0.2 . 80, {second} : 172.17.0.3 . 80 }}",
        ]
        assert "map clients" not in told(cluster(service(), at(pod("a"), "172.17.0.2")))

    @pytest.mark.parametrize(
        ("affinity", "memory"),
        [("None", "senders0 { ip saddr . udp sport"), ("ClientIP", "clients0_10800 { ip saddr")],
    )
    def test_a_sender_is_remembered_by_its_port_and_each_endpoint_has_a_zone(
        self, affinity: str, memory: str
    ) -> None:
        dns = {"name": "dns", "port": 53, "protocol": "UDP"}
        made = cluster(service(dns, sessionAffinity=affinity), at(pod("a"), "172.17.0.2"))
        raw, _, first = told(made).partition("chain prerouting")
        rules = _of_port(raw, "udp dport 53")
        mark = zlib.crc32(b"172.17.0.2 . 53")
        assert rules[-2] == f"update @{memory} : meta mark }}"
        assert rules[-1] == f"ct original zone set meta mark map {{ {mark:#x} : {1 + mark % 65535} }}"
        assert _of_port(first, "udp dport 53") == [f"dnat to meta mark map {{ {mark:#x} : 172.17.0.2 . 53 }}"]

    def test_what_is_no_address_of_a_pod_is_left_out(self) -> None:
        """The API server lets such slices pass, and nft refuses all where one number is none."""
        made = cluster(service(selector={}))
        other = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata("mine"), "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["192.0.2.7"]}],
        }
        for port in (70000, -1, 0):
            made.put({**other, "ports": [{"name": "", "port": port, "protocol": "TCP"}]})
            assert "dnat to" not in told(made)
        made.put({**other, "ports": [{"name": "", "port": 65535, "protocol": "TCP"}]})
        assert "192.0.2.7 . 65535" in told(made)
        made.put({**other, "ports": [{"name": "", "port": 80, "protocol": "TCP"}], "addressType": "IPv6"})
        assert "dnat to" not in told(made)

    @pytest.mark.parametrize(
        ("ranges", "refused"),
        [
            (["10.0.0.0/8", " 192.0.2.1/32 "], "ip saddr != { 10.0.0.0/8, 192.0.2.1/32 } drop"),
            (["10.1.0.0/16", "10.0.0.0/8", "10.0.0.7/8"], "ip saddr != { 10.0.0.0/8 } drop"),
            (["2001:db8::/32", "10.0.0.0/8"], "ip saddr != { 10.0.0.0/8 } drop"),
            (["2001:db8::/32"], "drop"),
            (["10.0.0.0/8", "0.0.0.0/0"], ""),
            ([], ""),
        ],
    )
    def test_source_ranges_are_for_what_is_published(self, ranges: list[str], refused: str) -> None:
        made = cluster(
            service(type="LoadBalancer", loadBalancerSourceRanges=ranges), at(pod("a"), "172.17.0.2")
        )
        assert [line for line in _rules(told(made)) if line.endswith("drop")] == ["ct state invalid drop"]
        leading = "tcp dport 80 dnat to jhash ip saddr . tcp sport mod 1 map { 0 : 172.17.0.2 . 80 }"
        wanted = [f"tcp dport 80 {refused}", leading] if refused else [leading]
        assert [line for line in _rules(told(made, Role.BALANCER)) if "dport" in line] == wanted


def _of_port(text: str, match: str) -> list[str]:
    """The rest of the rules with this match."""
    found = (rule.partition(f" {match} ") for rule in _rules(text))
    return [rest for _, is_it, rest in found if is_it]


def _rules(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n")]


class TestNames:
    def test_short_names_are_for_neighbours(self) -> None:
        made = cluster(service())
        address = spec_of(live(made))["clusterIP"]
        forms = "web.default web.default.svc web.default.svc.cluster.local"
        assert f"{address}\tweb {forms}\n" in service_lines(made.view, "default")
        assert f"{address}\t{forms}\n" in service_lines(made.view, "elsewhere")

    def test_a_headless_name_stands_for_each_ready_pod(self) -> None:
        made = cluster(
            service(clusterIP="None"),
            at(pod("a", hostname="db-0", subdomain="web"), "172.17.0.2"),
            at(pod("b", ready_for=None), "172.17.0.3"),
        )
        lines = [line for line in service_lines(made.view, "default").split("\n") if line.startswith("172")]
        assert len(lines) == 1
        assert "db-0.web.default.svc.cluster.local" in lines[0].split()
        assert "web" in lines[0].split()

    @pytest.mark.parametrize(
        ("target", "addresses"),
        [
            ("outside.test", ["192.0.2.1", "192.0.2.2"]),
            ("Outside.Test.", ["192.0.2.1", "192.0.2.2"]),
            ("unknown.test", []),
            ("web.default.svc.cluster.local", ["172.17.241.9"]),
            ("all.default.svc.cluster.local", ["172.17.0.2"]),
            ("gone.default.svc.cluster.local", []),
            ("there.default.svc.cluster.local", []),
        ],
    )
    def test_an_external_name_stands_for_what_it_names(self, target: str, addresses: list[str]) -> None:
        there = service(type="ExternalName", externalName=target)
        there = {**there, "metadata": metadata("there")}
        headless = {**service(clusterIP="None"), "metadata": metadata("all")}
        made = cluster(service(clusterIP="172.17.241.9"), there, headless, at(pod("a"), "172.17.0.2"))
        lines = service_lines(made.view, "default", {"outside.test": ("192.0.2.1", "192.0.2.2")})
        forms = "there there.default there.default.svc there.default.svc.cluster.local"
        assert [line.split("\t")[0] for line in lines.split("\n") if line.endswith(f"\t{forms}")] == addresses
        slices = (one["metadata"]["labels"] for one in made.view.list("EndpointSlice"))
        assert "there" not in {labels["kubernetes.io/service-name"] for labels in slices}
        assert outer_names(made.view) == ({target.lower().rstrip(".")} if "svc" not in target else set())

    def test_the_file_begins_as_the_kubelets(self) -> None:
        one = at(pod("p", hostAliases=[{"ip": "192.0.2.9", "hostnames": ["a", "b"]}]), "172.17.0.2")
        lines = hosts_file(one, "p", "").split("\n")
        assert lines[:2] == ["# Kubernetes-managed hosts file.", "127.0.0.1\tlocalhost"]
        assert "172.17.0.2\tp" in lines and "192.0.2.9\ta\tb" in lines

    def test_environment(self) -> None:
        made = cluster(service({"name": "http", "port": 80}))
        address = spec_of(live(made))["clusterIP"]
        assert service_environment(made.view, "default") == {
            "WEB_SERVICE_HOST": address,
            "WEB_SERVICE_PORT": "80",
            "WEB_SERVICE_PORT_HTTP": "80",
            "WEB_PORT": f"tcp://{address}:80",
            "WEB_PORT_80_TCP": f"tcp://{address}:80",
            "WEB_PORT_80_TCP_PROTO": "tcp",
            "WEB_PORT_80_TCP_PORT": "80",
            "WEB_PORT_80_TCP_ADDR": address,
        }
        assert service_environment(made.view, "elsewhere") == {}


def test_rest() -> None:
    """Asked again, nobody wants anything else."""
    made = cluster(service(type="LoadBalancer"), at(pod("a"), "172.17.0.2"))
    made.now = NOW + 5
    assert made.run().writes == []
