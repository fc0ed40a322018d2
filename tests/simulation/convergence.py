"""Which documents of the corpus run: each is applied to the simulated engine and lives for ten minutes.

    cd tests && MINIKCTL_CORPUS=… python -m simulation.convergence [--show] [--write]

Rules:
- Measured are the documents that a real API server accepted, of the kinds that are run at all.
- Each is alone in a cluster of its own, with what it refers to: from its own file, or from its folder. What
  nobody wrote down (a Secret that the reader is told to create) is made up, with the keys that are asked for.
- Its namespace is labelled `privileged`, which is what a namespace without a label is on a server.
- It has converged when it is as a cluster that works would report it; what it is, is said per kind below.
- Otherwise the table must name the field, or the kind that it refers to, which keeps it from running here; or
  it can't run anywhere as it stands (`image: <YOUR-CONTAINER>`). Everything else is a fault of ours.
- Nothing waits: time is virtual, probes are answered by the simulated engine.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from manifests.manifest_corpus import corpus, rows
from msgspec import Struct

from minikctl.backend import Check, Checked, ExecResult
from minikctl.cli.workload_states import STATES
from minikctl.manifests import Document
from minikctl.manifests.fidelity import refused_kind, unhandled
from minikctl.manifests.loader import load_each
from minikctl.model import Object, key_of, namespace_of, spec_of, status_of
from minikctl.model.claims import DEFAULT_CLASS, class_name
from minikctl.model.kinds import KINDS
from minikctl.model.pods import is_ready
from minikctl.model.references import Reference, references

from .world import CrashingBackend, World

FIGURE = Path(__file__).parents[2] / "docs" / "convergence.json"
LIFE_SECONDS = 600.0
STAYS_SECONDS = 60.0
"""So long it must stay so: what is ready for a moment and then crashes has not converged."""
VERDICTS = ("converged", "refused", "unfinished", "stuck")


class Outcome(Struct, frozen=True):
    """What became of one document."""

    file: str
    kind: str
    name: str
    verdict: str
    """`converged`, `refused` (the table names why), `unfinished` (nobody could run it), or `stuck`."""
    why: str = ""


class AnsweringBackend(CrashingBackend):
    """Probes and commands find what the simulated engine makes of them."""

    def probe(self, container_id: str, check: Check, *, timeout: float) -> Checked:
        return self.inner.probe(container_id, check, timeout=timeout)

    def exec_container(self, container_id: str, command: Sequence[str], *, timeout: float) -> ExecResult:
        return self.inner.exec_container(container_id, command, timeout=timeout)


class Cluster(World):
    backend_type = AnsweringBackend


def outcomes() -> Iterator[Outcome]:
    """One for each document that counts."""
    accepted = {
        (row["file"], row["doc"], row["item"] or 0) for row in rows("manifests.jsonl") if row["accepted"]
    }
    read: dict[str, list[tuple[bool, Object]]] = {}
    for file in sorted({file for file, _, _ in accepted}):
        documents = [one for one in load_each([str(corpus() / file)]) if isinstance(one, Document)]
        read[file] = [((file, one.document, one.item or 0) in accepted, one.obj) for one in documents]
    for file, documents in read.items():
        around = [obj for _, obj in documents]
        for other, others in read.items():
            if other != file and other.rpartition("/")[0] == file.rpartition("/")[0]:
                around += [obj for is_accepted, obj in others if is_accepted]
        for is_accepted, obj in documents:
            if is_accepted and _is_run(obj):
                yield _outcome(file, obj, around)


def _is_run(obj: Object) -> bool:
    """Kinds that are only kept have nothing to converge to."""
    return refused_kind(obj) is None and not KINDS[obj["kind"]].inert


def _outcome(file: str, obj: Object, around: Sequence[Object]) -> Outcome:
    verdict, why = _verdict(obj, around)
    name = obj["metadata"].get("name") or obj["metadata"].get("generateName", "")
    return Outcome(file, obj["kind"], name, verdict, why)


def _verdict(obj: Object, around: Sequence[Object]) -> tuple[str, str]:
    needed = list(_needed(obj, around))
    refused = [text for one in (obj, *needed) for text in _refusals(one)]
    if refused:
        return "refused", "; ".join(refused)
    try:
        why = run(obj, needed)
    except Exception as error:  # a bug is an outcome too, and must not hide the others
        why = f"{type(error).__name__}: {error}"
    if "invalid reference format" in why:
        return "unfinished", why
    return ("stuck" if why else "converged"), why


def _refusals(obj: Object) -> list[str]:
    """The fields that keep the object from running, each with its place in the kind."""
    kind = refused_kind(obj)
    if kind is not None:
        return [f"{obj['kind']}"]
    return [f"{obj['kind']}: {_INDEX.sub('', one.path)}" for one in unhandled(obj, "memory")]


_INDEX = re.compile(r"\[\d+\]")


# --- one document ---------------------------------------------------------------------------------------


def run(obj: Object, needed: Sequence[Object] = ()) -> str:
    """Empty when it converged, else how far it came."""
    world = Cluster(1, nodes=1)
    namespace = namespace_of(obj) or "default"
    homes = sorted({namespace, *filter(None, map(namespace_of, needed))})
    world.api.apply([*map(_home, homes), *needed], namespace)
    applied = world.api.apply([obj], namespace) if obj["metadata"].get("name") else None
    made = applied[0].after if applied else world.api.create(obj, namespace)
    key = key_of(made)
    state = _STATES.get(obj["kind"], lambda world, found: "")

    def missing() -> str:
        found = world.api.find(key)
        return state(world, found) if found is not None else "it is gone"

    converged = world.run(LIFE_SECONDS, lambda: not missing())
    if converged and not world.run(STAYS_SECONDS, lambda: bool(missing())):
        return ""
    return f"{missing()}; {_last_words(world)}"


def _home(name: str) -> Object:
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _last_words(world: World) -> str:
    told = [one["message"] for one in world.api.list("Event", None) if one.get("type") == "Warning"]
    return "; ".join(dict.fromkeys(told[-3:]))


def _pod_state(world: World, found: Object) -> str:
    phase = status_of(found).get("phase", "without a phase")
    return "" if is_ready(found) or phase == "Succeeded" else str(phase)


def _deployment_state(world: World, found: Object) -> str:
    wanted, status = spec_of(found).get("replicas", 1), status_of(found)
    ready = status.get("readyReplicas", 0)
    return "" if ready == wanted == status.get("updatedReplicas", 0) else f"{ready} of {wanted} are ready"


def _claim_state(world: World, found: Object) -> str:
    """Bound, or waiting for its first pod as its class says."""
    phase = status_of(found).get("phase", "without a phase")
    waits = "WaitForFirstConsumer" in {one["reason"] for one in world.api.list("Event", None)}
    return "" if phase == "Bound" or (phase == "Pending" and waits) else str(phase)


def _service_state(world: World, found: Object) -> str:
    spec = spec_of(found)
    return "" if spec.get("clusterIP") or spec.get("type") == "ExternalName" else "without an address"


def _workload_state(kind: str) -> Callable[[World, Object], str]:
    def state(world: World, found: Object) -> str:
        told = STATES[kind](found)
        return "" if told.done else told.failure or told.waits_for or "not done"

    return state


_STATES: dict[str, Callable[[World, Object], str]] = {
    **{kind: _workload_state(kind) for kind in STATES},
    "Pod": _pod_state,
    "Deployment": _deployment_state,
    "PersistentVolumeClaim": _claim_state,
    "Service": _service_state,
}
"""What is missing, by kind; a kind that is not here is as declared as soon as it is stored."""


# --- what it refers to ----------------------------------------------------------------------------------


def _needed(obj: Object, around: Sequence[Object]) -> Iterator[Object]:
    """What is found around it, else what can be made up; claims bring their class and their volume."""
    known = {(one["kind"], one["metadata"].get("name")): one for one in around}
    pod = _pod_of(obj)
    spec = spec_of(pod)
    wanted = list(references(pod))
    for kind, field in (("ServiceAccount", "serviceAccountName"), ("PriorityClass", "priorityClassName")):
        if spec.get(field):
            wanted.append(Reference(kind, spec[field]))
    claims = (
        [obj] if obj["kind"] == "PersistentVolumeClaim" else spec_of(obj).get("volumeClaimTemplates") or []
    )
    found = [known.get((one.kind, one.name)) or _made_up(one, pod) for one in wanted]
    made = [{**one, "metadata": {**one["metadata"]}} for one in found if one is not None]
    claims = [*claims, *(one for one in made if one["kind"] == "PersistentVolumeClaim")]
    yield from made
    for claim in claims:
        yield from _storage(claim, around)


def _pod_of(obj: Object) -> Object:
    """The pod that it is, or that it has a template of; without a spec when it has none."""
    template = obj if obj["kind"] == "Pod" else spec_of(obj).get("template") or {}
    return {"metadata": {"name": "x"}, "spec": template.get("spec") or {}}


def _storage(claim: Object, around: Sequence[Object]) -> Iterator[Object]:
    """The claim's class; the volume that it names; for one that takes any, all that lie around."""
    spec = spec_of(claim)
    known = {(one["kind"], one["metadata"].get("name")): one for one in around}
    wanted, name = _class_of(claim), spec.get("volumeName")
    if name:
        yield known.get(("PersistentVolume", name)) or {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "accessModes": spec["accessModes"],
                "capacity": spec["resources"]["requests"],
                "storageClassName": wanted,
                "hostPath": {"path": "/srv/made-up"},
            },
        }
    elif wanted == "" or spec.get("selector"):
        yield from (one for one in around if one["kind"] == "PersistentVolume")
    if wanted not in ("", DEFAULT_CLASS):
        made_up = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": wanted}}
        yield known.get(("StorageClass", wanted)) or {**made_up, "provisioner": "example.com/made-up"}


def _class_of(claim: Object) -> str:
    annotations = claim["metadata"].get("annotations") or {}
    name = class_name(claim)
    return annotations.get("volume.beta.kubernetes.io/storage-class", DEFAULT_CLASS if name is None else name)


def _made_up(reference: Reference, pod: Object) -> Object | None:
    if reference.kind == "PersistentVolumeClaim":
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        return {
            "apiVersion": "v1",
            "kind": reference.kind,
            "metadata": {"name": reference.name},
            "spec": spec,
        }
    if reference.kind in ("ConfigMap", "Secret"):
        data = dict.fromkeys(sorted(_keys(pod, reference)), "made up")
        field = "data" if reference.kind == "ConfigMap" else "stringData"
        return {"apiVersion": "v1", "kind": reference.kind, "metadata": {"name": reference.name}, field: data}
    return None


def _keys(value: Any, reference: Reference) -> Iterator[str]:
    """Every key that the pod asks of that ConfigMap or Secret, wherever it does."""
    if isinstance(value, list):
        for item in value:
            yield from _keys(item, reference)
    elif isinstance(value, dict):
        for field, member in value.items():
            if field in _SOURCES[reference.kind] and isinstance(member, dict):
                yield from _asked(member, reference.name)
            yield from _keys(member, reference)


_SOURCES = {"ConfigMap": ("configMapKeyRef", "configMap"), "Secret": ("secretKeyRef", "secret")}


def _asked(source: dict[str, Any], name: str) -> list[str]:
    if name not in (source.get("name"), source.get("secretName")):
        return []
    return [one["key"] for one in (source, *(source.get("items") or ())) if "key" in one]


# --- telling --------------------------------------------------------------------------------------------


def figure(found: Sequence[Outcome]) -> dict[str, Any]:
    """As it is committed: how many of how many, by kind, and the fields that others were refused for."""
    verdicts = Counter(one.verdict for one in found)
    kinds = {one.kind: Counter(other.verdict for other in found if other.kind == one.kind) for one in found}
    refusals = {part for one in found if one.verdict == "refused" for part in one.why.split("; ")}
    return {
        "documents": len(found),
        **{verdict: verdicts[verdict] for verdict in VERDICTS},
        "kinds": {kind: {"documents": counts.total(), **counts} for kind, counts in sorted(kinds.items())},
        "refused for": sorted(refusals),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--show", action="store_true", help="each document that did not converge")
    parser.add_argument("--write", action="store_true", help=f"the figure, to docs/{FIGURE.name}")
    options = parser.parse_args()
    found = list(outcomes())
    for one in found:
        if options.show and one.verdict != "converged":
            print(f"{one.verdict} {one.file} {one.kind}/{one.name}: {one.why}")
    told = figure(found)
    if options.write:
        FIGURE.write_text(json.dumps(told, indent=2) + "\n")
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
