"""How lists and maps of one kind are merged: upstream's `x-kubernetes-patch-*` data as a tree.

A table speaks of one map (an object, or an item of a list) and names only the fields about which there is
something to say. For any other field Kubernetes' defaults hold: a map is merged key by key, a list is
replaced whole (`atomic`), a scalar is replaced.

Tables are built from what `minikctl_schemas.merge_keys(kind)` answers; this room takes it as an argument and
knows only its form (`PatchRule`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct, field


class PatchRule(Protocol):
    """What upstream says about patching one field: `("merge", "retainKeys")` and `name`, say."""

    @property
    def patch_strategy(self) -> tuple[str, ...]: ...

    @property
    def patch_merge_key(self) -> str | None: ...


class MergeTable(Struct, frozen=True):
    """The rules of one map's fields."""

    fields: Mapping[str, FieldRule] = field(default_factory=dict)

    def rule(self, name: str) -> FieldRule:
        """The rule of a field; the default one where nothing is said about it."""
        return self.fields.get(name, DEFAULT_RULE)

    @classmethod
    def from_rules(cls, rules: Mapping[str, PatchRule]) -> MergeTable:
        """From rules by dotted path (`spec.template.spec.containers.ports`; list items are left out)."""
        own: dict[str, PatchRule] = {}
        nested: dict[str, dict[str, PatchRule]] = {}
        for path, rule in rules.items():
            name, _, rest = path.partition(".")
            if rest:
                nested.setdefault(name, {})[rest] = rule
            else:
                own[name] = rule
        children = {name: cls.from_rules(inner) for name, inner in nested.items()}
        names = dict.fromkeys((*own, *children))
        return cls({name: FieldRule.of(own.get(name), children.get(name)) for name in names})


class FieldRule(Struct, frozen=True):
    """How one field is merged.

    `merge`: a list is merged, by `key` (items are maps) or as a set (items are scalars).
    `replace`: a map is replaced whole instead of merged.
    `retain_keys`: whoever writes the map (or an item of the list) names all its keys; others are cleared.
    `child`: the rules inside: of the map's fields, or of the fields of each item.
    """

    merge: bool = False
    replace: bool = False
    retain_keys: bool = False
    key: str = ""
    child: MergeTable = field(default_factory=MergeTable)

    @classmethod
    def of(cls, rule: PatchRule | None, child: MergeTable | None) -> FieldRule:
        """From upstream's rule of the field and the table of what is inside; None: nothing is said."""
        strategies = rule.patch_strategy if rule else ()
        return cls(
            merge="merge" in strategies,
            replace="replace" in strategies,
            retain_keys="retainKeys" in strategies,
            key=(rule.patch_merge_key if rule else None) or "",
            child=child or MergeTable(),
        )

    @property
    def keyed(self) -> bool:
        """Whether the items are maps that are told apart by `key`."""
        return self.merge and bool(self.key)


DEFAULT_RULE = FieldRule()
