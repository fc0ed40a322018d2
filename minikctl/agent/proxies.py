"""Keeps Services' proxies told what to forward, and lets no pod end that one of them still forwards to.

Rules:
- A proxy's container that runs is told its program by a command in it; the answer says that new connections
  follow it. One is told at a time, always the newest program.
- What a container was told is known as long as this process lives. After that it is told once more.
- A pod that was asked to end is left alone until every proxy has forgotten it and what was on its way has
  arrived, but never longer than `LONGEST_HOLD_SECONDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from minikctl.agent.engine import Engine
from minikctl.agent.ports import Executor, Told
from minikctl.backend import Backend, Container, ContainerState
from minikctl.controlplane.kubelet.seal import identity
from minikctl.controlplane.proxies import SYSTEM_NAMESPACE, WORKPLACE, Program, is_proxy, programmed
from minikctl.controlplane.view import View
from minikctl.errors import BackendError, PermanentError
from minikctl.model import Object, ObjectKey, conditions, is_deleting, key_of, namespace_of, status_of, uid_of

GLANCE_SECONDS = 0.05
LONGEST_HOLD_SECONDS = 2.0
RETRY_SECONDS = 0.3
MOST_FAILURES = 10
"""So long in a row the wait grows; a command that waits gives up on the proxy at a third of them."""
TELL_TIMEOUT = 5.0
_LONGEST_TROUBLE = 300
"""Letters."""


class Known(Struct):
    """What is known of one proxy."""

    container_id: str = ""
    """The one that was told."""
    told: Program | None = None
    trouble: str = ""
    """Why it could not be told last."""
    wanted: Program | None = None
    under_way: Program | None = None
    retry_at: float = 0.0
    failures: int = 0
    """In a row."""

    def forwards_to(self, address: str) -> bool:
        """Whether it does, or may before long."""
        return any(one is not None and address in one.addresses for one in (self.told, self.under_way))

    def leads_in_vain_to(self, address: str) -> bool:
        """Whether it forwards there although it should not any more."""
        still_wanted = self.wanted is not None and address in self.wanted.addresses
        return self.forwards_to(address) and not still_wanted

    @property
    def is_hopeful(self) -> bool:
        """Whether it could be told not long ago."""
        return self.failures < MOST_FAILURES // 3


class Held(Struct, frozen=True):
    """A pod that was asked to end."""

    since: float
    key: ObjectKey
    address: str


class Proxies:
    """Of all engines. `view` gives the view of the manager that is at work."""

    def __init__(self, executor: Executor, view: Callable[[], View]) -> None:
        self._executor = executor
        self._view = view
        self._known: dict[str, Known] = {}
        """By the proxy pod's uid."""
        self._dirty: dict[str, Engine] = {}
        self._held: dict[str, Held] = {}
        """Pods that were asked to end, by uid."""
        self._forgotten: dict[str, float] = {}
        """Addresses that a proxy forwards to no more: until when connections may still come there."""

    # --- what the kubelets see

    def seen(self, engine: Engine, pod: Object) -> None:
        """A proxy's pod was looked at: it may be another container, or have another program."""
        if is_proxy(pod):
            self._dirty[uid_of(pod)] = engine

    def holds(self, pod: Object, now: float) -> float | None:
        """When to look again at a pod that must not end yet; None: it may."""
        address, uid = status_of(pod).get("podIP"), uid_of(pod)
        has_time = bool(pod["metadata"].get("deletionGracePeriodSeconds"))
        if not address or not has_time or is_proxy(pod):
            return None
        if uid not in self._held:
            if not self._is_led_to(pod, address):
                return None
            self._held[uid] = Held(now, key_of(pod), address)
            return now + GLANCE_SECONDS  # what is wanted of the proxies is only decided in this pass
        if now - self._held[uid].since >= LONGEST_HOLD_SECONDS:
            return None
        if self._is_untold() or any(one.leads_in_vain_to(address) for one in self._known.values()):
            return now + GLANCE_SECONDS
        settled = self._forgotten.get(address, now)
        return settled if settled > now else None

    def _is_led_to(self, pod: Object, address: str) -> bool:
        """Whether a proxy forwards to it, or may: of one that nobody told yet, what its Service says."""
        if any(one.forwards_to(address) for one in self._known.values()):
            return True
        slices = self._view().list("EndpointSlice", namespace_of(pod)) if self._is_untold() else ()
        return any(address in end["addresses"] for one in slices for end in one.get("endpoints") or ())

    def _is_untold(self) -> bool:
        """Whether a proxy runs that this process knows nothing of yet."""
        for pod in self._view().list("Pod", SYSTEM_NAMESPACE):
            if is_proxy(pod) and conditions.is_true(status_of(pod), "ContainersReady"):
                known = self._known.get(uid_of(pod))
                if known is None or (known.told is None and known.is_hopeful):
                    return True
        return False

    def noted(self, engine: Engine, pod: Object, now: float) -> Object | None:
        """A proxy's pod with what its status is to say; None where it says so."""
        running = _running(engine, uid_of(pod)) if is_proxy(pod) and not is_deleting(pod) else None
        if running is None:
            return None
        known = self._known.get(uid_of(pod))
        if known is None or known.container_id != running.id:
            return programmed(pod, running.id, False, "", now)
        return programmed(pod, running.id, known.told is not None, known.trouble, now)

    def gone(self, pod: Object) -> None:
        self._known.pop(uid_of(pod), None)
        self._dirty.pop(uid_of(pod), None)
        self._held.pop(uid_of(pod), None)

    # --- telling

    def act(self, now: float) -> None:
        dirty, self._dirty = self._dirty, {}
        for uid, engine in dirty.items():
            self._keep(uid, engine, now)
        self._forgotten = {one: until for one, until in self._forgotten.items() if until > now}

    def _keep(self, uid: str, engine: Engine, now: float) -> None:
        pod = self._view().by_uid(uid)
        wanted = _program_of(pod, self._view()) if pod is not None else None
        running = _running(engine, uid)
        if pod is None or wanted is None or running is None:
            known = self._known.pop(uid, None)
            if pod is not None and known is not None and known.under_way is not None:
                self._known[uid] = Known(under_way=known.under_way)
            return
        known = self._known.setdefault(uid, Known())
        if known.container_id != running.id:
            known.container_id, known.told, known.trouble = running.id, None, ""
        known.wanted = wanted
        if known.under_way is not None or known.wanted == known.told:
            return
        if known.retry_at > now:
            self._dirty[uid] = engine
            return
        known.under_way = known.wanted
        job = partial(tell, engine.name, engine.backend, uid, key_of(pod), running.id, known.wanted)
        self._executor.submit(f"{engine.name}:tell", job)

    def learn(self, engine: Engine, news: Told, now: float) -> list[ObjectKey]:
        """Returns the pods to look at."""
        self._dirty[news.uid] = engine
        known = self._known.get(news.uid)
        if known is None:
            return []
        known.under_way = None
        if known.container_id == news.container_id:
            known.trouble = brief(news.error) if news.error is not None else ""
        if news.error is not None:
            known.failures += 1
            known.retry_at = now + RETRY_SECONDS * min(known.failures, MOST_FAILURES)
            return []
        known.failures = 0
        if known.container_id == news.container_id:
            # Of what it did before nobody knows, it is believed that it led to those who wait.
            waiting = frozenset(one.address for one in self._held.values())
            before = known.told.addresses if known.told is not None else waiting
            known.told = news.program
            for address in before - news.program.addresses:
                self._forgotten[address] = max(now + news.program.settle, self._forgotten.get(address, now))
        return [one.key for one in self._held.values()]

    # --- what the loop asks

    def next_moment(self) -> float | None:
        moments = [self._known[uid].retry_at for uid in self._dirty if uid in self._known]
        return min(moments, default=None)

    def is_idle(self) -> bool:
        """Everything that was to be told was."""
        hopeful = [uid for uid, one in self._known.items() if one.is_hopeful]
        busy = any(self._known[uid].under_way is not None for uid in hopeful)
        return not busy and not any(uid in self._dirty for uid in hopeful)


def _running(engine: Engine, uid: str) -> Container | None:
    found = [
        one
        for one in engine.of_pod(uid)
        if one.state is ContainerState.RUNNING and not identity(one).is_sandbox
    ]
    return max(found, key=lambda one: identity(one).attempt, default=None)


def brief(error: BackendError) -> str:
    """nft repeats what it does not understand, which may be long."""
    lines = str(error).splitlines()
    line = next((one for one in lines if "Error:" in one), lines[0] if lines else "")
    return line[:_LONGEST_TROUBLE]


def tell(engine: str, backend: Backend, uid: str, key: ObjectKey, container_id: str, wanted: Program) -> Told:
    """A job. Where nothing really runs, nothing is forwarded either."""
    told = Told(engine, uid, key, container_id, wanted)
    if backend.capabilities.simulated:
        return told
    try:
        if wanted.files:
            backend.put_archive(container_id, WORKPLACE, _archive(wanted.files))
        done = backend.exec_container(container_id, wanted.command, timeout=TELL_TIMEOUT)
    except BackendError as error:
        return replace(told, error=error)
    except Exception as error:
        return replace(told, error=PermanentError(f"bug in the backend: {type(error).__name__}: {error}"))
    if done.exit_code:
        text = done.output.decode(errors="replace").strip()
        return replace(told, error=PermanentError(f"exit code {done.exit_code}: {text}"))
    return told


def _archive(files: Iterable[tuple[str, str]]) -> bytes:
    """Readable for nginx's workers, which read them when somebody asks for them."""
    import io
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text.encode()), 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def _program_of(pod: Object, view: View) -> Program | None:
    from minikctl.controlplane.programs import program_of  # needed where there are Services, and large

    return program_of(pod, view)
