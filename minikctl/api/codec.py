"""How desired objects become files and come back."""

from __future__ import annotations

from minikctl.errors import ManifestError, Position
from minikctl.model import Object
from minikctl.model.versions import stored


class DesiredCodec:
    """YAML as `minikctl.manifests` reads and writes it. Comments that people wrote survive."""

    def encode(self, desired: Object, previous: str | None) -> str:
        from minikctl.manifests import dump_yaml

        if previous is not None and "#" in previous:
            return self._edited(desired, previous)
        return dump_yaml(desired, sort_keys=False)

    def _edited(self, desired: Object, previous: str) -> str:
        from minikctl.manifests import dump_yaml, edit_yaml

        try:
            return edit_yaml(previous, desired)
        except ManifestError:
            # What stands there can't be read, so there is nothing of it that could be kept.
            return dump_yaml(desired, sort_keys=False)

    def decode(self, text: str, path: str) -> Object:
        from minikctl.manifests import parse

        documents = parse(text.encode("utf-8", errors="surrogateescape"), path)
        if len(documents) != 1:
            raise ManifestError(f"holds {len(documents)} objects instead of one", Position(path, 1, 1))
        return stored(documents[0].obj)
