"""`-o` of the verbs that change things: a line of kubectl's, a name, or the object itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minikctl.cli.session import out
from minikctl.errors import UsageError
from minikctl.model import Object

if TYPE_CHECKING:
    from minikctl.render.printers import Output


def dump_yaml(value: Any) -> str:
    from minikctl.manifests.yaml_writer import dump_yaml as dump

    return dump(value)


def read_text(path: str) -> str:
    """:raises UsageError: the file of an option can't be read."""
    try:
        return Path(path).read_text()
    except OSError as error:
        raise UsageError(f"error reading {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"error reading {path}: it is not UTF-8 text") from None


def parse_output(text: str) -> Output:
    """:raises UsageError: there is no such form."""
    from minikctl.render.printers import Output, parse_output

    return parse_output(text, read_text) if text else Output()


class ResultPrinter:
    """Prints what happened to objects. Give it each result, then call `finish`."""

    def __init__(self, output: str, *, show_managed_fields: bool = False, one_by_one: bool = False) -> None:
        """:param one_by_one: documents one after the other (as most verbs do) instead of one List (apply)."""
        self._text = output
        self._output = parse_output(output)
        if self._output.form == "wide":
            raise UsageError("--output=wide is for get only; allowed formats are json, yaml, name, jsonpath")
        self._show_managed_fields = show_managed_fields
        self._one_by_one = one_by_one
        self._objects: list[Object] = []
        self._separator = ""

    def add(self, obj: Object, verb: str, suffix: str = "", *, as_built: bool = False) -> None:
        """`deployment.apps/web created (dry run)`, or the object in the asked form.

        :param as_built: JSON with the object's own order of keys, as kubectl prints what it put together.
        """
        from minikctl.render.printers import qualified_name

        if self._output.form == "":
            out(f"{qualified_name(obj)} {verb}{suffix}\n")
        elif self._output.form == "name":
            out(f"{qualified_name(obj)}\n")
        elif as_built and self._output.form == "json":
            out(_json_as_built(obj))
        elif self._one_by_one:
            if self._output.form == "yaml":
                out(self._separator)
                self._separator = "---\n"
            self._documents([obj])
        else:
            self._objects.append(obj)

    def finish(self) -> None:
        if self._objects:
            self._documents(self._objects)

    def _documents(self, objects: Sequence[Object]) -> None:
        from minikctl.render.printers import Printing, print_objects, without_managed_fields

        shown = (
            list(objects) if self._show_managed_fields else [without_managed_fields(one) for one in objects]
        )
        document = shown[0] if len(shown) == 1 else _list(shown)
        printing = Printing(self._output, dump_yaml, show_managed_fields=True)
        out(print_objects([document], printing, 0.0, single=True))


def _json_as_built(obj: Object) -> str:
    """As Go's encoding/json writes a structure: the fields in their order, `<>&` escaped."""
    import json

    text = json.dumps(obj, ensure_ascii=False, indent=4)
    escaped = (*map(ord, "<>&\u2028\u2029"), *range(0x7F, 0xA0))
    return text.translate({code: f"\\u{code:04x}" for code in escaped}) + "\n"


def _list(objects: Sequence[Object]) -> Object:
    """kubectl's List of results has empty metadata, unlike that of `get`."""
    return {"apiVersion": "v1", "items": list(objects), "kind": "List", "metadata": {}}
