"""Lists are complete, of this cluster alone, and labels come back as they were given."""

from __future__ import annotations

import json

from minikctl.backend import ContainerState
from minikctl.contract.base import ContractBase
from minikctl.contract.bench import FOREVER, Bench


class ListingChecks(ContractBase):
    def test_nothing_yet(self, bench: Bench) -> None:
        assert bench.backend.list_containers() == []
        assert bench.backend.inspect_container("0123456789ab" * 5 + "cdef") is None
        assert bench.backend.inspect_container("no-such-container") is None

    def test_every_state_is_listed_as_inspected(self, bench: Bench, stranger: Bench) -> None:
        stranger.backend.create_container(stranger.spec(*FOREVER))
        backend = bench.backend
        created = backend.create_container(bench.spec(*FOREVER, image=self.other_image))
        running = bench.start(bench.spec(*FOREVER)).id
        exited = bench.run(bench.spec("false")).container.id
        listed = bench.listed()
        assert {key: value.state for key, value in listed.items()} == {
            created: ContainerState.CREATED,
            running: ContainerState.RUNNING,
            exited: ContainerState.EXITED,
        }
        assert listed[exited].exit_code == 1
        assert listed[created].image == self.other_image
        assert listed == {key: bench.look(key) for key in listed}, "list and inspect tell the same"
        assert all(bench.look(one.name) == one for one in listed.values()), "a name does as well as an id"
        assert listed[running].ip
        backend.remove_container(running)
        backend.remove_container(exited)
        assert set(bench.listed()) == {created}

    def test_labels_come_back_intact(self, bench: Bench) -> None:
        pod = {"text": "\"quoted\" 'single' \\back\\ $HOME `id` =,;", "list": list(range(1500))}
        given = {
            "example.com/pod": json.dumps(pod),
            "example.com/unicode": "grün 日本語 🚀",
            "example.com/lines": "one\ntwo\r\n\tthree\n",
            "example.com/empty": "",
            "example.com/equals": "a=b=c,d=e",
        }
        assert len(given["example.com/pod"]) > 6000
        spec = bench.spec(*FOREVER, labels=bench.labels() | given)
        container_id = bench.backend.create_container(spec)
        for container in (bench.listed()[container_id], bench.look(container_id)):
            assert dict(container.labels).items() >= dict(spec.labels).items()
        sandbox_spec = bench.sandbox_spec()
        sandbox_spec = bench.sandbox_spec(labels={**sandbox_spec.labels, **given})
        sandbox = bench.backend.create_sandbox(sandbox_spec)
        for container in (sandbox, bench.listed()[sandbox.id], bench.look(sandbox.id)):
            assert dict(container.labels).items() >= dict(sandbox_spec.labels).items()
