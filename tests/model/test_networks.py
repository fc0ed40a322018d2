"""Addresses and ports follow from names, and come to the same again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikctl.model.networks import NODE_PORTS, contains, node_port, service_address, service_network

NETWORK = "172.17.0.0/16"


@pytest.mark.parametrize(
    ("pods", "services"),
    [
        ("172.17.0.0/16", "172.17.240.0/20"),
        ("10.88.0.1/16", "10.88.240.0/20"),
        ("192.168.5.0/24", "192.168.5.240/28"),
        ("192.168.5.0/27", None),
        ("fd00::/64", None),
        ("", None),
    ],
)
def test_services_have_the_top_sixteenth(pods: str, services: str | None) -> None:
    found = service_network(pods)
    assert (str(found) if found else None) == services


@given(st.lists(st.text(max_size=20), unique=True, max_size=13))
def test_names_have_addresses_of_their_own_until_there_are_none_left(names: list[str]) -> None:
    taken: set[str] = set()
    for name in names:
        address = service_address("192.168.5.0/24", name, taken)
        assert address is not None
        assert contains("192.168.5.240/28", address) and address not in taken
        assert not address.endswith((".240", ".255"))
        taken.add(address)


def test_a_full_network_gives_nothing() -> None:
    taken = {f"192.168.5.{number}" for number in range(256)}
    assert service_address("192.168.5.0/24", "web", taken) is None
    assert node_port("web", NODE_PORTS) is None


def test_the_next_free_one_is_taken() -> None:
    first = service_address(NETWORK, "web", ())
    assert first is not None
    assert service_address(NETWORK, "web", {first}) not in (None, first)
    port = node_port("web", ())
    assert port is not None and node_port("web", {port}) == port + 1
