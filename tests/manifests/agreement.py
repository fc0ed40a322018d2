"""How far the verdicts agree with a real API server's, on the corpus' mutants and updates.

    python tests/manifests/agreement.py [--only KIND] [--show N]

Prints, for each kind, the share of equal verdicts (accepted or rejected), the share of equal sets of field
paths among what both reject, and the disagreements themselves.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from manifest_corpus import rows
from msgspec import Struct

from minikctl.manifests import validate, validate_update


class Outcome(Struct, frozen=True):
    """One verdict beside ours. `fields` are the paths, as the server writes them."""

    source: str
    id: str
    kind: str
    mutation: str
    accepted: bool
    our_acceptance: bool
    fields: frozenset[str]
    our_fields: frozenset[str]
    detail: str

    @property
    def same_verdict(self) -> bool:
        return self.accepted == self.our_acceptance

    @property
    def has_fields(self) -> bool:
        """The server names no field where a value has the wrong type."""
        return not self.accepted and not self.our_acceptance and bool(self.fields)

    @property
    def same_fields(self) -> bool:
        return self.fields == self.our_fields


def mutants() -> Iterator[Outcome]:
    for row in rows("mutants.jsonl"):
        yield _outcome("mutants", row, row["manifest"]["kind"], validate(row["manifest"]))


def updates() -> Iterator[Outcome]:
    for row in rows("updates.jsonl"):
        yield _outcome("updates", row, row["live"]["kind"], validate_update(row["live"], row["new"]))


def _outcome(source: str, row: dict[str, Any], kind: str, problems: list[Any]) -> Outcome:
    return Outcome(
        source=source,
        id=row["id"],
        kind=kind,
        mutation=f"{row['mutation']} at {row['at']}",
        accepted=bool(row["accepted"]),
        our_acceptance=not problems,
        fields=frozenset(path for path, _ in row["fields"]),
        our_fields=frozenset(problem.path for problem in problems),
        detail="; ".join(str(problem) for problem in problems)[:300],
    )


def shares(outcomes: list[Outcome]) -> tuple[float, float]:
    """Of equal verdicts, and of equal field sets; 1.0 where there is nothing to compare."""
    named = [one for one in outcomes if one.has_fields]
    verdicts = sum(one.same_verdict for one in outcomes) / len(outcomes) if outcomes else 1.0
    return verdicts, sum(one.same_fields for one in named) / len(named) if named else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", action="append", help="this kind (may be given several times)")
    parser.add_argument("--show", type=int, default=10, help="disagreements to print for each kind")
    options = parser.parse_args()
    for source in (mutants, updates):
        by_kind: dict[str, list[Outcome]] = defaultdict(list)
        for outcome in source():
            if not options.only or outcome.kind in options.only:
                by_kind[outcome.kind].append(outcome)
        for kind, outcomes in sorted(by_kind.items()):
            _report(f"{source.__name__} {kind}", outcomes, options.show)
        _report(f"{source.__name__} in all", [one for found in by_kind.values() for one in found], 0)


def _report(title: str, outcomes: list[Outcome], shown: int) -> None:
    verdicts, fields = shares(outcomes)
    print(f"{title}: {len(outcomes)}, verdicts {verdicts:.1%}, fields {fields:.1%}")
    wrong = [one for one in outcomes if not one.same_verdict or (one.has_fields and not one.same_fields)]
    for one in wrong[:shown]:
        said = "accepted" if one.accepted else f"rejected {sorted(one.fields)}"
        ours = "accepted" if one.our_acceptance else f"rejected {sorted(one.our_fields)} ({one.detail})"
        print(f"  {one.id} {one.mutation}\n    server {said}\n    ours   {ours}")


if __name__ == "__main__":
    main()
