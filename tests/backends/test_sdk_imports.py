"""What a command pays for an engine's SDK: not for what engines never need, and nobody else misses it."""

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


PATTERNS = """
import re
ours = re.compile
from minikctl.backend.imports import importing_sdk
with importing_sdk("urllib3"):
    import urllib3.util.url as url
print(re.compile is ours, type(url._IPV6_RE).__name__)
print(url.parse_url("http://[fe80::1%25eth0]:8080/a b?c"))
print(url._IPV6_RE.match("::1").group(), url._IPV6_RE.match("nowhere"))
"""


def test_patterns_are_compiled_when_they_are_used() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", PATTERNS], capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "True _LatePattern",
        "http://[fe80::1%eth0]:8080/a%20b?c",
        "::1 None",
    ], done.stderr


MODULES = """
import sys
from minikctl.backend.imports import importing_sdk
with importing_sdk("docker"):
    import docker.api.client
    import requests.utils
    import urllib3.http2
names = "idna", "importlib.metadata", "tarfile", "zipfile"
print([name for name in names if name in sys.modules])
print(requests.utils.zipfile.is_zipfile("nowhere"), docker.utils.build.tarfile.BLOCKSIZE)
print(urllib3.http2.version("idna") == requests.packages.idna.__version__)
import tarfile, zipfile
print([type(one).__name__ for one in (tarfile, zipfile)])
"""


def test_modules_that_no_engine_needs_come_when_they_are_used() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", MODULES], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "False 512", "True", "['module', 'module']"], done.stderr


PACKAGES = """
import sys
from minikctl.backend.imports import importing_sdk
with importing_sdk("docker"):
    import docker.api.client
with importing_sdk("podman"):
    import podman.api.client
print([name for name in ("docker.models", "podman.domain") if name in sys.modules])
import docker, podman
from docker.errors import NotFound
print("docker.models" in sys.modules, docker.errors.NotFound is NotFound)
from docker import from_env
print(docker.DockerClient, docker.APIClient is docker.api.client.APIClient, docker.__version__ > "7")
print(podman.PodmanClient, podman.api.client.APIClient.__module__, podman.__all__)
print(type(docker), type(podman))
try:
    docker.nothing
except AttributeError as error:
    print(error)
"""


def test_the_clients_for_people_come_when_somebody_asks_for_one() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", PACKAGES], capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "[]",
        "False True",
        "<class 'docker.client.DockerClient'> True True",
        "<class 'podman.client.PodmanClient'> podman.api.client ['PodmanClient', '__version__', 'from_env']",
        "<class 'module'> <class 'module'>",
        "module 'docker' has no attribute 'nothing'",
    ], done.stderr


def test_what_is_not_installed_is_told_as_ever() -> None:
    code = "from minikctl.backend.imports import importing_sdk\nwith importing_sdk('no_sdk'): import no_sdk"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'no_sdk'"
