"""What a pod says of names, namespaces and profiles, seen from inside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from minikctl.backend import (
    Dns,
    HostAlias,
    NetworkMode,
    PodOptions,
    SecurityContext,
    labels,
)
from minikctl.contract.base import ContractBase, Folder, only_where_real
from minikctl.contract.bench import FOREVER, Bench, Ended, shell
from minikctl.errors import PermanentError

_DNS = Dns(servers=("10.96.0.10", "192.0.2.1"), searches=("default.svc", "svc"), options=("ndots:5", "debug"))
_ALIASES = (HostAlias("192.0.2.7", ("db.local", "db")), HostAlias("2001:db8::7", ("six.local",)))
_SYSCTL = ("net.ipv4.ip_unprivileged_port_start", "1234")
_READ = (
    "grep -e nameserver -e search -e options /etc/resolv.conf | grep -v '^#'; echo; cat /etc/hosts;"
    " cat /proc/sys/net/ipv4/ip_unprivileged_port_start"
)


class PodChecks(ContractBase):
    def run_in_pod(
        self, bench: Bench, pod: PodOptions, script: str, *, sandbox: bool, **fields: Any
    ) -> Ended:
        """A container of a pod, alone or beside others in a sandbox."""
        if sandbox:
            made = bench.backend.create_sandbox(bench.sandbox_spec(pod=pod))
            fields |= {"network": NetworkMode.SANDBOX, "sandbox_id": made.id}
        return bench.run(bench.spec(*shell(script), pod=pod, **fields))

    @pytest.mark.parametrize("sandbox", [False, True])
    def test_names_and_sysctls(self, bench: Bench, sandbox: bool) -> None:
        only_where_real(bench.backend)
        pod = PodOptions(dns=_DNS, host_aliases=_ALIASES, sysctls=(_SYSCTL,))
        ended = self.run_in_pod(bench, pod, _READ, sandbox=sandbox)
        resolv, _, rest = "\n".join(ended.text()).partition("\n\n")
        lines = dict(line.split(" ", 1) for line in resolv.splitlines() if not line.startswith("nameserver"))
        servers = [line.split()[1] for line in resolv.splitlines() if line.startswith("nameserver")]
        assert servers == ["10.96.0.10", "192.0.2.1"]
        assert lines["search"].split() == ["default.svc", "svc"]
        assert set(lines["options"].split()) == {"ndots:5", "debug"}
        *hosts, port = rest.splitlines()
        names = {(line.split()[0], name) for line in hosts for name in line.split()[1:]}
        assert names >= {("192.0.2.7", "db.local"), ("192.0.2.7", "db"), ("2001:db8::7", "six.local")}
        assert port == "1234"

    def test_dns_without_searches(self, bench: Bench) -> None:
        """The machine's own searches do not come in where none are asked for."""
        only_where_real(bench.backend)
        pod = PodOptions(dns=Dns(servers=("192.0.2.1",)))
        ended = self.run_in_pod(bench, pod, "grep -v '^#' /etc/resolv.conf", sandbox=False)
        found = [line for line in ended.text() if line.split()[:1] not in ([], ["options"])]
        assert [line for line in found if line.split() not in (["search"], ["search", "."])] == [
            "nameserver 192.0.2.1"
        ]

    @pytest.mark.parametrize("sandbox", [False, True])
    def test_namespaces_of_the_machine(self, bench: Bench, sandbox: bool) -> None:
        """The machine has one of each, so that two pods find the same."""
        only_where_real(bench.backend)
        script = "for kind in net pid ipc; do readlink /proc/self/ns/$kind; done"

        def found(pod: PodOptions) -> list[str]:
            return self.run_in_pod(bench, pod, script, sandbox=sandbox).text()

        of_machine = PodOptions(host_network=True, host_pid=True, host_ipc=True)
        first, own = found(of_machine), found(PodOptions())
        assert len(first) == 3
        assert found(of_machine) == first
        assert all(one != other for one, other in zip(first, own, strict=True))

    @pytest.mark.parametrize("sandbox", [False, True])
    def test_a_runtime_that_the_engine_does_not_have(self, bench: Bench, sandbox: bool) -> None:
        only_where_real(bench.backend)
        with pytest.raises(PermanentError, match="no-such-runtime"):
            self.run_in_pod(bench, PodOptions(runtime_handler="no-such-runtime"), "true", sandbox=sandbox)

    def test_a_runtime_by_its_name(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        pod = PodOptions(runtime_handler="runc")
        assert self.run_in_pod(bench, pod, "echo here", sandbox=True).text() == ["here"]

    def test_shared_processes(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        pod = PodOptions(share_process_namespace=True)
        sandbox = bench.backend.create_sandbox(bench.sandbox_spec(pod=pod))
        shared = {"network": NetworkMode.SANDBOX, "sandbox_id": sandbox.id, "pod": pod}
        bench.start(bench.spec("sleep", "4321", **shared))
        ended = bench.run(bench.spec(*shell("ps -o args | grep -c '^sleep 4321'; echo $$"), **shared))
        seen, pid = ended.text()
        assert seen == "1"
        assert pid != "1", "PID 1 is the sandbox's"
        orphan = bench.start(bench.spec(*shell("(sleep 0.2 & exit 0); sleep 3600"), **shared))
        count = "sleep 1; ps -o stat | grep -c Z"
        assert bench.run(bench.spec(*shell(count), **shared)).text() == ["0"], "nothing stays as a zombie"
        bench.backend.remove_container(orphan.id)

    def test_processes_are_not_shared_else(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        sandbox = bench.backend.create_sandbox(bench.sandbox_spec())
        shared = {"network": NetworkMode.SANDBOX, "sandbox_id": sandbox.id}
        bench.start(bench.spec("sleep", "4321", **shared))
        script = "ps -o args | grep -c '^sleep 4321'; echo $$"
        assert bench.run(bench.spec(*shell(script), **shared)).text() == ["0", "1"]

    def test_shared_memory_is_the_pods(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        sandbox = bench.backend.create_sandbox(bench.sandbox_spec())
        shared = {"network": NetworkMode.SANDBOX, "sandbox_id": sandbox.id}
        kinds = [bench.run(bench.spec("readlink", "/proc/self/ns/ipc", **shared)).text() for _ in range(2)]
        assert kinds[0] == kinds[1]

    def test_profiles(self, bench: Bench, folder: Folder) -> None:
        only_where_real(bench.backend)
        profile = folder.here / "no-mkdir.json"
        refused = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}
        profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]}))
        local = f"localhost/{self.path_of_profile(folder, 'no-mkdir.json')}"
        script = "grep Seccomp: /proc/self/status | tr -d '\\t'; mkdir /tmp/x 2>/dev/null && echo made"
        found = {
            name: bench.run(bench.spec(*shell(script), security=SecurityContext(seccomp_profile=name))).text()
            for name in ("", "runtime/default", "unconfined", local)
        }
        assert found[""] == found["runtime/default"]
        assert found["unconfined"] == ["Seccomp:0", "made"]
        assert found[local] == ["Seccomp:2"]

    def test_masked_parts_of_proc(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        script = "grep -c -e ' /proc/[a-z/]* ' /proc/mounts"
        masked = bench.run(bench.spec(*shell(script), security=SecurityContext(proc_mount="Default"))).text()
        bare = bench.run(bench.spec(*shell(script), security=SecurityContext(proc_mount="Unmasked"))).text()
        assert int(masked[0]) > int(bare[0]) == 0

    def test_stop_signal_and_standing_with_the_oom_killer(self, bench: Bench) -> None:
        script = "trap 'echo usr1; exit 3' USR1; echo ready; while true; do sleep 0.1; done"
        container = bench.start(bench.spec(*shell(script), stop_signal="SIGUSR1", oom_score_adj=500))
        bench.until_written(container.id, b"ready")
        bench.backend.signal_container(container.id, kill=False)
        assert bench.until_exited(container.id).exit_code == 3
        if not bench.backend.capabilities.simulated:
            read = bench.spec("cat", "/proc/self/oom_score_adj", oom_score_adj=500)
            assert bench.run(read).text() == ["500"]

    def test_names_of_a_pod_on_the_machines_network(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        pod = PodOptions(host_network=True)
        names = [
            self.run_in_pod(bench, pod, "hostname", sandbox=sandbox, hostname="ignored").text()
            for sandbox in (False, True)
        ]
        assert names[0] == names[1] != ["ignored"]
        assert all(one.labels[labels.CLUSTER] == bench.cluster_id for one in bench.listed().values())
        assert bench.start(bench.spec(*FOREVER, pod=pod)).ip == ""
