"""What the process in the container finds: command, environment, user, limits, ports."""

from __future__ import annotations

import pytest

from minikctl.backend import ContainerState, PortMapping, ResourceLimits, SecurityContext
from minikctl.contract.base import ContractBase, only_where_real
from minikctl.contract.bench import Bench, shell
from minikctl.errors import PermanentError

_MEBIBYTE = 1024 * 1024
_CGROUP_FILES = (
    "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes;"
    "cat /sys/fs/cgroup/cpu.max 2>/dev/null ||"
    " echo $(cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us) $(cat /sys/fs/cgroup/cpu/cpu.cfs_period_us)"
)


class ProcessChecks(ContractBase):
    def test_command_and_args_where_the_image_has_only_cmd(self, bench: Bench) -> None:
        """The image's CMD is `sh`, which ends at once without input."""
        assert bench.run(bench.spec()).container.exit_code == 0
        assert bench.run(bench.spec(args=("echo", "args"))).text() == ["args"]
        assert bench.run(bench.spec("echo", "command")).text() == ["command"]
        assert bench.run(bench.spec("echo", args=("both", "a  b"))).text() == ["both a  b"]

    def test_command_and_args_where_the_image_has_entrypoint_and_cmd(self, bench: Bench) -> None:
        if not self.configured_image:
            pytest.skip("no configured_image given")
        image = self.configured_image
        assert bench.run(bench.spec(image=image)).text() == ["entry cmd"]
        assert bench.run(bench.spec(image=image, args=("args",))).text() == ["entry args"]
        assert bench.run(bench.spec("echo", "command", image=image)).text() == ["command"]
        assert bench.run(bench.spec("echo", image=image, args=("both",))).text() == ["both"]

    def test_environment_directory_and_host_name(self, bench: Bench) -> None:
        spec = bench.spec(
            *shell('echo "$GREETING"; echo "$EMPTY."; echo "$EQUALS"; pwd; hostname'),
            env=(("GREETING", "grün $HOME  'x'"), ("EMPTY", ""), ("EQUALS", "a=b")),
            working_dir="/tmp",
            hostname="web-0",
        )
        assert bench.run(spec).text() == ["grün $HOME  'x'", ".", "a=b", "/tmp", "web-0"]

    def test_terminal_and_open_input(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        assert bench.run(bench.spec(*shell("test -t 1 && echo terminal"), tty=True)).text() == ["terminal"]
        assert bench.run(bench.spec("cat")).container.exit_code == 0
        waiting = bench.start(bench.spec("cat", stdin=True))
        assert bench.look(waiting.id).state is ContainerState.RUNNING

    def test_limits_are_in_force(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        limits = ResourceLimits(
            cpu_request_millicores=250, cpu_limit_millicores=500, memory_limit_bytes=64 * _MEBIBYTE
        )
        memory, cpu = bench.run(bench.spec(*shell(_CGROUP_FILES), resources=limits)).text()
        assert int(memory) == 64 * _MEBIBYTE
        quota, period = cpu.split()
        assert int(quota) / int(period) == 0.5

    def test_out_of_memory_is_told(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        limits = ResourceLimits(memory_limit_bytes=16 * _MEBIBYTE)
        container = bench.run(bench.spec("tail", "/dev/zero", resources=limits)).container
        assert container.exit_code == 137
        bench.until(lambda: bench.look(container.id).oom_killed, "the engine tells that memory ran out")

    def test_security_context(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        security = SecurityContext(
            run_as_user=1234,
            run_as_group=2345,
            supplemental_groups=(3456,),
            read_only_root_filesystem=True,
            allow_privilege_escalation=False,
            drop_capabilities=("ALL",),
            add_capabilities=("NET_BIND_SERVICE",),
        )
        script = "id -u; id -g; id -G; grep -E '^(CapBnd|NoNewPrivs)' /proc/self/status | tr '\\t' ' '"
        ended = bench.run(
            bench.spec(*shell(f"{script}; touch /probe 2>/dev/null || echo read-only"), security=security)
        )
        user, group, groups, bounding, no_new_privileges, root = ended.text()
        assert (user, group) == ("1234", "2345")
        assert set(groups.split()) == {"2345", "3456"}
        assert int(bounding.split()[1], 16) == 1 << 10, "CAP_NET_BIND_SERVICE alone"
        assert no_new_privileges.split()[1] == "1"
        assert root == "read-only"

    def test_security_context_left_alone(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        script = "id -u; touch /probe && echo writable; grep NoNewPrivs /proc/self/status | tr '\\t' ' '"
        assert bench.run(bench.spec(*shell(script))).text() == ["0", "writable", "NoNewPrivs: 0"]

    def test_privileged(self, bench: Bench) -> None:
        only_where_real(bench.backend)
        privileged = SecurityContext(privileged=True)
        script = "test $((0x$(grep CapBnd /proc/self/status | cut -f2) >> 21 & 1)) = 1 && echo sys-admin"
        assert bench.run(bench.spec(*shell(script), security=privileged)).text() == ["sys-admin"]

    def test_must_not_run_as_root(self, bench: Bench) -> None:
        """The image's user is root: the container is not even made, unless the pod names another user."""
        for user in (None, 0):
            security = SecurityContext(run_as_user=user, run_as_non_root=True)
            with pytest.raises(PermanentError) as caught:
                bench.backend.create_container(bench.spec("true", security=security))
            assert caught.value.reason == "CreateContainerConfigError"
        missing = bench.spec("true", image=self.missing_image, security=SecurityContext(run_as_non_root=True))
        with pytest.raises(PermanentError) as caught:
            bench.backend.create_container(missing)
        assert caught.value.reason == "ImageNotFound"
        security = SecurityContext(run_as_user=1234, run_as_non_root=True)
        assert bench.run(bench.spec("true", security=security)).container.exit_code == 0

    def test_host_port(self, bench: Bench) -> None:
        backend = bench.backend
        ports = (PortMapping(container_port=8080, host_port=self.free_port()),)
        server = shell("while true; do echo hello | nc -l -p 8080; done")
        first = bench.start(bench.spec(*server, ports=ports))
        second = backend.create_container(bench.spec(*server, ports=ports))
        for _ in range(2):
            with pytest.raises(PermanentError) as caught:
                backend.start_container(second)
            assert caught.value.reason == "RunContainerError"
        assert bench.look(second).state is not ContainerState.RUNNING
        if not backend.capabilities.simulated:
            host_ip = backend.info().host_ip
            bench.until(lambda: self.dial(host_ip, ports[0].host_port) == b"hello\n", "the port answers")
        backend.remove_container(first.id)
        assert backend.start_container(second).state is ContainerState.RUNNING, "the port is free again"

    def test_command_that_does_not_exist(self, bench: Bench) -> None:
        container_id = bench.backend.create_container(bench.spec("/no/such/command"))
        with pytest.raises(PermanentError) as caught:
            bench.backend.start_container(container_id)
        assert caught.value.reason == "RunContainerError"
        assert str(caught.value)
        assert "\n" not in str(caught.value)
        failed = bench.look(container_id)
        assert failed.state in (ContainerState.CREATED, ContainerState.EXITED)
        assert failed.id in bench.listed()
