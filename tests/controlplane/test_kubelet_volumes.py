"""What a pod's volumes are planned as, what is waited for, and in which order things are done."""

from __future__ import annotations

from typing import Any

import pytest
from test_kubelet_environment import config_map, find, secret
from test_kubelet_sync import FACTS, bound, going, on_engine, status_after

from minikctl.backend import Container
from minikctl.controlplane.kubelet import (
    ImageBook,
    PodMemo,
    PodSync,
    RemoveContainer,
    RunContainer,
    SetUpVolumes,
    TearDownVolumes,
    absorb,
    sync_pod,
)
from minikctl.controlplane.kubelet.configuration import Missing, Surroundings
from minikctl.controlplane.kubelet.volumes import EmptyDir, File, FileVolume, HostPath, mounts, plan
from minikctl.errors import PermanentError
from minikctl.model import Object

NOW = 1_000_000.0


def with_volumes(*volumes: dict[str, Any], mounted: bool = True, **fields: Any) -> Object:
    pod = bound("app", **fields)
    pod["spec"]["volumes"] = list(volumes)
    if mounted:
        pod["spec"]["containers"][0]["volumeMounts"] = [
            {"name": one["name"], "mountPath": f"/{one['name']}"} for one in volumes
        ]
    return pod


def stored(obj: Object, revision: int = 1) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "uid": "u", "resourceVersion": str(revision)}}


def namespace(**labels: str) -> Object:
    return {"kind": "Namespace", "metadata": {"name": "default", "labels": labels}}


def planned(volume: dict[str, Any], *objects: Object, **fields: Any) -> Any:
    """The volume, or why it can't be made."""
    made = plan(Surroundings(with_volumes({"name": "v", **volume}, **fields), lambda key: find(key, objects)))
    return made.missing["v"] if made.missing else made.volumes[0]


WEB = config_map("web", mode="fast", bind="here")
DB = secret("db", password=b"s3cret")


@pytest.mark.parametrize(
    ("volume", "files"),
    [
        ({"configMap": {"name": "web"}}, {"bind": (b"here", 0o644), "mode": (b"fast", 0o644)}),
        (
            {"configMap": {"name": "web", "defaultMode": 0o400}},
            {"bind": (b"here", 0o400), "mode": (b"fast", 0o400)},
        ),
        (
            {"configMap": {"name": "web", "items": [{"key": "mode", "path": "x/m", "mode": 0o600}]}},
            {"x/m": (b"fast", 0o600)},
        ),
        ({"secret": {"secretName": "db", "defaultMode": 0o440}}, {"password": (b"s3cret", 0o440)}),
        (
            {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            {"n": (b"p", 0o644)},
        ),
        (
            {
                "projected": {
                    "defaultMode": 0o600,
                    "sources": [
                        {"configMap": {"name": "web", "items": [{"key": "mode", "path": "m"}]}},
                        {"secret": {"name": "db", "items": [{"key": "password", "path": "m"}]}},
                        {"configMap": {"name": "none", "optional": True}},
                    ],
                }
            },
            {"m": (b"s3cret", 0o600)},
        ),
        ({"configMap": {"name": "none", "optional": True}}, {}),
        ({"configMap": {"name": "web", "optional": True, "items": [{"key": "no", "path": "no"}]}}, {}),
    ],
)
def test_files(volume: dict[str, Any], files: dict[str, tuple[bytes, int]]) -> None:
    made = planned(volume, WEB, DB)
    assert made == FileVolume("v", tuple(File(path, *rest) for path, rest in files.items()))


def test_binary_data_is_a_file_too() -> None:
    source = {**WEB, "binaryData": {"raw": "/wA="}}
    made = planned({"configMap": {"name": "web"}}, source)
    assert {one.path: one.content for one in made.files}["raw"] == b"\xff\x00"


@pytest.mark.parametrize(
    ("volume", "why"),
    [
        ({"configMap": {"name": "none"}}, 'configmap "none" not found'),
        ({"secret": {"secretName": "none"}}, 'secret "none" not found'),
        (
            {"configMap": {"name": "web", "items": [{"key": "no", "path": "x"}]}},
            "configmap references non-existent config key: no",
        ),
        (
            {"secret": {"secretName": "db", "items": [{"key": "no", "path": "x"}]}},
            "references non-existent secret key: no",
        ),
        ({"projected": {"sources": [{"secret": {"name": "none"}}]}}, 'secret "none" not found'),
    ],
)
def test_what_is_missing_is_told_in_the_kubelets_words(volume: dict[str, Any], why: str) -> None:
    assert planned(volume, WEB, DB) == why


def test_scratch_space_and_the_machines_paths() -> None:
    assert planned({"emptyDir": {}}) == EmptyDir("v")
    assert planned({"emptyDir": {"medium": "Memory"}}) == EmptyDir("v", in_memory=True)
    assert planned({"hostPath": {"path": "/srv", "type": "Directory"}}) == HostPath("v", "/srv", "Directory")


@pytest.mark.parametrize("path", ["/var/run/docker.sock", "/run", "/", "/run/podman", "/var/run/../run/crio"])
def test_sockets_of_engines_only_where_somebody_said_privileged(path: str) -> None:
    label = "pod-security.kubernetes.io/enforce"
    for labels in ({}, {label: "baseline"}, {"app": "x"}):
        assert "is or holds an engine's socket" in planned({"hostPath": {"path": path}}, namespace(**labels))
    allowed = planned({"hostPath": {"path": path}}, namespace(**{label: "privileged"}))
    assert allowed == HostPath("v", path, "", may_hold_sockets=True)


def test_mounts_of_files_are_read_only_and_the_rest_is_as_asked() -> None:
    pod = with_volumes(
        {"name": "cm", "configMap": {"name": "web"}}, {"name": "tmp", "emptyDir": {}}, mounted=False
    )
    container = pod["spec"]["containers"][0]
    container["volumeMounts"] = [
        {"name": "cm", "mountPath": "/cm", "subPath": "mode"},
        {"name": "tmp", "mountPath": "/tmp", "mountPropagation": "Bidirectional", "subPathExpr": "a-$(POD)"},
        {"name": "tmp", "mountPath": "/ro", "readOnly": True, "mountPropagation": "HostToContainer"},
    ]
    found = mounts(container, Surroundings(pod), {"POD": "p"})
    assert not isinstance(found, Missing)
    assert [(one.target, one.sub_path, one.read_only, one.propagation) for one in found] == [
        ("/cm", "mode", True, ""),
        ("/tmp", "a-p", False, "rshared"),
        ("/ro", "", True, "rslave"),
    ]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("$(NONE)", 'missing value for "NONE"'),
        ("$(UP)/x", "unable to provision SubPath `../x`: must not contain '..'"),
        ("$(ROOT)", "error SubPath `/etc` must not be an absolute path"),
    ],
)
def test_an_expression_can_not_lead_out_either(expression: str, why: str) -> None:
    pod = with_volumes({"name": "tmp", "emptyDir": {}})
    container = pod["spec"]["containers"][0]
    container["volumeMounts"][0]["subPathExpr"] = expression
    assert mounts(container, Surroundings(pod), {"UP": "..", "ROOT": "/etc"}) == Missing(why)


# --- in which order -------------------------------------------------------------------------------------


def look(
    pod: Object, *objects: Object, memo: PodMemo | None = None, seen: tuple[Container, ...] = ()
) -> PodSync:
    return sync_pod(
        pod,
        seen,
        memo or PodMemo(),
        ImageBook(),
        FACTS,
        NOW,
        cluster_id="c",
        seal_key=b"k",
        find=lambda key: find(key, objects),
    )


def after(sync: PodSync) -> PodMemo:
    """The memo when its volumes were made."""
    (action,) = (one for one in sync.actions if isinstance(one, SetUpVolumes))
    return absorb(sync.memo, action, None, True, NOW)


POD = with_volumes({"name": "cm", "configMap": {"name": "web"}})


def test_volumes_are_made_before_the_container() -> None:
    first, second = look(POD, stored(WEB)).actions
    assert isinstance(first, SetUpVolumes)
    assert isinstance(second, RunContainer)
    assert [one.target for one in second.mounts] == ["/cm"]


def test_a_pod_waits_for_what_its_volumes_need() -> None:
    sync = look(POD)
    assert sync.actions == []
    (event,) = sync.decision.happenings
    assert (event.kind, event.reason) == ("Warning", "FailedMount")
    assert event.message == 'MountVolume.SetUp failed for volume "cm" : configmap "web" not found'
    (status,) = status_after(sync)["containerStatuses"]
    assert status["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert look(POD, memo=sync.memo).decision.happenings == [], "told once"
    assert len(look(POD, stored(WEB), memo=sync.memo).actions) == 2


def test_a_change_reaches_the_files_and_restarts_nothing() -> None:
    memo = after(look(POD, stored(WEB)))
    running = (on_engine(POD, "app"),)
    assert look(POD, stored(WEB), memo=memo, seen=running).actions == []
    (action,) = look(POD, stored(config_map("web", mode="slow"), 2), memo=memo, seen=running).actions
    assert isinstance(action, SetUpVolumes)


def test_what_vanishes_leaves_the_files_that_are_there() -> None:
    memo = after(look(POD, stored(WEB)))
    running = (on_engine(POD, "app"),)
    sync = look(POD, memo=memo, seen=running)
    assert sync.actions == []
    assert [one.reason for one in sync.decision.happenings] == ["FailedMount"]
    forgetful = look(POD, seen=running)  # an agent that has just begun
    assert forgetful.actions == []


def test_a_volume_that_can_not_be_made_is_tried_again_later() -> None:
    sync = look(POD, stored(WEB))
    memo = absorb(sync.memo, sync.actions[0], PermanentError("no", reason="FailedMount"), False, NOW)
    waiting = look(POD, stored(WEB), memo=memo)
    assert (waiting.actions, waiting.decision.look_again) == ([], NOW + 10)


def test_volumes_go_after_the_containers_and_before_the_pod() -> None:
    pod = {**going(-1), "spec": POD["spec"]}
    app = on_engine(pod, "app")
    busy = look(pod, seen=(app,))
    assert not any(isinstance(one, TearDownVolumes) for one in busy.actions)
    done = look(pod, memo=absorb(busy.memo, RemoveContainer(app.id), None, False, NOW))
    assert [type(one) for one in done.actions] == [TearDownVolumes]
    assert not done.is_gone
    gone = look(pod, memo=absorb(done.memo, done.actions[0], None, False, NOW))
    assert (gone.actions, gone.is_gone) == ([], True)
