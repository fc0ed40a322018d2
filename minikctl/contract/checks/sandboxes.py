"""A sandbox is made started, found again by its name, and shared by the containers of a pod."""

from __future__ import annotations

import pytest

from minikctl.backend import ContainerState, NetworkMode, PortMapping, labels
from minikctl.contract.base import ContractBase
from minikctl.contract.bench import FOREVER, Bench, shell
from minikctl.errors import PermanentError


class SandboxChecks(ContractBase):
    def test_life_of_a_sandbox(self, bench: Bench, stranger: Bench) -> None:
        backend = bench.backend
        spec = bench.sandbox_spec()
        sandbox = backend.create_sandbox(spec)
        assert sandbox.state is ContainerState.RUNNING
        assert sandbox.name == spec.name
        assert sandbox.started_at is not None
        assert sandbox.labels[labels.TYPE] == labels.TYPE_SANDBOX
        again = backend.create_sandbox(spec)
        assert (again.id, again.started_at) == (sandbox.id, sandbox.started_at)
        assert set(bench.listed()) == {sandbox.id}, "one entry, whatever holds the sandbox"
        assert bench.look(sandbox.id).state is ContainerState.RUNNING
        assert stranger.backend.inspect_container(sandbox.id) is None
        assert stranger.listed() == {}

        backend.signal_container(sandbox.id, kill=True)
        bench.until(lambda: bench.look(sandbox.id).state is ContainerState.EXITED, "the sandbox ends")
        revived = backend.create_sandbox(spec)
        assert (revived.id, revived.state) == (sandbox.id, ContainerState.RUNNING)

        backend.remove_container(sandbox.id)
        assert backend.inspect_container(sandbox.id) is None
        assert bench.listed() == {}
        backend.remove_container(sandbox.id)

    def test_name_of_a_sandbox_taken_by_somebody_else(self, bench: Bench, stranger: Bench) -> None:
        taken = stranger.sandbox_spec()
        theirs = stranger.backend.create_sandbox(taken)
        with pytest.raises(PermanentError) as caught:
            bench.backend.create_sandbox(bench.sandbox_spec(name=taken.name))
        assert caught.value.reason == "CreateContainerError"
        bench.backend.remove_container(theirs.id)
        assert stranger.look(theirs.id).state is ContainerState.RUNNING

    def test_containers_share_the_network_of_their_sandbox(self, bench: Bench) -> None:
        backend = bench.backend
        simulated = backend.capabilities.simulated
        ports = (PortMapping(container_port=8080, host_port=self.free_port()),)
        sandbox = backend.create_sandbox(bench.sandbox_spec(ports=ports))
        shared = {"network": NetworkMode.SANDBOX, "sandbox_id": sandbox.id}
        server = bench.start(bench.spec(*shell("while true; do echo hello | nc -l -p 8080; done"), **shared))
        client = bench.start(
            bench.spec(*shell("hostname; until nc 127.0.0.1 8080; do sleep 1; done"), **shared)
        )
        assert set(bench.listed()) == {sandbox.id, server.id, client.id}
        assert bench.look(sandbox.id).ip
        bench.until_written(client.id, b"shared-host")
        if not simulated:
            bench.until_written(client.id, b"hello")
            host_ip = backend.info().host_ip
            bench.until(
                lambda: self.dial(host_ip, ports[0].host_port) == b"hello\n", "the pod's port answers"
            )
        for container_id in (client.id, server.id, sandbox.id):
            backend.remove_container(container_id)
        assert bench.listed() == {}

    def test_containers_of_a_sandbox_die_alone(self, bench: Bench) -> None:
        sandbox = bench.backend.create_sandbox(bench.sandbox_spec())
        shared = {"network": NetworkMode.SANDBOX, "sandbox_id": sandbox.id}
        short = bench.run(bench.spec("true", **shared)).container
        long = bench.start(bench.spec(*FOREVER, **shared))
        assert short.exit_code == 0
        assert bench.look(sandbox.id).state is ContainerState.RUNNING
        bench.backend.remove_container(short.id)
        assert set(bench.listed()) == {sandbox.id, long.id}

    def test_container_of_a_sandbox_that_is_not_there(self, bench: Bench) -> None:
        shared = {"network": NetworkMode.SANDBOX, "sandbox_id": "0123456789ab" * 5 + "cdef"}
        with pytest.raises(PermanentError):
            bench.start(bench.spec(*FOREVER, **shared))
