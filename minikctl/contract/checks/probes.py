"""Probes: each kind of check succeeds, fails and times out with the kubelet's words."""

from __future__ import annotations

import time
from typing import Any

import pytest

from minikctl.backend import (
    Backend,
    Check,
    Checked,
    Container,
    ExecCheck,
    HttpCheck,
    NetworkMode,
    TcpCheck,
)
from minikctl.contract.base import ContractBase, only_where_real
from minikctl.contract.bench import FOREVER, Bench, shell
from minikctl.errors import PermanentError

_ANSWERS = """
mkdir -p /tmp/www/cgi-bin /tmp/www/sub; cd /tmp/www; echo fine > index.html; echo sub > sub/index.html
printf '#!/bin/sh\\necho Status: 503 Busy; echo; echo busy\\n' > cgi-bin/busy
printf '#!/bin/sh\\necho Status: 302 Found; echo Location: /index.html; echo\\n' > cgi-bin/moved
printf '#!/bin/sh\\necho Status: 302 Found; echo Location: http://elsewhere.invalid/; echo\\n' > cgi-bin/away
printf '#!/bin/sh\\n[ "$HTTP_X_KEY" = "a b" ] || echo Status: 403 No; echo; echo $HTTP_HOST\\n' > cgi-bin/key
printf '#!/bin/sh\\nsleep 20\\n' > cgi-bin/slow
chmod +x cgi-bin/*
exec httpd -f -p 8080 -h /tmp/www
"""


class ProbeChecks(ContractBase):
    def probe(self, backend: Backend, container_id: str, check: Check, timeout: float = 2) -> Checked:
        return backend.probe(container_id, check, timeout=timeout)

    def until_served(self, bench: Bench, container: Container, port: int = 8080) -> None:
        bench.until(lambda: self.probe(bench.backend, container.id, TcpCheck(port)).ok, "somebody listens")

    def test_commands_as_probes(self, bench: Bench) -> None:
        container = bench.start(bench.spec(*FOREVER))

        def run(*command: str) -> Checked:
            return self.probe(bench.backend, container.id, ExecCheck(command), timeout=1)

        assert run("true") == Checked(True, "")
        assert run(*shell("echo not yet; exit 1")) == Checked(False, "not yet\n")
        assert run("/no/such/command").ok is False
        began = time.monotonic()
        late = run("sleep", "30")
        assert late == Checked(False, 'command timed out: "sleep 30" timed out after 1s')
        assert time.monotonic() - began < 5

    def test_a_file_as_probe(self, bench: Bench) -> None:
        """The example of Kubernetes' documentation: healthy as long as a file is there."""
        script = "touch /tmp/healthy; echo made; sleep 3; rm -f /tmp/healthy; echo gone; sleep 600"
        container = bench.start(bench.spec(*shell(script)))
        check = ExecCheck(("cat", "/tmp/healthy"))
        bench.until_written(container.id, b"made")
        assert self.probe(bench.backend, container.id, check).ok
        bench.until_written(container.id, b"gone")
        bench.until(lambda: not self.probe(bench.backend, container.id, check).ok, "the probe fails")
        assert "/tmp/healthy" in self.probe(bench.backend, container.id, check).message

    def test_probes_where_nothing_runs(self, bench: Bench, stranger: Bench) -> None:
        created = bench.backend.create_container(bench.spec(*FOREVER))
        theirs = stranger.start(stranger.spec(*FOREVER)).id
        for check in (TcpCheck(80), HttpCheck(80), ExecCheck(("true",))):
            for container_id, reason in ((created, "NotRunning"), (theirs, "NotFound")):
                with pytest.raises(PermanentError) as caught:
                    self.probe(bench.backend, container_id, check)
                assert caught.value.reason == reason

    def test_connections_as_probes(self, bench: Bench) -> None:
        server = bench.start(bench.spec(*shell("while true; do nc -l -p 8080 </dev/null; done")))
        self.until_served(bench, server)
        if not bench.backend.capabilities.simulated:
            refused = self.probe(bench.backend, server.id, TcpCheck(8081))
            assert refused.ok is False
            assert refused.message.startswith("dial tcp ")
            assert refused.message.endswith(":8081: connect: connection refused")

    def test_requests_as_probes(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        server = bench.start(bench.spec(*shell(_ANSWERS)))
        self.until_served(bench, server)

        def get(path: str, **fields: Any) -> Checked:
            return self.probe(bench.backend, server.id, HttpCheck(8080, path, **fields), timeout=2)

        assert get("/") == Checked(True, "")
        assert get("") == Checked(True, "")
        assert get("index.html") == Checked(True, "")
        assert get("/missing") == Checked(False, "HTTP probe failed with statuscode: 404")
        assert get("/cgi-bin/busy?a=b") == Checked(False, "HTTP probe failed with statuscode: 503")
        assert get("/cgi-bin/moved") == Checked(True, ""), "followed on the same host"
        assert get("/cgi-bin/key") == Checked(False, "HTTP probe failed with statuscode: 403")
        assert get("/cgi-bin/key", headers=(("X-Key", "a b"), ("Host", "app.example"))) == Checked(True, "")
        began = time.monotonic()
        slow = get("/cgi-bin/slow")
        assert slow.ok is False
        assert "Client.Timeout exceeded while awaiting headers" in slow.message
        assert time.monotonic() - began < 6
        nobody = self.probe(bench.backend, server.id, HttpCheck(8081, "/x"))
        assert nobody.ok is False
        assert nobody.message.startswith('Get "http://')

    def test_probes_reach_into_a_sandbox(self, bench: Bench) -> None:
        sandbox = bench.backend.create_sandbox(bench.sandbox_spec())
        shared = {"network": NetworkMode.SANDBOX, "sandbox_id": sandbox.id}
        script = "while true; do nc -l -p 8080 </dev/null; done"
        server = bench.start(bench.spec(*shell(script), **shared))
        self.until_served(bench, server)
        if not bench.backend.capabilities.simulated:
            assert self.probe(bench.backend, server.id, TcpCheck(8081)).ok is False
