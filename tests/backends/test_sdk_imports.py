"""What a command pays for an engine's SDK: not for guessing encodings, and nobody else misses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

CALL = """
import sys
from minikctl.backend import Settings
from minikctl.errors import UnreachableError
from minikctl_{name} import {kind} as Backend
try:
    Backend.open(Settings("unix:///nowhere.sock", "c")).info()
except UnreachableError:
    print("requests" in sys.modules, "charset_normalizer" in sys.modules)
import charset_normalizer
import requests
print(requests.Response().apparent_encoding)
"""


@pytest.mark.parametrize(("name", "kind"), [("docker", "DockerBackend"), ("podman", "PodmanBackend")])
def test_the_library_that_guesses_is_left_out_of_the_first_call(name: str, kind: str) -> None:
    code = CALL.format(name=name, kind=kind)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["True False", "utf-8"], done.stderr
