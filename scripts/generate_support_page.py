"""Write docs/support.md: what becomes of each field of each kind on each backend.

    python scripts/generate_support_page.py [--check]

The page says what `minikctl.manifests.support` and the backends' own tables say, and how many public
manifests run (docs/convergence.json, which tests/simulation/convergence.py measures); where all fields below
one are treated alike, only that one is listed. With --check nothing is written: the exit code is
1 when the page is not current.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import minikctl_schemas

from minikctl import registry
from minikctl.manifests import support
from minikctl.manifests.fidelity import refused_kind, table_of
from minikctl.manifests.rules.problems import show
from minikctl.manifests.support import REFUSED, Support, Table

DOCS = Path(__file__).resolve().parent.parent / "docs"
TARGET = DOCS / "support.md"
FIGURE = DOCS / "convergence.json"
BACKENDS = tuple(registry.BUILT_IN)
LINKS = {
    id(support.OBJECT_META): "[as in every object](#metadata-of-every-object)",
    id(support.TEMPLATE_META): "[metadata of a pod template](#metadata-of-a-pod-template)",
    id(support.POD_SPEC): "[as in a Pod](#pod)",
    id(support.INIT_CONTAINER): "as `spec.containers`; with `restartPolicy: Always` it is a sidecar",
}
"""What several kinds have is listed once."""
INTRODUCTION = """# What becomes of each field

<!-- Written by scripts/generate_support_page.py from the tables that the code reads. Do not edit. -->

No field is silently ignored. For each backend a field is

- **enforced**: it means what it means in Kubernetes;
- **emulated**: its effect can be seen, but something else brings it about;
- **inert**: it is taken, and changes nothing here;
- **rejected**: `validate`, `diff` and `apply` refuse it with its path before anything happens. A value that
  asks for nothing (`false`, `""`, `[]`, `{}`) is taken all the same.

Fields are written as `kubectl explain` writes them: `spec.containers.image` is the image of every container.
`minikctl validate --backend NAME` says the same of a manifest of yours.
"""

CONVERGED = """## How much of what people wrote runs

Of {documents} documents in public repositories (kubernetes/examples, microservices-demo,
argocd-example-apps, kubeconform's fixtures) that a real API server accepts and whose kinds are run,
**{converged} converge** on the simulated engine: each with what it refers to, alone in a cluster, until pods
are ready, Jobs complete and claims bound. {refused} are refused for one of the fields below, {unfinished}
can't run anywhere as it stands, {stuck} get stuck. `tests/simulation/convergence.py` measures it.

| kind | documents | converge |
| --- | --- | --- |
{rows}

Refused are {fields}.
"""

NOT_RUN = """An object of these is rejected as a whole. (Nodes and Events are not declared: minikctl finds or
makes them.)
"""


class Row(NamedTuple):
    field: str
    words: tuple[str, ...]
    """One for each of `BACKENDS`."""
    note: str

    def __str__(self) -> str:
        return f"| `{self.field}` | {' | '.join(self.words)} | {self.note} |"


class Branch(NamedTuple):
    """One place in the tables: the core's entry, and what it is on each of `BACKENDS`."""

    path: str
    core: Support | Table
    joined: tuple[Support | Table, ...]

    def children(self) -> Iterator[Branch]:
        assert not isinstance(self.core, Support)
        for name, entry in self.core.items():
            joined = tuple(table[name] for table in self.joined if not isinstance(table, Support))
            yield Branch(f"{self.path}.{name}".removeprefix("."), entry, joined)


def page() -> str:
    pod, deployment = _tree("Pod"), _tree("Deployment")
    sections = [
        *(_section(kind, _kind_rows(kind)) for kind in support.TABLES),
        _section("Metadata of every object", _rows_below(_at(pod, "metadata"))),
        _section("Metadata of a pod template", _rows_below(_at(deployment, "spec", "template", "metadata"))),
    ]
    return "\n".join([INTRODUCTION, _converged(), *sections, _kinds_not_run()])


def _converged() -> str:
    told = json.loads(FIGURE.read_text(encoding="utf-8"))
    kinds = told.pop("kinds")
    rows = "\n".join(
        f"| {kind} | {counts['documents']} | {counts.get('converged', 0)} |" for kind, counts in kinds.items()
    )
    fields = sorted({one.rpartition(".")[2] for one in told["refused for"]})
    return CONVERGED.format(**told, rows=rows, fields=", ".join(f"`{one}`" for one in fields))


def _section(title: str, rows: list[Row]) -> str:
    head = f"| field | {' | '.join(BACKENDS)} | note |\n| --- |{' --- |' * len(BACKENDS)} --- |"
    return "\n".join([f"## {title}\n", head, *map(str, rows), ""])


# --- the tables as a tree ------------------------------------------------------------------------------


def _tree(kind: str) -> Branch:
    return Branch("", support.TABLES[kind], tuple(table_of(kind, backend) or {} for backend in BACKENDS))


def _at(branch: Branch, *names: str) -> Branch:
    for name in names:
        branch = next(one for one in branch.children() if one.path.rpartition(".")[2] == name)
    return branch


def _kind_rows(kind: str) -> list[Row]:
    """apiVersion and kind say which table it is."""
    parts = [one for one in _tree(kind).children() if one.path not in ("apiVersion", "kind")]
    # A Pod's own spec is the one that the others point to.
    return [row for one in parts for row in (_rows_below(one) if _is_own_spec(kind, one) else _rows(one))]


def _is_own_spec(kind: str, branch: Branch) -> bool:
    return kind == "Pod" and branch.path == "spec"


def _rows(branch: Branch) -> list[Row]:
    link = LINKS.get(id(branch.core))
    if link is not None:
        return [Row(branch.path, ("",) * len(BACKENDS), link)]
    if isinstance(branch.core, Support):
        return [_row(branch.path, branch.core, branch.joined)]
    return _rows_below(branch)


def _rows_below(branch: Branch) -> list[Row]:
    """One row where all below are treated alike."""
    rows = [row for one in branch.children() for row in _rows(one)]
    same = {(row.words, row.note) for row in rows}
    return [rows[0]._replace(field=branch.path)] if len(same) == 1 and len(rows) > 1 else rows


def _row(path: str, core: Support, joined: tuple[Support | Table, ...]) -> Row:
    said = [one for one in joined if isinstance(one, Support)]
    return Row(
        path, tuple(one.handling for one in said), "; ".join(filter(None, (_notes(said), _values(core))))
    )


# --- notes ---------------------------------------------------------------------------------------------


def _notes(said: list[Support]) -> str:
    """What all backends say is said once, the rest with who says it."""
    backends: dict[str, list[str]] = {}
    for backend, one in zip(BACKENDS, said, strict=True):
        backends.setdefault(one.note, []).append(backend)
    if len(backends) == 1:
        return said[0].note
    return "; ".join(f"{', '.join(names)}: {note}" for note, names in backends.items() if note)


def _values(core: Support) -> str:
    """Which values are taken, where not all are."""
    asking = [value for value in core.only or () if not REFUSED.takes(value)]
    shown = [f"`{show(value)}`" for value in asking] + [f"`{prefix}…`" for prefix in core.prefixes]
    if not shown:
        return ""
    return ("except " if core.handling == "rejected" else "only ") + ", ".join(shown)


def _kinds_not_run() -> str:
    lines = ["## Kinds that are validated, and not run\n", NOT_RUN]
    groups: dict[str, list[str]] = {}
    for one in minikctl_schemas.kinds().values():
        if refused_kind({"apiVersion": one.api_version, "kind": one.kind}) is not None:
            groups.setdefault(one.api_version, []).append(one.kind)
    lines += [f"- `{version}`: {', '.join(sorted(names))}" for version, names in sorted(groups.items())]
    return "\n".join([*lines, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description="Write docs/support.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when it is not current")
    text = page()
    if parser.parse_args().check:
        return int(not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
