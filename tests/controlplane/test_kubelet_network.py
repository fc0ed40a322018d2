"""A pod's network: whose it is, what the pod is called, and whom it asks for names."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import NOW, metadata

from minikctl.backend import Dns
from minikctl.controlplane.kubelet import (
    ImageBook,
    NodeFacts,
    PodMemo,
    PodSync,
    RunContainer,
    RunSandbox,
    sync_pod,
)
from minikctl.controlplane.kubelet.network import dns, kernel_hostname, knows_services, unread_servers
from minikctl.controlplane.names import hosts_file
from minikctl.model import Object
from minikctl.model.networks import gateway

MACHINE = Dns(("10.0.0.1", "10.0.0.2", "10.0.0.3"), ("corp.example",), ("ndots:2", "rotate"))
FACTS = NodeFacts("memory", "127.0.0.1", pod_network="172.17.0.0/16", resolver=MACHINE)
IMAGES = ("app:1", "side:1")


def pod(*names: str, **spec: Any) -> Object:
    made = [{"name": name, "image": f"{name}:1", "imagePullPolicy": "Never"} for name in names or ("app",)]
    spec = {"containers": made, "nodeName": "node-1", "restartPolicy": "Always", **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata("p"), "spec": spec, "status": {}}


def look(made: Object, memo: PodMemo | None = None) -> PodSync:
    book = ImageBook()
    for image in IMAGES:
        book.mark_pulled(image, NOW)
    return sync_pod(made, (), memo or PodMemo(), book, FACTS, NOW, cluster_id="c", seal_key=b"k")


def own(*servers: str, searches: tuple[str, ...] = (), **options: str) -> dict[str, Any]:
    listed = [{"name": name, "value": value} for name, value in options.items()]
    return {"nameservers": list(servers), "searches": list(searches), "options": listed}


class TestDns:
    @pytest.mark.parametrize("policy", ["ClusterFirst", "Default", "ClusterFirstWithHostNet"])
    def test_without_a_configuration_the_engine_says(self, policy: str) -> None:
        assert dns(pod(dnsPolicy=policy), MACHINE) is None

    def test_none_is_the_pods_alone(self) -> None:
        made = pod(dnsPolicy="None", dnsConfig=own("192.0.2.1", searches=("a.example",), ndots="1"))
        assert dns(made, MACHINE) == Dns(("192.0.2.1",), ("a.example",), ("ndots:1",))

    @pytest.mark.parametrize("policy", ["ClusterFirst", "Default"])
    def test_else_it_comes_after_the_machines(self, policy: str) -> None:
        config = own("192.0.2.1", searches=("a.example", "corp.example"), ndots="5", debug="")
        made = dns(pod(dnsPolicy=policy, dnsConfig=config), MACHINE)
        assert made == Dns(
            ("10.0.0.1", "10.0.0.2", "192.0.2.1"),
            ("corp.example", "a.example"),
            ("ndots:5", "rotate", "debug"),
        )

    def test_one_of_the_machines_stays(self) -> None:
        made = dns(pod(dnsConfig=own("192.0.2.1", "192.0.2.2", "192.0.2.3")), MACHINE)
        assert made is not None
        assert made.servers == ("10.0.0.1", "192.0.2.1", "192.0.2.2")

    @pytest.mark.parametrize(("count", "is_told"), [(2, False), (3, True)])
    def test_who_names_too_many_is_told(self, count: int, is_told: bool) -> None:
        servers = [f"192.0.2.{number}" for number in range(count)]
        assert unread_servers(pod(dnsConfig=own(*servers)), Dns()) is None
        happened = [one.message for one in look(pod(dnsConfig=own(*servers))).decision.happenings]
        line = "10.0.0.1 192.0.2.0 192.0.2.1"
        assert [text.endswith(f"the applied nameserver line is: {line}") for text in happened] == (
            [True] if is_told else []
        )

    def test_of_a_machine_that_nobody_can_ask(self) -> None:
        assert dns(pod(dnsConfig=own(searches=("a.example",))), Dns()) == Dns((), ("a.example",), ())

    @pytest.mark.parametrize(
        ("policy", "on_host", "knows"),
        [
            ("ClusterFirst", False, True),
            ("ClusterFirst", True, False),
            ("ClusterFirstWithHostNet", True, True),
            ("Default", False, False),
            ("None", False, False),
        ],
    )
    def test_who_knows_services(self, policy: str, on_host: bool, knows: bool) -> None:
        assert knows_services(pod(dnsPolicy=policy, hostNetwork=on_host)) is knows


class TestHostname:
    def test_short_unless_asked_for_whole(self) -> None:
        assert kernel_hostname(pod(subdomain="sub")) == "p"
        assert kernel_hostname(pod(setHostnameAsFQDN=True)) == "p"
        whole = kernel_hostname(pod(subdomain="sub", hostname="h", setHostnameAsFQDN=True))
        assert whole == "h.sub.default.svc.cluster.local"

    def test_too_long_is_told_once_and_nothing_is_made(self) -> None:
        made = pod(subdomain="s" * 40, setHostnameAsFQDN=True)
        first = look(made)
        assert first.actions == []
        (event,) = first.decision.happenings
        assert event.reason == "FailedCreatePodSandBox"
        assert "(64 is the max, 68 characters requested)" in event.message
        assert look(made, first.memo).decision.happenings == []


class TestHostNetwork:
    def test_its_address_is_where_pods_find_the_machine(self) -> None:
        sync = look(pod(hostNetwork=True))
        (write,) = sync.decision.writes
        status = write.obj["status"]  # type: ignore[union-attr]
        assert (status["podIP"], status["hostIP"]) == ("172.17.0.1", "172.17.0.1")

    def test_its_address_needs_no_sandbox(self) -> None:
        made = pod(hostNetwork=True)
        source = {"fieldRef": {"fieldPath": "status.podIP"}}
        made["spec"]["containers"][0]["env"] = [{"name": "IP", "valueFrom": source}]
        (run,) = look(made).actions
        assert isinstance(run, RunContainer)
        assert run.spec.pod.host_network
        assert run.spec.env == (("IP", "172.17.0.1"),)

    def test_several_containers_have_the_network_by_their_sandbox(self) -> None:
        (run,) = look(pod("app", "side", hostNetwork=True)).actions
        assert isinstance(run, RunSandbox)
        assert run.spec.pod.host_network

    def test_its_hosts_file_is_the_machines(self) -> None:
        aliases = [{"ip": "192.0.2.7", "hostnames": ["db"]}]
        text = hosts_file(pod(hostNetwork=True, hostAliases=aliases), "p", "SERVICES", "127.0.0.1 me\n")
        assert text.splitlines()[:2] == ["# Kubernetes-managed hosts file (host network).", "127.0.0.1 me"]
        assert "192.0.2.7\tdb" in text
        assert text.endswith("SERVICES")
        assert "\tp" not in text


@pytest.mark.parametrize(
    ("network", "address"), [("172.17.0.0/16", "172.17.0.1"), ("", ""), ("fd00::/64", "")]
)
def test_the_machines_address_on_a_network(network: str, address: str) -> None:
    assert gateway(network) == address
