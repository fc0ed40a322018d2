"""Hand edits and pulled changes: what becomes of them, and what is held back."""

from __future__ import annotations

from typing import Any

import pytest
from api_world import NOW_TEXT, WEB, WEB_PATH, ApiWorld, deployment, key, namespace, node, pod

from minikctl.api import admission
from minikctl.api.results import Deletions
from minikctl.model import is_deleting, labels_of, spec_of, uid_of

NODE = key("Node", "node-1")
NODE_PATH = "_cluster/node.node-1.yaml"


@pytest.fixture
def web(world: ApiWorld) -> ApiWorld:
    world.api.apply([deployment(replicas=2)])
    return world


def edit(world: ApiWorld, old: str, new: str, path: str = WEB_PATH) -> None:
    assert old in world.text(path)
    world.write(path, world.text(path).replace(old, new))


class TestEdits:
    def test_an_edit_is_a_deployment(self, web: ApiWorld) -> None:
        before = web.api.get(WEB)
        edit(web, "replicas: 2", "replicas: 5  # more")
        text = web.text(WEB_PATH)
        assert not web.api.absorb()
        live = web.api.get(WEB)
        assert live["spec"]["replicas"] == 5
        assert live["metadata"]["generation"] == before["metadata"]["generation"] + 1
        assert uid_of(live) == uid_of(before)
        assert web.text(WEB_PATH) == text, "the file is left as somebody wrote it"
        assert not web.store.scan()

    def test_a_line_that_was_taken_out_goes(self, web: ApiWorld) -> None:
        web.api.apply([deployment(replicas=2, minReadySeconds=5)])
        edit(web, "  minReadySeconds: 5\n", "")
        web.api.absorb()
        assert "minReadySeconds" not in web.api.get(WEB)["spec"]

    def test_what_the_system_set_stays(self, web: ApiWorld) -> None:
        live = web.api.get(WEB)
        annotations = {"deployment.kubernetes.io/revision": "4"}
        web.seize(
            {**live, "metadata": {**live["metadata"], "annotations": annotations}, "status": {"replicas": 2}}
        )
        edit(web, "replicas: 2", "replicas: 3")
        web.api.absorb()
        after = web.api.get(WEB)
        assert after["metadata"]["annotations"] == annotations
        assert after["status"] == {"replicas": 2}

    def test_the_next_apply_knows_what_was_applied(self, web: ApiWorld) -> None:
        edit(web, "replicas: 2", "replicas: 3\n  minReadySeconds: 9")
        web.api.absorb()
        web.api.apply([deployment()])
        spec = web.api.get(WEB)["spec"]
        assert spec["minReadySeconds"] == 9, "nobody ever applied it, so nobody dropped it"
        assert spec["replicas"] == 1, "what was applied and is no more goes back to the default"

    def test_a_comment_is_no_change(self, web: ApiWorld) -> None:
        before = web.api.get(WEB)
        web.write(WEB_PATH, "# hello\n" + web.text(WEB_PATH))
        assert not web.api.absorb()
        assert web.api.get(WEB)["spec"] == before["spec"]
        assert web.api.get(WEB)["metadata"]["generation"] == before["metadata"]["generation"]
        assert web.text(WEB_PATH).startswith("# hello\n")
        assert not web.store.scan()

    def test_nothing_new_writes_nothing(self, web: ApiWorld) -> None:
        before = web.store.revision()
        assert not web.api.absorb()
        assert web.store.revision() == before

    def test_a_new_file_is_a_new_object(self, world: ApiWorld) -> None:
        world.write(
            "_cluster/namespace.team.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n"
        )
        world.write(
            "team/pod.p.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: team, uid: made-up}\n"
            "spec: {containers: [{name: a, image: 'nginx:1'}]}\nstatus: {phase: Running}\n",
        )
        assert not world.api.absorb()
        found = world.api.get(key("Pod", "p", "team"))
        assert found["status"] == {"phase": "Pending"}
        assert found["metadata"]["uid"] != "made-up"
        assert found["metadata"]["creationTimestamp"] == NOW_TEXT
        assert labels_of(world.api.get(key("Namespace", "team")))

    def test_what_goes_is_not_brought_back(self, web: ApiWorld) -> None:
        text = web.text(WEB_PATH)
        web.api.delete(WEB, propagation="foreground")
        web.write(WEB_PATH, text)
        assert not web.api.absorb()
        assert is_deleting(web.api.get(WEB))

    def test_it_comes_back_once_it_is_gone(self, web: ApiWorld) -> None:
        text = web.text(WEB_PATH)
        web.api.delete(WEB)
        web.write(WEB_PATH, text)
        assert not web.api.absorb()
        assert web.api.get(WEB)["spec"]["replicas"] == 2


BROKEN = [
    pytest.param("replicas: 2", "replicas: [", "expected", id="no YAML"),
    pytest.param("replicas: 2", "replicas: -2", "must be greater than or equal to 0", id="a broken rule"),
    pytest.param("replicas: 2", "replikas: 2", 'unknown field "spec.replikas"', id="an unknown field"),
    pytest.param("name: web\n", "name: other\n", "belongs in default/deployment.other.yaml", id="elsewhere"),
    pytest.param(
        "apiVersion: apps/v1",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n---\napiVersion: apps/v1",
        "holds 2 objects instead of one",
        id="two",
    ),
    pytest.param("app: web\n", "app: x\n", "spec.selector: ", id="an immutable field"),
]


class TestBrokenFiles:
    @pytest.mark.parametrize(("old", "new", "message"), BROKEN)
    def test_the_last_good_version_stays_in_force(
        self, web: ApiWorld, old: str, new: str, message: str
    ) -> None:
        before = web.api.get(WEB)
        good = web.text(WEB_PATH)
        edit(web, old, new)
        (problem,) = web.api.absorb()
        assert problem.path == WEB_PATH
        assert message in problem.message
        assert str(problem).startswith(f"desired/{WEB_PATH}: ")
        assert "\n" not in str(problem)
        assert web.api.get(WEB) == before
        assert list(web.api.absorb()) == [problem], "it is reported for as long as it is so"
        web.write(WEB_PATH, good.replace("replicas: 2", "replicas: 4"))
        assert not web.api.absorb()
        assert web.api.get(WEB)["spec"]["replicas"] == 4

    def test_it_says_where(self, web: ApiWorld) -> None:
        web.write(WEB_PATH, "kind: Deployment\nmetadata: {name: web\n")
        (problem,) = web.api.absorb()
        assert problem.message.split(": ")[0].replace(":", "").isdigit()

    def test_others_are_absorbed_all_the_same(self, web: ApiWorld) -> None:
        web.api.apply([deployment("other")])
        edit(web, "replicas: 2", "replicas: -2")
        edit(web, "nginx:1", "nginx:2", "default/deployment.other.yaml")
        assert len(web.api.absorb()) == 1
        container = web.api.get(key("Deployment", "other"))["spec"]["template"]["spec"]["containers"][0]
        assert container["image"] == "nginx:2"

    def test_a_known_problem_is_not_checked_again(
        self, web: ApiWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        edit(web, "replicas: 2", "replicas: -2")
        web.api.absorb()
        checked: list[Any] = []
        monkeypatch.setattr(admission, "check", checked.append)
        monkeypatch.setattr("minikctl.api.absorb.check", checked.append)
        assert len(web.api.absorb()) == 1
        assert not checked


class TestCompany:
    """Files that come together, and are held to one another."""

    POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  priorityClassName: high\n"
    POD += "  containers: [{name: a, image: a}]\n"
    CLASS = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\n"

    def test_a_refused_class_says_nothing_of_the_pods_beside_it(self, world: ApiWorld) -> None:
        world.write("_cluster/priorityclass.high.yaml", f"{self.CLASS}value: 2000000001\n")
        world.write("default/pod.p.yaml", self.POD)
        first, second = world.api.absorb()
        assert "maximum allowed value" in first.message
        assert "no PriorityClass with name high was found" in second.message
        assert world.store.list("Pod") == []

    def test_when_the_class_is_mended_its_pods_follow(self, world: ApiWorld) -> None:
        self.test_a_refused_class_says_nothing_of_the_pods_beside_it(world)
        world.write("_cluster/priorityclass.high.yaml", f"{self.CLASS}value: 7\n")
        assert not world.api.absorb()
        assert spec_of(world.api.get(key("Pod", "p")))["priority"] == 7

    def test_an_older_version_of_the_class_stays_in_force(self, world: ApiWorld) -> None:
        world.write("_cluster/priorityclass.high.yaml", f"{self.CLASS}value: 7\n")
        world.api.absorb()
        world.write("_cluster/priorityclass.high.yaml", f"{self.CLASS}value: 8\n")
        world.write("default/pod.p.yaml", self.POD)
        (problem,) = world.api.absorb()
        assert "value: Forbidden" in problem.message
        assert spec_of(world.api.get(key("Pod", "p")))["priority"] == 7

    def test_nobody_lives_in_a_refused_namespace(self, world: ApiWorld) -> None:
        name = "_cluster/namespace.team.yaml"
        world.write(name, "apiVersion: v1\nkind: Namespace\nmetadata: {name: team, labels: {a: '*'}}\n")
        world.write("team/configmap.c.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
        assert [one.message for one in world.api.absorb()][1:] == ['namespaces "team" not found']
        world.write(name, "apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n")
        assert not world.api.absorb()
        world.api.get(key("ConfigMap", "c", "team"))


class TestRemovals:
    def test_a_file_that_vanished_is_a_deletion(self, web: ApiWorld) -> None:
        web.files.replace({WEB_PATH: None})
        assert not web.api.absorb()
        assert web.api.find(WEB) is None
        assert not web.store.scan()

    def test_pods_go_gracefully(self, world: ApiWorld) -> None:
        live = world.api.create(pod())
        world.seize({**live, "spec": {**live["spec"], "nodeName": "node-1"}})
        world.files.replace({"default/pod.p.yaml": None})
        assert not world.api.absorb()
        assert is_deleting(world.api.get(key("Pod", "p")))
        assert not world.store.scan()

    @pytest.mark.parametrize(
        ("declared", "vanished", "held"),
        [(2, 2, False), (3, 3, True), (10, 5, False), (10, 6, True), (5, 3, True), (6, 3, False)],
    )
    def test_the_brake(self, world: ApiWorld, declared: int, vanished: int, held: bool) -> None:
        """Most of the files at once, and more than a few: more often an accident than a wish."""
        world.api.apply([deployment(f"d{number}") for number in range(declared)])
        texts = dict(world.files.texts)
        gone = list(texts)[:vanished]
        world.files.replace(dict.fromkeys(gone))
        problems = world.api.absorb()
        assert [problem.is_brake for problem in problems] == ([True] if held else [])
        assert len(world.store.list("Deployment")) == (declared if held else declared - vanished)
        if not held:
            return
        assert f"{vanished} of {declared} desired files vanished" in str(problems[0])
        assert [one.is_brake for one in world.api.absorb()] == [True], "it stays held"
        world.files.replace({path: texts[path] for path in gone})
        assert not world.api.absorb(), "they were put back"
        assert len(world.store.list("Deployment")) == declared

    def test_the_brake_can_be_let_go(self, world: ApiWorld) -> None:
        world.api.apply([deployment(f"d{number}") for number in range(4)])
        world.files.replace(dict.fromkeys(list(world.files.texts)))
        assert world.api.absorb()
        assert not world.api.absorb(Deletions.CONFIRMED)
        assert world.store.list("Deployment") == []

    def test_the_brake_does_not_hold_edits_back(self, world: ApiWorld) -> None:
        world.api.apply([deployment(f"d{number}", replicas=2) for number in range(4)])
        world.files.replace(dict.fromkeys(list(world.files.texts)[1:]))
        edit(world, "replicas: 2", "replicas: 3", "default/deployment.d0.yaml")
        assert len(world.api.absorb()) == 1
        assert world.api.get(key("Deployment", "d0"))["spec"]["replicas"] == 3

    def test_a_protected_namespace_stays_without_its_file(self, world: ApiWorld) -> None:
        world.api.apply([namespace("default", team="a")])
        path = "_cluster/namespace.default.yaml"
        assert world.file(path)["metadata"]["labels"] == {"team": "a"}
        world.files.replace({path: None})
        assert not world.api.absorb()
        live = world.api.get(key("Namespace", "default"))
        assert not is_deleting(live)
        assert labels_of(live) == {"kubernetes.io/metadata.name": "default"}
        assert not world.store.scan()


class TestNodes:
    @pytest.fixture
    def cordoned(self, world: ApiWorld) -> ApiWorld:
        world.seize(node())
        world.api.update(NODE, lambda obj: {**obj, "spec": {"unschedulable": True}})
        return world

    def test_a_cordon_survives_the_loss_of_state_db(self, cordoned: ApiWorld) -> None:
        again = ApiWorld(cordoned.files)
        assert not again.api.absorb()
        assert again.api.get(NODE)["spec"]["unschedulable"] is True

    def test_an_edit_of_the_file_uncordons(self, cordoned: ApiWorld) -> None:
        edit(cordoned, "unschedulable: true", "unschedulable: false", NODE_PATH)
        assert not cordoned.api.absorb()
        live = cordoned.api.get(NODE)
        assert not live["spec"].get("unschedulable")
        assert live["status"] == {"capacity": {"cpu": "4"}}

    def test_without_its_file_the_node_is_as_nobody_changed_it(self, cordoned: ApiWorld) -> None:
        cordoned.files.replace({NODE_PATH: None})
        assert not cordoned.api.absorb()
        live = cordoned.api.get(NODE)
        assert not spec_of(live)
        assert labels_of(live) == {"kubernetes.io/hostname": "node-1"}
        assert not cordoned.store.scan()
