"""Typer's classes bent to kubectl's manners, and the global flags.

Rules:
- Flags are read as Go's pflag reads them: `--wait=false`, `-w=false`, `-n=web` and a bare `--dry-run` work.
- The global flags are taken before and after the verb; the one nearest to the verb's arguments wins.
- A group lists its commands from a table and imports a command only to run it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import typer
from msgspec import Struct
from typer.core import TyperCommand, TyperGroup, TyperOption

from minikctl.errors import UsageError

CONTEXT_SETTINGS = {"help_option_names": ["--help", "-h"], "max_content_width": 110}
_SHORT_WITH_EQUALS = re.compile(r"-([A-Za-z])=(.*)", re.DOTALL)
_AFTER_DASHES = "minikctl.after_dashes"
_SINGLE_DASH = re.compile(r"-([a-z]+(?:-[a-z]+)+|[a-z]{3,})(?:=.*)?", re.DOTALL)
_KUBECONFORMS = {
    "--cache": "there is nothing to be cached, all schemas are here",
    "--exit-on-error": "all problems are told at once",
    "--insecure-skip-tls-verify": "nothing is fetched",
    "--kubernetes-version": "manifests are checked as Kubernetes 1.36 does",
    "--reject": "--ignore-filename-pattern leaves files out",
    "--schema-location": "--crd FILE describes custom resources",
    "--skip": "--ignore-missing-schemas skips custom resources that no CRD describes",
}
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")

# Options whose value may be left out: what they then mean, and the values that may follow without `=`.
_OPTIONAL_VALUES = {
    "--dry-run": ("unchanged", ("none", "client", "server")),
    "--cascade": ("background", ("background", "foreground", "orphan")),
}


class Entry(Struct, frozen=True):
    """A command in a group's table: where its function (or its own table) is, and its one line of help."""

    module: str
    attribute: str
    help: str


# --- the global flags ----------------------------------------------------------------------------


class Flags:
    """What the global flags say, gathered while the command line is read. The root context's `obj`."""

    def __init__(self) -> None:
        self.namespace: str | None = None
        self.state_dir: str | None = None
        self.backend: str | None = None


def flags_of(context: typer.Context) -> Flags:
    root = context.find_root()
    if not isinstance(root.obj, Flags):
        root.obj = Flags()
    return root.obj


def _store(context: typer.Context, param: Any, value: str | None) -> None:
    if value is not None:
        setattr(flags_of(context), param.name, value)


def _global_options() -> list[TyperOption]:
    texts = {
        ("--namespace", "-n"): ("NAME", "The namespace of this request (default: default)."),
        ("--state-dir",): ("DIR", "Where the cluster's state is [env: MINIKCTL_STATE_DIR]."),
        ("--backend",): ("NAME", "docker, podman, memory or a plug-in [env: MINIKCTL_BACKEND]."),
    }
    return [
        TyperOption(
            param_decls=list(names), type=str, metavar=metavar, help=text, expose_value=False, callback=_store
        )
        for names, (metavar, text) in texts.items()
    ]


# --- commands ------------------------------------------------------------------------------------


class Command(TyperCommand):
    """A verb. Reads its arguments as kubectl does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = {name for one in self.params for name in one.opts}
        # A verb may have one of them as a flag of its own, with a meaning of its own.
        self.params.extend(one for one in _global_options() if one.opts[0] not in own)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--" in args:
            ctx.meta[_AFTER_DASHES] = len(args) - args.index("--") - 1
        _refuse_single_dashes(args, self.params)
        tokens, falses = _normalize(args, self.params)
        rest = super().parse_args(ctx, tokens)
        ctx.params.update(dict.fromkeys(falses, False))
        return rest


def split_at_dashes(context: typer.Context, words: list[str]) -> tuple[list[str], list[str]]:
    """The arguments before `--` and those after it, of a command that takes both."""
    count = context.meta.get(_AFTER_DASHES, 0)
    return words[: len(words) - count], words[len(words) - count :]


class Group(TyperGroup):
    """A family of verbs (`rollout`, `create`, …), or all of them."""

    entries: Mapping[str, Entry] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_global_options())

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        tokens, falses = _normalize(args, self.params, stop_at_words=True)
        rest = super().parse_args(ctx, tokens)
        ctx.params.update(dict.fromkeys(falses, False))
        return rest

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        target = getattr(import_module(entry.module), entry.attribute)
        if isinstance(target, dict):
            return group(cmd_name, entry.help, target)
        return target(cmd_name) if getattr(target, "makes_command", False) else command(target, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        found = self.get_command(ctx, name)
        if found is None:
            raise UsageError(_unknown_command(name, ctx.command_path, self.entries))
        return name, found, args[1:]


def command(function: Callable[..., Any], name: str) -> Any:
    """The command whose flags are the function's parameters."""
    app = _app(Group)
    app.command(name, cls=Command, context_settings=CONTEXT_SETTINGS)(function)
    return typer.main.get_command(app)


def group(
    name: str, text: str, entries: Mapping[str, Entry], callback: Callable[..., Any] | None = None
) -> Any:
    """A group of lazily imported commands. With a `callback` it is a command of its own too."""
    app = _app(type("LazyGroup", (Group,), {"entries": entries}))
    app.callback(
        help=text,
        context_settings=CONTEXT_SETTINGS,
        invoke_without_command=callback is not None,
        no_args_is_help=True,
    )(callback or _nothing)
    return typer.main.get_command(app)


def _nothing() -> None:
    """Groups have only global flags."""


def _app(cls: type[Group]) -> typer.Typer:
    return typer.Typer(cls=cls, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _unknown_command(name: str, path: str, entries: Mapping[str, Entry]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, entries, n=3)
    hint = "".join(f"\n\t{one}" for one in near)
    return f'unknown command "{name}" for "{path}"' + (f"\n\nDid you mean this?{hint}" if near else "")


# --- pflag's ways --------------------------------------------------------------------------------


def _normalize(
    args: list[str], params: list[Any], *, stop_at_words: bool = False
) -> tuple[list[str], dict[str, bool]]:
    """The tokens as click wants them, and the names of the flags that were set to false.

    :param stop_at_words: what follows the first word belongs to a subcommand and stays as it is.
    """
    booleans = {opt: one.name for one in params if getattr(one, "is_flag", False) for opt in one.opts}
    tokens: list[str] = []
    falses: dict[str, bool] = {}
    for index, token in enumerate(args):
        if token == "--" or (stop_at_words and not token.startswith("-") and not _is_value(tokens, params)):
            return [*tokens, *args[index:]], falses
        tokens.extend(_rewritten(token, args[index + 1 : index + 2], tokens, booleans, falses))
    return tokens, falses


def _rewritten(
    token: str, following: list[str], before: list[str], booleans: Mapping[str, str], falses: dict[str, bool]
) -> list[str]:
    if token in _OPTIONAL_VALUES:
        default, words = _OPTIONAL_VALUES[token]
        return [token] if following and following[0] in words else [f"{token}={default}"]
    short = _SHORT_WITH_EQUALS.fullmatch(token)
    flag, equals, value = (f"-{short[1]}", "=", short[2]) if short else token.partition("=")
    name = booleans.get(flag)
    if name is None:
        return [flag, value] if short else [token]
    if not equals or value in _TRUE:
        falses.pop(name, None)
        return [flag]
    if value not in _FALSE:
        raise UsageError(f'invalid argument "{value}" for "{flag}" flag: it is true or false')
    falses[name] = False
    # An earlier `--wait` loses against this one.
    before[:] = [one for one in before if booleans.get(one) != name]
    return []


def _refuse_single_dashes(args: list[str], params: list[Any]) -> None:
    """Go's own flags have one dash, and so has kubeconform's -strict. Here it would be -s -t -r …

    :raises UsageError: an argument is a long flag with one dash.
    """
    known = {opt for one in params for opt in one.opts if opt.startswith("--")}
    for token in args[: args.index("--")] if "--" in args else args:
        match = _SINGLE_DASH.fullmatch(token)
        if match is None:
            continue
        name = f"--{match[1]}"
        if name in known:
            raise UsageError(f"unknown flag: -{match[1]}; did you mean {name}?")
        if name in _KUBECONFORMS:
            raise UsageError(f"unknown flag: -{match[1]}; {_KUBECONFORMS[name]}")


def _is_value(before: list[str], params: list[Any]) -> bool:
    """Whether the next token is the value of the option before it."""
    if not before:
        return False
    takes_value = {opt for one in params if not getattr(one, "is_flag", True) for opt in one.opts}
    return before[-1] in takes_value
