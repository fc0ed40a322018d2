"""A list that is older than the status: nobody decides by it, and no status goes back."""

from __future__ import annotations

import pytest
from test_kubelet_sync import bound, known, look, on_engine

from minikctl.backend import ContainerState
from minikctl.controlplane.kubelet import InspectContainer
from minikctl.model import status_of


@pytest.mark.parametrize("state", [ContainerState.CREATED, ContainerState.EXITED, ContainerState.RUNNING])
def test_an_attempt_before_the_newest_is_not_followed(state: ContainerState) -> None:
    pod = bound()
    (name,) = [one["name"] for one in pod["spec"]["containers"]]
    pod = known(pod, on_engine(pod, name, ContainerState.RUNNING, attempt=1))
    before = status_of(pod)["containerStatuses"]
    found = look(pod, on_engine(pod, name, state, attempt=0))
    assert [type(one) for one in found.actions] == [InspectContainer]
    (after,) = [one.obj for one in found.decision.writes] or [pod]
    (status,) = status_of(after)["containerStatuses"]
    assert status["restartCount"] == before[0]["restartCount"] == 1
    assert status["containerID"] == before[0]["containerID"]
