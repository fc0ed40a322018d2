"""Finding backends: by name, and the first engine that answers.

The built-in ones stand in a table, because asking for entry points costs more than all the rest of a
short command; a name that is not in it is looked for among the entry points.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from minikctl.errors import BackendError, UnreachableError, UsageError

if TYPE_CHECKING:
    from minikctl.backend import Backend, BackendType, FidelityTable, Settings

ENTRY_POINTS = "minikctl.backends"
BUILT_IN: Mapping[str, str] = {
    "docker": "minikctl_docker:DockerBackend",
    "podman": "minikctl_podman:PodmanBackend",
    "memory": "minikctl_memory:MemoryBackend",
}
ENGINES = ("docker", "podman")
"""Asked in this order when nobody said which."""
NAMED_BY: Mapping[str, str] = {"docker": "DOCKER_HOST", "podman": "CONTAINER_HOST"}
"""By which variable people name an engine of each kind."""
SIMULATION = "memory"


class Choice(Struct, frozen=True):
    """A backend and where it is. `because` says who chose it."""

    backend: str
    endpoint: str
    because: str


def find(name: str) -> BackendType:
    """The backend type of that name.

    :raises UsageError: there is none.
    """
    module, _, attribute = locate(name).partition(":")
    found: BackendType = getattr(import_module(module), attribute)
    return found


def locate(name: str) -> str:
    """Where the backend of that name is (`module:attribute`). Imports nothing of it.

    :raises UsageError: there is none.
    """
    target = BUILT_IN.get(name) or _entry_points().get(name)
    if target is None:
        known = ", ".join((*BUILT_IN, *sorted(set(_entry_points()) - set(BUILT_IN))))
        raise UsageError(f'unknown backend "{name}"; there are: {known}')
    return target


def fidelity(name: str) -> FidelityTable:
    """What that backend does with the fields that are handed to its engine. Asks no engine.

    :raises UsageError: there is no such backend.
    """
    say = getattr(find(name), "fidelity", None)
    return say() if say is not None else {}


def _entry_points() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {one.name: one.value for one in entry_points(group=ENTRY_POINTS)}


def open_backend(name: str, settings: Settings) -> Backend:
    return find(name).open(settings)


def choose(name: str, environ: Mapping[str, str], settings: Settings) -> Choice:
    """The named backend at the first endpoint of it that answers.

    :raises UnreachableError: none does.
    """
    errors = []
    for endpoint in find(name).endpoints(environ):
        error = _trouble(name, endpoint, settings)
        if error is None:
            return Choice(name, endpoint, "named")
        errors.append(f"{endpoint or name}: {error}")
    tried = "; ".join(errors) or "no socket found and no address given"
    raise UnreachableError(
        f"the {name} engine does not answer ({tried}); start it, or choose another with --backend"
    )


def detect(environ: Mapping[str, str], settings: Settings) -> Choice:
    """The first engine that answers, else the simulation.

    :raises UnreachableError: the environment names an engine, and none answers.
    """
    for name in ENGINES:
        for endpoint in find(name).endpoints(environ):
            if _trouble(name, endpoint, settings) is None:
                return Choice(name, endpoint, "the first engine that answers")
    for name, variable in NAMED_BY.items():
        if named := environ.get(variable):
            raise UnreachableError(
                f"the {name} engine that {variable} names does not answer ({named}), nor any other; start"
                f" it, unset {variable}, or simulate with --backend {SIMULATION}"
            )
    return Choice(SIMULATION, find(SIMULATION).endpoints(environ)[0], "no engine answers")


def _trouble(name: str, endpoint: str, settings: Settings) -> BackendError | None:
    backend = open_backend(name, replace(settings, endpoint=endpoint))
    try:
        backend.info()
        return None
    except BackendError as error:
        return error
    finally:
        backend.close()
