"""`minikctl explain`: what a kind's fields are, in kubectl's form, from the schemas that validation has.

A path goes through lists and maps as if they were not there: `pod.spec.containers.ports`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, NoReturn

import minikctl_schemas
import typer
from minikctl_schemas import KindInfo

from minikctl.cli.options import flag, one_of, value
from minikctl.cli.schema import ApiVersion, aliases, complete_kinds, find_kind, lookup
from minikctl.cli.session import out
from minikctl.errors import UsageError

Schema = dict[str, Any]

# kubectl's second form differs in details only; both words print the first.
_OUTPUTS = ("plaintext", "plaintext-openapiv2")
_SHOWN_VALUES = 4


def explain(
    resource: Annotated[
        list[str] | None,
        typer.Argument(metavar="KIND[.FIELD...]", show_default=False, autocompletion=complete_kinds),
    ] = None,
    recursive: Annotated[
        bool, flag("--recursive", text="The fields of fields too, without their descriptions.")
    ] = False,
    api_version: ApiVersion = "",
    output: Annotated[
        str, value("--output", "-o", metavar="FORMAT", text="plaintext or plaintext-openapiv2.")
    ] = "plaintext",
) -> None:
    """Describe the fields of a kind: `explain deploy.spec.strategy`."""
    one_of("--output", output, _OUTPUTS)
    if not resource:
        raise UsageError(
            "You must specify the type of resource to explain. Use 'minikctl schema' for a list of the kinds."
        )
    if len(resource) > 1:
        raise UsageError("We accept only this format: explain RESOURCE")
    kind, fields = parse(resource[0], api_version)
    out(Explanation(kind).text(fields, recursive=recursive))


def parse(resource: str, api_version: str) -> tuple[KindInfo, list[str]]:
    """The kind and the fields of `deployments.v1.apps.spec.replicas` or `deploy.spec.replicas`.

    :raises UsageError: there is no such kind.
    """
    words = resource.rstrip(".").split(".")
    known = aliases()
    longest = min(len(words), max(name.count(".") for name in known) + 1)
    for count in range(longest, 1, -1):
        if found := lookup(".".join(words[:count]), api_version):
            return found, words[count:]
    return find_kind(words[0], api_version), words[1:]


class Explanation:
    """One kind, explained. The text is what `kubectl explain` would print."""

    def __init__(self, kind: KindInfo) -> None:
        self._kind = kind

    @cached_property
    def _root(self) -> Schema:
        return minikctl_schemas.load(self._kind.api_version, self._kind.kind)

    def text(self, fields: list[str], *, recursive: bool) -> str:
        """:raises UsageError: there is no such field."""
        schema = self._root
        for index, field in enumerate(fields):
            members = self._members(schema)
            if field not in members:
                _unknown_field(fields, index, list(members))
            schema = members[field]
        head = self._head() + (self._field(fields[-1], schema) if fields else "")
        return "".join((head, self._description(schema), self._fields(schema, recursive), "\n"))

    def _head(self) -> str:
        group, _, version = self._kind.api_version.rpartition("/")
        first = f"GROUP:      {group}\n" if group else ""
        return f"{first}KIND:       {self._kind.kind}\nVERSION:    {version}\n\n"

    def _field(self, name: str, schema: Schema) -> str:
        values = _values(schema)
        listed = "ENUM:" + "".join(f"\n    {one}" for one in values) if values else ""
        return f"FIELD: {name} <{self._type(schema)}>\n{listed}\n\n"

    def _description(self, schema: Schema) -> str:
        texts = list(self._texts(schema))
        if not texts:
            return "DESCRIPTION:\n    <empty>\n"
        # kubectl ends each text with a line break, and indents what follows the last one.
        return "DESCRIPTION:\n" + "".join(_wrapped(text, 76, 4) for text in texts) + "    \n"

    def _fields(self, schema: Schema, recursive: bool) -> str:
        lines = "".join(self._listed(schema, 1, recursive, frozenset()))
        return f"FIELDS:\n{lines}" if lines else ""

    def _listed(self, schema: Schema, level: int, recursive: bool, above: frozenset[str]) -> Iterator[str]:
        """One text for each field of `schema`, and with `recursive` for the fields of those.

        :param above: the definitions on the way here: one that holds itself is not opened again.
        """
        inner, names = self._innermost(schema)
        if names & above:
            return
        required = inner.get("required", ())
        for name, member in sorted(inner.get("properties", {}).items()):
            yield self._detail(name, member, level, name in required, short=recursive)
            if recursive:
                yield from self._listed(member, level + 1, recursive, above | names)

    def _detail(self, name: str, schema: Schema, level: int, required: bool, *, short: bool) -> str:
        indent = "  " * level
        line = f"{indent}{name}\t<{self._type(schema)}>{' -required-' if required else ''}\n"
        if values := _values(schema):
            more = ", ...." if len(values) > _SHOWN_VALUES else ""
            line += f"{indent}enum: {', '.join(values[:_SHOWN_VALUES])}{more}\n"
        if short:
            return line
        text = schema.get("description", "<no description>")
        return f"{line}{_wrapped(text, 78 - len(indent), len(indent) + 2)}\n"

    # --- through the schema --------------------------------------------------------------------------

    def _resolved(self, schema: Schema) -> Schema:
        if "$ref" not in schema:
            return schema
        found: Schema = self._root["definitions"][_definition(schema)]
        return found

    def _members(self, schema: Schema) -> dict[str, Schema]:
        members: dict[str, Schema] = self._innermost(schema)[0].get("properties", {})
        return members

    def _innermost(self, schema: Schema) -> tuple[Schema, frozenset[str]]:
        """What lies in the lists and maps, and the definitions that were passed."""
        passed = set()
        while True:
            if "$ref" in schema:
                passed.add(_definition(schema))
            schema = self._resolved(schema)
            below = _below(schema)
            if below is None or "properties" in schema:
                return schema, frozenset(passed)
            schema = below

    def _texts(self, schema: Schema) -> Iterator[str]:
        """The description of the field, then of its type, then of what it holds."""
        resolved = self._resolved(schema)
        told = [one.get("description", "") for one in (schema, resolved)]
        yield from dict.fromkeys(filter(None, told))
        below = _below(resolved)
        if below is not None:
            yield from self._texts(below)

    def _type(self, schema: Schema) -> str:
        """`string`, `[]Container`, `map[string]string`, `Object`."""
        if schema.get("type") != ["string", "array", "null"]:
            if "items" in schema:
                return f"[]{self._type(schema['items'])}"
            if isinstance(schema.get("additionalProperties"), dict):
                return f"map[string]{self._type(schema['additionalProperties'])}"
        types = _types(self._resolved(schema))
        if "$ref" in schema and (len(types) != 1 or types == ["object"]):
            return _definition(schema).rpartition(".")[2]
        return "Object" if not types or types == ["object"] else types[0]


def _definition(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _below(schema: Schema) -> Schema | None:
    below = schema.get("items") or schema.get("additionalProperties")
    return below if isinstance(below, dict) else None


def _types(schema: Schema) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else [name for name in types if name != "null"]


def _values(schema: Schema) -> list[str]:
    """The values that a field may take; the empty string that stands at the end means an absent one.

    The only value of an apiVersion or kind is in the head already.
    """
    found = [one for one in schema.get("enum", ()) if one is not None]
    if found[-1:] == [""]:
        found.pop()
    return [one or '""' for one in found] if len(found) > 1 else []


def _wrapped(text: str, width: int, indent: int) -> str:
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


def _unknown_field(fields: list[str], index: int, known: list[str]) -> NoReturn:
    from difflib import get_close_matches

    wrong = fields[index]
    lowered = {name.lower(): name for name in known}
    near = get_close_matches(wrong.lower(), lowered, n=1, cutoff=0.6)
    right = ".".join((*fields[:index], lowered[near[0]])) if near else ""
    hint = f'; did you mean "{right}"?' if right else ""
    raise UsageError(f'field "{wrong}" does not exist{hint}')
