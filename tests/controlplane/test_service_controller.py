"""What a Service is given (address, node ports), its proxies, and what these are told."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import NOW, Cluster, counted_ids, metadata, namespace, node, pod
from msgspec.structs import replace
from test_endpoints import at, service

from minikctl.controlplane.manager import Manager
from minikctl.controlplane.names import hosts_file, outer_names, service_environment, service_lines
from minikctl.controlplane.proxies import Role, pod_key, program
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
        assert container["securityContext"] == {"capabilities": {"add": ["NET_ADMIN"]}}
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
    status = {"phase": "Pending", "containerStatuses": [{"name": "nginx", "state": {"waiting": waiting}}]}
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
        assert f"listen {spec_of(live(made))['clusterIP']}:80 " in text
        assert [address in text for address in ("172.17.0.2:8080", "172.17.0.3:8080", "172.17.0.4")] == [
            True,
            True,
            False,
        ]

    def test_without_an_endpoint_nobody_listens(self) -> None:
        assert "listen" not in told(cluster(service()))

    @pytest.mark.parametrize(("others", "goes_there"), [((), True), ((at(pod("b"), "172.17.0.3"),), False)])
    def test_a_pod_that_ends_serves_while_nobody_else_does(
        self, others: tuple[Object, ...], goes_there: bool
    ) -> None:
        made = cluster(service(), at(pod("a", node="node-1", deleting=True), "172.17.0.2"), *others)
        assert ("172.17.0.2" in told(made)) is goes_there

    def test_affinity_udp_and_source_ranges(self) -> None:
        made = cluster(
            service(
                {"name": "dns", "port": 53, "protocol": "UDP"},
                type="LoadBalancer",
                sessionAffinity="ClientIP",
                loadBalancerSourceRanges=["10.0.0.0/8"],
            ),
            at(pod("a"), "172.17.0.2"),
        )
        assert "hash $remote_addr consistent;" in told(made)
        assert ":53 udp;" in told(made)
        assert "deny all" not in told(made)
        assert "listen 53 udp;\n        allow 10.0.0.0/8;\n        deny all;" in told(made, Role.BALANCER)


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
