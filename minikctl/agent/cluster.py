"""One state directory, opened: its API, its nodes, and the engines behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from minikctl.api import Api, FileProblem
from minikctl.backend import Backend
from minikctl.model import Object


@dataclass(frozen=True, slots=True)
class Options:
    """What the global flags and the environment say."""

    state_dir: Path | None = None
    """None: MINIKCTL_STATE_DIR, else $XDG_STATE_HOME/minikctl, else ~/.local/state/minikctl."""
    backend: str | None = None
    """None: MINIKCTL_BACKEND, else what this directory ran on before, else the first engine that answers,
    else memory."""


class Cluster:
    """Opens nothing on an engine until it must."""

    state_dir: Path
    api: Api
    file_problems: tuple[FileProblem, ...]
    """Desired files that are not obeyed; found when the directory was opened."""

    @property
    def backend_name(self) -> str:
        """The backend of the nodes. Chooses one (and so may ask engines) when none was chosen before."""
        raise NotImplementedError

    @property
    def is_simulated(self) -> bool:
        """Nothing really runs: the CLI says so."""
        raise NotImplementedError

    def backend_of(self, node: str) -> Backend:
        """The engine behind a node (for logs, exec …).

        :raises NotFound: there is no such node.
        """
        raise NotImplementedError

    def observed(self) -> Iterable[Object]:
        """All objects except events, as they are now.

        With an agent (or another `apply`) at work that is what stands in the store; without one the engines
        are asked once, and statuses are what the control plane would write; nothing is written or done.
        An engine that does not answer leaves its statuses as they are and its nodes NotReady.
        """
        raise NotImplementedError

    def lock_holder(self) -> dict[str, object] | None:
        """Facts of the process that acts here (pid, role "agent" or a verb); None when none does."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def open_cluster(options: Options) -> Cluster:
    """Opens (and where needed makes) the state directory and takes over hand edits in desired/.

    :raises StoreError: the directory can't be used.
    :raises UsageError: no such backend, or another than the one that runs this directory's pods.
    :raises UnreachableError: the engine that this directory runs on (or that was named) does not answer.
    """
    raise NotImplementedError
