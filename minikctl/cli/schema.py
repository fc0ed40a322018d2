"""`minikctl schema`: the JSON Schemas of Kubernetes' kinds, for editors and other tools.

All kinds of Kubernetes' own are known here, also those that this version does not run; `find_kind` says which
one a word means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Annotated

import minikctl_schemas
import typer
from minikctl_schemas import KindInfo

from minikctl.cli.options import flag, value
from minikctl.cli.session import out
from minikctl.errors import UsageError

_LEVELS = {"": 0, "beta": 1, "alpha": 2}
_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)\d+)?")


def complete_kinds(incomplete: str) -> list[str]:
    """Plurals of kinds that begin so, for the shell's completion."""
    return sorted(
        {one.plural for one in minikctl_schemas.kinds().values() if one.plural.startswith(incomplete)}
    )


Kind = Annotated[str, typer.Argument(metavar="[KIND]", show_default=False, autocompletion=complete_kinds)]
ApiVersion = Annotated[
    str, value("--api-version", metavar="GROUP/VERSION", text="This version of the kind (default: the best).")
]


def schema(
    kind: Kind = "",
    api_version: ApiVersion = "",
    path: Annotated[
        bool, flag("--path", text="Print the file's path; without KIND the one for all kinds.")
    ] = False,
) -> None:
    """Print the JSON Schema of a kind, or list the kinds that have one.

    For yaml-language-server: # yaml-language-server: $schema=PATH, with the PATH of --path.
    """
    if not kind:
        _without_kind(api_version, path)
        return
    found = find_kind(kind, api_version)
    if path:
        out(f"{minikctl_schemas.path(found.api_version, found.kind)}\n")
        return
    from minikctl.render.gotext import go_json

    out(go_json(minikctl_schemas.load(found.api_version, found.kind), indent=2) + "\n")


def _without_kind(api_version: str, path: bool) -> None:
    if path:
        out(f"{minikctl_schemas.path_of_all()}\n")
        return
    from minikctl.render.columns import Aligner

    kinds = minikctl_schemas.kinds().values()
    rows = [("NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND")]
    rows += [
        (one.plural, ",".join(one.short_names), one.api_version, str(one.namespaced).lower(), one.kind)
        for one in sorted(
            kinds, key=lambda one: (one.api_version if "/" in one.api_version else "", one.kind)
        )
        if api_version in ("", one.api_version)
    ]
    out("".join(f"{line}\n" for line in Aligner().lines(rows)))


# --- which kind a word means -------------------------------------------------------------------------


def find_kind(word: str, api_version: str = "") -> KindInfo:
    """The kind that kubectl would take `word` for: `po`, `Pod`, `deployments.apps`, `deployments.v1.apps`.

    :param api_version: only of this group and version.
    :raises UsageError: there is none.
    """
    return lookup(word, api_version) or _unknown(word, api_version)


def lookup(word: str, api_version: str = "") -> KindInfo | None:
    """As `find_kind`; None where there is none."""
    named = aliases().get(word.lower(), ())
    return next((one for one in named if api_version in ("", one.api_version)), None)


@cache
def aliases() -> dict[str, list[KindInfo]]:
    """All words for kinds → what they may mean, the best first."""
    table: dict[str, list[KindInfo]] = {}
    for one in sorted(minikctl_schemas.kinds().values(), key=_rank):
        for word in _words(one):
            table.setdefault(word, []).append(one)
    return table


def _words(info: KindInfo) -> Iterable[str]:
    group, _, version = info.api_version.rpartition("/")
    for name in dict.fromkeys((info.kind.lower(), info.plural, *info.short_names)):
        yield name
        if group:
            yield f"{name}.{group}"
            yield f"{name}.{version}.{group}"
        else:
            yield f"{name}.{version}"


def _rank(info: KindInfo) -> tuple[bool, int, int, str]:
    """The core group first, stable versions before betas and alphas, then higher before lower."""
    group, _, version = info.api_version.rpartition("/")
    found = _VERSION.fullmatch(version)
    major, level = (int(found[1]), found[2] or "") if found else (0, "alpha")
    return bool(group), _LEVELS[level], -major, info.api_version


def _unknown(word: str, api_version: str) -> KindInfo:
    if known := lookup(word):
        raise UsageError(
            f'couldn\'t find resource for "{api_version}, Resource={known.plural}"; did you mean'
            f" --api-version={known.api_version}?"
        )
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), aliases(), n=1, cutoff=0.75)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f'the server doesn\'t have a resource type "{word}"{hint}')
