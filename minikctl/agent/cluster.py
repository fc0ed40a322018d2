"""One state directory, opened: its API, its nodes, and the engines behind them.

The loop and the engines' side of it are imported where they are first needed: a `get` beside a running
agent reads the store and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from minikctl import registry
from minikctl.agent.nodes import FILE as CLUSTER_FILE
from minikctl.agent.nodes import declared_backend, load_nodes, machine_name
from minikctl.api import Api, DesiredCodec, FileProblem
from minikctl.api.results import Deletions
from minikctl.clock import SystemClock
from minikctl.controlplane.decision import Ids
from minikctl.controlplane.site import INGRESS_IMAGE, PROXY_IMAGE, Site
from minikctl.errors import NotFound, UsageError
from minikctl.model import Object, spec_of
from minikctl.model.hashing import safe_suffix
from minikctl.model.kinds import KINDS
from minikctl.store import AgentLock, DatabaseStore, open_directory
from minikctl.store.files import FolderFiles
from minikctl.store.lock import wake

if TYPE_CHECKING:
    from minikctl.agent.engine import Engine
    from minikctl.agent.greeting import Greeting
    from minikctl.agent.ports import PodVolumes
    from minikctl.backend import Backend
    from minikctl.controlplane.node import NodeConfig

ENGINE_FILE = "engine.json"
"""Which engine was chosen when nobody said which: the same one is used until somebody does."""


class Options(Struct, frozen=True):
    """What the global flags say."""

    state_dir: Path | None = None
    """None: MINIKCTL_STATE_DIR, else $XDG_STATE_HOME/minikctl, else ~/.local/state/minikctl."""
    backend: str | None = None
    """None: MINIKCTL_BACKEND, else what this directory ran on before, else the first engine that
    answers, else memory."""


def find_state_dir(options: Options, environ: Mapping[str, str]) -> Path:
    if options.state_dir is not None:
        return options.state_dir.expanduser().absolute()
    if named := environ.get("MINIKCTL_STATE_DIR"):
        return Path(named).expanduser().absolute()
    base = environ.get("XDG_STATE_HOME") or "~/.local/state"
    return (Path(base).expanduser() / "minikctl").absolute()


def random_ids() -> Ids:
    return Ids(uid=_random_uid, suffix=lambda: safe_suffix(int.from_bytes(os.urandom(5))))


def _site(cluster_id: str) -> Site:
    return Site(
        cluster_id,
        os.environ.get("MINIKCTL_PROXY_IMAGE") or PROXY_IMAGE,
        os.environ.get("MINIKCTL_INGRESS_IMAGE") or INGRESS_IMAGE,
        _port("MINIKCTL_INGRESS_HTTP_PORT", 80),
        _port("MINIKCTL_INGRESS_HTTPS_PORT", 443),
    )


def _port(variable: str, default: int) -> int:
    """0 is for none."""
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or int(text) > 65535:
        raise UsageError(f"{variable} must be a port (0: none), not {text!r}")
    return int(text)


def _sees_our_files(backend: Backend) -> bool:
    """A simulated engine has no use for files; one behind a network address has files of its own."""
    local = not backend.endpoint or backend.endpoint.startswith("unix:")
    return local and not backend.capabilities.simulated


def _random_uid() -> str:
    from uuid import uuid4

    return str(uuid4())


class Cluster:
    """Opens nothing on an engine until it must."""

    def __init__(self, state_dir: Path, store: DatabaseStore, options: Options) -> None:
        self.state_dir = state_dir
        self.store = store
        self.ids = replace(random_ids(), site=_site(store.cluster_id))
        self.api = Api(store, SystemClock(), self.ids)
        self.file_problems: tuple[FileProblem, ...] = ()
        self._wish = options.backend or os.environ.get("MINIKCTL_BACKEND") or None
        if self._wish:
            registry.locate(self._wish)
        self._lock = AgentLock(state_dir)
        self._greetings: dict[str, Greeting] = {}
        """Engines that answered this command, and what they say of themselves."""

    # --- nodes and engines

    @property
    def backend_name(self) -> str:
        """The backend of the nodes. Chooses one (and so may ask engines) when none was chosen before."""
        return self.choice.backend

    @cached_property
    def choice(self) -> registry.Choice:
        """The default backend and its endpoint.

        :raises UsageError: another one runs this directory's pods.
        :raises UnreachableError: the engine that was named does not answer.
        """
        before, named = self._chosen_before(), self._named
        if before is not None and self._holds(before):
            return before
        from minikctl.backend import Settings

        settings = Settings("", self.store.cluster_id, self.state_dir)
        if named is None:
            return self._remembered(registry.detect(os.environ, settings))
        if before is not None and before.backend != named and self._has_pods():
            raise UsageError(
                f"{self.state_dir} runs its pods on {before.backend}, not on {named}: delete them first,"
                " or use another --state-dir"
            )
        return self._remembered(registry.choose(named, os.environ, settings))

    @property
    def _named(self) -> str | None:
        return self._wish or declared_backend(self.state_dir)

    def _holds(self, before: registry.Choice) -> bool:
        """Nobody names another backend now."""
        named = self._named
        return named is None or (before.backend == named and self._is_still_there(before))

    def _is_still_there(self, before: registry.Choice) -> bool:
        """Unless the environment says where that engine is, and not there: then that counts."""
        if not os.environ.get(registry.NAMED_BY.get(before.backend, "")):
            return True
        return before.endpoint in registry.find(before.backend).endpoints(os.environ)[:1]

    @property
    def passed_over(self) -> str:
        """What the environment names and this directory does not run on, in one line; "" where they agree."""
        before = self._chosen_before()
        variable = registry.NAMED_BY.get(before.backend, "") if before is not None else ""
        named = os.environ.get(variable, "")
        if before is None or named in ("", before.endpoint) or self._named:  # the last one reads cluster.yaml
            return ""
        return f"{variable} names {named}, but {self.state_dir} runs on {before.backend} at {before.endpoint}"

    def _chosen_before(self) -> registry.Choice | None:
        kept = self._engine_facts()
        if "backend" not in kept or "endpoint" not in kept:
            return None
        return registry.Choice(kept["backend"], kept["endpoint"], "used before")

    def _engine_facts(self) -> dict[str, str]:
        """What engine.json says; nothing where it is missing or can't be read: then it is found out anew."""
        try:
            facts = json.loads((self.state_dir / ENGINE_FILE).read_text())
            return facts if isinstance(facts, dict) else {}
        except (OSError, ValueError):
            return {}

    def _remembered(self, choice: registry.Choice) -> registry.Choice:
        facts = {"backend": choice.backend, "endpoint": choice.endpoint, "node": self._own_name()}
        text = json.dumps(facts)
        FolderFiles(self.state_dir.parent).replace({f"{self.state_dir.name}/{ENGINE_FILE}": text})
        return choice

    def _has_pods(self) -> bool:
        return any(spec_of(pod).get("nodeName") for pod in self.store.list("Pod"))

    @property
    def known_backends(self) -> tuple[str, ...]:
        """The backends of the nodes, as far as they are known without asking an engine; none before the
        first one was chosen."""
        before, named = self._chosen_before(), self._named
        if before is None or named not in (None, before.backend):
            return (named,) if named else ()
        return tuple(dict.fromkeys(node.backend for node in self.nodes))

    @cached_property
    def nodes(self) -> tuple[NodeConfig, ...]:
        choice = self.choice
        return load_nodes(self.state_dir, choice.backend, choice.endpoint, self._own_name())

    def _own_name(self) -> str:
        """The host's name when the engine was first chosen: a host that is renamed keeps its node, and the
        node its pods."""
        return str(self._engine_facts().get("node") or machine_name())

    @cached_property
    def backends(self) -> dict[str, Backend]:
        """By name, one for each engine that has nodes: `docker`, or `docker@ENDPOINT` for further ones."""
        return {name: self._open(nodes[0]) for name, nodes in self._by_engine().items()}

    def _by_engine(self) -> dict[str, tuple[NodeConfig, ...]]:
        places: dict[tuple[str, str], list[NodeConfig]] = {}
        for node in self.nodes:
            places.setdefault((node.backend, node.endpoint), []).append(node)
        names: dict[str, tuple[NodeConfig, ...]] = {}
        for (backend, endpoint), nodes in places.items():
            names[backend if backend not in names else f"{backend}@{endpoint}"] = tuple(nodes)
        return names

    def _open(self, node: NodeConfig) -> Backend:
        from minikctl.backend import Settings
        from minikctl.backend.wrappers.retrying import RetryingBackend

        settings = Settings(node.endpoint, self.store.cluster_id, self.state_dir)
        return RetryingBackend(registry.open_backend(node.backend, settings))

    def engines(self) -> list[Engine]:
        """A fresh set of engines for a loop."""
        from minikctl.agent.engine import Engine

        return [
            Engine(
                name,
                self.backends[name],
                nodes,
                self.store.seal_key,
                state_dir=self.state_dir if _sees_our_files(self.backends[name]) else None,
                volumes=self._volumes(self.backends[name]),
                greeted=self._greetings[name].info if name in self._greetings else None,
            )
            for name, nodes in self._by_engine().items()
        ]

    def _volumes(self, backend: Backend) -> PodVolumes:
        from minikctl.agent.volumes import DistantVolumes, ImaginedVolumes, LocalVolumes

        if _sees_our_files(backend):
            return LocalVolumes(self.state_dir, (backend.endpoint.removeprefix("unix://"),))
        return ImaginedVolumes() if backend.capabilities.simulated else DistantVolumes()

    @property
    def is_simulated(self) -> bool:
        """Nothing really runs: the CLI says so."""
        return self.choice.backend == registry.SIMULATION

    def backend_of(self, node: str) -> Backend:
        """The engine behind a node (for logs, exec …).

        :raises NotFound: there is no such node.
        """
        for name, configs in self._by_engine().items():
            if any(config.name == node for config in configs):
                return self.backends[name]
        raise NotFound("nodes", node)

    def greet_engines(self) -> None:
        """Begins to ask the engines who they are, for what can be done while they answer. Chooses none."""
        before = self._chosen_before()
        if before is not None and self._holds(before) and self.lock_holder() is None:
            self._greet()

    def check_engines(self) -> None:
        """Before something is changed: do the engines answer? With an agent at work that is its business.

        :raises UnreachableError: one does not.
        """
        if self.lock_holder() is None:
            self._greet()
            for greeting in self._greetings.values():
                greeting.check()

    def _greet(self) -> None:
        from minikctl.agent.greeting import Greeting

        for name, backend in self.backends.items():
            if name not in self._greetings:
                self._greetings[name] = Greeting(backend)

    # --- looking

    def observed(self) -> list[Object]:
        """All objects except events, as they are now.

        With an agent (or another `apply`) at work that is what stands in the store; without one the
        engines are asked once, and statuses are what the control plane would write; nothing is written
        or done. An engine that does not answer leaves its statuses as they are and its nodes NotReady.
        """
        if self.lock_holder() is None and self._runs_something():
            from minikctl.agent.observer import observe

            return observe(self.api, self.engines(), self.ids)
        return [obj for kind in KINDS if kind != "Event" for obj in self.store.list(kind)]

    def know_again(self) -> None:
        """After state.db was lost: what runs and what is kept, as far as engines answer; nothing is done."""
        lock = AgentLock(self.state_dir)
        if not (self.store.needs_recovery and self._chosen_before()):
            return
        if lock.try_acquire({"role": "recovery", "started": self.api.clock.now()}):
            from minikctl.agent.observer import know_again

            try:
                know_again(self.api, self.engines(), self.ids)
            finally:
                lock.release()

    def _runs_something(self) -> bool:
        """Something may run, or somebody said on which nodes it will."""
        if (self.state_dir / CLUSTER_FILE).exists():
            return True
        return self._chosen_before() is not None and (
            self.store.needs_recovery or bool(self.store.list("Node"))
        )

    def lock_holder(self) -> dict[str, Any] | None:
        """Facts of the process that acts here (pid, role "agent" or a verb); None when none does."""
        return self._lock.holder()

    def close(self) -> None:
        for greeting in self._greetings.values():
            greeting.close()
        if "backends" in self.__dict__:
            for backend in self.backends.values():
                with contextlib.suppress(Exception):
                    backend.close()
        self.store.close()


def open_cluster(options: Options) -> Cluster:
    """Opens (and where needed makes) the state directory and takes over hand edits in desired/.

    :raises StoreError: the directory can't be used.
    :raises UsageError: there is no backend of the name that was given.
    """
    state_dir = find_state_dir(options, os.environ)
    store = open_directory(state_dir, DesiredCodec())
    store.on_commit = lambda: wake(state_dir)
    cluster = Cluster(state_dir, store, options)
    cluster.file_problems = tuple(cluster.api.absorb(Deletions.LEFT))
    return cluster
