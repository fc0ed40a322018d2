"""Rollout texts in kubectl's order, history against the transcript."""

import copy

import pytest
import render_corpus as corpus
from render_builders import deployment, replica_set

from minikctl.render.rollout import RolloutError, progress, rollout_history, rollout_status

WAITING = 'Waiting for deployment "web" rollout to finish: '


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({"observedGeneration": 0}, "Waiting for deployment spec update to be observed..."),
        ({"updatedReplicas": 1, "replicas": 3}, f"{WAITING}1 out of 2 new replicas have been updated..."),
        ({"updatedReplicas": 2, "replicas": 3}, f"{WAITING}1 old replicas are pending termination..."),
        (
            {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 1},
            f"{WAITING}1 of 2 updated replicas are available...",
        ),
        (
            {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2},
            'deployment "web" successfully rolled out',
        ),
    ],
)
def test_status(status: dict[str, int], message: str) -> None:
    assert rollout_status(deployment(**status)) == (message, "successfully" in message)


def test_texts_of_the_transcript() -> None:
    lines = corpus.answer("05-rollout-wait.txt", "rollout status deploy/web --timeout=60s").splitlines()
    made = {
        rollout_status(deployment("web", 4, updatedReplicas=updated, **status))[0]
        for updated in range(5)
        for status in (
            {"replicas": updated},
            {"replicas": updated + 1},
            {"replicas": 4, "availableReplicas": 4},
        )
    }
    assert lines and set(lines) - {""} <= made


def test_deadline_comes_after_the_generation() -> None:
    failed = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    with pytest.raises(RolloutError, match='deployment "web" exceeded its progress deadline'):
        rollout_status(deployment(conditions=[failed]))
    assert rollout_status(deployment(conditions=[failed], observedGeneration=0))[1] is False


def test_another_revision() -> None:
    one = deployment(updatedReplicas=2, replicas=2, availableReplicas=2)
    one["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "3"}
    assert rollout_status(one, 3)[1]
    with pytest.raises(
        RolloutError, match=r"desired revision \(2\) is different from the running revision \(3\)"
    ):
        rollout_status(one, 2)


def test_history() -> None:
    owner = deployment()
    sets = [replica_set(owner, f"h{number}", number) for number in (1, 2)]
    sets += [replica_set(owner, f"h{number}", number, cause="to 1.27") for number in (4, 3)]
    assert rollout_history(owner, sets) == corpus.answer("05-rollout-wait.txt", "rollout history deploy/web")


def test_history_of_one_revision() -> None:
    (owner,) = corpus.objects("02-get-describe.txt", "get deploy web -o yaml")
    sets = [replica_set(owner, "6d765f4d78", 2), replica_set(owner, "9c7ddd555", 1, image="nginx:1.25")]
    expected = corpus.answer("05-rollout-wait.txt", "rollout history deploy/web --revision=2")
    before = copy.deepcopy(sets)
    assert rollout_history(owner, sets, revision=2) == expected
    assert sets == before
    with pytest.raises(RolloutError, match="unable to find the specified revision"):
        rollout_history(owner, sets, revision=9)


def test_the_cause_of_one_revision() -> None:
    owner = deployment()
    text = rollout_history(owner, [replica_set(owner, "h", 1, cause="why")], revision=1)
    assert "  Annotations:\tkubernetes.io/change-cause: why\n" in text


def test_progress() -> None:
    failed = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    lines = progress(
        [
            deployment(updatedReplicas=2, replicas=2, availableReplicas=1, readyReplicas=1),
            deployment("long-name", 1, updatedReplicas=1, replicas=1, availableReplicas=1, readyReplicas=1),
            deployment("bad", conditions=[failed]),
            deployment("new", observedGeneration=0, updatedReplicas=2, replicas=2, availableReplicas=2),
        ]
    )
    assert lines == [
        "deployment.apps/web         1/2 ready   1 of 2 updated replicas are available",
        "deployment.apps/long-name   1/1 ready   done",
        "deployment.apps/bad         0/2 ready   progress deadline exceeded",
        "deployment.apps/new         0/2 ready   waiting for the controller",
    ]
