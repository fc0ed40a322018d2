"""Several commands at once, also beside an agent: no update is lost, no pod is doubled."""

from __future__ import annotations

from collections import Counter

import pytest

from e2e.places import on_current_engines
from e2e.stage import Stage, deployment, until


def check_what_runs(stage: Stage, expected: dict[str, int]) -> None:
    """So many pods of each app, each once, and the store says the same."""

    def look() -> bool:
        running = stage.running()
        apps = Counter(one.labels["minikctl.io/pod"].partition('"app":"')[2].split('"')[0] for one in running)
        return apps == expected

    until(f"these run: {expected}", look)
    pods = Counter(one.pod for one in stage.running())
    assert set(pods.values()) == {1}
    until("the store says the same", lambda: stage.pod_names() == set(pods), seconds=5)


@pytest.mark.parametrize("has_agent", [True, False], ids=["agent", "no-agent"])
@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_applies_of_different_and_of_the_same_manifests_at_once(stage: Stage, has_agent: bool) -> None:
    files = [stage.write(f"{name}.yaml", deployment(name, replicas=2)) for name in ("red", "green", "blue")]
    if has_agent:
        stage.start_agent()
    applies = [stage.start("apply", "-f", path) for path in (*files, files[0])]
    results = [stage.finish(one) for one in applies]
    assert [one.code for one in results] == [0, 0, 0, 0], results
    verbs = sorted(one.out.split()[1] for one in (results[0], results[3]))
    assert verbs == ["created", "unchanged"]
    assert [one.out for one in results[1:3]] == [
        "deployment.apps/green created\n",
        "deployment.apps/blue created\n",
    ]
    check_what_runs(stage, {"red": 2, "green": 2, "blue": 2})


@pytest.mark.parametrize("place", on_current_engines(), indirect=True)
def test_no_change_is_lost_when_several_change_one_object(stage: Stage) -> None:
    path = stage.write("web.yaml", deployment(replicas=2))
    stage.ok("apply", "-f", path)
    changes = [
        stage.start("scale", "deploy/web", "--replicas=3"),
        stage.start("set", "image", "deploy/web", "main=busybox:1.37"),
        stage.start("rollout", "restart", "deploy/web"),
        stage.start("apply", "-f", stage.write("side.yaml", deployment("side", replicas=1))),
    ]
    results = [stage.finish(one) for one in changes]
    assert [one.code for one in results] == [0, 0, 0, 0], results
    stage.ok("rollout", "status", "deploy/web", "--timeout=30s")
    check_what_runs(stage, {"web": 3, "side": 1})
    (web,) = stage.get("deployments", "-l", "app=web")
    assert web["spec"]["replicas"] == 3
    template = web["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "busybox:1.37"
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]
    assert {one.image.removeprefix("docker.io/library/") for one in stage.running() if "web" in one.pod} == {
        "busybox:1.37"
    }
    desired = (stage.state / "desired/default/deployment.web.yaml").read_text()
    assert "replicas: 3" in desired and "busybox:1.37" in desired
