"""One command's way to the cluster: opened when first needed, closed at the end, on the flags' terms."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from minikctl.cli.base import Flags, flags_of
from minikctl.errors import MinikctlError
from minikctl.model import Object, ObjectKey, status_of
from minikctl.model.conditions import find
from minikctl.model.kinds import DEFAULT_NAMESPACE, KINDS, Kind

if TYPE_CHECKING:
    from minikctl.agent.cluster import Cluster, Options
    from minikctl.api import Api


class Session:
    """The flags, the namespace, and the cluster behind them."""

    def __init__(self, flags: Flags) -> None:
        self.namespace = flags.namespace or DEFAULT_NAMESPACE
        self.namespace_given = flags.namespace
        self.backend_given = flags.backend
        self._has_told_simulated = False
        self._told: set[str] = set()
        self._flags = flags
        self._cluster: Cluster | None = None
        self._observed: list[Object] | None = None

    @property
    def options(self) -> Options:
        from minikctl.agent.cluster import Options

        folder = self._flags.state_dir
        return Options(Path(folder) if folder else None, self._flags.backend)

    @property
    def cluster(self) -> Cluster:
        """:raises MinikctlError: the state directory or the backend can't be used."""
        if self._cluster is None:
            from minikctl.agent.cluster import open_cluster

            self._cluster = open_cluster(self.options)
            if passed_over := self._cluster.passed_over:
                warn(passed_over)
            if self._cluster.file_problems:
                from minikctl.cli.desired import lines_of

                for problem in self._cluster.file_problems:
                    for line in lines_of(self._cluster.state_dir, problem):
                        warn(line)
        return self._cluster

    @property
    def api(self) -> Api:
        return self.cluster.api

    def now(self) -> float:
        return self.api.clock.now()

    def key(self, kind: Kind, name: str) -> ObjectKey:
        return ObjectKey(kind.name, self.namespace if kind.namespaced else "", name)

    def observed(self, *, fresh: bool = False) -> list[Object]:
        """All objects but events, with statuses as they are now. Looked at once unless `fresh`."""
        if self._observed is None or fresh:
            self._observed = list(self.cluster.observed())
            if any(one["kind"] == "Node" for one in self._observed):  # else nothing runs anywhere yet
                self.tell_simulated()
                self._tell_unreachable()
        return self._observed

    def _tell_unreachable(self) -> None:
        """One line an engine, once a command: what it runs is shown as it was last known."""
        for one in self._observed or ():
            ready = find(status_of(one), "Ready") if one["kind"] == "Node" else None
            if ready is not None and ready["status"] == "Unknown" and ready["message"] not in self._told:
                self._told.add(ready["message"])
                warn(f"{ready['message']}; what it runs is shown as last known")

    def tell_simulated(self) -> None:
        """One line, once a command, where nothing really runs."""
        if not self.cluster.is_simulated or self._has_told_simulated:
            return
        self._has_told_simulated = True
        name = self.cluster.choice.backend
        if self.cluster.choice.because in ("named", "used before"):
            note(f"simulated ({name} backend)")
        else:
            note(
                f"simulated by the {name} backend: no container really runs"
                " (another one: --backend docker|podman with a --state-dir of its own)"
            )

    def greet_engines(self) -> None:
        """Begins to ask engines who they are, where it was chosen before which they are: what the command
        does until it acts is done meanwhile. What goes wrong is told when it acts."""
        from minikctl.agent.cluster import ENGINE_FILE, find_state_dir

        if (find_state_dir(self.options, os.environ) / ENGINE_FILE).exists():
            with suppress(MinikctlError):
                self.cluster.greet_engines()

    def tell_files(self) -> None:
        """Opens the cluster, which warns of desired files that are not obeyed."""
        _ = self.cluster

    def listed(self, kind: str, namespace: str | None) -> list[Object]:
        """Objects of one kind as they are now, by namespace and name. `namespace` None is all."""
        if kind == "Event":
            return self.api.list(kind, namespace)
        place = namespace if KINDS[kind].namespaced else None
        found = self._of_kind(kind)
        if kind == "Endpoints":
            from minikctl.model.endpoints import with_derived

            found = with_derived(found, self._of_kind("Service"), self._of_kind("EndpointSlice"))
        return [one for one in found if place is None or one["metadata"].get("namespace") == place]

    def _of_kind(self, kind: str) -> list[Object]:
        return [one for one in self.observed() if one["kind"] == kind]

    def close(self) -> None:
        if self._cluster is not None:
            self._cluster.close()


@contextmanager
def open_session(context: typer.Context) -> Iterator[Session]:
    session = Session(flags_of(context))
    try:
        yield session
    finally:
        session.close()


def out(text: str) -> None:
    """Writes to stdout, at once when somebody looks on."""
    sys.stdout.write(text)
    if sys.stdout.isatty():
        sys.stdout.flush()


def warn(text: str) -> None:
    from minikctl.cli.errors import complain

    complain(f"Warning: {text}")


def note(text: str) -> None:
    from minikctl.cli.errors import complain

    complain(f"note: {text}")


def state_dir_hint() -> Path:
    """Where the state directory probably is, asked without opening it (for reports of bugs)."""
    named = os.environ.get("MINIKCTL_STATE_DIR")
    if named:
        return Path(named)
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local/state") / "minikctl"
