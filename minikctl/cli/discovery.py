"""What minikctl is and serves: api-resources, version, completion."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from minikctl import __version__
from minikctl.cli import options
from minikctl.cli.options import comma_separated, flag, value
from minikctl.cli.session import open_session, out
from minikctl.errors import UsageError
from minikctl.model.kinds import KINDS, Kind

_SHELLS = ("bash", "zsh", "fish")


def api_resources(
    context: typer.Context,
    output: Annotated[str, value("--output", "-o", metavar="wide|name", text="wide or name.")] = "",
    namespaced: Annotated[
        bool | None, flag("--namespaced", text="Only those in namespaces; =false the others.")
    ] = None,
    api_group: Annotated[str | None, value("--api-group", metavar="GROUP", text="Only this group.")] = None,
    verbs: Annotated[list[str] | None, value("--verbs", text="Only those that know all of these.")] = None,
    categories: Annotated[list[str] | None, value("--categories", text="Only those in all of these.")] = None,
    sort_by: Annotated[str, value("--sort-by", metavar="name|kind", text="Instead of by group.")] = "",
    no_headers: options.NoHeaders = False,
) -> None:
    """Print the kinds that are served."""
    if output not in ("", "wide", "name"):
        raise UsageError(f"--output {output} is not available: wide or name")
    if sort_by not in ("", "name", "kind"):
        raise UsageError("--sort-by accepts only name or kind")
    kinds = [
        kind
        for kind in KINDS.values()
        if (namespaced is None or kind.namespaced is namespaced)
        and (api_group is None or kind.group == api_group)
        and set(comma_separated(verbs)) <= set(kind.verbs)
        and set(comma_separated(categories)) <= set(_categories(kind))
    ]
    orders = {"name": lambda kind: kind.plural, "kind": lambda kind: kind.name}
    kinds.sort(key=orders.get(sort_by, lambda kind: f"{kind.group}/{kind.plural}"))
    if output == "name":
        out("".join(f"{kind.resource}\n" for kind in kinds))
    else:
        out(_table(kinds, wide=output == "wide", no_headers=no_headers))


def _categories(kind: Kind) -> list[str]:
    return ["all"] if kind.in_all else []


def _table(kinds: list[Kind], *, wide: bool, no_headers: bool) -> str:
    from minikctl.render.columns import Aligner

    rows = [
        (
            kind.plural,
            ",".join(kind.short_names),
            kind.api_version,
            str(kind.namespaced).lower(),
            kind.name,
            ",".join(kind.verbs),
            ",".join(_categories(kind)),
        )
        for kind in kinds
    ]
    if not no_headers:
        rows.insert(0, ("NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND", "VERBS", "CATEGORIES"))
    shown = rows if wide else [row[:5] for row in rows]
    return "".join(f"{line}\n" for line in Aligner().lines(shown))


def version(
    context: typer.Context,
    output: Annotated[str, value("--output", "-o", metavar="json|yaml", text="json or yaml.")] = "",
    client: Annotated[bool, flag("--client", text="Without asking the backend.")] = False,
) -> None:
    """Print the version of minikctl and of its backend. A bare `minikctl version` asks nobody."""
    if output not in ("", "json", "yaml"):
        raise UsageError("--output must be 'yaml' or 'json'")
    facts: dict[str, Any] = {"clientVersion": {"gitVersion": f"v{__version__}"}}
    if not client:
        facts["backend"] = _backend_facts(context)
    if output:
        out(_document(facts, output))
        return
    out(f"minikctl v{__version__}\n")
    if not client:
        backend = facts["backend"]
        out(f"Backend: {backend['name']} {backend['version']} (API {backend['apiVersion']})\n")


def _backend_facts(context: typer.Context) -> dict[str, str]:
    with open_session(context) as session:
        session.cluster.check_engines()
        name, backend = next(iter(session.cluster.backends.items()))
        info = backend.info()
        return {
            "apiVersion": info.api_version,
            "endpoint": backend.endpoint,
            "name": name,
            "os": info.os_image,
            "version": info.version,
        }


def _document(facts: dict[str, Any], form: str) -> str:
    if form == "yaml":
        from minikctl.cli.printing import dump_yaml

        return dump_yaml(facts)
    from minikctl.render.gotext import go_json

    return go_json(facts, indent=2) + "\n"


def completion(
    shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish", show_default=False)],
) -> None:
    """Print completion code: `source <(minikctl completion bash)`."""
    if shell not in _SHELLS:
        raise UsageError(f'unsupported shell type "{shell}": there are {", ".join(_SHELLS)}')
    from typer._completion_classes import completion_init
    from typer.completion import shell_complete

    from minikctl.cli.app import COMPLETION_VARIABLE, root

    completion_init()
    shell_complete(root(), {}, "minikctl", COMPLETION_VARIABLE, f"source_{shell}")
