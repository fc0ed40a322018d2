"""What an engine is asked for: containers, sandboxes, volumes, credentials.

Memory is bytes; CPU is thousandths of a core.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct, field


class PortMapping(Struct, frozen=True):
    container_port: int
    host_port: int
    protocol: str = "TCP"
    """TCP, UDP or SCTP, as Kubernetes writes it."""
    host_ip: str = ""


class MountKind(Enum):
    BIND = "bind"
    """A file or folder of the engine's machine. It must be there: engines are not asked to make it."""
    VOLUME = "volume"
    """A volume that `create_volume` made. What the image has at the target is not copied into it."""
    TMPFS = "tmpfs"


class Mount(Struct, frozen=True):
    """One file system that a container finds at `target`."""

    kind: MountKind
    source: str
    """A path on the engine's machine, or a volume's name; "" for tmpfs."""
    target: str
    read_only: bool = False
    propagation: str = ""
    """Of a bind: "" (private), "rslave" (HostToContainer) or "rshared" (Bidirectional)."""
    size_bytes: int = 0
    """Of a tmpfs; 0 is the kernel's default, half of the machine's memory."""
    sub_path: str = ""
    """Of a volume: what in it is mounted. It must be there, and no link in it leads out of the volume. An
    engine that can't do it refuses to make the container (`CreateContainerConfigError`)."""


class ResourceLimits(Struct, frozen=True):
    """What the engine enforces; 0 is no limit."""

    cpu_request_millicores: int = 0
    """Becomes the relative weight (cpu.shares / cpu.weight)."""
    cpu_limit_millicores: int = 0
    memory_limit_bytes: int = 0


class SelinuxOptions(Struct, frozen=True):
    """ "" leaves a part of the label to the engine."""

    user: str = ""
    role: str = ""
    type: str = ""
    level: str = ""


class SecurityContext(Struct, frozen=True):
    """The pod's and the container's securityContext, already merged."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool = False
    supplemental_groups: tuple[int, ...] = ()
    """With fsGroup, where there is one."""
    privileged: bool = False
    read_only_root_filesystem: bool = False
    allow_privilege_escalation: bool = True
    add_capabilities: tuple[str, ...] = ()
    drop_capabilities: tuple[str, ...] = ()
    seccomp_profile: str = ""
    """CRI's words: "" and `runtime/default` are the engine's own, `unconfined`, `localhost/PATH` (an absolute
    path on the engine's machine, which for Docker must be this one)."""
    apparmor_profile: str = ""
    """As above; `localhost/NAME` is a profile that the engine's machine has loaded."""
    selinux: SelinuxOptions = SelinuxOptions()
    proc_mount: str = ""
    """"" and `Default` mask parts of /proc; `Unmasked` does not."""


class NetworkMode(Enum):
    POD = "pod"
    """A network namespace of its own on the engine's pod network; the machine's with `host_network`."""
    SANDBOX = "sandbox"
    """The namespace of the pod's sandbox, `ContainerSpec.sandbox_id`."""


class Dns(Struct, frozen=True):
    """What stands in /etc/resolv.conf: this, and nothing else. Without servers the engine's own parts stay
    where this says nothing."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    """`NAME` or `NAME:VALUE`."""


class HostAlias(Struct, frozen=True):
    """A line of /etc/hosts."""

    ip: str
    hostnames: tuple[str, ...]


class PodOptions(Struct, frozen=True):
    """What is the same for all containers of a pod. Of a pod with a sandbox both get the same value: the
    sandbox has the network and IPC, and a container joins them."""

    dns: Dns | None = None
    """None is as the engine is set up."""
    host_aliases: tuple[HostAlias, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()
    host_network: bool = False
    """The machine's network and its host name; ports are not published then."""
    host_pid: bool = False
    host_ipc: bool = False
    runtime_handler: str = ""
    """The OCI runtime by its name in the engine's configuration; "" is the engine's own choice."""
    share_process_namespace: bool = False
    """All processes of the pod see each other; needs a sandbox, whose process is PID 1."""


class SandboxSpec(Struct, frozen=True):
    """What several containers of one pod share: network and IPC namespace, host name, published ports."""

    name: str
    """The engine's name for it, unique per attempt: creating the same name again finds the first."""
    hostname: str
    labels: Mapping[str, str]
    ports: tuple[PortMapping, ...] = ()
    pod: PodOptions = field(default_factory=PodOptions)


class ContainerSpec(Struct, frozen=True):
    """All that an engine needs to make one container."""

    name: str
    """The engine's name for it, unique per attempt: creating the same name again finds the first."""
    image: str
    labels: Mapping[str, str]
    command: tuple[str, ...] | None = None
    """Kubernetes' command, the image's ENTRYPOINT where None."""
    args: tuple[str, ...] | None = None
    """Kubernetes' args, the image's CMD where None (and command is None too)."""
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    hostname: str = ""
    ports: tuple[PortMapping, ...] = ()
    resources: ResourceLimits = field(default_factory=ResourceLimits)
    security: SecurityContext = field(default_factory=SecurityContext)
    network: NetworkMode = NetworkMode.POD
    sandbox_id: str = ""
    stdin: bool = False
    stdin_once: bool = False
    """The input ends for good with the first that was attached to it."""
    tty: bool = False
    mounts: tuple[Mount, ...] = ()
    pod: PodOptions = field(default_factory=PodOptions)
    stop_signal: str = ""
    """`SIGQUIT`; "" is the image's."""
    oom_score_adj: int | None = None
    """-1000 to 1000; None is the engine's default. A rootless engine can't go below its own."""


class VolumeSpec(Struct, frozen=True):
    name: str
    labels: Mapping[str, str]


class Credentials(Struct, frozen=True):
    """For one registry: user and password, or a token. Their text never shows them."""

    username: str = ""
    password: str = ""
    identity_token: str = ""
    auth: str = ""
    """Base64 of `username:password`, as configuration files have it; used where both are empty."""
    server: str = ""

    def __repr__(self) -> str:
        return f"Credentials(server={self.server!r}, …)"
