"""The pure parts of the Docker backend: payloads, observations, faults, references, logs, the pause image."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import signal
import struct
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minikctl_docker import faults, logs, observation, pause, payload, references
from msgspec.structs import replace

from minikctl.backend import (
    Container,
    ContainerSpec,
    ContainerState,
    Dns,
    Mount,
    MountKind,
    NetworkMode,
    PodOptions,
    PortMapping,
    ResourceLimits,
    SandboxSpec,
    SecurityContext,
)
from minikctl.backend.log_frames import MAX_LINE
from minikctl.errors import PermanentError, TemporaryError

SPEC = ContainerSpec(name="web", image="nginx:1.27", labels={"a": "b"})


def body(**fields: Any) -> dict[str, Any]:
    return payload.container_payload(replace(SPEC, **fields), image_user="")


def host_config(**fields: Any) -> dict[str, Any]:
    config: dict[str, Any] = body(**fields)["HostConfig"]
    return config


# --- payload -----------------------------------------------------------------------------------


def test_the_kubelet_owns_restarts_and_health() -> None:
    assert host_config()["RestartPolicy"] == {"Name": "no"}
    assert body()["Healthcheck"] == {"Test": ["NONE"]}


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        (None, None, {}),
        (("sh",), None, {"Entrypoint": ["sh"], "Cmd": []}),
        (None, ("-v",), {"Cmd": ["-v"]}),
        (("sh",), ("-c", "true"), {"Entrypoint": ["sh"], "Cmd": ["-c", "true"]}),
    ],
)
def test_command_and_args(command: Any, args: Any, expected: dict[str, Any]) -> None:
    made = body(command=command, args=args)
    assert {key: made[key] for key in ("Entrypoint", "Cmd") if key in made} == expected


@pytest.mark.parametrize(("request_", "shares"), [(1, 2), (250, 256), (1000, 1024), (0, None)])
def test_cpu_request_becomes_shares(request_: int, shares: int | None) -> None:
    limits = ResourceLimits(cpu_request_millicores=request_)
    assert host_config(resources=limits).get("CpuShares") == shares


@pytest.mark.parametrize(("limit", "quota"), [(1, 1000), (500, 50_000), (64_000, 6_400_000), (0, None)])
def test_cpu_limit_becomes_quota_also_beyond_the_machine(limit: int, quota: int | None) -> None:
    config = host_config(resources=ResourceLimits(cpu_limit_millicores=limit))
    assert config.get("CpuQuota") == quota
    assert "NanoCpus" not in config


def test_memory_limit_includes_swap() -> None:
    config = host_config(resources=ResourceLimits(memory_limit_bytes=64 << 20))
    assert (config["Memory"], config["MemorySwap"]) == (64 << 20, 64 << 20)


@pytest.mark.parametrize(
    ("user", "group", "image_user", "expected"),
    [
        (None, None, "101", ""),
        (1000, None, "101", "1000"),
        (1000, 2000, "101", "1000:2000"),
        (0, 0, "", "0:0"),
        (None, 2000, "101:102", "101:2000"),
        (None, 2000, "", "0:2000"),
    ],
)
def test_user(user: int | None, group: int | None, image_user: str, expected: str) -> None:
    security = SecurityContext(run_as_user=user, run_as_group=group)
    made = payload.container_payload(replace(SPEC, security=security), image_user=image_user)
    assert made["User"] == expected


def test_only_host_ports_are_published() -> None:
    ports = (
        PortMapping(80, 8080),
        PortMapping(80, 8081, host_ip="127.0.0.1"),
        PortMapping(53, 5353, "UDP"),
        PortMapping(9090, 0),
    )
    made = body(ports=ports)
    assert made["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "", "HostPort": "8080"}, {"HostIp": "127.0.0.1", "HostPort": "8081"}],
        "53/udp": [{"HostIp": "", "HostPort": "5353"}],
    }
    assert set(made["ExposedPorts"]) == {"80/tcp", "53/udp", "9090/tcp"}


def test_in_a_sandbox_network_name_and_ports_are_the_sandboxs() -> None:
    made = body(
        network=NetworkMode.SANDBOX, sandbox_id="abc", hostname="web-0", ports=(PortMapping(80, 8080),)
    )
    assert made["HostConfig"]["NetworkMode"] == "container:abc"
    assert made["HostConfig"]["PortBindings"] == {}
    assert "Hostname" not in made
    assert "ExposedPorts" not in made


def test_a_sandbox_may_do_nothing() -> None:
    made = payload.sandbox_payload(SandboxSpec("pod", "web-0", {"a": "b"}), image="pause")
    assert made["HostConfig"]["CapDrop"] == ["ALL"]
    assert made["Labels"] == {"a": "b", "minikctl.io/type": "sandbox"}


# --- observation -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "age"),
    [
        ("Created", 0),
        ("Up Less than a second", 0),
        ("Up 1 second", 1),
        ("Up 59 seconds (healthy)", 59),
        ("Up About a minute", 60),
        ("Up 45 minutes", 2700),
        ("Exited (0) About an hour ago", 3600),
        ("Exited (137) 3 hours ago", 10800),
        ("Up 2 weeks", 1209600),
    ],
)
def test_age(status: str, age: int) -> None:
    assert observation.age_of_row({"Status": status}) == age


def test_versions_of_row_and_inspect_agree() -> None:
    row = {"State": "exited", "Status": "Exited (3) 4 seconds ago"}
    told = {"State": {"Status": "exited", "ExitCode": 3}}
    exited = observation.Version("exited", 3)
    assert observation.version_of_row(row) == observation.version_of_inspect(told) == exited
    row = {"State": "running", "Status": "Up 3 seconds"}
    told = {"State": {"Status": "running", "ExitCode": 0}}
    assert (
        observation.version_of_row(row)
        == observation.version_of_inspect(told)
        == observation.Version("running", None)
    )


def container(**fields: Any) -> Container:
    made = Container("id", "web", {}, ContainerState.EXITED, "nginx", "sha256:1", 1.0)
    return replace(made, **fields)


def test_what_was_seen_holds_until_something_happened() -> None:
    running = observation.Version("running", None)
    seen = observation.Seen(running, container(), age=60)
    assert seen.holds_for(running, 60)
    assert seen.holds_for(running, 120)
    assert not seen.holds_for(running, 5), "it was started anew"
    assert not seen.holds_for(observation.Version("exited", 0), 60)


def test_a_killed_container_is_looked_at_again() -> None:
    version = observation.Version("exited", 137)
    early = observation.Seen(version, container(exit_code=137), age=0)
    assert not early.holds_for(version, 60)
    assert observation.Seen(version, container(exit_code=137), age=4).holds_for(version, 60)
    told = observation.Seen(version, container(exit_code=137, oom_killed=True), age=0)
    assert told.holds_for(version, 60)


def test_paused_restarting_and_dead_are_unknown() -> None:
    for state in ("paused", "restarting", "dead", "removing", "something new"):
        data = {"Id": "id", "State": {"Status": state, "ExitCode": 0}}
        found = observation.container_from_inspect(data)
        assert (found.state, found.exit_code) == (ContainerState.UNKNOWN, None)


# --- faults ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "failed to create task for container: failed to create shim task: OCI runtime create failed: "
            'runc create failed: unable to start container process: exec: "/no": stat /no: no such file or '
            "directory: unknown",
            'exec: "/no": stat /no: no such file or directory',
        ),
        (
            "failed to set up container networking: driver failed programming external connectivity on "
            "endpoint web (0a1b2c): Bind for 0.0.0.0:8080 failed: port is already allocated",
            "Bind for 0.0.0.0:8080 failed: port is already allocated",
        ),
        ("two\nlines\x1b[31m", "two lines [31m"),
        ("", "the engine gave no reason"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert faults.one_line(text) == line


def test_a_busy_engine_is_temporary() -> None:
    assert isinstance(faults.container_error("context deadline exceeded", "X"), TemporaryError)
    error = faults.container_error("port is already allocated", "RunContainerError")
    assert isinstance(error, PermanentError)
    assert error.reason == "RunContainerError"


@pytest.mark.parametrize(
    ("message", "kind", "reason"),
    [
        ("manifest for busybox:no not found: manifest unknown", PermanentError, "ErrImagePull"),
        (
            "pull access denied for x, repository does not exist or may require 'docker login'",
            PermanentError,
            "ErrImagePull",
        ),
        ("dial tcp: lookup registry-1.docker.io: no such host", TemporaryError, "ErrImagePull"),
        ("toomanyrequests: You have reached your pull rate limit", TemporaryError, "ErrImagePull"),
        ("mirror: manifest unknown; registry: connection refused", TemporaryError, "ErrImagePull"),
        ("something nobody has seen", TemporaryError, "ErrImagePull"),
        ("invalid reference format", PermanentError, "InvalidImageName"),
    ],
)
def test_pull_errors(message: str, kind: type[Exception], reason: str) -> None:
    error = faults.pull_error(message)
    assert (type(error), error.reason) == (kind, reason)


def test_the_sandbox_that_is_missing_is_not_the_container() -> None:
    assert faults.is_no_container("No such container: abc", "abc")
    assert not faults.is_no_container("joining network namespace: No such container: other", "abc")


# --- references --------------------------------------------------------------------------------

_DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nginx", ("nginx", "latest")),
        ("nginx:1.27", ("nginx", "1.27")),
        ("localhost:5000/a/b", ("localhost:5000/a/b", "latest")),
        ("ghcr.io/a_b/c-d:V1", ("ghcr.io/a_b/c-d", "V1")),
        (f"nginx:1.27@{_DIGEST}", ("nginx", _DIGEST)),
        *(
            (text, None)
            for text in ("", "x/Nginx", "a b", "http://a", "-a", "a:", "a@b", "a//b", "../a", "a:b:c")
        ),
        ("a" * 256, None),
    ],
)
def test_references(text: str, parts: tuple[str, str] | None) -> None:
    assert references.split_reference(text) == parts


def test_image_ids_can_be_looked_up() -> None:
    assert references.is_lookup_key(_DIGEST)
    assert not references.is_lookup_key("../containers/json")


# --- logs --------------------------------------------------------------------------------------

STAMP = b"2026-01-02T03:04:05.%09dZ "


def frame(stream: int, text: bytes, nanoseconds: int = 0) -> bytes:
    entry = STAMP % nanoseconds + text
    return struct.pack(">BxxxL", stream, len(entry)) + entry


@given(st.lists(st.integers(1, 40)))
def test_lines_do_not_depend_on_how_the_bytes_arrive(cuts: list[int]) -> None:
    whole = frame(1, b"one\n") + frame(2, b"\n") + frame(1, b"x" * 50) + frame(1, b"y\n") + frame(2, b"end")
    chunks, start = [], 0
    for cut in [*cuts, len(whole)]:
        chunks.append(whole[start : start + cut])
        start += cut
    found = [(line.stream, line.text) for line in logs.lines(chunks, tty=False)]
    assert found == [("stdout", b"one"), ("stderr", b""), ("stdout", b"x" * 50 + b"y"), ("stderr", b"end")]


def test_a_joined_line_has_the_time_of_its_first_piece() -> None:
    pieces = frame(1, b"a", 250_000_000) + frame(1, b"b\n", 750_000_000)
    (line,) = logs.lines([pieces], tty=False)
    assert line.time % 1 == 0.25


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    piece = frame(1, b"x" * 16384)
    sizes = [len(line.text) for line in logs.lines([piece] * 100, tty=False)]
    assert max(sizes) <= MAX_LINE
    assert sum(sizes) == 100 * 16384


def test_terminal_lines() -> None:
    long = b"x" * 16384
    raw = STAMP % 0 + b"one\r\n" + STAMP % 1 + long + STAMP % 2 + b"rest\r\n" + STAMP % 3 + b"end"
    for chunks in ([raw], [raw[i : i + 7] for i in range(0, len(raw), 7)]):
        texts = [line.text for line in logs.lines(chunks, tty=True)]
        assert texts == [b"one", long + b"rest", b"end"]


def test_a_time_that_a_program_wrote_stays() -> None:
    raw = STAMP % 0 + STAMP % 1 + b"mine\r\n"
    assert [line.text for line in logs.lines([raw], tty=True)] == [STAMP % 1 + b"mine"]


# --- mounts and the pod ------------------------------------------------------------------------


def asked_of_host(**fields: Any) -> dict[str, Any]:
    spec = ContainerSpec(**{"name": "n", "image": "i", "labels": {}, **fields})
    config: dict[str, Any] = payload.container_payload(spec, image_user="", seccomp="{}")["HostConfig"]
    return config


def test_mounts() -> None:
    config = asked_of_host(
        mounts=(
            Mount(MountKind.BIND, "/srv/a", "/a", read_only=True, propagation="rslave"),
            Mount(MountKind.VOLUME, "data", "/b"),
            Mount(MountKind.TMPFS, "", "/c", size_bytes=1024),
        )
    )
    bind, volume = config["Mounts"]
    assert bind == {
        "Type": "bind",
        "Source": "/srv/a",
        "Target": "/a",
        "ReadOnly": True,
        "BindOptions": {"Propagation": "rslave"},
    }
    assert volume["VolumeOptions"] == {"NoCopy": True}
    assert set(config["Tmpfs"]["/c"].split(",")) == {"rw", "exec", "suid", "dev", "mode=0777", "size=1024"}
    assert not {"Mounts", "Tmpfs"} & asked_of_host().keys()


def test_a_part_of_a_volume() -> None:
    (volume,) = asked_of_host(mounts=(Mount(MountKind.VOLUME, "v", "/v", sub_path="a/b"),))["Mounts"]
    assert volume["VolumeOptions"] == {"NoCopy": True, "Subpath": "a/b"}


def test_a_runtime() -> None:
    pod = PodOptions(runtime_handler="runsc")
    assert asked_of_host(pod=pod)["Runtime"] == "runsc"
    assert (
        payload.sandbox_payload(SandboxSpec("n", "h", {}, (), pod), image="p")["HostConfig"]["Runtime"]
        == "runsc"
    )
    assert "Runtime" not in asked_of_host()


def test_names_and_namespaces() -> None:
    ports = (PortMapping(80, 8080),)
    pod = PodOptions(dns=Dns(("10.0.0.10",)), host_network=True, sysctls=(("a.b", "1"),))
    alone = asked_of_host(pod=pod, ports=ports)
    assert (alone["NetworkMode"], alone["Dns"], alone["DnsSearch"]) == ("host", ["10.0.0.10"], ["."])
    assert alone["PortBindings"] == {}
    joined = asked_of_host(pod=pod, network=NetworkMode.SANDBOX, sandbox_id="s")
    assert (joined["NetworkMode"], joined["IpcMode"]) == ("container:s", "container:s")
    assert not {"Dns", "DnsSearch", "Sysctls", "ExtraHosts"} & joined.keys()
    sandbox = payload.sandbox_payload(SandboxSpec("n", "h", {}, ports, pod), image="p")
    assert "Hostname" not in sandbox
    assert (sandbox["HostConfig"]["Sysctls"], sandbox["HostConfig"]["PortBindings"]) == ({"a.b": "1"}, {})


def test_a_profile_of_ones_own() -> None:
    security = SecurityContext(seccomp_profile="localhost//p.json", apparmor_profile="localhost/mine")
    assert asked_of_host(security=security)["SecurityOpt"] == ["seccomp={}", "apparmor=mine"]


# --- the pause image ---------------------------------------------------------------------------


def test_the_archive_is_an_image_and_always_the_same() -> None:
    assert pause.archive("amd64") == pause.archive("amd64")
    with tarfile.open(fileobj=io.BytesIO(pause.archive("arm64"))) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    (manifest,) = json.loads(files["manifest.json"])
    assert manifest["RepoTags"] == [pause.REFERENCE]
    config = json.loads(files[manifest["Config"]])
    digest = hashlib.sha256(files[manifest["Layers"][0]]).hexdigest()
    assert config["rootfs"]["diff_ids"] == [f"sha256:{digest}"]
    assert config["architecture"] == "arm64"


def test_other_architectures_pull_kubernetes_own() -> None:
    assert pause.reference("amd64") == pause.reference("arm64") == pause.REFERENCE
    assert pause.reference("riscv64") == pause.FALLBACK_REFERENCE


SIG_IGN = b"\x01" + bytes(31)
"""struct sigaction: the handler, flags, restorer and mask."""


def test_amd64_instructions() -> None:
    """A short jump, and an address beside the code, count bytes from behind themselves."""
    code = pause.program("amd64")[120:]
    assert code[:5] == b"\xb8" + struct.pack("<I", 13), "mov eax, 13 (rt_sigaction)"
    assert code[5:10] == b"\xbf" + struct.pack("<I", signal.SIGCHLD), "mov edi, SIGCHLD"
    assert code[10:17] == b"\x48\x8d\x35" + struct.pack("<i", code.index(SIG_IGN) - 17), "lea rsi"
    assert code[17:27] == b"\x31\xd2\x41\xba" + struct.pack("<I", 8) + b"\x0f\x05", "rdx, r10d, syscall"
    assert code[27:34] == b"\xb8" + struct.pack("<I", 34) + b"\x0f\x05", "mov eax, 34; syscall"
    assert code[34:36] == b"\xeb" + struct.pack("<b", -9)


def test_arm64_instructions() -> None:
    """movz is 0xd2800000 | value << 5 | register; adr and branches count from themselves."""
    code = pause.program("arm64")[120:]
    first = struct.unpack_from("<14I", code)

    def movz(register: int, value: int) -> int:
        return 0xD2800000 | value << 5 | register

    call, here = 0xD4000001, 8
    beside = 0x10000000 | (code.index(SIG_IGN) - here) // 4 << 5 | 1
    assert list(first[:6]) == [movz(8, 134), movz(0, signal.SIGCHLD), beside, movz(2, 0), movz(3, 8), call]
    assert list(first[6:13]) == [movz(8, 73), *(movz(register, 0) for register in range(5)), call]
    assert first[13] == 0x14000000 | (-7 & 0x3FFFFFF)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the program is for this architecture only")
def test_the_program_sleeps_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "pause"
    path.write_bytes(pause.program("amd64"))
    path.chmod(0o755)
    with subprocess.Popen([path]) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)
        stat = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        assert stat[0] == "S", "it sleeps, it does not spin"
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(5) == -signal.SIGKILL
