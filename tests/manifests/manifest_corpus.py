"""Real manifests and a real API server's verdicts, for the tests of this folder.

`MINIKCTL_CORPUS` names the corpus folder. Without it the tests that need it are skipped, in CI they fail.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest


def corpus() -> Path:
    folder = os.environ.get("MINIKCTL_CORPUS")
    if folder and (Path(folder) / "mutants.jsonl").is_file():
        return Path(folder)
    message = "MINIKCTL_CORPUS does not name a corpus folder with mutants.jsonl"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@cache
def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (corpus() / name).read_text().splitlines()]
