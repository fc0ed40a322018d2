"""With whose credentials an image is pulled, and what a pull of one says to another."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from controlplane_builders import NOW
from test_kubelet_sync import bound, look

from minikctl.agent import jobs
from minikctl.backend import Credentials
from minikctl.controlplane.kubelet import ImageBook, PullImage, sync_pod
from minikctl.controlplane.kubelet.configuration import Surroundings
from minikctl.controlplane.kubelet.credentials import pull_credentials
from minikctl.controlplane.kubelet.memo import PodMemo
from minikctl.controlplane.kubelet.status import NodeFacts
from minikctl.errors import PermanentError, TemporaryError
from minikctl.model import Object, ObjectKey


def secret(name: str, registries: Mapping[str, Any], *, kind: str = "dockerconfigjson") -> Object:
    content: Any = {"auths": registries} if kind == "dockerconfigjson" else registries
    data = {f".{kind}": base64.b64encode(json.dumps(content).encode()).decode()}
    return {
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "default"},
        "type": f"kubernetes.io/{kind}",
        "data": data,
    }


def around(*objects: Object, names: tuple[str, ...] = ("s",), account: Object | None = None) -> Surroundings:
    pod = bound()
    if names:
        pod["spec"]["imagePullSecrets"] = [{"name": name} for name in names]
    known = {ObjectKey("Secret", "default", one["metadata"]["name"]): one for one in objects}
    if account is not None:
        known[ObjectKey("ServiceAccount", "default", "default")] = account
    return Surroundings(pod, known.get, "", "", {})


def users(image: str, *keys: str) -> list[str]:
    """Whose credentials are tried: each registry's user has its name."""
    found = pull_credentials(
        image, around(secret("s", {key: {"username": key, "password": "x"} for key in keys}))
    )
    return [one.username for one in found.found]


@pytest.mark.parametrize(
    ("image", "keys", "expected"),
    [
        ("reg.io/a/b:1", ["reg.io"], ["reg.io"]),
        ("reg.io/a/b:1", ["https://reg.io/v2/"], ["https://reg.io/v2/"]),
        ("reg.io/a/b:1", ["other.io"], []),
        ("reg.io/a/b:1", ["reg.io:5000"], []),
        ("reg.io:5000/a", ["reg.io", "reg.io:5000"], ["reg.io:5000"]),
        ("reg.io/a/b:1", ["reg.io", "reg.io/a", "reg.io/b"], ["reg.io/a", "reg.io"]),
        ("x.reg.io/a", ["*.reg.io", "*.*.reg.io"], ["*.reg.io"]),
        ("reg.io/a", ["*.reg.io"], []),
        ("nginx", ["https://index.docker.io/v1/"], ["https://index.docker.io/v1/"]),
        ("me/mine:2", ["https://index.docker.io/v1/"], ["https://index.docker.io/v1/"]),
        ("docker.io/me/mine", ["index.docker.io"], ["index.docker.io"]),
        ("reg.io/me/mine", ["https://index.docker.io/v1/"], []),
        ("localhost:5000/a", ["index.docker.io"], []),
    ],
)
def test_matching(image: str, keys: list[str], expected: list[str]) -> None:
    assert users(image, *keys) == expected


def test_the_old_type_and_tokens() -> None:
    old = secret("s", {"reg.io": {"auth": "dTpw", "identitytoken": "t"}}, kind="dockercfg")
    assert pull_credentials("reg.io/a", around(old)).found == (
        Credentials(identity_token="t", auth="dTpw", server="reg.io"),
    )


@pytest.mark.parametrize("content", [[], {"auths": []}, {"auths": {"reg.io": 3}}, "x"])
def test_what_cannot_be_read_is_left_out(content: Any) -> None:
    broken = secret("s", {})
    broken["data"][".dockerconfigjson"] = base64.b64encode(json.dumps(content).encode()).decode()
    assert pull_credentials("reg.io/a", around(broken)).found == ()


def test_the_service_accounts_where_the_pod_names_none() -> None:
    mine = secret("mine", {"reg.io": {"username": "mine"}})
    theirs = secret("theirs", {"reg.io": {"username": "theirs"}})
    account = {"imagePullSecrets": [{"name": "theirs"}]}
    for names, expected in (((), "theirs"), (("mine",), "mine")):
        (found,) = pull_credentials("reg.io/a", around(mine, theirs, names=names, account=account)).found
        assert found.username == expected


def test_a_missing_secret_is_told_and_the_pull_is_tried() -> None:
    pod = bound()
    pod["spec"]["imagePullSecrets"] = [{"name": "nope"}]
    book = ImageBook()
    book.mark_missing("app:1")
    sync = look(pod, images=book)
    assert sync.actions == [PullImage("app:1")]
    (told,) = sync.decision.happenings
    assert told.reason == "FailedToRetrieveImagePullSecret"
    assert "(nope)" in told.message


def test_one_that_is_refused_says_nothing_of_another() -> None:
    key, found = secret("s", {"index.docker.io": {"username": "u", "password": "hush"}}), []
    book = ImageBook()
    book.mark_missing("app:1")
    book.mark_failed("app:1", NOW, "ErrImagePull", "denied")
    for pod in (around(names=()).pod, around(key).pod):
        sync = sync_pod(
            pod,
            (),
            PodMemo(),
            book,
            NodeFacts("memory", "10.0.0.1"),
            NOW + 1,
            cluster_id="c",
            seal_key=b"k",
            find=around(key).find,
        )
        found.append(sync.actions)
        assert "hush" not in repr(sync)
    assert found[0] == [], "its back-off"
    (pull,) = found[1]
    assert isinstance(pull, PullImage)
    assert pull.who not in ("", "u")


class Registry:
    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def pull_image(self, image: str, credentials: Credentials | None = None) -> str:
        user = credentials.username if credentials else "nobody"
        self.asked.append(user)
        if user in self.answers:
            raise self.answers[user]
        return "sha256:1"


NO, LATER = (
    PermanentError("denied", reason="ErrImagePull"),
    TemporaryError("no network", reason="ErrImagePull"),
)


@pytest.mark.parametrize(
    ("users", "answers", "asked", "error"),
    [
        ([], {}, ["nobody"], None),
        (["a", "b"], {}, ["a"], None),
        (["a", "b"], {"a": NO}, ["a", "b"], None),
        (["a", "b"], {"a": NO, "b": NO}, ["a", "b"], NO),
        (["a", "b"], {"a": LATER}, ["a"], LATER),
    ],
)
def test_they_are_tried_in_order(users: list[str], answers: Any, asked: list[str], error: Any) -> None:
    registry = Registry(**answers)
    wanted = PullImage("app:1", tuple(Credentials(user) for user in users))
    news = jobs.pull("memory", registry, wanted)  # type: ignore[arg-type]
    assert (registry.asked, news.error) == (asked, error)
