"""How a field is handled: the words of the tables in `support`, and the metadata of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

from msgspec import Struct
from msgspec.structs import replace

from minikctl.backend.fidelity import Fidelity

_NOTHING: tuple[Any, ...] = (False, "", [], {})
ENGINE_WORD = "engine"


class Support(Struct, frozen=True):
    """How a field is handled. Where `only` is given, all other values are refused, except for text that
    begins with one of `prefixes`."""

    handling: str
    """enforced, emulated, inert, rejected or engine. What is rejected may still take values (`only`) that ask
    for nothing but what is so anyway."""
    note: str = ""
    """Why or how, in one short line, where that is not plain."""
    only: tuple[Any, ...] | None = None
    prefixes: tuple[str, ...] = ()
    unremarkable: tuple[Any, ...] | None = None
    """Of an inert field that people may rely on: the values that nobody needs to be told about. None: nobody
    relies on the field."""
    why_refused: str = "this version does not run it yet: it would have to be ignored"

    def takes(self, value: Any) -> bool:
        return self.only is None or self._is_one_of(self.only, value)

    def is_worth_a_word(self, value: Any) -> bool:
        """Whether somebody who wrote this value may expect something that will not happen."""
        return self.unremarkable is not None and not self._is_one_of(self.unremarkable, value)

    def _is_one_of(self, values: tuple[Any, ...], value: Any) -> bool:
        if self.prefixes and isinstance(value, str) and value.startswith(self.prefixes):
            return True
        # The types are compared too: `0 == False`, but `fsGroup: 0` asks for something.
        return any(value == one and type(value) is type(one) for one in values)

    def on(self, backend: str, told: Fidelity) -> Support:
        """With what a backend says of it. What it rejects may still be empty."""
        if told.handling != "rejected":
            return replace(self, handling=told.handling, note=told.note)
        why = f"the {backend} backend does not do it" + (f": {told.note}" if told.note else "")
        return replace(self, handling="rejected", note=told.note, only=_NOTHING, why_refused=why)


Table = Mapping[str, Union[Support, "Table"]]

ENFORCED = Support("enforced")
REFUSED = Support("rejected", only=_NOTHING)
ENGINE = Support(ENGINE_WORD)


def enforced(note: str, *values: Any) -> Support:
    """Enforced in a way that needs a word, where `values` are given for these only."""
    return Support("enforced", note, only=values or None)


def inert(note: str, *values: Any) -> Support:
    """The field means nothing here; where `values` are given, only they are taken."""
    return Support("inert", note, only=values or None)


def inert_but_relied_on(note: str, *unremarkable: Any) -> Support:
    """Who writes it may rely on it, and is told, except for these values."""
    return Support("inert", note, unremarkable=unremarkable)


def refused_except(*values: Any, note: str = "") -> Support:
    """The field is not handled, but these values of it ask for nothing that is not so anyway."""
    return Support("rejected", note, only=values)


_SERVERS = inert("set by the API server, as in Kubernetes")

OBJECT_META: Table = {
    "annotations": ENFORCED,
    "creationTimestamp": _SERVERS,
    "deletionGracePeriodSeconds": _SERVERS,
    "deletionTimestamp": _SERVERS,
    "finalizers": REFUSED,
    "generateName": enforced("by `create`; `apply` needs a name, as in kubectl"),
    "generation": _SERVERS,
    "labels": ENFORCED,
    "managedFields": inert("nobody's ownership of fields is tracked"),
    "name": ENFORCED,
    "namespace": ENFORCED,
    "ownerReferences": enforced(
        "when the object is created; what a later manifest says of it is not taken over"
    ),
    "resourceVersion": inert("a write is based on the newest revision, whatever the manifest says"),
    "selfLink": _SERVERS,
    "uid": _SERVERS,
}


def declared(spec: Table | Support) -> Table:
    """The table of a kind whose objects have a spec and a status."""
    return {
        **plain({"spec": spec}),
        "status": inert("what somebody wrote is dropped, as in every API server"),
    }


def plain(fields: Table) -> Table:
    """The table of a kind with fields of its own beside its metadata."""
    return {"apiVersion": ENFORCED, "kind": ENFORCED, "metadata": OBJECT_META, **fields}
