"""CustomResourceDefinitions: names that follow from the kind."""

from __future__ import annotations

from minikctl.model import copy
from minikctl.model.defaults.compaction import Fields, types_of


def _default_definition(obj: Fields) -> None:
    spec = obj.get("spec", {})
    names = spec.setdefault("names", {})
    if kind := names.get("kind"):
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
    conversion = spec.setdefault("conversion", {"strategy": "None"})
    service = conversion.get("webhook", {}).get("clientConfig", {}).get("service")
    if service is not None:
        service.setdefault("port", 443)
    for version in spec.get("versions", ()):
        if "schema" in version:
            version["schema"] = copy(version["schema"])


# A schema stays as it was written: a zero or an empty text in it is a limit or a default.
TYPES = {
    "CustomResourceDefinition": types_of(pointers=("deprecationWarning", "url"), maps=("schema",)),
}
DEFAULTS = {"CustomResourceDefinition": _default_definition}
