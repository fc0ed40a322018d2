"""What is done with a container from the inside: commands, attaching, files, probes, what it uses.

The caller has seen to it that the container is this cluster's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from minikctl.backend import Check, Checked, ExecResult, Usage
from minikctl.backend.conversations import Conversation
from minikctl.errors import PermanentError, TemporaryError
from minikctl_podman import faults, observation
from minikctl_podman.engine import Engine, Reply, Upgraded, expect

_KILLED = 137
"""Of what can't be asked any more: it went with its container."""
_NO_DETACH = ""
"""No keys that hang up: whoever types them means the program."""


class Inside:
    """By container id, on one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- commands --------------------------------------------------------------------------------

    def open_exec(
        self,
        container_id: str,
        command: Sequence[str],
        *,
        stdin: bool = False,
        tty: bool = False,
        environment: Sequence[tuple[str, str]] = (),
    ) -> Conversation:
        exec_id = self._create_exec(container_id, command, stdin=stdin, tty=tty, environment=environment)
        path = f"/exec/{exec_id}"
        upgraded = self._engine.upgrade(f"{path}/start", body={"Detach": False, "Tty": tty})
        return self._conversation(container_id, upgraded, tty, path, lambda: self._code_of_exec(path))

    def open_attach(self, container_id: str, *, stdin: bool, tty: bool) -> Conversation:
        path = f"/containers/{container_id}"
        parameters = {"stream": "true", "stdout": "true", "stderr": "true", "stdin": str(stdin).lower()}
        self._inspect_running(container_id)
        upgraded = self._engine.upgrade(f"{path}/attach", {**parameters, "detachKeys": _NO_DETACH})
        return self._conversation(container_id, upgraded, tty, path, lambda: self._code_of_container(path))

    def _create_exec(
        self,
        container_id: str,
        command: Sequence[str],
        *,
        stdin: bool,
        tty: bool,
        environment: Sequence[tuple[str, str]],
    ) -> str:
        body = {
            "AttachStdin": stdin,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": tty,
            "Cmd": list(command),
            "Env": [f"{name}={value}" for name, value in environment],
            "DetachKeys": _NO_DETACH,
        }
        reply = self._engine.post(f"/containers/{container_id}/exec", body=body)
        if not reply.ok:
            raise _refused(container_id, reply)
        return str(reply.body["Id"])

    def _conversation(
        self,
        container_id: str,
        upgraded: Upgraded,
        tty: bool,
        path: str,
        look: Callable[[], int | None],
    ) -> Conversation:
        if not upgraded.reply.ok:
            upgraded.hang_up()
            raise _refused(container_id, upgraded.reply)

        def set_size(rows: int, columns: int) -> Reply:
            return self._engine.post(f"{path}/resize", {"h": str(rows), "w": str(columns)})

        return Conversation(
            upgraded.response,
            tty=tty,
            look=look,
            set_size=set_size,
            lost=self._engine.unreachable,
            hang_up=upgraded.hang_up,
        )

    def _code_of_exec(self, path: str) -> int | None:
        reply = self._engine.get(f"{path}/json")
        if reply.missing:
            return _KILLED
        told = expect(reply).body
        return None if told.get("Running") or told.get("ExitCode") is None else int(told["ExitCode"])

    def _code_of_container(self, path: str) -> int | None:
        reply = self._engine.get(f"{path}/json")
        if reply.missing:
            return _KILLED
        state = expect(reply).body["State"]
        return int(state["ExitCode"]) if state["Status"] in ("exited", "stopped") else None

    # --- files -----------------------------------------------------------------------------------

    def get_archive(self, container_id: str, path: str) -> Iterator[bytes]:
        with self._engine.stream(f"/containers/{container_id}/archive", {"path": path}) as (reply, stream):
            if reply.missing:
                raise _not_found(reply)
            if not reply.ok:
                raise faults.container_error(reply.message, "")
            yield from stream.chunks()

    def put_archive(self, container_id: str, path: str, data: Iterable[bytes] | bytes) -> None:
        where, parameters = f"/containers/{container_id}/archive", {"path": path}
        if self._engine.head(where, parameters).missing:  # Podman would make the folder
            raise PermanentError(f"there is no {path!r} in the container", reason="NotFound")
        # Else all of it would belong to the container's user, whatever the archive says.
        reply = self._engine.put(where, {**parameters, "copyUIDGID": "false"}, data)
        if reply.missing:
            raise _not_found(reply)
        if faults.is_bad_archive(reply.message):
            raise PermanentError(faults.one_line(reply.message), reason="BadArchive")
        if not reply.ok:
            raise faults.container_error(reply.message, "")

    # --- checks and figures ----------------------------------------------------------------------

    def probe(self, container_id: str, check: Check, *, timeout: float, host_ip: str) -> Checked:
        """`host_ip` is where the machine's own network is, "" where it is not within reach."""
        from minikctl.backend import probing

        def run(command: Sequence[str], seconds: float) -> ExecResult:
            return self.open_exec(container_id, command).run_to_end(seconds, probing.NEEDED_OUTPUT)

        data = self._inspect_running(container_id)
        if not probing.needs_address(check):
            return probing.probe(check, address="", run=run, timeout=timeout)
        network = observation.network_of(data)
        if network.holder:
            holder = self._engine.get(f"/containers/{network.holder}/json")
            network = observation.network_of(expect(holder).body) if holder.ok else network
        if network.is_host:
            address = host_ip
        else:
            address = network.address if host_ip and probing.is_ours(network.gateway) else ""
        return probing.probe(check, address=address, run=run, timeout=timeout)

    def usage(self, container_id: str) -> Usage | None:
        reply = self._engine.get("/containers/stats", {"stream": "false", "containers": container_id})
        return None if reply.missing else observation.usage_from(expect(reply).body)

    def _inspect_running(self, container_id: str) -> Mapping[str, Any]:
        reply = self._engine.get(f"/containers/{container_id}/json")
        if reply.missing:
            raise _not_found(reply)
        data: Mapping[str, Any] = expect(reply).body
        if data["State"]["Status"] != "running":
            raise PermanentError(f"container {container_id!r} is not running", reason="NotRunning")
        return data


def _refused(container_id: str, reply: Reply) -> PermanentError | TemporaryError:
    if reply.missing:
        return _not_found(reply)
    if reply.status == 409 or faults.is_not_running(reply.message):
        return PermanentError(f"container {container_id!r} is not running", reason="NotRunning")
    return faults.container_error(reply.message, "ExecError")


def _not_found(reply: Reply) -> PermanentError:
    return PermanentError(faults.one_line(reply.message), reason="NotFound")
