"""What a real kubectl printed: the transcripts of the corpus, command by command.

`MINIKCTL_CORPUS` names the corpus folder. Without it the tests that need it are skipped, in CI they fail.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml


def transcripts() -> Path:
    folder = os.environ.get("MINIKCTL_CORPUS")
    if folder and (found := Path(folder) / "transcripts").is_dir():
        return found
    message = "MINIKCTL_CORPUS does not name a corpus folder with transcripts"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


def answer(file: str, command: str, occurrence: int = 0) -> str:
    """What `$ kubectl COMMAND` printed in the transcript `file`."""
    text = (transcripts() / file).read_text()
    part = text.split(f"$ kubectl {command}\n")[1 + occurrence]
    return part.split("[exit ")[0]


def objects(file: str, command: str) -> list[dict[str, Any]]:
    """The objects that a `get -o yaml` of the transcript printed."""
    document = yaml.safe_load(answer(file, command))
    return list(document["items"]) if document["kind"] == "List" else [document]
