"""The table of rules: `ID  WHEN  WHAT MUST HOLD  KINDS`, or the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec import Struct

from minikctl.render.columns import Aligner


class RuleLine(Struct, frozen=True):
    """One rule for people. No `kinds` means every kind; `when` is `create` or `update`."""

    id: str
    about: str
    kinds: tuple[str, ...]
    when: str


def table(rules: Sequence[RuleLine]) -> str:
    rows = [("ID", "WHEN", "WHAT MUST HOLD", "KINDS")]
    rows += [(one.id, one.when, one.about, ",".join(one.kinds) or "*") for one in rules]
    return "".join(f"{line}\n" for line in Aligner().lines(rows))


def as_json(rules: Sequence[RuleLine]) -> str:
    found = [
        {"id": one.id, "kinds": list(one.kinds) or ["*"], "when": one.when, "about": one.about}
        for one in rules
    ]
    return json.dumps(found, indent=2) + "\n"
