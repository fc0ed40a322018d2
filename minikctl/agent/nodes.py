"""cluster.yaml: which nodes there are. Without the file there is one, found by itself.

kind's `kind.x-k8s.io/v1alpha4` Cluster file is understood: roles, labels and names become nodes as kind
names them; what has no meaning here is named in a note, never dropped in silence.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from minikctl.controlplane.node import CONTROL_PLANE, NodeConfig
from minikctl.errors import ManifestError, Position, UsageError
from minikctl.store.files import FolderFiles

FILE = "cluster.yaml"
API_VERSION = "minikctl.io/v1alpha1"
KIND_API_VERSION = "kind.x-k8s.io/v1alpha4"
MOST_NODES = 1000
_OWN_FIELDS = ("name", "backend", "endpoint", "role", "labels", "taints", "capacity")
_TAINT = {"key": f"node-role.kubernetes.io/{CONTROL_PLANE}", "effect": "NoSchedule"}


def load_nodes(state_dir: Path, backend: str, endpoint: str) -> tuple[NodeConfig, ...]:
    """The nodes. `backend` and `endpoint` are those of nodes that name none.

    :raises ManifestError: cluster.yaml can't be understood.
    """
    declared = _read(state_dir / FILE)
    if declared is None:
        return (NodeConfig(_own_name(), backend, endpoint),)
    return tuple(
        NodeConfig(
            name=node["name"],
            backend=node.get("backend", backend),
            endpoint=node.get("endpoint", endpoint if node.get("backend", backend) == backend else ""),
            role=node.get("role", ""),
            labels=dict(node.get("labels") or {}),
            taints=tuple(node.get("taints") or ()),
            capacity={name: str(value) for name, value in (node.get("capacity") or {}).items()},
        )
        for node in declared["nodes"]
    )


def declared_backend(state_dir: Path) -> str | None:
    """The backend that cluster.yaml names for all nodes, if it does."""
    declared = _read(state_dir / FILE)
    return None if declared is None else declared.get("backend")


def init_cluster(
    state_dir: Path, *, nodes: int | None = None, config: str | None = None, backend: str | None = None
) -> list[str]:
    """Writes cluster.yaml. Returns notes: what of a kind file has no meaning here.

    :raises UsageError: the number of nodes makes no sense.
    :raises ManifestError: the config can't be understood.
    """
    notes: list[str] = []
    if config is not None:
        declared, notes = _from_config(config)
    else:
        count = 1 if nodes is None else nodes
        if not 1 <= count <= MOST_NODES:
            raise UsageError(f"--nodes must be between 1 and {MOST_NODES}, not {count}")
        declared = {"nodes": [{"name": f"node-{number}"} for number in range(1, count + 1)]}
    whole: dict[str, Any] = {"apiVersion": API_VERSION, "kind": "Cluster"}
    if backend:
        whole["backend"] = backend
    from minikctl.manifests import dump_yaml

    FolderFiles(state_dir.parent).replace(
        {f"{state_dir.name}/{FILE}": dump_yaml({**whole, **declared}, sort_keys=False)}
    )
    return notes


def _own_name() -> str:
    name = socket.gethostname().partition(".")[0].lower()
    return "".join(letter if letter.isalnum() else "-" for letter in name).strip("-") or "node-1"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"cannot read {path}: {error}") from error
    declared, _ = _from_config(text, str(path))
    return declared


def _from_config(text: str, source: str = "config") -> tuple[dict[str, Any], list[str]]:
    from minikctl.manifests.yaml_reader import load

    declared = load(text, source)
    if not isinstance(declared, dict) or declared.get("kind") != "Cluster":
        raise ManifestError("expected a document of kind Cluster", Position(source, 1, 1))
    match declared.get("apiVersion"):
        case str() as version if version == API_VERSION:
            return _own(declared, source), []
        case str() as version if version == KIND_API_VERSION:
            return _of_kind(declared, source)
    raise ManifestError(f"apiVersion must be {API_VERSION} or {KIND_API_VERSION}", Position(source, 1, 1))


def _own(declared: dict[str, Any], source: str) -> dict[str, Any]:
    nodes = declared.get("nodes")
    if not isinstance(nodes, list) or not nodes or not all(isinstance(node, dict) for node in nodes):
        raise ManifestError("nodes must be a list of at least one node", Position(source, 1, 1))
    for field in (name for node in nodes for name in node if name not in _OWN_FIELDS):
        raise ManifestError(f'unknown field "nodes[].{field}"', Position(source, 1, 1))
    names = [node.get("name") for node in nodes]
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        raise ManifestError("every node needs a name of its own", Position(source, 1, 1))
    return declared


def _of_kind(declared: dict[str, Any], source: str) -> tuple[dict[str, Any], list[str]]:
    cluster = declared.get("name", "kind")
    listed = declared.get("nodes") or [{"role": CONTROL_PLANE}]
    workers = any(node.get("role") == "worker" for node in listed)
    counts: dict[str, int] = {}
    nodes, notes = [], [_inert(field) for field in declared if field not in _KIND_FIELDS]
    for node in listed:
        role = node.get("role", CONTROL_PLANE)
        if role not in (CONTROL_PLANE, "worker"):
            raise ManifestError(f'unknown role "{role}"', Position(source, 1, 1))
        counts[role] = counts.get(role, 0) + 1
        number = str(counts[role]) if counts[role] > 1 else ""
        one: dict[str, Any] = {"name": f"{cluster}-{role}{number}"}
        if role == CONTROL_PLANE:  # kind gives its workers no role label: `get nodes` shows <none>
            one["role"] = role
        if node.get("labels"):
            one["labels"] = node["labels"]
        if role == CONTROL_PLANE and workers:
            one["taints"] = [dict(_TAINT)]
        nodes.append(one)
        notes.extend(_inert(f"nodes[].{field}") for field in node if field not in ("role", "labels"))
    return {"nodes": nodes}, list(dict.fromkeys(notes))


_KIND_FIELDS = ("kind", "apiVersion", "name", "nodes")


def _inert(field: str) -> str:
    return f"{field} has no meaning without a cluster and was left out"
