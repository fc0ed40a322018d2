"""cluster.yaml: which nodes there are. Without the file there is one, found by itself.

kind's `kind.x-k8s.io/v1alpha4` Cluster file is understood: roles, labels and names become nodes as kind
names them; what has no meaning here is named in a note, never dropped in silence.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minikctl.controlplane.node import CONTROL_PLANE, NodeConfig
from minikctl.errors import ManifestError, UsageError
from minikctl.store.files import FolderFiles

if TYPE_CHECKING:
    from minikctl.agent.cluster_file import ClusterFile

FILE = "cluster.yaml"
API_VERSION = "minikctl.io/v1alpha1"
KIND_API_VERSION = "kind.x-k8s.io/v1alpha4"
MOST_NODES = 1000
_TAINT = {"key": f"node-role.kubernetes.io/{CONTROL_PLANE}", "effect": "NoSchedule"}


def load_nodes(state_dir: Path, backend: str, endpoint: str, own_name: str) -> tuple[NodeConfig, ...]:
    """The nodes. `backend` and `endpoint` are those of nodes that name none; `own_name` is that of the
    only node where cluster.yaml is missing.

    :raises ManifestError: cluster.yaml can't be understood.
    """
    declared = _read(state_dir / FILE)
    if declared is None:
        return (NodeConfig(own_name, backend, endpoint),)
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
    state_dir: Path,
    *,
    nodes: int | None = None,
    config: str | None = None,
    backend: str | None = None,
    force: bool = False,
) -> list[str]:
    """Writes cluster.yaml. Returns notes: what of a kind file has no meaning here.

    :raises UsageError: the number of nodes makes no sense, or the file says something else already and not
        `force`.
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

    text = dump_yaml({**whole, **declared}, sort_keys=False)
    path = state_dir / FILE
    if path.exists() and not force and path.read_bytes() != text.encode():
        raise UsageError(f"{path} is there and says something else: edit it, or write it anew with --force")
    FolderFiles(state_dir.parent).replace({f"{state_dir.name}/{FILE}": text})
    return notes


def machine_name() -> str:
    """The host name as a node name."""
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
    from minikctl.agent.cluster_file import ClusterFile

    file = ClusterFile(text, source)
    match file.fields.get("apiVersion"):
        case str() as version if version == API_VERSION:
            return _own(file), []
        case str() as version if version == KIND_API_VERSION:
            return _of_kind(file)
    file.fail(("apiVersion",), f"apiVersion must be {API_VERSION} or {KIND_API_VERSION}")


def _own(file: ClusterFile) -> dict[str, Any]:
    from minikctl.agent.cluster_file import OWN_NODE

    if not file.fields.get("nodes"):
        file.fail(("nodes",), "nodes must be a list of at least one node")
    file.check("backend", OWN_NODE["backend"])
    file.check_nodes(OWN_NODE)
    seen: set[str] = set()
    for index, node in enumerate(file.fields["nodes"]):
        for field in (name for name in node if name not in OWN_NODE):
            file.fail(("nodes", index, field), f'unknown field "nodes[{index}].{field}"')
        name = node.get("name")
        if name is None or name in seen:
            file.fail(("nodes", index), "every node needs a name of its own")
        seen.add(name)
    return file.fields


def _of_kind(file: ClusterFile) -> tuple[dict[str, Any], list[str]]:
    from minikctl.agent.cluster_file import KIND_NODE, OWN_NODE

    declared = file.fields
    file.check("name", OWN_NODE["name"])
    if declared.get("nodes"):
        file.check_nodes(KIND_NODE)
    cluster = declared.get("name", "kind")
    listed = declared.get("nodes") or [{"role": CONTROL_PLANE}]
    workers = any(node.get("role") == "worker" for node in listed)
    counts: dict[str, int] = {}
    nodes, notes = [], [_inert(field) for field in declared if field not in _KIND_FIELDS]
    for node in listed:
        role = node.get("role", CONTROL_PLANE)
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
