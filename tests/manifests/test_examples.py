"""The examples are what we say of manifests: an API server would take them, and every backend runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from minikctl import registry
from minikctl.manifests import Document, validate
from minikctl.manifests.fidelity import refused_kind, unhandled
from minikctl.manifests.loader import load_each

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted([*EXAMPLES.glob("*.yaml"), *(EXAMPLES / "guestbook").glob("*")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_examples_are_valid_and_run_everywhere(path: Path) -> None:
    documents = [one for one in load_each([str(path)]) if isinstance(one, Document)]
    assert documents
    for one in documents:
        assert validate(one.obj) == []
        assert refused_kind(one.obj) is None
        for backend in registry.BUILT_IN:
            assert unhandled(one.obj, backend) == []
