"""Which objects a command line means: `TYPE NAME…`, `TYPE/NAME…`, `a,b`, `all` (kubectl's builder)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from msgspec import Struct

from minikctl.cli.errors import BadRequest
from minikctl.cli.session import Session
from minikctl.errors import NotFound, UsageError
from minikctl.model import Object, ObjectKey, labels_of, selectors, spec_of, status_of
from minikctl.model.kinds import KINDS, Kind, find_kind

_MIXED = (
    "there is no need to specify a resource type as a separate argument when passing arguments in"
    " resource/name form (e.g. 'minikctl get resource/<resource_name>' instead of 'minikctl get resource"
    " resource/<resource_name>'"
)


class Target(Struct, frozen=True):
    """A kind, and one object's name, or None for all of that kind.

    `namespace` is where a manifest says that the object is; None is the command's own.
    """

    kind: Kind
    name: str | None = None
    namespace: str | None = None

    def key(self, session: Session) -> ObjectKey:
        """What a target with a name means."""
        key = session.key(self.kind, self.name or "")
        return key._replace(namespace=self.namespace) if self.namespace and self.kind.namespaced else key


def kinds_of(word: str) -> list[Kind]:
    """The kinds of `pods`, `deploy,rs` or `all`.

    :raises UsageError: there is no such kind.
    """
    kinds: list[Kind] = []
    for part in filter(None, word.split(",")):
        if part.lower() == "all":
            kinds.extend(_ALL)
            continue
        kind = find_kind(part)
        if kind is None:
            raise UsageError(f'the server doesn\'t have a resource type "{part}"{_hint(part)}')
        kinds.append(kind)
    return list(dict.fromkeys(kinds))


# The order in which kubectl prints `all`.
_ALL = tuple(
    KINDS[name]
    for name in (
        "Pod",
        "ReplicationController",
        "Service",
        "DaemonSet",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "CronJob",
        "Job",
    )
)


def _hint(word: str) -> str:
    from difflib import get_close_matches

    from minikctl.model.kinds import ALIASES

    near = get_close_matches(word.lower(), ALIASES, n=1, cutoff=0.75)
    return f"; did you mean {near[0]}?" if near else ""


def parse_targets(words: Sequence[str]) -> list[Target]:
    """:raises UsageError: the words are no resources."""
    slashed = [word for word in words if "/" in word]
    if slashed:
        if len(slashed) != len(words):
            raise UsageError(_MIXED)
        return [_slashed(word) for word in words]
    if not words:
        return []
    kinds = kinds_of(words[0])
    if len(words) == 1:
        return [Target(kind) for kind in kinds]
    return [Target(kind, name) for kind in kinds for name in dict.fromkeys(words[1:])]


def _slashed(word: str) -> Target:
    kind_word, _, name = word.partition("/")
    kinds = kinds_of(kind_word)
    if not name or "/" in name or len(kinds) != 1:
        raise UsageError(
            f'arguments in resource/name form must have a single resource and name, not "{word}"'
        )
    return Target(kinds[0], name)


def named_targets(words: Sequence[str], verb: str) -> list[Target]:
    """As `parse_targets`, where each object must be named.

    :raises UsageError: nothing is named.
    """
    targets = parse_targets(words)
    if not targets:
        raise UsageError(f"required resource not specified: minikctl {verb} TYPE NAME, or TYPE/NAME")
    if any(target.name is None for target in targets):
        raise UsageError("resource(s) were provided, but no name was specified")
    return targets


def parse_selector(text: str) -> selectors.Selector:
    """:raises UsageError: it is no label selector."""
    try:
        return selectors.parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


# --- field selectors -------------------------------------------------------------------------------

_Reader: TypeAlias = Callable[[Object], str]

_COMMON: dict[str, _Reader] = {
    "metadata.name": lambda obj: obj["metadata"]["name"],
    "metadata.namespace": lambda obj: obj["metadata"].get("namespace", ""),
}
_BY_KIND: dict[str, dict[str, _Reader]] = {
    "Pod": {
        "spec.nodeName": lambda obj: spec_of(obj).get("nodeName", ""),
        "spec.restartPolicy": lambda obj: spec_of(obj).get("restartPolicy", ""),
        "status.phase": lambda obj: status_of(obj).get("phase", ""),
        "status.podIP": lambda obj: status_of(obj).get("podIP", ""),
    },
    "Namespace": {"status.phase": lambda obj: status_of(obj).get("phase", "")},
    "Node": {"spec.unschedulable": lambda obj: str(bool(spec_of(obj).get("unschedulable"))).lower()},
    "Event": {
        "type": lambda obj: obj.get("type", ""),
        "reason": lambda obj: obj.get("reason", ""),
        "involvedObject.kind": lambda obj: obj["involvedObject"].get("kind", ""),
        "involvedObject.name": lambda obj: obj["involvedObject"].get("name", ""),
        "involvedObject.namespace": lambda obj: obj["involvedObject"].get("namespace", ""),
        "involvedObject.uid": lambda obj: obj["involvedObject"].get("uid", ""),
    },
}


class FieldTerm(Struct, frozen=True):
    field: str
    is_equal: bool
    value: str


def parse_fields(text: str) -> list[FieldTerm]:
    """From `status.phase=Running,spec.nodeName!=a`.

    :raises UsageError: it is no field selector.
    """
    terms = []
    for part in filter(None, text.split(",")):
        for operator in ("!=", "==", "="):
            field, found, value = part.partition(operator)
            if found:
                terms.append(FieldTerm(field.strip(), operator != "!=", value.strip()))
                break
        else:
            raise UsageError(f"invalid field selector: '{part}'; can't understand '{part}'")
    return terms


def matches_fields(obj: Object, terms: Iterable[FieldTerm]) -> bool:
    """:raises BadRequest: objects of that kind can't be selected by one of the fields."""
    readers = {**_COMMON, **_BY_KIND.get(obj["kind"], {})}
    return all((readers[term.field](obj) == term.value) is term.is_equal for term in terms)


def check_fields(kind: Kind, terms: Iterable[FieldTerm]) -> None:
    """:raises BadRequest: objects of that kind can't be selected by one of the fields."""
    known = {*_COMMON, *_BY_KIND.get(kind.name, {})}
    for term in terms:
        if term.field not in known:
            raise BadRequest(
                f'Unable to find "{kind.resource}" that match field selector: field label not supported: '
                f"{term.field} (supported: {', '.join(sorted(known))})"
            )


# --- finding ---------------------------------------------------------------------------------------


class Query(Struct, frozen=True):
    """How a set of objects is narrowed. `namespace` None is all."""

    namespace: str | None
    selector: selectors.Selector = ()
    fields: tuple[FieldTerm, ...] = ()

    def matches(self, obj: Object) -> bool:
        return selectors.matches(self.selector, labels_of(obj)) and matches_fields(obj, self.fields)


def find(session: Session, targets: Sequence[Target], query: Query) -> tuple[list[Object], list[NotFound]]:
    """The objects as they are now, in the order asked for, and what is missing of those that were named.

    :raises UsageError: a name together with -l or -A.
    """
    found: list[Object] = []
    missing: list[NotFound] = []
    for target in targets:
        if target.name is None:
            check_fields(target.kind, query.fields)
            found.extend(
                one for one in session.listed(target.kind.name, query.namespace) if query.matches(one)
            )
            continue
        if query.selector:
            raise UsageError("name cannot be provided when a selector is specified")
        if query.namespace is None and target.namespace is None and target.kind.namespaced:
            raise UsageError("a resource cannot be retrieved by name across all namespaces")
        obj = look_up(session, target.key(session))
        if obj is None:
            missing.append(NotFound(target.kind.resource, target.name))
        else:
            found.append(obj)
    return found, missing


def look_up(session: Session, key: ObjectKey) -> Object | None:
    """The object with its status as it is now."""
    if key.kind == "Event":
        return session.api.find(key)
    for one in session.listed(key.kind, key.namespace or None):
        if one["metadata"]["name"] == key.name:
            return one
    return None
