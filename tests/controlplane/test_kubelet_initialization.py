"""Init containers and sidecars: in order, once, and longer than the apps."""

from __future__ import annotations

from typing import Any

import pytest
from test_kubelet_sync import EXITED, asked, bound, look, on_engine, sandbox_of, status_after

from minikctl.controlplane.kubelet import PodSync, RemoveContainer, RunContainer, SignalContainer
from minikctl.model import Object
from minikctl.model.conditions import find
from minikctl.model.pods import pod_requests
from minikctl.model.timestamps import format_time


def with_inits(*names: str, policy: str = "Always", **fields: Any) -> Object:
    """Names that end in `-sidecar` are sidecars."""
    pod = bound("app", policy=policy, **fields)
    pod["spec"]["initContainers"] = [
        {
            "name": name,
            "image": f"{name}:1",
            "imagePullPolicy": "IfNotPresent",
            **({"restartPolicy": "Always"} if name.endswith("-sidecar") else {}),
        }
        for name in names
    ]
    return pod


def started(sync: PodSync) -> list[str]:
    return [one.container for one in sync.actions if isinstance(one, RunContainer)]


def signalled(sync: PodSync) -> list[str]:
    return [one.container_id for one in sync.actions if isinstance(one, SignalContainer)]


def states(sync: PodSync, group: str) -> dict[str, str]:
    status = status_after(sync)
    return {
        one["name"]: next(state.get("reason", word) for word, state in one["state"].items())
        for one in status[group]
    }


def test_only_the_first_begins() -> None:
    pod = with_inits("one", "two")
    sync = look(pod, sandbox_of(pod))
    assert started(sync) == ["one"]
    assert states(sync, "initContainerStatuses") == {"one": "ContainerCreating", "two": "PodInitializing"}
    assert states(sync, "containerStatuses") == {"app": "PodInitializing"}
    condition = find(status_after(sync), "Initialized")
    assert condition is not None
    assert condition["message"] == "containers with incomplete status: [one two]"


@pytest.mark.parametrize(
    ("code", "policy", "expected"),
    [
        (0, "Always", ["two"]),
        (0, "Never", ["two"]),
        (1, "Always", ["one"]),
        (1, "OnFailure", ["one"]),
        (1, "Never", []),
    ],
)
def test_each_waits_for_the_one_before(code: int, policy: str, expected: list[str]) -> None:
    pod = with_inits("one", "two", policy=policy)
    assert started(look(pod, sandbox_of(pod), on_engine(pod, "one"))) == []
    sync = look(pod, sandbox_of(pod), on_engine(pod, "one", EXITED, code=code))
    assert started(sync) == expected
    assert status_after(sync)["phase"] == ("Pending" if expected else "Failed")


def test_the_apps_begin_when_all_are_done() -> None:
    pod = with_inits("one", "two")
    done = [on_engine(pod, name, EXITED) for name in ("one", "two")]
    sync = look(pod, sandbox_of(pod), *done)
    assert started(sync) == ["app"]
    assert states(sync, "initContainerStatuses") == {"one": "Completed", "two": "Completed"}
    assert [one["ready"] for one in status_after(sync)["initContainerStatuses"]] == [True, True]


def test_what_was_done_is_not_done_again_when_its_container_is_gone() -> None:
    pod = with_inits("one")
    done = look(pod, sandbox_of(pod), on_engine(pod, "one", EXITED))
    after = {**pod, "status": status_after(done)}
    assert started(look(after, sandbox_of(after))) == ["app"]
    assert started(look(after, sandbox_of(after), on_engine(pod, "app"))) == []


def test_in_a_new_sandbox_all_begins_anew() -> None:
    pod = with_inits("one")
    done = look(pod, sandbox_of(pod), on_engine(pod, "one", EXITED))
    after = {**pod, "status": status_after(done)}
    assert started(look(after, sandbox_of(after, created=-5))) == []  # the container is looked for first
    lost = look(after, sandbox_of(pod, EXITED), on_engine(pod, "one", EXITED))
    assert [type(one) for one in lost.actions] == [RemoveContainer, RemoveContainer]


def test_a_sidecar_lets_the_next_begin_as_soon_as_it_runs() -> None:
    pod = with_inits("a-sidecar", "one")
    assert started(look(pod, sandbox_of(pod))) == ["a-sidecar"]
    sync = look(pod, sandbox_of(pod), on_engine(pod, "a-sidecar"))
    assert started(sync) == ["one"]
    assert status_after(sync)["initContainerStatuses"][0]["started"]


def test_a_sidecar_that_ends_comes_back_beside_the_apps() -> None:
    pod = with_inits("a-sidecar", policy="Never")
    sync = look(pod, sandbox_of(pod), on_engine(pod, "a-sidecar", EXITED), on_engine(pod, "app"))
    assert started(sync) == ["a-sidecar"]
    condition = find(status_after(sync), "Ready")
    assert condition is not None
    assert condition["message"] == "containers with unready status: [a-sidecar]"


def test_sidecars_end_after_the_apps_the_last_one_first() -> None:
    deadline = {"deletionTimestamp": format_time(1_800_000_030.0), "deletionGracePeriodSeconds": 30}
    pod = with_inits("a-sidecar", "b-sidecar", **deadline)
    sidecars = [on_engine(pod, name) for name in ("a-sidecar", "b-sidecar")]
    assert signalled(look(pod, sandbox_of(pod), *sidecars, on_engine(pod, "app"))) == ["app-0"]
    assert signalled(look(pod, sandbox_of(pod), *sidecars, on_engine(pod, "app", EXITED))) == ["b-sidecar-0"]
    assert signalled(look(pod, sandbox_of(pod), sidecars[0])) == ["a-sidecar-0"]


def test_a_pod_that_is_done_ends_its_sidecars_and_then_itself() -> None:
    pod = with_inits("a-sidecar", policy="Never")
    ended = on_engine(pod, "app", EXITED, ended_ago=1.0)
    sync = look(pod, sandbox_of(pod), on_engine(pod, "a-sidecar"), ended)
    assert signalled(sync) == ["a-sidecar-0"]
    assert status_after(sync)["phase"] == "Running"
    over = on_engine(pod, "app", EXITED, ended_ago=31.0)
    late = look(pod, sandbox_of(pod), on_engine(pod, "a-sidecar"), over, memo=asked("a-sidecar-0"))
    assert [one.kill for one in late.actions if isinstance(one, SignalContainer)] == [True]
    over = look(pod, sandbox_of(pod), on_engine(pod, "a-sidecar", EXITED, code=143), ended)
    assert started(over) == []
    assert status_after(over)["phase"] == "Succeeded"


def test_what_a_pod_asks_for_is_the_most_of_any_moment() -> None:
    pod = with_inits("one", "a-sidecar", "two")
    for container, cpu in zip(pod["spec"]["initContainers"], ("500m", "100m", "300m"), strict=True):
        container["resources"] = {"requests": {"cpu": cpu}}
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "200m"}}
    assert pod_requests(pod).cpu_millicores == 500
    pod["spec"]["initContainers"][0]["resources"] = {}
    assert pod_requests(pod).cpu_millicores == 400


def test_the_sandbox_is_there_for_one_app_with_an_init_container() -> None:
    assert [type(one).__name__ for one in look(with_inits("one")).actions] == ["RunSandbox"]
