"""What scale, set image and rollout share: which objects, a change of each, kubectl's line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minikctl.cli.errors import Reported, complain, text_of
from minikctl.cli.options import dry_run_suffix
from minikctl.cli.printing import ResultPrinter
from minikctl.cli.resources import Query, find, named_targets, parse_fields, parse_selector, parse_targets
from minikctl.cli.session import Session
from minikctl.cli.waiting import settle
from minikctl.errors import MinikctlError, UsageError
from minikctl.model import Object, ObjectKey, key_of

DEFAULT_TIMEOUT = 300.0


def choose(
    session: Session,
    verb: str,
    names: Sequence[str] | None,
    *,
    files: list[str] | None = None,
    recursive: bool = False,
    selector: str = "",
    all_objects: bool = False,
    all_namespaces: bool = False,
    field_selector: str = "",
) -> list[ObjectKey]:
    """The objects meant by names, -f, -l, --field-selector or --all.

    :raises Reported: some of them are not there; that has been said.
    """
    if files:
        from minikctl.cli.documents import keys_of_files

        return keys_of_files(session, files, recursive)
    if selector or field_selector or all_objects:
        targets = parse_targets(list(names or ()))
        if not targets:
            raise UsageError(f"required resource not specified: minikctl {verb} TYPE")
    else:
        targets = named_targets(list(names or ()), verb)
    query = Query(
        None if all_namespaces else session.namespace,
        parse_selector(selector),
        tuple(parse_fields(field_selector)),
    )
    found, missing = find(session, targets, query)
    for error in missing:
        complain(text_of(error))
    if missing and not found:
        raise Reported
    return [key_of(obj) for obj in found]


class Editor:
    """Changes objects one after the other; what goes wrong with one does not keep the others from theirs."""

    def __init__(
        self,
        session: Session,
        role: str,
        *,
        dry_run: str = "none",
        output: str = "",
        show_managed_fields: bool = False,
        tells_dry_run: bool = True,
    ) -> None:
        self._session = session
        self._role = role
        suffix = dry_run_suffix(dry_run)
        self.is_dry = bool(suffix)
        self._suffix = suffix if tells_dry_run else ""
        self._printer = ResultPrinter(output, show_managed_fields=show_managed_fields, one_by_one=True)
        self._changed: list[ObjectKey] = []
        self._failed = False

    def change(
        self,
        key: ObjectKey,
        how: Callable[[Object], Object],
        verb: str | Callable[[Object, Object], str],
        *,
        quiet: bool = False,
    ) -> None:
        """Makes the change and says `deployment.apps/web scaled`. `how` may raise to refuse.

        :param verb: what is said, or how it is worded from the object before and after.

        :param quiet: nothing is said where nothing changes.
        """
        try:
            before, after = self._session.api.update(key, how, dry_run=self.is_dry)
        except MinikctlError as error:
            complain(text_of(error))
            self._failed = True
            return
        if not (quiet and before is after):
            text = verb if isinstance(verb, str) else verb(before, after)
            self._printer.add(after, text, self._suffix)
        self._changed.append(key)

    def say(self, obj: Object, text: str) -> None:
        self._printer.add(obj, text, self._suffix)

    def finish(self, *, wait: bool, timeout: float, concerned: Sequence[ObjectKey] = ()) -> None:
        """Acts until the changes are done, or watches the agent that does so.

        :param concerned: others that have to act on the changes.
        :raises Reported: one of the changes was refused.
        """
        keys = list(dict.fromkeys([*self._changed, *concerned])) if self._changed else []
        settle(self._session, self._role, keys, wait=wait and not self.is_dry, timeout=timeout)
        if self._failed:
            raise Reported
