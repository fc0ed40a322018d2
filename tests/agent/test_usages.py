"""What autoscalers are told of their pods: rates between two looks at the same container."""

from __future__ import annotations

from typing import Any

import pytest
from minikctl_memory import MemoryBackend
from msgspec.structs import replace
from submitted import Submitted

from minikctl.agent import jobs
from minikctl.agent.engine import Engine
from minikctl.agent.ports import Measured, Sample
from minikctl.agent.usages import AGAIN_SECONDS, PERIOD_SECONDS, Usages
from minikctl.backend import Container, ContainerState, Usage, labels
from minikctl.controlplane.kubelet.seal import seal
from minikctl.controlplane.usage import ContainerUse, PodUse
from minikctl.controlplane.view import View
from minikctl.errors import PermanentError, UnreachableError
from minikctl.model import Object, key_of

NOW = 1_800_000_000.0
KEY = b"key"
HPA = {
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": "default", "uid": "h"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 3},
}
DEPLOYMENT = {
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default", "uid": "d"},
    "spec": {"selector": {"matchLabels": {"app": "web"}}},
}


def pod(name: str, app: str = "web") -> Object:
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "labels": {"app": app}}
    return {"kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "c"}], "nodeName": "n"}}


def container(pod_name: str, identifier: str = "", name: str = "c") -> Container:
    identifier = identifier or pod_name
    values = {
        labels.POD_UID: f"uid-{pod_name}",
        labels.CONTAINER_NAME: name,
        labels.TYPE: labels.TYPE_CONTAINER,
    }
    sealed = {**values, labels.SEAL: seal(identifier, values, KEY)}
    return Container(identifier, identifier, sealed, ContainerState.RUNNING, "i", "i", NOW)


class Rig:
    def __init__(self, *objects: Object) -> None:
        self.now = NOW
        self.view = View(objects or (HPA, DEPLOYMENT, pod("a"), pod("other", "x")))
        self.executor = Submitted()
        self.usages = Usages(self.executor, lambda: self.now)
        self.engine = Engine("memory", MemoryBackend("c1"), (), KEY)
        self.engine.answers = True
        self.engine.learn_list(1, [container("a"), container("other")])

    def act(self) -> list[str]:
        """The ids of the containers that are looked at now."""
        self.executor.jobs.clear()
        self.usages.act([self.engine], self.view, self.now)
        return [one for job in self.executor.jobs for one, _, _ in job.args[2]]

    def measured(self, *found: tuple[str, int], pod_name: str = "a", name: str = "c") -> Any:
        """What is known after containers (by id) were found to have used so many milliseconds of CPU."""
        samples = [
            Sample("memory", one, f"uid-{pod_name}", name, self.now, cpu * 1_000_000, 7) for one, cpu in found
        ]
        return self.usages.learn(Measured("memory", tuple(samples)))


def test_only_pods_that_an_autoscaler_sizes_are_looked_at() -> None:
    assert Rig().act() == ["a"]
    alone = Rig(DEPLOYMENT, pod("a"))
    assert alone.act() == []
    assert alone.usages.next_moment() is None


def test_a_figure_takes_two_looks_and_the_second_comes_soon() -> None:
    rig = Rig()
    rig.act()
    assert rig.usages.next_moment() is None, "one job at a time"
    assert rig.measured(("a", 0)) is None
    assert rig.usages.next_moment() == NOW + AGAIN_SECONDS
    rig.now += AGAIN_SECONDS
    assert rig.act() == ["a"]
    rig.now += 1.0
    found = rig.measured(("a", 2000))
    assert found == {"uid-a": PodUse(NOW + 4, 4.0, {"c": ContainerUse(500, 7)})}
    assert rig.usages.next_moment() == NOW + AGAIN_SECONDS + PERIOD_SECONDS


def after_two_looks() -> Rig:
    rig = Rig()
    for cpu in (0, 1000):
        rig.act()
        rig.measured(("a", cpu))
        rig.now += PERIOD_SECONDS
    return rig


def test_another_container_begins_anew() -> None:
    rig = after_two_looks()
    rig.act()
    assert rig.measured(("a2", 10)) == {}, "what the old one used is not what the new one uses"


def test_a_pod_without_a_figure_of_each_container_has_none() -> None:
    rig = after_two_looks()
    rig.act()
    samples = [Sample("memory", one, "uid-a", name, rig.now, 0, 0) for one, name in (("a", "c"), ("b", "s"))]
    assert rig.usages.learn(Measured("memory", tuple(samples))) == {}


def test_a_container_that_cannot_be_measured_hides_its_pod_and_no_other() -> None:
    rig = Rig(HPA, DEPLOYMENT, pod("a"), pod("b"))
    for cpu in (0, 1000, 2000):
        rig.act()
        samples = [
            Sample("memory", f"{one}-{name}", f"uid-{one}", name, rig.now, cpu * 1_000_000, 7)
            for one, name in (("a", "c"), ("b", "c"), ("b", "s"))
        ]
        last = rig.usages.learn(Measured("memory", tuple(samples)))
        rig.now += PERIOD_SECONDS
    assert sorted(last or ()) == ["uid-a", "uid-b"]
    error = PermanentError("no such file")
    left = rig.usages.learn(Measured("memory", tuple(samples[:2]), frozenset({"uid-b"}), error))
    assert list(left or ()) == ["uid-a"], "what the rest of b uses is not what b uses"
    for _ in range(2):
        rig.now += PERIOD_SECONDS
        whole = rig.usages.learn(Measured("memory", tuple(replace(one, moment=rig.now) for one in samples)))
    assert sorted(whole or ()) == ["uid-a", "uid-b"]


def test_an_engine_that_does_not_answer_says_nothing() -> None:
    rig = after_two_looks()
    rig.act()
    assert rig.usages.learn(Measured("memory", (), error=UnreachableError("gone"))) == {}
    rig.engine.answers = False
    rig.now += PERIOD_SECONDS
    assert rig.act() == []


def test_all_is_forgotten_with_the_last_autoscaler() -> None:
    rig = after_two_looks()
    rig.view.remove(key_of(HPA))
    assert rig.act() == []
    assert rig.usages.next_moment() is None
    rig.view.put(HPA)
    assert rig.act() == ["a"]
    assert rig.measured(("a", 5000)) is None


class Backend:
    def usage(self, container_id: str) -> Usage | None:
        if container_id == "gone":
            return None
        if container_id == "bad":
            raise ValueError("a bug")
        if container_id == "lost":
            raise UnreachableError("gone")
        return Usage(5, 6)


@pytest.mark.parametrize(
    ("ids", "seen", "failed"),
    [
        (["a", "gone", "b"], ["a", "b"], set()),
        (["a", "bad", "b"], ["a", "b"], {"uid-bad"}),
        (["a", "lost", "b"], ["a"], {"uid-lost"}),
    ],
)
def test_a_job_never_raises_and_goes_on_while_the_engine_answers(
    ids: list[str], seen: list[str], failed: set[str]
) -> None:
    running = [(one, f"uid-{one}", "c") for one in ids]
    news = jobs.measure("memory", Backend(), running, lambda: NOW)  # type: ignore[arg-type]
    assert [one.container_id for one in news.samples] == seen
    assert news.failed == failed
    assert (news.error is not None) is bool(failed)
