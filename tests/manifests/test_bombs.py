"""Files made to hurt: each ends within a second of CPU time and 200 MB, in one line, or in few.

A process of its own reads them one after the other, and says what each cost and how much memory all took.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MIB = 2**20
SECONDS = 2.0
"""Twice what is promised: the machine has other things to do."""
MEMORY = 200 * MIB

LAUGHS = zip("abcdefgh", "bcdefghi", strict=True)
BOMBS = {
    "billion laughs": "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 10)}]\n" for a, b in LAUGHS),
    "merges": "a0: &a0 {x: 1}\n"
    + "".join(f"a{i + 1}: &a{i + 1} {{<<: [*a{i}, *a{i}]}}\n" for i in range(60)),
    "anchors used again": "[" + "&a x," * 200_000 + "]",
    "deep flow": "[" * 5_000_000,
    "deep JSON": '{"a":' * 3_000_000,
    "many values": "[" + "1," * 7_000_000 + "]",
    "many JSON objects": '{"a":[' + '{"a":0},' * 1_900_000 + "{}]}",
    "few JSON objects": '{"a":[' + '{"a":{"a":{}}},' * 190_000 + "{}]}",
    "commas in JSON text": '{"a":"' + "," * 16_000_000 + '"}',
    "many documents": "kind: a\n---\n" * 1_300_000,
    "empty documents": "---\n" * 4_000_000,
    "duplicate keys": "{" + "a: 1," * 3_000_000 + "}",
    "%TAG": "".join(f"%TAG !a{i}! tag:x,2000:\n" for i in range(100_000)),
    "long line": "a: " + "x" * 16 * MIB,
    "long number": "a: " + "1" * 16_000_000,
    "long key": "x" * 16_000_000 + ": 1",
    "documents that use anchors again": "".join(
        f"v: [{'&a x,' * 15_000}]\n---\n" for _ in range(50)
    ),
    "binary": "a: !!binary " + "QUJD" * 4_000_000,
    "50 MB": "#" * 50_000_000,
}  # fmt: skip

READ = """
import json, sys, time
from minikctl.errors import ManifestError
from minikctl.manifests.loader import load_each
list(load_each(["/dev/null"]))
for path in sys.argv[1:]:
    begin = time.process_time()
    found = [str(one) for one in load_each([path]) if isinstance(one, ManifestError)]
    cost = time.process_time() - begin
    print(json.dumps([path, cost, found[:1], max(map(len, found), default=0)]), flush=True)
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by /proc")
def test_ends_within_a_second_and_200_mb(tmp_path: Path) -> None:
    paths = []
    for name, text in BOMBS.items():
        paths.append(tmp_path / name.replace(" ", "-"))
        paths[-1].write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", READ, *map(str, paths)], capture_output=True, text=True, check=True
    )
    *lines, memory = done.stdout.splitlines()
    results = [json.loads(line) for line in lines]
    assert len(results) == len(BOMBS)
    for path, seconds, first, longest in results:
        assert seconds < SECONDS, path
        assert first and "\n" not in first[0] and longest < 400, path
    assert int(memory) * 1024 < MEMORY


# --- small files with much to say about --------------------------------------------------------------

MANY = 20_000


def _numbered(letter: str, count: int = MANY) -> list[str]:
    return [f"{letter}{index}" for index in range(count)]


def _object(kind: str, api_version: str = "v1", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, **fields}


def _pod(*more: dict[str, Any], container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    containers = [{"name": "a", "image": "a", **(container or {})}, *more]
    return _object("Pod", spec={"containers": containers, **spec})


def _custom(schema: Any, value: Any) -> list[dict[str, Any]]:
    """A definition, and an object of its kind."""
    root = {"type": "object", "properties": {"spec": schema}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": root}}
    names = {"kind": "A", "plural": "as", "singular": "a", "listKind": "AList"}
    definition = _object(
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1",
        spec={"group": "example.com", "scope": "Cluster", "names": names, "versions": [version]},
    )
    definition["metadata"]["name"] = "as.example.com"
    return [definition, _object("A", "example.com/v1", spec=value)]


OWNER = {"apiVersion": "v1", "kind": "Pod", "uid": "u", "controller": True}
SPREAD = {"maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}
LONG: dict[str, Any] = {
    "ports": _pod(container={"ports": [{"containerPort": 80}] * MANY}),
    "ports of the machine": _pod(
        container={"ports": [{"containerPort": 80, "hostPort": 1 + index} for index in range(MANY)]}
    ),
    "claims": _pod(
        container={"resources": {"claims": [{"name": one, "request": "r"} for one in _numbered("a")]}}
    ),
    "claims and what they are": _pod(
        container={"resources": {"claims": [{"name": one} for one in _numbered("b", 10_000)]}},
        resourceClaims=[{"name": one, "resourceClaimName": "x"} for one in _numbered("a", 10_000)],
    ),
    "spread constraints": _pod(
        topologySpreadConstraints=[{**SPREAD, "topologyKey": one} for one in _numbered("a")]
    ),
    "unknown fields": _pod(container=dict.fromkeys(_numbered("imag"), 1)),
    "wrong types": _object("ConfigMap", data=dict.fromkeys(_numbered("a"), 1)),
    "containers": _pod(*[{"name": "a"}] * MANY),
    "variables": _pod(container={"env": [{"name": "="}] * MANY}),
    "volumes": _pod(volumes=[{"name": one, "emptyDir": {}} for one in _numbered("a")]),
    "mounts": _pod(
        container={
            "volumeMounts": [{"name": one, "mountPath": one} for one in _numbered("a", 10_000)],
            "volumeDevices": [{"name": one, "devicePath": one} for one in _numbered("a", 10_000)],
        }
    ),
    "owners": _object(
        "ConfigMap",
        metadata={"name": "a", "ownerReferences": [{**OWNER, "name": one} for one in _numbered("a", 5000)]},
    ),
    "scopes": _object("ResourceQuota", spec={"scopes": _numbered("a", 10_000)}),
    "scopes and resources": _object(
        "ResourceQuota",
        spec={
            "hard": dict.fromkeys(_numbered("count/a", 10_000), "1"),
            "scopeSelector": {"matchExpressions": [{"scopeName": "BestEffort"}] * 10_000},
        },
    ),
    "topologies": _object(
        "StorageClass",
        "storage.k8s.io/v1",
        provisioner="p",
        allowedTopologies=[
            {"matchLabelExpressions": [{"key": "k", "values": [one]}]} for one in _numbered("a", 10_000)
        ],
    ),
    "values of a topology": _object(
        "StorageClass",
        "storage.k8s.io/v1",
        provisioner="p",
        allowedTopologies=[{"matchLabelExpressions": [{"key": "k", "values": _numbered("a")}]}],
    ),
    "actions": _object(
        "ValidatingAdmissionPolicyBinding",
        "admissionregistration.k8s.io/v1",
        spec={"policyName": "p", "validationActions": _numbered("a")},
    ),
    "unknown fields of a custom kind": _custom(
        {"type": "object", "properties": {one: {"type": "string"} for one in _numbered("field", 500)}},
        dict.fromkeys(_numbered("feld"), 1),
    ),
    "a pattern that goes back": _custom({"type": "string", "pattern": "^(a+)+$"}, "a" * 40 + "!"),
    "a duration that goes back": _custom({"type": "string", "format": "duration"}, "1a" * 40 + "!"),
}

VALIDATE = """
import contextlib, io, json, sys, time
from minikctl.__main__ import main
with contextlib.redirect_stdout(io.StringIO()):
    main(["validate", sys.argv[1]])
for path in sys.argv[1:]:
    said = io.StringIO()
    begin = time.process_time()
    with contextlib.redirect_stdout(said):
        code = main(["validate", path])
    text = said.getvalue()
    print(json.dumps([path, time.process_time() - begin, code, text.count("\\n"), len(text)]), flush=True)
"""
MOST_LINES, MOST_CHARACTERS = 1001, 1_000_000


def test_validation_takes_a_second_at_most_whatever_there_is_to_say(tmp_path: Path) -> None:
    paths = []
    for name, found in LONG.items():
        objects = found if isinstance(found, list) else [found]
        paths.append(tmp_path / f"{name.replace(' ', '-')}.yaml")
        paths[-1].write_text("\n---\n".join(json.dumps(one, indent=1) for one in objects))
    done = subprocess.run(
        [sys.executable, "-c", VALIDATE, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS * len(paths) * 4,
    )
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(LONG)
    for path, seconds, code, lines, characters in results:
        assert code in (0, 1) and seconds < SECONDS, path
        assert lines <= MOST_LINES and characters < MOST_CHARACTERS, path
