"""What cluster.yaml may say: its shape, checked field by field, with the place of what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

from minikctl.errors import ManifestError, Position
from minikctl.manifests.paths import Path
from minikctl.manifests.yaml_reader import Parsed, read
from minikctl.model.quantity import parse_quantity

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LONGEST_NAME = 253
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_RESOURCES = ("cpu", "memory", "pods")


class Rule(NamedTuple):
    """What a field must be, as a test and in words."""

    holds: Callable[[Any], bool]
    words: str


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_NAME and bool(_NAME.fullmatch(value))


def _is_texts(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(one, str) for one in value.values()))


def _is_taint(value: Any) -> bool:
    known = isinstance(value, dict) and value.keys() <= {"key", "value", "effect"} and _is_texts(value)
    return known and bool(value.get("key")) and value.get("effect") in _EFFECTS


def _is_taints(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(map(_is_taint, value)))


def _is_quantity(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and parse_quantity(value) >= 0
    except ValueError:
        return False


def _is_capacity(value: Any) -> bool:
    known = isinstance(value, dict) and value.keys() <= set(_RESOURCES)
    return value is None or (known and all(map(_is_quantity, value.values())))


OWN_NODE: Mapping[str, Rule] = {
    "name": Rule(_is_name, "must be a name of lower-case letters, digits, '-' and '.'"),
    "backend": Rule(_is_text, "must be a backend's name"),
    "endpoint": Rule(_is_text, "must be an address"),
    "role": Rule(_is_text, "must be a word"),
    "labels": Rule(_is_texts, "must map names to texts"),
    "taints": Rule(_is_taints, f"must be a list of key, value and effect ({', '.join(_EFFECTS)})"),
    "capacity": Rule(_is_capacity, f"must map {', '.join(_RESOURCES)} to quantities"),
}
KIND_NODE: Mapping[str, Rule] = {
    "role": Rule(lambda value: value in ("control-plane", "worker"), "must be control-plane or worker"),
    "labels": OWN_NODE["labels"],
}


class ClusterFile:
    """The one document of a file, of kind Cluster. `fail` names the place of a path.

    :raises ManifestError: it can't be read, or is of another kind.
    """

    def __init__(self, text: str, source: str) -> None:
        self._source = source
        documents = read(text, source)
        self._parsed = documents[0] if documents else Parsed(None, lambda path: (1, 1))
        if len(documents) > 1:
            raise ManifestError(
                f"expected one document, found {len(documents)}", Position(source, *documents[1].locate(()))
            )
        if not isinstance(self._parsed.value, dict) or self._parsed.value.get("kind") != "Cluster":
            self.fail((), "expected a document of kind Cluster")
        self.fields: dict[str, Any] = self._parsed.value

    def fail(self, path: Path, message: str) -> NoReturn:
        raise ManifestError(message, Position(self._source, *self._parsed.locate(path)))

    def check(self, field: str, rule: Rule) -> None:
        if field in self.fields and not rule.holds(self.fields[field]):
            self.fail((field,), f"{field} {rule.words}")

    def check_nodes(self, rules: Mapping[str, Rule]) -> None:
        """Each node is a mapping whose fields are as the rules say; fields without a rule are let through."""
        nodes = self.fields["nodes"]
        if not isinstance(nodes, list):
            self.fail(("nodes",), "nodes must be a list")
        for index, node in enumerate(nodes):
            if not isinstance(node, dict):
                self.fail(("nodes", index), f"nodes[{index}] must be a mapping")
            for field, rule in rules.items():
                if field in node and not rule.holds(node[field]):
                    self.fail(("nodes", index, field), f"nodes[{index}].{field} {rule.words}")
