"""The forms of `-o`: json, yaml, name, wide, jsonpath, custom-columns.

Rules:
- One object that was asked for by name is printed alone, anything else as a `kind: List`.
- Documents have their keys sorted and hide `metadata.managedFields` unless they are asked for.
- `-o go-template` is refused: it would need Go's template language whole.
- JSONPath is loaded only where it is asked for: a plain `get` starts without it.
- Files named in an option are read by the caller; the YAML dumper is the caller's too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from minikctl.errors import UsageError
from minikctl.model import Object, name_of
from minikctl.model.kinds import KINDS
from minikctl.render.columns import Aligner
from minikctl.render.escape import escape
from minikctl.render.gotext import go_json, go_print
from minikctl.render.tables import NONE, TableOptions, tables

if TYPE_CHECKING:
    from minikctl.render.jsonpath import Template

FORMATS = (
    "custom-columns",
    "custom-columns-file",
    "json",
    "jsonpath",
    "jsonpath-as-json",
    "jsonpath-file",
    "name",
    "wide",
    "yaml",
)

_PLAIN = ("", "json", "name", "wide", "yaml")


class Output(Struct, frozen=True):
    """A parsed `-o`.

    `form` is json, yaml, name, wide, jsonpath, jsonpath-as-json, custom-columns, or "" for the table;
    `argument` is the template or the columns.
    """

    form: str = ""
    argument: str = ""


class Printing(Struct, frozen=True):
    """How objects are printed, apart from what they are."""

    output: Output
    dump_yaml: Callable[[Any], str]
    table: TableOptions = field(default_factory=TableOptions)
    show_managed_fields: bool = False


def parse_output(text: str, read_file: Callable[[str], str]) -> Output:
    """From the option's text, such as `wide` or `jsonpath={.metadata.name}`.

    :param read_file: called with the path of `jsonpath-file=` and `custom-columns-file=`.
    :raises UsageError: no such form, one that is not supported, or its argument is missing or wrong.
    """
    form, equals, argument = text.partition("=")
    if form.startswith(("go-template", "template")):
        raise UsageError(
            "minikctl has no Go templates (-o go-template); -o jsonpath and -o custom-columns serve most of "
            "their uses"
        )
    if form not in (*FORMATS, "") or (equals and form in _PLAIN):
        raise UsageError(
            f'unable to match a printer suitable for the output format "{text}", allowed formats are: '
            f"{','.join(FORMATS)}"
        )
    if form in _PLAIN:
        return Output(form)
    return _with_argument(form, argument, read_file)


def _with_argument(form: str, argument: str, read_file: Callable[[str], str]) -> Output:
    from minikctl.render import jsonpath

    is_columns = form.startswith("custom-columns")
    if not argument:
        raise UsageError(
            "custom-columns format specified but no custom columns given"
            if is_columns
            else "template format specified but no template given"
        )
    if form == "custom-columns-file":
        argument = _columns_of_file(read_file(argument))
    elif form == "jsonpath-file":
        argument = read_file(argument)
    output = Output(form.removesuffix("-file"), argument)
    if is_columns:
        custom_columns(argument)
    else:
        jsonpath.parse(argument)
    return output


def print_objects(objects: Sequence[Object], printing: Printing, now: float, *, single: bool) -> str:
    """The objects in the asked form; every line is ended, except in jsonpath, where the template decides.

    :param single: the one object was asked for by its name, so it is not wrapped in a List.
    :raises UsageError: a JSONPath does not fit the objects.
    """
    output = printing.output
    match output.form:
        case "json" | "yaml":
            return _document(objects, printing, single=single)
        case "name":
            return "".join(f"{qualified_name(obj)}\n" for obj in objects)
        case "jsonpath" | "jsonpath-as-json":
            return _evaluated(_wrapped(objects, single=single), output)
        case "custom-columns":
            return _custom_table(objects, output.argument, no_headers=printing.table.no_headers)
    options = replace(printing.table, wide=printing.table.wide or output.form == "wide")
    blocks = ((kind, list(group)) for kind, group in groupby(objects, key=lambda obj: str(obj["kind"])))
    return tables(blocks, now, options)


def qualified_name(obj: Object) -> str:
    """`deployment.apps/web`, `pod/web-0`: how kubectl names an object."""
    kind = obj["kind"]
    word = KINDS[kind].qualified if kind in KINDS else kind.lower()
    return escape(f"{word}/{name_of(obj)}")


def as_list(objects: Iterable[Object]) -> Object:
    """The objects as one `kind: List`, as kubectl wraps them."""
    return {"apiVersion": "v1", "items": list(objects), "kind": "List", "metadata": {"resourceVersion": ""}}


def without_managed_fields(obj: Object) -> Object:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": metadata}


def _wrapped(objects: Sequence[Object], *, single: bool) -> Object:
    return objects[0] if single and len(objects) == 1 else as_list(objects)


def _evaluated(document: Object, output: Output) -> str:
    from minikctl.render import jsonpath

    template = jsonpath.parse(output.argument)
    if output.form == "jsonpath":
        return template.render(document)
    found = [value for values in template.results(document) for value in values]
    return go_json(found, indent=4) + "\n"


def _document(objects: Sequence[Object], printing: Printing, *, single: bool) -> str:
    shown = objects if printing.show_managed_fields else [without_managed_fields(obj) for obj in objects]
    document = _sorted(_wrapped(shown, single=single))
    if printing.output.form == "yaml":
        return printing.dump_yaml(document)
    return go_json(document, indent=4) + "\n"


def _sorted(value: Any) -> Any:
    """With all keys sorted, whatever the dumper does about order."""
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in sorted(value.items())}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


# --- custom columns --------------------------------------------------------------------------------


def custom_columns(argument: str) -> list[tuple[str, Template]]:
    """Headers and paths of `HEADER:path,…`.

    :raises UsageError: a part is no column, or its path can't be parsed.
    """
    from minikctl.render import jsonpath

    columns = []
    for part in argument.split(","):
        header, colon, path = part.partition(":")
        if not colon:
            raise UsageError(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
        columns.append((header, jsonpath.relaxed(path)))
    return columns


def _columns_of_file(text: str) -> str:
    """The columns of a `custom-columns-file`: a line of headers, a line of paths."""
    lines = [line.split() for line in text.splitlines()[:2]]
    if len(lines) < 2:
        raise UsageError("a custom-columns file has two lines: the headers, and the paths below them")
    headers, paths = lines
    if len(headers) != len(paths):
        raise UsageError(
            f"number of headers ({len(headers)}) and field specifications ({len(paths)}) don't match"
        )
    return ",".join(f"{header}:{path}" for header, path in zip(headers, paths, strict=True))


def _custom_table(objects: Iterable[Object], argument: str, *, no_headers: bool) -> str:
    columns = custom_columns(argument)
    rows = [[_custom_cell(path, obj) for _, path in columns] for obj in objects]
    if rows and not no_headers:
        rows.insert(0, [escape(header) for header, _ in columns])
    return "".join(f"{line}\n" for line in Aligner().lines(rows))


def _custom_cell(path: Template, obj: Object) -> str:
    found = path.results(obj)
    if not found or not found[0]:
        return NONE
    return escape(",".join(go_print(value) for values in found for value in values))


# --- sorting ---------------------------------------------------------------------------------------


def sort_objects(objects: Iterable[Object], path: str) -> list[Object]:
    """By what the path finds in each, as `--sort-by`: missing first, numbers by size, texts naturally
    (`web-2` before `web-10`); objects with equal values keep their order.

    :raises UsageError: the path can't be parsed or finds something in none of them.
    """
    from minikctl.render import jsonpath

    template = jsonpath.relaxed(path)
    keyed = [(next((one for found in template.results(obj) for one in found), None), obj) for obj in objects]
    if keyed and all(value is None for value, _ in keyed):
        raise UsageError(f"couldn't find any field with path {template.source!r} in the list of objects")
    return [obj for _, obj in sorted(keyed, key=lambda pair: _sort_key(pair[0]))]


_DIGITS = re.compile(r"(\d+)")


def _sort_key(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, 0
    if isinstance(value, (int, float)):
        return 1, value
    parts = _DIGITS.split(go_print(value))
    return 2, [(part, 0) if index % 2 == 0 else ("", int(part)) for index, part in enumerate(parts)]
