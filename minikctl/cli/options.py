"""The flags that several verbs share, as kubectl spells them. `Annotated` aliases for parameters of verbs."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from minikctl.errors import UsageError


def flag(*names: str, text: str) -> Any:
    """A boolean flag without typer's `--no-…` twin; `--name=false` turns it off."""
    return typer.Option(*names, help=text, show_default=False)


def value(*names: str, text: str, metavar: str = "TEXT", parser: Any = None) -> Any:
    return typer.Option(*names, help=text, metavar=metavar, parser=parser, show_default=False)


# --- Go's durations --------------------------------------------------------------------------------

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def seconds(text: str | float) -> float:
    """Seconds of a Go duration (`5m`, `1h30m`, `300ms`, `0`). A number (a default) is seconds already.

    :raises UsageError: it is none.
    """
    if not isinstance(text, str):
        return text
    sign, body = (-1.0, text[1:]) if text.startswith("-") else (1.0, text.removeprefix("+"))
    if body == "0":
        return 0.0
    parts = _PART.findall(body)
    if not parts or "".join(number + unit for number, unit in parts) != body:
        raise UsageError(f'invalid duration "{text}": write it as 30s, 5m or 1h30m')
    return sign * sum(float(number) * _UNITS[unit] for number, unit in parts)


def comma_separated(texts: list[str] | None) -> list[str]:
    """Values of a flag that may be given several times, or once with commas (pflag's StringSlice)."""
    return [part for text in texts or () for part in text.split(",") if part]


def only_name(names: list[str] | None) -> str:
    """:raises UsageError: there is not exactly one."""
    if names is None or len(names) != 1:
        raise UsageError(f"exactly one NAME is required, got {len(names or ())}")
    return names[0]


def one_of(flag_name: str, text: str, words: tuple[str, ...]) -> str:
    """:raises UsageError: the flag's value is none of these."""
    if text not in words:
        raise UsageError(
            f'invalid {flag_name} value "{text}": must be {", ".join(words[:-1])} or {words[-1]}'
        )
    return text


DRY_RUN = ("none", "client", "server")


def dry_run_suffix(text: str) -> str:
    """What kubectl writes after a line: "", ` (dry run)` or ` (server dry run)`. Dry where not empty."""
    word = one_of("--dry-run", text, DRY_RUN)
    return {"none": "", "client": " (dry run)", "server": " (server dry run)"}[word]


# --- the flags -------------------------------------------------------------------------------------

Names = Annotated[list[str] | None, typer.Argument(metavar="[TYPE NAME | TYPE/NAME]...", show_default=False)]
Files = Annotated[
    list[str] | None,
    value("--filename", "-f", metavar="FILE", text="A file or folder, or - for standard input."),
]
Kustomize = Annotated[
    str, value("--kustomize", "-k", metavar="DIR", text="What kustomize makes of a folder.")
]
Recursive = Annotated[bool, flag("--recursive", "-R", text="Folders given with -f with all below them.")]
Selector = Annotated[
    str, value("--selector", "-l", metavar="SELECTOR", text="Labels, such as app=web,tier!=db.")
]
FieldSelector = Annotated[
    str, value("--field-selector", metavar="SELECTOR", text="Such as status.phase=Running.")
]
AllNamespaces = Annotated[bool, flag("--all-namespaces", "-A", text="In all namespaces.")]
OutputFormat = Annotated[
    str,
    value("--output", "-o", metavar="FORMAT", text="json, yaml, name, wide, jsonpath=…, custom-columns=…"),
]
ShowManagedFields = Annotated[
    bool, flag("--show-managed-fields", text="Keep managedFields in json and yaml.")
]
DryRun = Annotated[
    str, value("--dry-run", metavar="none|client|server", text="Only print what would be done; default none.")
]
Wait = Annotated[
    bool, flag("--wait", text="Wait until it is done (default true); --wait=false only records it.")
]
Timeout = Annotated[
    float, value("--timeout", metavar="DURATION", parser=seconds, text="How long to wait at most.")
]
IgnoreNotFound = Annotated[bool, flag("--ignore-not-found", text="What is not there is no error.")]
NoHeaders = Annotated[bool, flag("--no-headers", text="Without the line of headers.")]
