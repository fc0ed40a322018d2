"""Create, apply, update: what is stored, what stands in the file, and what is refused in whose words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from api_world import NOW_TEXT, WEB, WEB_PATH, ApiWorld, deployment, key, namespace, node, pod
from hypothesis import given, settings
from hypothesis import strategies as st

from minikctl.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound, StoreError
from minikctl.model import Object, annotations_of, copy, labels_of, name_of, spec_of, uid_of
from minikctl.model.defaults import set_defaults
from minikctl.model.writes import Put
from minikctl.store import DatabaseStore


def replicas(count: int) -> Callable[[Object], Object]:
    return lambda obj: {**obj, "spec": {**obj["spec"], "replicas": count}}


def everything(world: ApiWorld) -> Any:
    return copy(world.store.list()), dict(world.files.texts), world.store.revision()


class TestCreate:
    def test_what_is_stored_is_whole(self, world: ApiWorld) -> None:
        obj = world.api.create(deployment())
        assert obj["metadata"] == {
            "name": "web",
            "namespace": "default",
            "uid": obj["metadata"]["uid"],
            "creationTimestamp": NOW_TEXT,
            "generation": 1,
            "resourceVersion": obj["metadata"]["resourceVersion"],
        }
        assert obj["spec"]["replicas"] == 1
        assert obj["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
        assert obj["status"] == {}
        assert world.api.get(WEB) == obj

    def test_what_stands_in_the_file_is_what_was_said(self, world: ApiWorld) -> None:
        world.api.create(deployment())
        assert world.file(WEB_PATH) == deployment(namespace="default")

    def test_the_manifest_is_not_touched(self, world: ApiWorld) -> None:
        manifest = deployment()
        world.api.create(manifest)
        assert manifest == deployment()

    def test_identity_is_the_servers(self, world: ApiWorld) -> None:
        """An exported object may be created elsewhere."""
        exported = deployment()
        exported["metadata"] |= {"uid": "theirs", "resourceVersion": "77", "generation": 9}
        exported["metadata"]["creationTimestamp"] = "2001-01-01T00:00:00Z"
        exported["status"] = {"replicas": 5}
        obj = world.api.create(exported)
        assert obj["metadata"]["uid"] != "theirs"
        assert (obj["metadata"]["generation"], obj["metadata"]["creationTimestamp"]) == (1, NOW_TEXT)
        assert obj["status"] == {}

    def test_generated_names_differ(self, world: ApiWorld) -> None:
        manifest = pod()
        manifest["metadata"] = {"generateName": "job-"}
        names = {name_of(world.api.create(manifest)) for _ in range(3)}
        assert len(names) == 3
        assert all(name.startswith("job-") and len(name) == 9 for name in names)

    def test_it_exists_already(self, world: ApiWorld) -> None:
        world.api.create(deployment())
        with pytest.raises(AlreadyExists) as caught:
            world.api.create(deployment())
        assert str(caught.value) == 'deployments.apps "web" already exists'

    def test_somebody_was_faster(self, world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        world.api.create(deployment())
        real = world.store.get
        monkeypatch.setattr(world.store, "get", lambda one: None if one == WEB else real(one))
        with pytest.raises(AlreadyExists):
            world.api.create(deployment())

    def test_what_breaks_a_rule(self, world: ApiWorld) -> None:
        manifest = deployment(selector={"matchLabels": {"app": "other"}})
        with pytest.raises(Invalid) as caught:
            world.api.create(manifest)
        assert str(caught.value).startswith('The Deployment "web" is invalid: spec.template.metadata.labels:')
        assert "`selector` does not match template `labels`" in str(caught.value)
        assert world.store.list() == []

    def test_a_dry_run_writes_nothing(self, world: ApiWorld) -> None:
        obj = world.api.create(deployment(), dry_run=True)
        assert obj["spec"]["replicas"] == 1
        assert world.store.list() == []
        assert world.files.texts == {}


class TestNamespaces:
    def test_default_comes_by_itself_and_without_a_file(self, world: ApiWorld) -> None:
        world.api.create(deployment())
        found = world.api.get(key("Namespace", "default"))
        assert found["spec"] == {"finalizers": ["kubernetes"]}
        assert found["status"] == {"phase": "Active"}
        assert labels_of(found) == {"kubernetes.io/metadata.name": "default"}
        assert list(world.files.texts) == [WEB_PATH]

    def test_ensuring_one_that_is_there_writes_nothing(self, world: ApiWorld) -> None:
        world.api.ensure_namespace()
        before = world.store.revision()
        world.api.ensure_namespace()
        assert world.store.revision() == before

    def test_a_manifests_namespace_wins(self, world: ApiWorld) -> None:
        world.api.create(namespace("team"))
        assert world.api.create(deployment(namespace="team"))["metadata"]["namespace"] == "team"
        assert world.api.create(pod(), "team")["metadata"]["namespace"] == "team"

    def test_cluster_scoped_kinds_have_none(self, world: ApiWorld) -> None:
        manifest = namespace("team")
        manifest["metadata"]["namespace"] = "nonsense"
        assert "namespace" not in world.api.create(manifest, "other")["metadata"]

    @pytest.mark.parametrize("verb", ["create", "apply"])
    def test_a_missing_one(self, world: ApiWorld, verb: str) -> None:
        with pytest.raises(NotFound) as caught:
            world.api.create(pod(), "team") if verb == "create" else world.api.apply([pod()], "team")
        assert str(caught.value) == 'namespaces "team" not found'
        assert world.store.list("Pod") == []

    @pytest.mark.parametrize("verb", ["create", "apply"])
    def test_one_on_its_way_out(self, world: ApiWorld, verb: str) -> None:
        world.api.create(namespace("team"))
        world.api.delete(key("Namespace", "team"))
        with pytest.raises(Forbidden) as caught:
            world.api.create(pod(), "team") if verb == "create" else world.api.apply([pod()], "team")
        assert str(caught.value) == (
            "unable to create new content in namespace team because it is being terminated"
        )

    def test_it_may_come_with_what_lives_in_it(self, world: ApiWorld) -> None:
        applied = world.api.apply([deployment(namespace="team"), namespace("team")])
        assert [(one.verb, name_of(one.after)) for one in applied] == [
            ("created", "team"),
            ("created", "web"),
        ]


class TestApply:
    def test_verbs(self, world: ApiWorld) -> None:
        verbs = [world.api.apply([deployment(replicas=count)])[0].verb for count in (1, 1, 2, 2)]
        assert verbs == ["created", "unchanged", "configured", "unchanged"]

    def test_unchanged_writes_nothing(self, world: ApiWorld) -> None:
        world.api.apply([deployment()])
        before = everything(world)
        world.api.apply([deployment()])
        assert everything(world) == before

    def test_writing_out_a_default_changes_the_file_only(self, world: ApiWorld) -> None:
        world.api.apply([deployment()])
        (result,) = world.api.apply([deployment(replicas=1)])
        assert result.verb == "unchanged"
        assert world.file(WEB_PATH)["spec"]["replicas"] == 1
        assert world.api.get(WEB)["metadata"]["generation"] == 1

    def test_a_field_that_was_dropped_goes(self, world: ApiWorld) -> None:
        world.api.apply([deployment(minReadySeconds=5, paused=True)])
        world.api.apply([deployment(paused=True)])
        spec = world.api.get(WEB)["spec"]
        assert "minReadySeconds" not in spec
        assert spec["paused"] is True
        assert "minReadySeconds" not in world.file(WEB_PATH)["spec"]

    def test_a_field_that_somebody_else_set_stays(self, world: ApiWorld) -> None:
        world.api.apply([deployment()])
        world.api.update(WEB, replicas(4))
        world.api.apply([deployment(minReadySeconds=5)])
        assert world.api.get(WEB)["spec"]["replicas"] == 4
        assert world.file(WEB_PATH)["spec"]["replicas"] == 4

    def test_a_field_that_the_manifest_says_is_taken_back(self, world: ApiWorld) -> None:
        world.api.apply([deployment(replicas=2)])
        world.api.update(WEB, replicas(4))
        assert world.api.apply([deployment(replicas=2)])[0].verb == "configured"
        assert world.api.get(WEB)["spec"]["replicas"] == 2

    def test_several_are_all_or_none(self, world: ApiWorld) -> None:
        world.api.apply([deployment("a")])
        before = everything(world)
        with pytest.raises(Invalid):
            world.api.apply([deployment("a", replicas=3), deployment("b"), deployment("c", replicas=-1)])
        assert everything(world) == before

    def test_a_step_that_is_not_allowed_stops_all(self, world: ApiWorld) -> None:
        world.api.apply([deployment("a")])
        before = everything(world)
        moved = deployment("a", selector={"matchLabels": {"x": "y"}})
        moved["spec"]["template"]["metadata"]["labels"] = {"x": "y"}
        with pytest.raises(Invalid, match=r"spec\.selector: .*field is immutable"):
            world.api.apply([deployment("b"), moved])
        assert everything(world) == before

    def test_results_carry_the_stored_revisions(self, world: ApiWorld) -> None:
        for result in world.api.apply([deployment("a"), pod("b")]):
            assert result.after == world.api.get(key(result.after["kind"], name_of(result.after)))
            assert result.before is None

    def test_what_goes_is_not_changed(self, world: ApiWorld) -> None:
        world.api.create(deployment())
        world.api.delete(WEB, propagation="foreground")
        with pytest.raises(Forbidden, match="is being deleted"):
            world.api.apply([deployment(replicas=3)])

    def test_somebody_is_faster_again_and_again(
        self, world: ApiWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.api.apply([deployment()])
        real, others = world.store.commit, iter(range(5))

        def overtaken(writes: Any) -> Any:
            if next(others, None) is not None:
                live = world.store.get(WEB)
                assert live is not None
                status = {"observedGeneration": world.store.revision()}
                real([Put({**live, "status": status})])
            return real(writes)

        monkeypatch.setattr(world.store, "commit", overtaken)
        world.api.apply([deployment(replicas=3)])
        live = world.api.get(WEB)
        assert live["spec"]["replicas"] == 3
        assert live["status"], "the others' status was not overwritten"

    def test_it_does_not_try_for_ever(self, world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        tries: list[int] = []

        def conflict(writes: Any) -> Any:
            tries.append(1)
            raise Conflict("deployments.apps", "web")

        world.api.ensure_namespace()
        monkeypatch.setattr(world.store, "commit", conflict)
        with pytest.raises(Conflict):
            world.api.apply([deployment()])
        assert len(tries) == 20

    def test_a_dry_run_writes_nothing_and_says_the_same(self, world: ApiWorld) -> None:
        world.api.apply([deployment()])
        before = everything(world)
        (dry,) = world.api.apply([deployment(replicas=3)], dry_run=True)
        assert everything(world) == before
        (real,) = world.api.apply([deployment(replicas=3)])
        assert dry.verb == real.verb == "configured"
        assert dry.before == real.before
        assert dry.after["spec"] == real.after["spec"]

    def test_kubectls_annotation_counts_where_we_never_applied(self, world: ApiWorld) -> None:
        manifest = deployment(minReadySeconds=5)
        manifest["metadata"]["annotations"] = {
            "kubectl.kubernetes.io/last-applied-configuration": json.dumps(deployment(minReadySeconds=5))
        }
        world.api.create(manifest)
        world.api.apply([deployment()])
        assert "minReadySeconds" not in world.api.get(WEB)["spec"]


class TestUpdate:
    def test_before_and_after(self, world: ApiWorld) -> None:
        created = world.api.create(deployment())
        before, after = world.api.update(WEB, replicas(3))
        assert before == created
        assert after["spec"]["replicas"] == 3
        assert after == world.api.get(WEB)

    def test_only_a_changed_spec_is_a_new_generation(self, world: ApiWorld) -> None:
        def labelled(obj: Object) -> Object:
            return {**obj, "metadata": {**obj["metadata"], "labels": {"a": "b"}}}

        world.api.create(deployment())
        generations = [
            world.api.update(WEB, change)[1]["metadata"]["generation"]
            for change in (replicas(1), labelled, replicas(2), replicas(2), replicas(3))
        ]
        assert generations == [1, 1, 2, 2, 3]

    def test_no_change_writes_nothing(self, world: ApiWorld) -> None:
        world.api.create(deployment())
        before = everything(world)
        world.api.update(WEB, replicas(1))
        assert everything(world) == before

    def test_what_the_server_owns_stays(self, world: ApiWorld) -> None:
        def stolen(obj: Object) -> Object:
            obj["metadata"] |= {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 99}
            obj["metadata"]["deletionTimestamp"] = NOW_TEXT
            obj["status"] = {"replicas": 77}
            return replicas(2)(obj)

        created = world.api.create(deployment())
        after = world.api.update(WEB, stolen)[1]
        assert uid_of(after) == uid_of(created)
        assert after["metadata"]["creationTimestamp"] == NOW_TEXT
        assert after["metadata"]["generation"] == 2
        assert "deletionTimestamp" not in after["metadata"]
        assert after["status"] == {}

    def test_the_change_cannot_touch_what_is_stored(self, world: ApiWorld) -> None:
        world.api.create(deployment())

        def spoil(obj: Object) -> Object:
            obj["spec"]["template"]["spec"]["containers"].clear()
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            world.api.update(WEB, spoil)
        assert world.api.get(WEB)["spec"]["template"]["spec"]["containers"]

    def test_there_is_no_such_object(self, world: ApiWorld) -> None:
        with pytest.raises(NotFound) as caught:
            world.api.update(WEB, replicas(1))
        assert str(caught.value) == 'deployments.apps "web" not found'

    def test_a_rule_is_broken(self, world: ApiWorld) -> None:
        world.api.create(deployment())
        with pytest.raises(Invalid, match=r"spec\.replicas"):
            world.api.update(WEB, replicas(-1))

    def test_a_dry_run(self, world: ApiWorld) -> None:
        world.api.create(deployment())
        before = everything(world)
        assert world.api.update(WEB, replicas(3), dry_run=True)[1]["spec"]["replicas"] == 3
        assert everything(world) == before

    def test_what_a_controller_made_gets_no_file(self, world: ApiWorld) -> None:
        world.api.ensure_namespace()
        made = set_defaults(deployment(namespace="default"))
        made["metadata"] |= {"uid": "x", "generation": 1, "creationTimestamp": NOW_TEXT}
        world.seize(made)
        world.api.update(WEB, replicas(3))
        assert world.files.texts == {}
        assert world.api.get(WEB)["spec"]["replicas"] == 3

    def test_a_node_gets_one(self, world: ApiWorld) -> None:
        """What people change of a node must not be lost with state.db."""
        world.seize(node())
        world.api.update(key("Node", "node-1"), lambda obj: {**obj, "spec": {"unschedulable": True}})
        assert world.file("_cluster/node.node-1.yaml") == {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "node-1"},
            "spec": {"unschedulable": True},
        }

    def test_comments_survive(self, world: ApiWorld) -> None:
        world.api.create(deployment(replicas=2))
        commented = world.text(WEB_PATH).replace("replicas: 2", "replicas: 2  # Fridays: 3")
        world.write(WEB_PATH, "# owned by us\n" + commented)
        assert not world.api.absorb()
        world.api.update(WEB, replicas(5))
        assert "# owned by us" in world.text(WEB_PATH)
        assert "replicas: 5  # Fridays: 3" in world.text(WEB_PATH)

    def test_the_systems_annotations_are_no_intent(self, world: ApiWorld) -> None:
        world.api.create(deployment())
        live = world.api.get(WEB)
        annotated = {**live["metadata"], "annotations": {"deployment.kubernetes.io/revision": "4", "a": "b"}}
        world.seize({**live, "metadata": annotated})
        world.api.update(WEB, replicas(2))
        assert annotations_of(world.file(WEB_PATH)) == {"a": "b"}
        assert annotations_of(world.api.get(WEB))["deployment.kubernetes.io/revision"] == "4"


def test_a_store_that_cannot_be_written_is_not_retried(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.api.ensure_namespace()

    def full(self: DatabaseStore, writes: Any) -> Any:
        raise StoreError("no space left on device")

    monkeypatch.setattr(DatabaseStore, "commit", full)
    with pytest.raises(StoreError):
        world.api.apply([deployment()])


# --- properties: whatever people write, in whatever order

optional_fields = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(0, 3),
        "minReadySeconds": st.integers(0, 2),
        "revisionHistoryLimit": st.sampled_from([0, 10]),
        "progressDeadlineSeconds": st.sampled_from([600, 700]),
        "strategy": st.sampled_from(
            [
                {"type": "Recreate"},
                {"type": "RollingUpdate"},
                {"rollingUpdate": {"maxSurge": 2}},
                {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            ]
        ),
    },
)


@st.composite
def manifests(draw: st.DrawFn) -> Object:
    manifest = deployment(**draw(optional_fields))
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "env": st.sampled_from([[{"name": "A", "value": "1"}], [{"name": "B"}]]),
                "imagePullPolicy": st.sampled_from(["Always", "IfNotPresent"]),
                "ports": st.just([{"containerPort": 80}]),
                "resources": st.sampled_from([{}, {"limits": {"cpu": "1000m"}}]),
            },
        )
    )
    if draw(st.booleans()):
        manifest["metadata"]["annotations"] = {"why": draw(st.sampled_from(["x", "y: z", "#"]))}
    return manifest


deeds = st.lists(st.one_of(manifests(), st.integers(0, 4)), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(deeds)
def test_the_file_says_what_is_stored(deeds: list[Object | int]) -> None:
    """Its defaults are the stored object, nothing in it is the server's, and absorbing it changes nothing."""
    world = ApiWorld()
    world.api.apply([deployment()])
    for deed in deeds:
        if isinstance(deed, int):
            world.api.update(WEB, replicas(deed))
        else:
            applied = world.api.apply([deed])
            assert world.api.apply([deed])[0].verb == "unchanged", "the second apply is empty"
            for field, value in deed["spec"].items():
                if not isinstance(value, dict):
                    assert applied[0].after["spec"].get(field, 0) == value
        live, file = world.api.get(WEB), world.file(WEB_PATH)
        assert spec_of(set_defaults(file)) == spec_of(live)
        assert annotations_of(file) == annotations_of(live)
        assert set(file["metadata"]) <= {"name", "namespace", "annotations"}
        assert "status" not in file
    before = everything(world)
    assert world.api.absorb() == ()
    assert everything(world) == before
    again = ApiWorld(world.files)  # state.db is lost
    assert not again.api.absorb()
    assert spec_of(again.api.get(WEB)) == spec_of(world.api.get(WEB))


RUNTIME_CLASS: Object = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "safe"},
    "handler": "runsc",
    "overhead": {"podFixed": {"cpu": "100m"}},
    "scheduling": {
        "nodeSelector": {"runtime": "runsc"},
        "tolerations": [{"key": "slow", "operator": "Exists"}, {"key": "own", "operator": "Exists"}],
    },
}


class TestRuntimeClasses:
    PATH = "default/pod.p.yaml"

    @pytest.mark.parametrize("verb", ["create", "apply", "update"])
    def test_what_a_class_gives_is_no_intent(self, world: ApiWorld, verb: str) -> None:
        world.api.apply([RUNTIME_CLASS])
        own = [{"key": "own", "operator": "Exists"}, {"key": "mine", "operator": "Exists"}]
        manifest = pod(runtimeClassName="safe", nodeSelector={"disk": "fast"}, tolerations=own)
        world.api.create(manifest) if verb == "create" else world.api.apply([manifest])
        if verb == "update":
            world.api.update(key("Pod", "p"), lambda one: {**one, "metadata": labelled(one)})
        live = spec_of(world.api.get(key("Pod", "p")))
        assert (live["overhead"], len(live["nodeSelector"])) == ({"cpu": "100m"}, 2)
        said = world.file(self.PATH)["spec"]
        assert said.keys() == manifest["spec"].keys()
        assert said["nodeSelector"] == {"disk": "fast"}
        assert [one["key"] for one in said["tolerations"] if one["key"] in ("slow", "own", "mine")] == [
            "own",
            "mine",
        ]

    def test_a_pod_outlives_a_change_of_its_class_and_the_loss_of_state_db(self, world: ApiWorld) -> None:
        world.api.apply([RUNTIME_CLASS, pod(runtimeClassName="safe")])
        changed = {**RUNTIME_CLASS, "overhead": {"podFixed": {"cpu": "200m"}}}
        changed["scheduling"] = {"nodeSelector": {"runtime": "other"}}
        world.api.apply([changed])
        again = ApiWorld(world.files)
        assert not again.api.absorb()
        assert spec_of(again.api.get(key("Pod", "p")))["overhead"] == {"cpu": "200m"}


def labelled(obj: Object) -> Object:
    return {**obj["metadata"], "labels": {"a": "b"}}
