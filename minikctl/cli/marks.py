"""What label and annotate share: words of the command line, the change, kubectl's lines.

The words after the resources are `KEY=VALUE` (set) and `KEY-` (removed); nothing else may follow them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from minikctl.cli import options
from minikctl.cli.editing import DEFAULT_TIMEOUT, Editor, choose
from minikctl.cli.errors import Reported, complain, text_of
from minikctl.cli.options import comma_separated, dry_run_suffix, flag, value
from minikctl.cli.printing import ResultPrinter
from minikctl.cli.session import Session, open_session, out
from minikctl.errors import Conflict, MinikctlError, UsageError
from minikctl.model import Object, ObjectKey, controller_of, name_of
from minikctl.model.kinds import KINDS

if TYPE_CHECKING:
    from minikctl.manifests import Document

_LOCAL = "can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set"


class Changes(NamedTuple):
    """What is to be set and removed."""

    new: Mapping[str, str]
    removed: Sequence[str]


class Verb(NamedTuple):
    """How one of the two verbs reads its words, and speaks.

    `message` words what became of an object, from its marks before and after; `conflict` words the keys that
    have values already, from pairs of key and value.
    """

    name: str
    field: str
    noun: str
    parse: Callable[[Sequence[str]], Changes]
    message: Callable[[Mapping[str, str], Mapping[str, str]], str]
    conflict: Callable[[Sequence[tuple[str, str]]], str]
    tells_missing: bool = False
    is_recursive: bool = False


class Request(NamedTuple):
    """The flags, as given."""

    words: list[str] | None
    files: list[str] | None
    recursive: bool
    selector: str
    field_selector: str
    all_objects: bool
    all_namespaces: bool
    overwrite: bool
    list_them: bool
    local: bool
    resource_version: str
    dry_run: str
    output: str
    show_managed_fields: bool
    wait: bool
    timeout: float


def command_of(verb: Verb, text: str) -> Callable[..., None]:
    """The verb's function for typer; `text` is its help."""

    def command(
        context: typer.Context,
        words: Annotated[
            list[str] | None,
            typer.Argument(metavar="[TYPE NAME | TYPE/NAME]... KEY=VALUE... KEY-...", show_default=False),
        ] = None,
        files: options.Files = None,
        recursive: options.Recursive = verb.is_recursive,
        selector: options.Selector = "",
        field_selector: options.FieldSelector = "",
        all_objects: Annotated[bool, flag("--all", text="All of the kind, in the namespace.")] = False,
        all_namespaces: options.AllNamespaces = False,
        overwrite: Annotated[bool, flag("--overwrite", text="Values that are there may change.")] = False,
        list_them: Annotated[bool, flag("--list", text="Show what objects have, after the changes.")] = False,
        local: Annotated[bool, flag("--local", text="Only change what -f has, and print it.")] = False,
        resource_version: Annotated[
            str, value("--resource-version", metavar="VERSION", text="Only where this is the revision now.")
        ] = "",
        dry_run: options.DryRun = "none",
        output: Annotated[str, value("--output", "-o", metavar="FORMAT", text="name, yaml or json.")] = "",
        show_managed_fields: options.ShowManagedFields = False,
        wait: options.Wait = True,
        timeout: options.Timeout = DEFAULT_TIMEOUT,
    ) -> None:
        given = {name: one for name, one in locals().items() if name in Request._fields}
        _run(context, verb, Request(**given))

    # The annotations are text (PEP 563) and are looked up in this module.
    command.__doc__ = text
    return command


class _Stale(MinikctlError):
    """Not the store's own conflict: that one is tried again from the newest revision."""


def split_words(words: Sequence[str], noun: str) -> tuple[list[str], list[str]]:
    """(resources, pairs).

    :raises UsageError: a resource follows a pair.
    """
    resources: list[str] = []
    pairs: list[str] = []
    for word in words:
        if ("=" in word and not word.startswith("=")) or (word.endswith("-") and word != "-"):
            pairs.append(word)
        elif pairs:
            raise UsageError(f"all resources must be specified before {noun} changes: {word}")
        else:
            resources.append(word)
    return resources, pairs


def _run(context: typer.Context, verb: Verb, request: Request) -> None:
    """:raises UsageError: the flags don't go together."""
    resources, pairs = split_words(request.words or (), verb.noun)
    _check(verb, request, resources, pairs)
    changes = verb.parse(pairs)
    if request.local:
        _run_local(verb, request, changes)
        return
    with open_session(context) as session:
        keys = choose(
            session,
            verb.name,
            resources,
            files=request.files,
            recursive=request.recursive,
            selector=request.selector,
            all_objects=request.all_objects,
            all_namespaces=request.all_namespaces,
            field_selector=request.field_selector,
        )
        if request.resource_version and len(keys) != 1:
            raise UsageError("--resource-version may only be used with a single resource")
        if request.list_them:
            _list([_changed(verb, session.api.get(key), changes, request) for key in keys], verb)
        else:
            _change(session, verb, request, changes, keys)


def _check(verb: Verb, request: Request, resources: Sequence[str], pairs: Sequence[str]) -> None:
    if request.local and (resources or not request.files):
        raise UsageError(_LOCAL)
    if request.local and request.dry_run == "server":
        raise UsageError("cannot specify --local and --dry-run=server - did you mean --dry-run=client?")
    if request.list_them and request.output:
        raise UsageError("--list and --output may not be specified together")
    if request.all_objects and request.selector:
        raise UsageError("cannot set --all and --selector at the same time")
    if request.all_objects and request.field_selector:
        raise UsageError("cannot set --all and --field-selector at the same time")
    if not resources and not request.files:
        raise UsageError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if not pairs and not request.list_them:
        raise UsageError(f"at least one {verb.noun} update is required")


# --- the change ------------------------------------------------------------------------------------


def _change(
    session: Session, verb: Verb, request: Request, changes: Changes, keys: Sequence[ObjectKey]
) -> None:
    editor = Editor(
        session,
        verb.name,
        dry_run=request.dry_run,
        output=request.output,
        show_managed_fields=request.show_managed_fields,
    )
    concerned = [owner for key in keys if (owner := _owner_of(session, key))]
    for key in keys:
        if verb.tells_missing:
            _tell_missing(verb, session.api.find(key), changes)
        editor.change(
            key,
            lambda obj: _changed(verb, obj, changes, request),
            lambda before, after: verb.message(_marks(verb, before), _marks(verb, after)),
        )
    editor.finish(wait=request.wait, timeout=request.timeout, concerned=concerned)


def _owner_of(session: Session, key: ObjectKey) -> ObjectKey | None:
    """A pod with other labels may leave its owner, who then makes another one: that is waited for, too."""
    obj = session.api.find(key) if key.kind == "Pod" else None
    owner = controller_of(obj) if obj is not None else None
    return ObjectKey(owner["kind"], key.namespace, owner["name"]) if owner else None


def _tell_missing(verb: Verb, obj: Object | None, changes: Changes) -> None:
    known = _marks(verb, obj) if obj is not None else {}
    for key in changes.removed:
        if key not in known:
            out(f'{verb.noun} "{key}" not found.\n')


def _changed(verb: Verb, obj: Object, changes: Changes, request: Request) -> Object:
    """:raises UsageError: a value would be overwritten, and --overwrite was not given."""
    metadata = dict(obj.get("metadata") or {})
    if request.resource_version and metadata.get("resourceVersion") != request.resource_version:
        raise _Stale(str(Conflict(KINDS[obj["kind"]].resource, name_of(obj))))
    marks = _marks(verb, obj)
    taken = [(key, marks[key]) for key, new in sorted(changes.new.items()) if marks.get(key, new) != new]
    if taken and not request.overwrite:
        raise UsageError(verb.conflict(taken))
    kept = {key: value for key, value in {**marks, **changes.new}.items() if key not in changes.removed}
    metadata[verb.field] = kept
    if not kept:
        del metadata[verb.field]
    return {**obj, "metadata": metadata}


def _marks(verb: Verb, obj: Object) -> dict[str, str]:
    return dict((obj.get("metadata") or {}).get(verb.field) or {})


def _list(objects: Sequence[Object], verb: Verb) -> None:
    indent = " " if len(objects) > 1 else ""
    for obj in objects:
        if indent:
            group = KINDS[obj["kind"]].group if obj["kind"] in KINDS else ""
            complain(f"Listing {verb.field} for {obj['kind']}.{group}/{name_of(obj)}:")
        for key, content in sorted(_marks(verb, obj).items()):
            out(f"{indent}{key}={content}\n")


# --- without a cluster -----------------------------------------------------------------------------


def _run_local(verb: Verb, request: Request, changes: Changes) -> None:
    documents = local_documents(request.files, request.recursive)
    printer = ResultPrinter(request.output, show_managed_fields=request.show_managed_fields, one_by_one=True)
    suffix = dry_run_suffix(request.dry_run)
    failed = False
    for document in documents:
        try:
            changed = _changed(verb, document.obj, changes, request._replace(resource_version=""))
        except MinikctlError as error:
            complain(text_of(error))
            failed = True
            continue
        if request.list_them:
            _list([changed], verb)
        else:
            text = verb.message(_marks(verb, document.obj), _marks(verb, changed))
            printer.add(changed, text, suffix)
    if failed:
        raise Reported


def local_documents(files: list[str] | None, recursive: bool) -> list[Document]:
    """The objects of files, as they stand there.

    :raises ManifestError: something can't be read.
    """
    from minikctl.cli.documents import read_documents

    return read_documents(comma_separated(files), recursive)
