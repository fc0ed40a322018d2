"""The documents of a kustomization (-k): what `kustomize build` prints.

Rules:
- kustomize itself builds: the `kustomize` on PATH, else the one inside `kubectl`.
- Only a folder that exists is given to it: any other word it would take for a repository to clone. What a
  kustomization itself refers to, kustomize fetches as it always does.
- Its objects have no file of their own: positions are those in its output.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

from minikctl.errors import ManifestError
from minikctl.manifests.loader import Document, parse_each

_TOOLS = (("kustomize", "build"), ("kubectl", "kustomize"))
_SECONDS = 300
_KLOG = re.compile(r"^[IWEF]\d{4} [\d:.]+ +\d+ [\w.-]+:\d+\] ")
"""What kubectl's logger writes before an error: `E1120 12:46:00.123456   4242 run.go:72] `."""


def load_kustomization(folder: str) -> Iterator[Document | ManifestError]:
    """The documents that the kustomization in `folder` stands for; an error where it can't be built."""
    try:
        data = build(folder)
    except ManifestError as error:
        yield error
        return
    yield from parse_each(data, f"kustomization {folder}")


def build(folder: str) -> bytes:
    """The YAML that kustomize makes of `folder`.

    :raises ManifestError: there is no kustomize, no such folder, or kustomize says no.
    """
    if not os.path.isdir(folder):  # noqa: PTH112
        raise ManifestError(f'the path "{folder}" is not a folder; -k takes one with a kustomization.yaml')
    # So that "-x" is not a flag.
    command = [*_tool(), os.path.join(os.curdir, folder)]  # noqa: PTH118
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ManifestError(f'"{folder}" was not built within {_SECONDS} seconds') from None
    except (OSError, ValueError) as error:
        raise ManifestError(f"{command[0]} can't be run: {error}") from None
    if done.returncode != 0:
        raise ManifestError(f'"{folder}" can\'t be built: {_reason(done.stderr)}')
    return done.stdout


def _tool() -> list[str]:
    for program, verb in _TOOLS:
        found = shutil.which(program)
        if found:
            return [found, verb]
    raise ManifestError("-k needs kustomize, or the one inside kubectl: neither is on PATH")


def _reason(stderr: bytes) -> str:
    """What kustomize said, on one line, without its warnings."""
    lines = [_KLOG.sub("", line).strip() for line in stderr.decode(errors="replace").splitlines()]
    told = " ".join(line for line in lines if line and not line.startswith("#"))
    return _unquoted(told).removeprefix("Error: ").removeprefix("error: ") or "kustomize gave no reason"


def _unquoted(text: str) -> str:
    """What was said, out of `"command failed" err="…"`."""
    found = re.fullmatch(r'"command failed" err="((?:[^"\\]|\\.)*)"', text)
    return re.sub(r'\\(["\\])', r"\1", found[1]) if found else text
