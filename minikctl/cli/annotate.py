"""`minikctl annotate`: annotations set, changed and removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minikctl.cli.marks import Changes, Verb, command_of
from minikctl.errors import UsageError


def parse(pairs: Sequence[str]) -> Changes:
    """:raises UsageError: an annotation is both set and removed."""
    new = {key: content for key, equals, content in (one.partition("=") for one in pairs) if equals}
    removed = [pair[:-1] for pair in pairs if "=" not in pair]
    both = [key for key in removed if key in new]
    if both:
        raise UsageError(
            "can not both modify and remove the following annotation(s) in the same command: "
            + ", ".join(both)
        )
    return Changes(new, removed)


def message(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    return "annotated"


def conflict(taken: Sequence[tuple[str, str]]) -> str:
    return "--overwrite is false but found the following declared annotation(s): " + "; ".join(
        f"'{key}' already has a value ({content})" for key, content in taken
    )


VERB = Verb("annotate", "annotations", "annotation", parse, message, conflict, is_recursive=True)

annotate = command_of(
    VERB, "Update the annotations of objects: `annotate deploy/web owner='the web team'`, `… owner-`."
)
