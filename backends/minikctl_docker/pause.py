"""The image of a sandbox: a program of a few bytes that sleeps for ever, made here: no pull is needed.

A sandbox container does nothing but keep a network namespace alive. Kubernetes pulls `registry.k8s.io/pause`
for it; minikctl must also work where no registry is within reach, and on a machine that has no compiler. The
program is therefore written down as machine code: it ignores SIGCHLD, so that in a process namespace that is
shared with the pod's containers the kernel clears away what nobody waits for, and loops around the system
call that waits for a signal.

Rules:
- The archive is the same, byte for byte, each time: loading it again finds the image that is there, and
  several minikctl processes that load it at once can't leave a copy without a name behind.
- Who creates a sandbox loads the image when the engine says that it is missing. It stays, as Kubernetes' and
  Podman's own do: 1 KB, where loading it again would cost more than the sandbox.
- Its stop signal is SIGKILL: PID 1 without a handler ignores SIGTERM, and there is nothing to end in order.
- On an architecture without a program here, Kubernetes' own image is pulled (and stays: it may be yours).
"""

from __future__ import annotations

import hashlib
import io
import json
import struct

REFERENCE = "localhost/minikctl-pause:2"
"""`localhost` is no registry that an engine would go and ask."""
FALLBACK_REFERENCE = "registry.k8s.io/pause:3.10"

_IGNORE = b"\x01" + bytes(31)
"""The kernel's struct sigaction: SIG_IGN, no flags, no restorer, an empty mask."""
_CODE = {
    # rt_sigaction(SIGCHLD, the bytes at the end, none, 8): mov eax, 13; mov edi, 17; lea rsi, [rip + 21];
    # xor edx, edx; mov r10d, 8; syscall. Then mov eax, 34 (pause); syscall; jmp to that mov.
    "amd64": (
        62,
        bytes.fromhex("b80d000000 bf11000000 488d3515000000 31d2 41ba08000000 0f05")
        + bytes.fromhex("b822000000 0f05 ebf7")
        + bytes(2)
        + _IGNORE,
    ),
    # The same: mov x8, #134; mov x0, #17; adr x1, the bytes at the end; mov x2, #0; mov x3, #8; svc #0.
    # Then mov x8, #73 (ppoll); x0 to x4 = 0: no files, no timeout; svc #0; branch to that mov x8.
    "arm64": (
        183,
        bytes.fromhex("c81080d2 200280d2 81010010 020080d2 030180d2 010000d4")
        + bytes.fromhex("280980d2 000080d2 010080d2 020080d2 030080d2 040080d2 010000d4 f9ffff17")
        + _IGNORE,
    ),
}
_BASE_ADDRESS = 0x400000
_PAGE = 0x10000  # arm64 kernels have pages of up to 64 KiB
_HEADERS = struct.Struct("<16sHHIQQQIHHHHHH" + "IIQQQQQQ")  # Elf64_Ehdr, Elf64_Phdr
_NOBODY = "65535:65535"


def reference(architecture: str) -> str:
    """The image of sandboxes on an engine of that architecture (GOARCH words)."""
    return REFERENCE if architecture in _CODE else FALLBACK_REFERENCE


def program(architecture: str) -> bytes:
    """A static ELF executable: its header, one program header that loads the whole file, the code."""
    machine, code = _CODE[architecture]
    elf_header, program_header = 64, 56
    size = elf_header + program_header + len(code)
    identification = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")  # 64 bits, little endian, version 1
    executable, version, entry = 2, 1, _BASE_ADDRESS + elf_header + program_header
    load, read_and_execute = 1, 5
    headers = _HEADERS.pack(
        *(identification, executable, machine, version, entry, elf_header, 0, 0),
        *(elf_header, program_header, 1, 0, 0, 0),
        *(load, read_and_execute, 0, _BASE_ADDRESS, _BASE_ADDRESS, size, size, _PAGE),
    )
    return headers + code


def archive(architecture: str) -> bytes:
    """The image as `docker save` would write it."""
    layer = _tar({"pause": program(architecture)})
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {"Entrypoint": ["/pause"], "StopSignal": "SIGKILL", "User": _NOBODY},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "minikctl"}],
    }
    manifest = [{"Config": "config.json", "RepoTags": [REFERENCE], "Layers": ["layer.tar"]}]
    return _tar(
        {"manifest.json": _json(manifest), "config.json": _json(config), "layer.tar": layer},
    )


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _tar(files: dict[str, bytes]) -> bytes:
    import tarfile  # slow to import, and an engine seldom needs the image

    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o755
            tar.addfile(member, io.BytesIO(content))
    return written.getvalue()
