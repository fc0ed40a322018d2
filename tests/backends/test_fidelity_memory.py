"""What the table says of the simulated engine is what its containers do."""

from __future__ import annotations

from typing import Any

import pytest
from backends.fidelity_pods import PLAIN, USES, spec_for
from minikctl_memory import MemoryEngine
from minikctl_memory.fidelity import TABLE
from msgspec.structs import asdict, replace

from minikctl.backend.fidelity import entry_for
from minikctl.errors import PermanentError
from minikctl.manifests.fidelity import engine_fields

OF = {name: entry_for(TABLE, name) for name in engine_fields()}
EMULATED = [name for name, one in OF.items() if one.handling == "emulated"]
INERT = [name for name, one in OF.items() if one.handling == "inert"]
IDENTITY = {"id", "name", "address", "labels", "created_at", "snapshot"}


def engine() -> MemoryEngine:
    made = MemoryEngine(clock=lambda: 100.0)
    for image in ("busybox", "nginx:1.27"):
        made.pull(image)
    return made


def record(pod_spec: dict[str, Any]) -> dict[str, Any]:
    """What the engine keeps of a container, without what any two differ in."""
    used = engine()
    kept, _ = used.record(used.create_container(spec_for(pod_spec), "c"), "c")
    return {name: value for name, value in asdict(kept).items() if name not in IDENTITY}


def told(pod_spec: dict[str, Any], *command: str) -> str:
    used = engine()
    container = {**pod_spec["containers"][0], "command": list(command)}
    container_id = used.create_container(spec_for({**pod_spec, "containers": [container]}), "c")
    used.start(container_id, "c")
    kept, now = used.record(container_id, "c")
    assert kept is not None
    return "".join(line.text.decode() for line in kept.written(now)).strip()


def test_every_field_is_spoken_of_and_nothing_else() -> None:
    assert sorted(USES) == engine_fields()
    assert {one.handling for one in OF.values()} == {"emulated", "inert"}, "nothing is enforced on nothing"
    for key in TABLE:
        assert any(name == key or name.startswith(f"{key}.") for name in OF), key


@pytest.mark.parametrize("name", INERT)
def test_what_is_inert_leaves_no_trace(name: str) -> None:
    without = record(PLAIN)
    if ".ports." in name:
        assert "container_port" in str(record(USES[name])), "kept, but nothing listens"
    else:
        assert record(USES[name]) == without


@pytest.mark.parametrize(
    ("name", "command", "output"),
    [
        ("spec.containers.args", ("echo",), "printenv A"),
        ("spec.containers.command", ("echo", "hello"), "hello"),
        ("spec.containers.env.name", ("printenv", "A"), "b"),
        ("spec.containers.env.value", ("printenv", "A"), "b"),
        ("spec.containers.securityContext.runAsGroup", ("id", "-g"), "2000"),
        ("spec.containers.securityContext.runAsUser", ("id", "-u"), "1000"),
        ("spec.containers.workingDir", ("pwd",), "/srv"),
        ("spec.hostname", ("hostname",), "web-0"),
        ("spec.securityContext.runAsGroup", ("id", "-g"), "2000"),
        ("spec.securityContext.runAsUser", ("id", "-u"), "1000"),
    ],
)
def test_what_is_emulated_can_be_seen_from_inside(name: str, command: tuple[str, ...], output: str) -> None:
    assert name in EMULATED
    assert told(USES[name], *command) == output


@pytest.mark.parametrize("name", [name for name in USES if name.endswith("runAsNonRoot")])
def test_root_is_refused(name: str) -> None:
    assert name in EMULATED
    with pytest.raises(PermanentError):
        record(USES[name])


@pytest.mark.parametrize(
    ("field", "clashes"), [("hostPort", False), ("protocol", False), ("hostIP", True), ("", True)]
)
def test_a_host_port_that_is_taken_is_refused(field: str, clashes: bool) -> None:
    used = engine()
    port = {"containerPort": 80, "hostPort": 8080}
    taken = {"containers": [{"name": "b", "image": "busybox", "ports": [port], "command": ["sleep", "9"]}]}
    used.start(used.create_container(spec_for(taken), "c"), "c")
    pod_spec = USES.get(f"spec.containers.ports.{field}", taken)
    second = used.create_container(replace(spec_for(pod_spec), name="second"), "c")
    if clashes:
        with pytest.raises(PermanentError):
            used.start(second, "c")
    else:
        used.start(second, "c")
