"""`get --watch`: rows as objects change, until Ctrl-C.

What changed is found by comparing looks. While another process acts, a look is taken when the store says that
something was committed; without one the engines themselves are asked, less often.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import count

from msgspec.structs import replace

from minikctl.cli.resources import Query, Target, find
from minikctl.cli.session import Session, out
from minikctl.model import Object, ObjectKey, key_of
from minikctl.model.kinds import KINDS
from minikctl.render.printers import Printing, print_objects
from minikctl.render.tables import TableOptions, WatchTable

_STORE_SECONDS = 0.1
_ENGINE_SECONDS = 1.0
_EVENT_WIDTH = len("MODIFIED") + 3


class Watcher:
    """One watch, over everything that the command line means."""

    def __init__(
        self, session: Session, targets: Sequence[Target], query: Query, printing: Printing, *, events: bool
    ) -> None:
        self._session = session
        self._targets = targets
        self._query = query
        self._printing = printing
        self._events = events
        self._known: dict[ObjectKey, Object] = {}
        self._tables: dict[str, WatchTable] = {}
        self._several = len({target.kind for target in targets}) > 1
        self._header_due = not printing.table.no_headers

    def run(self, *, quiet_start: bool) -> None:
        for index in self._looks():
            for event, obj in self._changes():
                if index or not quiet_start:
                    self._print(event, obj)

    def _looks(self) -> Iterator[int]:
        """Comes back whenever a look is worth while."""
        stamp: object = None
        for index in count():
            stamp = self._session.api.store.stamp()
            yield index
            since = time.monotonic()
            while not self._is_due(stamp, since):
                time.sleep(_STORE_SECONDS)

    def _is_due(self, stamp: object, since: float) -> bool:
        if self._session.api.store.stamp() != stamp:
            return True
        waited = time.monotonic() - since
        return waited >= _ENGINE_SECONDS and self._session.cluster.lock_holder() is None

    def _changes(self) -> list[tuple[str, Object]]:
        self._session.observed(fresh=True)
        found, _ = find(self._session, self._targets, self._query)
        now = {key_of(obj): obj for obj in found}
        changes = [
            ("MODIFIED" if key in self._known else "ADDED", obj)
            for key, obj in now.items()
            if self._known.get(key) != obj
        ]
        gone = [("DELETED", obj) for key, obj in self._known.items() if key not in now]
        self._known = now
        return [*changes, *gone]

    def _print(self, event: str, obj: Object) -> None:
        import sys

        out(self._text(event, obj))
        sys.stdout.flush()

    def _text(self, event: str, obj: Object) -> str:
        form, now = self._printing.output.form, self._session.now()
        if form in ("", "wide"):
            return self._rows(event, self._table(obj["kind"]).rows([obj], now))
        if self._events and form in ("json", "yaml"):
            return print_objects([_watch_event(event, obj)], self._whole(), now, single=True)
        return print_objects([obj], self._printing, now, single=True)

    def _whole(self) -> Printing:
        return replace(self._printing, show_managed_fields=True)

    def _table(self, kind: str) -> WatchTable:
        if kind not in self._tables:
            asked = self._printing.table
            options = replace(
                asked,
                show_kind=asked.show_kind or self._several,
                with_namespace=asked.with_namespace and KINDS[kind].namespaced,
            )
            self._tables[kind] = WatchTable(kind, self._headers_once(options))
        return self._tables[kind]

    def _headers_once(self, options: TableOptions) -> TableOptions:
        """Of several kinds each has headers of its own, as in kubectl."""
        return options if self._header_due else replace(options, no_headers=True)

    def _rows(self, event: str, text: str) -> str:
        if not self._events:
            return text
        *headers, row = text.splitlines()
        lines = [*(f"{'EVENT'.ljust(_EVENT_WIDTH)}{one}" for one in headers)]
        return "".join(f"{line}\n" for line in (*lines, f"{event.ljust(_EVENT_WIDTH)}{row}"))


def _watch_event(event: str, obj: Object) -> Object:
    """As the API's watch sends it. Has (empty) metadata only for the printers' sake."""
    return {"metadata": {}, "object": obj, "type": event}
