"""`minikctl label`: labels set, changed and removed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from minikctl.cli.marks import Changes, Verb, command_of
from minikctl.errors import UsageError

_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LONGEST = 63
_FORM = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must"
    " start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used"
    " for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def parse(pairs: Sequence[str]) -> Changes:
    """:raises UsageError: one of them is no label, or is both set and removed."""
    new: dict[str, str] = {}
    removed: list[str] = []
    for pair in pairs:
        if "=" in pair:
            key, _, content = pair.partition("=")
            if "=" in content:
                raise UsageError(f"invalid label spec: {pair}")
            if why := _problem(content):
                raise UsageError(f'invalid label value: "{pair}": {why}')
            new[key] = content
        else:
            removed.append(pair[:-1])
    if new.keys() & set(removed):
        raise UsageError("can not both modify and remove a label in the same command")
    return Changes(new, removed)


def _problem(content: str) -> str:
    problems = []
    if len(content.encode()) > _LONGEST:
        problems.append(f"must be no more than {_LONGEST} bytes")
    if not _VALUE.fullmatch(content):
        problems.append(_FORM)
    return "; ".join(problems)


def message(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    has_set = any(before.get(key) != content for key, content in after.items())
    has_removed = any(key not in after for key in before)
    if has_set:
        return "modified" if has_removed else "labeled"
    return "unlabeled" if has_removed else "not labeled"


def conflict(taken: Sequence[tuple[str, str]]) -> str:
    return "\n".join(
        f"'{key}' already has a value ({content}), and --overwrite is false" for key, content in taken
    )


VERB = Verb("label", "labels", "label", parse, message, conflict, tells_missing=True)

label = command_of(
    VERB, "Update the labels of objects: `label pod web-0 tier=front`, `label deploy --all tier-`."
)
