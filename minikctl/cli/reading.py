"""Manifests as a person names them (-f, -k): documents, and in their places what could not be read.

The one way in for `validate` and for what changes things, so that both find the same and say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from minikctl.errors import ManifestError

if TYPE_CHECKING:
    from minikctl.manifests import Document
    from minikctl.manifests.inputs import Ignored


class Unread(NamedTuple):
    """What could not be read, in the path that a person named."""

    path: str
    error: ManifestError


def read_files(
    paths: Sequence[str], *, recursive: bool = False, ignored: Ignored | None = None
) -> list[Document | Unread]:
    """:param ignored: which names of files are passed over."""
    from minikctl.manifests.loader import load_each

    return [
        _read(path, one) for path in paths for one in load_each([path], recursive=recursive, ignored=ignored)
    ]


def read_kustomization(folder: str) -> list[Document | Unread]:
    """What kustomize makes of a folder; nothing where none is named."""
    if not folder:
        return []
    from minikctl.manifests.kustomize import load_kustomization

    return [_read(folder, one) for one in load_kustomization(folder)]


def _read(path: str, one: Document | ManifestError) -> Document | Unread:
    return Unread(path, one) if isinstance(one, ManifestError) else one
