"""Secrets on their way in: one form for their values, keys that go, and nothing remembered in the clear."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from api_world import ApiWorld, key

from minikctl.errors import Invalid
from minikctl.model import Object

CLEAR = "hunter2"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
KEY = key("Secret", "db")


def secret(**fields: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "default"},
        **fields,
    }


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


def test_string_data_is_merged_when_it_is_written(world: ApiWorld) -> None:
    (made,) = world.api.apply([secret(data={"a": encoded("1"), "b": "eA=="}, stringData={"a": "2"})])
    assert made.after["data"] == {"a": encoded("2"), "b": "eA=="}
    assert not {"stringData", "status", "generation"} & {*made.after, *made.after["metadata"]}
    (again,) = world.api.apply([secret(data={"a": encoded("1"), "b": "eA=="}, stringData={"a": "2"})])
    assert again.verb == "unchanged"


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_a_key_that_a_manifest_drops_goes(world: ApiWorld, field: str) -> None:
    one = {"data": {"a": encoded("1"), "b": encoded("2")}, "stringData": {"a": "1", "b": "2"}}[field]
    world.api.apply([secret(**{field: one})])
    (changed,) = world.api.apply([secret(**{field: {"a": one["a"]}})])
    assert changed.after["data"] == {"a": encoded("1")}


def test_a_hand_edit_may_use_string_data(world: ApiWorld) -> None:
    world.api.apply([secret(data={"a": encoded("1")})])
    path = "default/secret.db.yaml"
    world.write(path, json.dumps(secret(data={"a": encoded("1")}, stringData={"b": "2"})))
    assert world.api.absorb() == []
    assert world.api.get(KEY)["data"] == {"a": encoded("1"), "b": encoded("2")}
    world.write(path, json.dumps(secret(data={"a": encoded("1")})))
    world.api.absorb()
    assert world.api.get(KEY)["data"] == {"a": encoded("1")}


def test_what_is_remembered_of_a_manifest_holds_no_value(world: ApiWorld) -> None:
    note = {LAST_APPLIED: json.dumps({"stringData": {"a": CLEAR}})}
    manifest = secret(stringData={"a": CLEAR})
    manifest["metadata"]["annotations"] = note
    (made,) = world.api.apply([manifest])
    remembered = world.store.last_applied(KEY)
    assert remembered is not None
    assert remembered["data"] == {"a": "***"}
    for shown in (json.dumps(remembered), json.dumps(made.after)):
        assert CLEAR not in shown
    assert encoded(CLEAR) not in json.dumps(remembered)


def test_what_is_immutable_stays(world: ApiWorld) -> None:
    world.api.apply([secret(stringData={"a": CLEAR}, immutable=True)])
    with pytest.raises(Invalid, match="immutable") as raised:
        world.api.apply([secret(stringData={"a": "other"}, immutable=True)])
    assert CLEAR not in str(raised.value)


def test_a_config_map_that_changes_nothing_but_data_is_changed(world: ApiWorld) -> None:
    metadata = {"name": "web", "namespace": "default"}
    manifest: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}
    world.api.apply([manifest])
    (changed,) = world.api.apply([{**manifest, "data": {"a": "2"}}])
    assert (changed.verb, changed.after["data"]) == ("configured", {"a": "2"})
