"""What Podman is asked for and how its answers are read: nothing here needs an engine."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minikctl_podman import faults, observation, payload

from minikctl.backend import (
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
from minikctl.backend.log_frames import MAX_LINE, framed_lines
from minikctl.errors import PermanentError, TemporaryError

NEVER = "0001-01-01T00:00:00Z"


def asked_for(**fields: Any) -> dict[str, Any]:
    spec = ContainerSpec(**{"name": "n", "image": "i", "labels": {"a": "b"}, **fields})
    return payload.container_payload(spec, pod_id="pod", image_user="app:staff")


# --- payload ------------------------------------------------------------------------------------


def test_importing_the_backend_does_not_import_the_sdk() -> None:
    script = "import sys, minikctl_podman; print({'podman', 'requests', 'urllib3'} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        (None, None, {}),
        (("a", "b"), None, {"entrypoint": ["a", "b"]}),
        (None, ("c",), {"command": ["c"]}),
        (("a",), ("c",), {"entrypoint": ["a"], "command": ["c"]}),
        ((), (), {}),
    ],
)
def test_command_and_args(command: Any, args: Any, expected: dict[str, Any]) -> None:
    body = asked_for(command=command, args=args)
    assert {key: body[key] for key in ("entrypoint", "command") if key in body} == expected


@pytest.mark.parametrize(
    ("user", "group", "expected"),
    [(None, None, ""), (0, None, "0"), (5, 6, "5:6"), (None, 6, "app:6")],
)
def test_user(user: int | None, group: int | None, expected: str) -> None:
    assert asked_for(security=SecurityContext(run_as_user=user, run_as_group=group))["user"] == expected


def test_mounts() -> None:
    body = asked_for(
        mounts=(
            Mount(MountKind.BIND, "/srv/a", "/a", read_only=True, propagation="rslave"),
            Mount(MountKind.VOLUME, "data", "/b"),
            Mount(MountKind.TMPFS, "", "/c", size_bytes=1024),
        )
    )
    bind, memory = body["mounts"]
    assert (bind["type"], bind["source"], bind["destination"]) == ("bind", "/srv/a", "/a")
    assert set(bind["options"]) == {"rbind", "ro", "rslave"}
    assert {"exec", "mode=0777", "size=1024", "notmpcopyup"} < set(memory["options"])
    assert body["volumes"] == [{"Name": "data", "Dest": "/b", "Options": ["nocopy", "rw"]}]
    assert not {"mounts", "volumes"} & asked_for().keys()


@pytest.mark.parametrize(
    ("name", "number"),
    [("SIGHUP", 1), ("SIGUSR1", 10), ("SIGSYS", 31), ("SIGRTMIN+3", 37), ("SIGRTMAX-1", 63)],
)
def test_signals(name: str, number: int) -> None:
    assert asked_for(stop_signal=name)["stop_signal"] == number
    assert "stop_signal" not in asked_for()


def test_a_part_of_a_volume() -> None:
    (volume,) = asked_for(mounts=(Mount(MountKind.VOLUME, "v", "/v", sub_path="a/b"),))["volumes"]
    assert volume["SubPath"] == "a/b"


def test_a_runtime() -> None:
    assert asked_for(pod=PodOptions(runtime_handler="runsc"))["oci_runtime"] == "runsc"
    assert "oci_runtime" not in asked_for()


def test_names_and_namespaces() -> None:
    pod = PodOptions(dns=Dns(("10.0.0.10",)), host_network=True)
    alone = asked_for(pod=pod, network=NetworkMode.POD, hostname="h")
    assert (alone["dns_server"], alone["dns_search"]) == (["10.0.0.10"], ["."])
    assert alone["netns"] == {"nsmode": "host"}
    assert not {"hostname", "portmappings"} & alone.keys()
    assert asked_for(network=NetworkMode.POD, hostname="h")["netns"] == {"nsmode": "bridge"}
    joined = asked_for(pod=pod, network=NetworkMode.SANDBOX, sandbox_id="s")
    assert not {"dns_server", "netns", "hostname"} & joined.keys()
    assert payload.sandbox_payload(SandboxSpec("n", "h", {}, pod=pod))["utsns"] == {"nsmode": "host"}


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (ResourceLimits(), {}),
        (ResourceLimits(cpu_request_millicores=1), {"cpu": {"shares": 2}}),
        (ResourceLimits(cpu_request_millicores=250), {"cpu": {"shares": 256}}),
        (ResourceLimits(cpu_limit_millicores=1), {"cpu": {"quota": 1000, "period": 100_000}}),
        (ResourceLimits(cpu_limit_millicores=1500), {"cpu": {"quota": 150_000, "period": 100_000}}),
        (ResourceLimits(memory_limit_bytes=1 << 26), {"memory": {"limit": 1 << 26, "swap": 1 << 26}}),
    ],
)
def test_resources(limits: ResourceLimits, expected: dict[str, Any]) -> None:
    assert asked_for(resources=limits)["resource_limits"] == expected


def test_what_the_engine_would_decide_otherwise_is_written_out() -> None:
    body = asked_for()
    assert body["healthconfig"] == {"Test": ["NONE"]}
    assert body["restart_policy"] == "no"
    assert body["log_configuration"] == {"driver": "k8s-file"}
    assert (body["privileged"], body["httpproxy"], body["read_write_tmpfs"]) == (False, False, False)


def test_network_of_a_container() -> None:
    ports = (PortMapping(80, 8080, "UDP", "127.0.0.1"), PortMapping(81, 0))
    own = asked_for(hostname="h", ports=ports)
    assert own["portmappings"] == [
        {"container_port": 80, "host_port": 8080, "protocol": "udp", "host_ip": "127.0.0.1"}
    ]
    assert (own["hostname"], "pod" in own) == ("h", False)
    shared = asked_for(hostname="h", ports=ports, network=NetworkMode.SANDBOX, sandbox_id="s")
    assert shared["pod"] == "pod"
    assert not {"hostname", "portmappings"} & shared.keys(), "they are the pod's"


def test_sandbox_and_its_infra_container_have_different_names() -> None:
    body = payload.sandbox_payload(SandboxSpec("n", "h", {"a": "b"}))
    assert (body["name"], body["infra_name"], body["hostname"]) == ("n", "n-infra", "h")
    assert body["labels"] == {"a": "b"}


# --- observation --------------------------------------------------------------------------------


def inspected(status: str, **state: Any) -> dict[str, Any]:
    return {
        "Id": "id",
        "Name": "pod-infra",
        "Created": "2026-01-02T03:04:05.123456789+01:00",
        "Image": "sha",
        "ImageName": "docker.io/library/i:1",
        "State": {"Status": status, "StartedAt": NEVER, "FinishedAt": NEVER, "ExitCode": 0, **state},
        "Config": {"Labels": {"a": "b"}},
    }


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("created", ContainerState.CREATED),
        ("initialized", ContainerState.CREATED),
        ("running", ContainerState.RUNNING),
        ("stopping", ContainerState.RUNNING),
        ("stopped", ContainerState.EXITED),
        ("exited", ContainerState.EXITED),
        ("paused", ContainerState.UNKNOWN),
        ("removing", ContainerState.UNKNOWN),
        ("what else", ContainerState.UNKNOWN),
    ],
)
def test_states(word: str, state: ContainerState) -> None:
    assert observation.container_from_inspect(inspected(word)).state is state


def test_never_is_none_and_exit_codes_are_of_what_ended() -> None:
    created = observation.container_from_inspect(inspected("created"))
    assert (created.started_at, created.finished_at, created.exit_code) == (None, None, None)
    times = {"StartedAt": "2026-01-02T03:04:05.9Z", "FinishedAt": "2026-01-02T03:04:05.1Z"}
    ended = observation.container_from_inspect(inspected("exited", ExitCode=137, OOMKilled=True, **times))
    assert (ended.exit_code, ended.oom_killed) == (137, True)
    assert ended.finished_at == ended.started_at, "an end is not before its start"


def test_message_is_only_of_a_start_that_failed() -> None:
    assert observation.container_from_inspect(inspected("running", Error="is running")).message == ""
    failed = observation.container_from_inspect(inspected("created", Error="runc: no\nsuch  file"))
    assert failed.message == "no such file"


def test_image_is_as_it_was_asked_for() -> None:
    data = inspected("created")
    assert observation.container_from_inspect(data).image == "docker.io/library/i:1"
    data["Config"]["Annotations"] = {payload.IMAGE_ANNOTATION: "i:1"}
    assert observation.container_from_inspect(data).image == "i:1"


def test_name_of_a_sandbox_is_its_pods() -> None:
    assert observation.container_from_inspect(inspected("created")).name == "pod-infra"
    assert observation.container_from_inspect({**inspected("created"), "IsInfra": True}).name == "pod"


def test_versions_of_list_and_inspect_are_comparable() -> None:
    data = inspected("running", StartedAt="2026-01-02T03:04:05.9Z", Pid=7)
    row = {"State": "running", "StartedAt": 1767323045, "Pid": 7}
    assert observation.version_of_inspect(data) == observation.version_of_row(row)
    never = observation.version_of_inspect(inspected("created"))
    assert never == observation.version_of_row({"State": "created", "StartedAt": -62135596800, "Pid": 0})
    assert observation.version_of_row({**row, "Pid": 8}) != observation.version_of_row(row)


@pytest.mark.parametrize(
    ("other", "collides"),
    [
        ({"host_port": 80, "protocol": "tcp", "host_ip": ""}, True),
        ({"host_port": 80, "protocol": "tcp", "host_ip": "10.0.0.1"}, True),
        ({"host_port": 80, "protocol": "udp", "host_ip": ""}, False),
        ({"host_port": 81, "protocol": "tcp", "host_ip": ""}, False),
    ],
)
def test_host_port_in_use(other: dict[str, Any], collides: bool) -> None:
    mine = {"Id": "1", "Names": ["me"], "Ports": [{"host_port": 80, "protocol": "tcp"}], "State": "created"}
    theirs = {"Id": "2", "Names": ["you"], "Ports": [other], "State": "running"}
    expected = 80 if collides else None
    assert observation.host_port_in_use([mine, theirs], "me") == expected
    assert observation.host_port_in_use([mine, theirs], "1") == expected
    assert observation.host_port_in_use([mine, {**theirs, "State": "exited"}], "1") is None
    assert observation.host_port_in_use([mine, {**theirs, "Pod": "p"}], "1") is None, "its infra counts"


# --- faults -------------------------------------------------------------------------------------

_NO_HOST = 'pinging container registry r: Get "https://r/v2/": dial tcp: lookup r on 1.1.1.1:53: no such host'


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("reading manifest 1 in docker.io/library/x: manifest unknown", PermanentError, "ErrImagePull"),
        ("reading manifest: requested access to the resource is denied", PermanentError, "ErrImagePull"),
        ("unauthorized: authentication required", PermanentError, "ErrImagePull"),
        ('short-name "x" did not resolve to an alias', PermanentError, "ErrImagePull"),
        (_NO_HOST, TemporaryError, "ErrImagePull"),
        (f"(Mirrors also failed: [manifest unknown]): {_NO_HOST}", TemporaryError, "ErrImagePull"),
        ("toomanyrequests: You have reached your pull rate limit", TemporaryError, "ErrImagePull"),
        ("something new", TemporaryError, "ErrImagePull"),
        ('parsing reference "X:::": invalid reference format', PermanentError, "InvalidImageName"),
    ],
)
def test_pull_errors(text: str, kind: type[Exception], reason: str) -> None:
    error = faults.pull_error(text)
    assert type(error) is kind
    assert error.reason == reason


def test_container_errors() -> None:
    busy = faults.container_error("unable to start: container state improper", "RunContainerError")
    assert isinstance(busy, TemporaryError)
    text = 'runc: runc create failed: unable to start container process: exec: "/x": no such file\n'
    lost = faults.container_error(text, "RunContainerError")
    assert isinstance(lost, PermanentError)
    assert (str(lost), lost.reason) == ('exec: "/x": no such file', "RunContainerError")


@given(st.text())
def test_errors_are_one_printable_line(text: str) -> None:
    line = faults.one_line(text)
    assert line
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in line)


# --- logs ---------------------------------------------------------------------------------------


def frame(stream: int, text: bytes, time: str = "2026-01-02T03:04:05.5Z") -> bytes:
    entry = time.encode() + b" " + text
    return struct.pack(">BxxxL", stream, len(entry)) + entry


def read(data: bytes, sizes: list[int] | None = None, *, tty: bool = False) -> list[tuple[str, bytes]]:
    chunks, position = [], 0
    for size in sizes or []:
        chunks.append(data[position : position + size])
        position += size
    return [(line.stream, line.text) for line in framed_lines([*chunks, data[position:]], tty=tty)]


def test_pieces_of_a_line_are_joined_per_stream() -> None:
    data = frame(1, b"a") + frame(2, b"x\n") + frame(1, b"b\n") + frame(2, b"\n") + frame(1, b"end")
    assert read(data) == [("stderr", b"x"), ("stdout", b"ab"), ("stderr", b""), ("stdout", b"end")]


def test_a_line_has_the_time_of_its_first_piece() -> None:
    data = frame(1, b"a", "2026-01-02T03:04:05Z") + frame(1, b"b\n", "2026-01-02T03:04:09Z")
    assert [line.time for line in framed_lines([data], tty=False)] == [1767323045.0]


def test_only_a_terminal_ends_lines_with_carriage_return() -> None:
    assert read(frame(1, b"a\r\n"), tty=True) == [("stdout", b"a")]
    assert read(frame(1, b"a\r\n")) == [("stdout", b"a\r")]


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    piece = frame(1, b"x" * (MAX_LINE // 4))
    assert [len(text) for _, text in read(piece * 9)] == [MAX_LINE, MAX_LINE, MAX_LINE // 4]


def test_a_frame_cut_off_at_the_end_is_dropped() -> None:
    assert read(frame(1, b"whole\n") + frame(1, b"half\n")[:-3]) == [("stdout", b"whole")]


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")))),
    st.lists(st.integers(0, 60)),
)
def test_where_the_stream_is_cut_does_not_matter(entries: list[tuple[int, bytes]], sizes: list[int]) -> None:
    data = b"".join(frame(stream, text + b"\n") for stream, text in entries)
    assert read(data, sizes) == [({1: "stdout", 2: "stderr"}[stream], text) for stream, text in entries]


def test_the_payload_is_json() -> None:
    json.dumps(
        asked_for(command=("a",), env=(("A", "b"),), security=SecurityContext(drop_capabilities=("ALL",)))
    )
