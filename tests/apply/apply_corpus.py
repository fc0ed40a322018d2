"""What a real API server answered: the corpus' stories of apply, and its patches.

`MINIKCTL_CORPUS` names the corpus folder. Without it the tests that need it are skipped, in CI they fail.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import minikctl_schemas
import pytest

from minikctl.apply.table import MergeTable

# The kinds that run. Others have no complete defaults yet, or fields that the cluster allocates.
KINDS = ("Deployment", "ReplicaSet")


def corpus() -> Path:
    folder = os.environ.get("MINIKCTL_CORPUS")
    if folder and (Path(folder) / "merge").is_dir():
        return Path(folder)
    message = "MINIKCTL_CORPUS does not name a corpus folder with merge/"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def records(file: str, *kinds: str) -> Iterator[dict[str, Any]]:
    with (corpus() / "merge" / file).open(encoding="utf-8") as lines:
        yield from (record for record in map(json.loads, lines) if record["kind"] in kinds)


@cache
def table(kind: str) -> MergeTable:
    return MergeTable.from_rules(minikctl_schemas.merge_keys(kind))
