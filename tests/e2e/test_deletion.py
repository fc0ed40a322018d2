"""What is deleted leaves nothing on the engine, and what is somebody else's is never touched."""

from __future__ import annotations

import pytest

from e2e.places import everywhere, on_current_engines
from e2e.stage import Stage, deployment, pod, pod_spec, until


def two_containers() -> dict[str, object]:
    spec = pod_spec()
    spec["containers"].append({**spec["containers"][0], "name": "side"})
    return pod("pair", spec)


@pytest.mark.parametrize("place", everywhere(), indirect=True)
def test_delete_leaves_nothing_and_touches_nothing_foreign(stage: Stage) -> None:
    path = stage.write("all.yaml", deployment(replicas=2), two_containers())
    before = stage.place.possessions()
    stage.ok("apply", "-f", path)
    model = stage.running()[0]
    suffix = stage.folder.name.replace("_", "-")[-20:]
    plain = stage.place.add_foreign(f"foreign-plain-{suffix}", {})
    forged = stage.place.add_foreign(f"foreign-forged-{suffix}", model.labels)
    try:
        foreign = {one: stage.place.started_at(one) for one in (plain, forged)}
        names = stage.pod_names()
        agent = stage.start("agent", "run", "--once")
        assert stage.finish(agent).code == 0
        assert stage.pod_names() == names, "the forged container is no pod's"

        deleted = stage.ok("delete", "-f", path)
        assert deleted.out.splitlines() == [
            'deployment.apps "web" deleted from default namespace',
            'pod "pair" deleted from default namespace',
        ]
        assert {one.id for one in stage.containers()} <= {forged}
        assert {one: stage.place.started_at(one) for one in (plain, forged)} == foreign
        assert {one.id for one in stage.place.seen() if one.running} >= {plain, forged}
        assert stage.place.possessions() - before == set()
        assert stage.ok("get", "all").out == ""
        assert list((stage.state / "desired/default").glob("*.yaml")) == []
    finally:
        stage.place.clear([plain, forged])


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_delete_beside_an_agent_waits_until_all_is_gone(stage: Stage) -> None:
    path = stage.write("web.yaml", deployment(replicas=3))
    stage.ok("apply", "-f", path)
    stage.start_agent()
    stage.ok("delete", "-f", path)
    assert stage.containers() == []
    stage.ok("apply", "-f", path)
    assert len(stage.running()) == 3
    orphans = stage.running()
    stage.ok("delete", "deployment", "web", "--cascade=orphan")
    assert {one.id for one in stage.running()} == {one.id for one in orphans}
    stage.ok("delete", "replicasets", "--all")
    until("nothing is left", lambda: not stage.containers(), seconds=10)
