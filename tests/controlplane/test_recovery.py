"""After state.db was lost: what runs is known again, with its uid, and nothing else is brought back."""

from __future__ import annotations

from typing import Any

from controlplane_builders import NOW, REVISION, Cluster, deployment, node, pod, template, view_of

from minikctl.backend import Container, ContainerState
from minikctl.controlplane.kubelet.specs import container_spec
from minikctl.controlplane.recovery import recover
from minikctl.model import (
    Object,
    annotations_of,
    controller_of,
    is_deleting,
    key_of,
    name_of,
    spec_of,
    uid_of,
)
from minikctl.model.defaults import set_defaults
from minikctl.model.revisions import same_template


def running(*pods: Object) -> list[Container]:
    """What an engine lists of these pods."""
    found = []
    for one in pods:
        for container in spec_of(one)["containers"]:
            spec = container_spec(
                one, container, attempt=0, backoff=None, sandbox_id="", cluster_id="c", seal_key=b"k"
            )
            found.append(
                Container(spec.name, spec.name, spec.labels, ContainerState.RUNNING, spec.image, "", NOW)
            )
    return found


def lived(**spec: Any) -> Cluster:
    cluster = Cluster(deployment(**spec))
    cluster.settle()
    return cluster


def after_the_loss(
    before: Cluster, containers: list[Container], *declared: Object
) -> tuple[Cluster, list[Object]]:
    """A new control plane that knows the declared objects and what the engine lists."""
    again = Cluster(*declared, first_id=5000)
    found = recover(containers, again.view, NOW)
    for one in found:
        again.put(one)
    return again, found


def made_anew(**spec: Any) -> Object:
    """As it comes from its file: with another uid."""
    one = deployment(**spec)
    one["metadata"]["uid"] = "made anew"
    return one


class TestDeployments:
    def test_nothing_is_restarted(self) -> None:
        before = lived(replicas=3)
        again, _ = after_the_loss(before, running(*before.pods()), made_anew(replicas=3))
        again.settle()
        assert {uid_of(one) for one in again.pods()} == {uid_of(one) for one in before.pods()}
        (known,) = again.sets()
        assert uid_of(known) == uid_of(before.sets()[0])
        assert name_of(known) == name_of(before.sets()[0])
        assert annotations_of(known)[REVISION] == "1"
        assert same_template(spec_of(known)["template"], spec_of(again.deployment())["template"])

    def test_in_the_middle_of_a_rollout_both_templates_are_known(self) -> None:
        before = lived(replicas=4)
        before.change(template=template("nginx:2"))
        before.run()
        assert before.sizes() == [3, 2]
        declared = made_anew(replicas=4, image="nginx:2")
        again, found = after_the_loss(before, running(*before.pods()), declared)
        sets = [one for one in found if one["kind"] == "ReplicaSet"]
        assert {name_of(one): spec_of(one)["replicas"] for one in sets} == {
            name_of(one): size for one, size in zip(before.sets(), before.sizes(), strict=True)
        }
        again.settle()
        assert again.sizes()[-1] == 4
        assert {one["spec"]["containers"][0]["image"] for one in again.pods()} == {"nginx:2"}

    def test_what_is_too_much_ends(self) -> None:
        """More than the Deployment ever allows: those that were ending when it happened. The old go first."""
        before = lived(replicas=3)
        before.change(template=template("nginx:2"))
        before.settle()
        newest = before.pods()
        old = lived(replicas=3).pods()
        for one in old:
            one["metadata"] = {**one["metadata"], "uid": f"old-{uid_of(one)}", "name": f"old-{name_of(one)}"}
        declared = made_anew(replicas=3, image="nginx:2", strategy={"type": "Recreate"})
        _, found = after_the_loss(before, running(*old, *newest), declared)
        ended = {name_of(one) for one in found if one["kind"] == "Pod" and is_deleting(one)}
        assert ended == {name_of(one) for one in old}

    def test_what_nobody_declares_any_more_is_not_brought_back(self) -> None:
        before = lived(replicas=2)
        _, found = after_the_loss(before, running(*before.pods()))
        assert found == []

    def test_a_deployment_whose_template_was_edited_meanwhile_rolls_out(self) -> None:
        before = lived(replicas=2)
        again, _ = after_the_loss(before, running(*before.pods()), made_anew(replicas=2, image="nginx:9"))
        assert {uid_of(one) for one in again.pods()} == {uid_of(one) for one in before.pods()}
        again.settle()
        assert {one["spec"]["containers"][0]["image"] for one in again.pods()} == {"nginx:9"}


class TestBarePods:
    def declared(self) -> Object:
        one = set_defaults(pod("bare", phase="Pending", ready_for=None))
        return {**one, "metadata": {**one["metadata"], "uid": "made anew"}, "status": {"phase": "Pending"}}

    def lost(self) -> Object:
        return set_defaults(pod("bare", node="node-1", age=500.0))

    def test_a_declared_one_gets_its_old_self_back(self) -> None:
        (found,) = recover(running(self.lost()), view_of(self.declared(), node()), NOW)
        assert uid_of(found) == "uid-of-bare"
        assert found["metadata"]["creationTimestamp"] == self.lost()["metadata"]["creationTimestamp"]
        assert spec_of(found)["nodeName"] == "node-1"
        assert found["metadata"]["resourceVersion"] == self.declared()["metadata"]["resourceVersion"]

    def test_one_that_nobody_declares_does_not_come_back(self) -> None:
        assert recover(running(self.lost()), view_of(node()), NOW) == []

    def test_one_that_is_bound_already_is_left_alone(self) -> None:
        bound = self.declared()
        bound["spec"]["nodeName"] = "node-1"
        assert recover(running(self.lost()), view_of(bound, node()), NOW) == []


class TestReplicaSets:
    def test_pods_of_a_declared_set_get_the_new_one_as_owner(self) -> None:
        declared = {**Cluster(deployment()).deployment(), "kind": "ReplicaSet"}
        declared["metadata"] = {**declared["metadata"], "uid": "made anew", "name": "rs"}
        before = {**declared, "metadata": {**declared["metadata"], "uid": "before"}}
        one = set_defaults(pod("rs-1", owner=before, node="node-1"))
        (found,) = recover(running(one), view_of(declared, node()), NOW)
        assert (controller_of(found) or {})["uid"] == "made anew"
        assert uid_of(found) == uid_of(one)
        assert found["status"] == {"phase": "Pending"}


def test_what_no_pod_stands_on_is_left_alone() -> None:
    (container,) = running(set_defaults(pod("bare", node="node-1")))
    stripped = Container("id", "name", {"a": "b"}, ContainerState.RUNNING, "", "", NOW)
    assert recover([stripped], view_of(node()), NOW) == []
    assert key_of(pod("bare")).name in container.name
