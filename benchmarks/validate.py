"""What `validate` costs: CPU time of whole processes on 1 and on 1,000 Deployments, beside others.

    python -m benchmarks.validate [--documents N] [--rounds N]

The others read the same files: kubectl's `create --dry-run=client --validate=false` (parses, and asks a
stand-in which kinds there are), kubectl's `annotate --local` (parses only), and PyYAML with plain jsonschema
and the same schema (types and unknown fields only).

Targets: one file at most 130 ms of CPU, 1,000 Deployments at most 0.6 s.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from benchmarks.common import say, say_machine
from benchmarks.start import in_turns

_MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{number}
  namespace: shop
  labels:
    app: web
spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: web
        image: nginx:1.27
        env:
        - name: MODE
          value: production
        ports:
        - name: http
          containerPort: 80
        resources:
          requests: {{cpu: 100m, memory: 64Mi}}
          limits: {{memory: 128Mi}}
        readinessProbe:
          httpGet: {{path: /, port: http}}
"""

_PLAIN = """\
import sys, yaml, jsonschema, minikctl_schemas
judge = jsonschema.Draft202012Validator(minikctl_schemas.load("apps/v1", "Deployment"))
with open(sys.argv[1]) as file:
    assert not [error for one in yaml.load_all(file, yaml.CSafeLoader) for error in judge.iter_errors(one)]
"""

_DEPLOYMENTS = {
    "name": "deployments",
    "singularName": "",
    "namespaced": True,
    "kind": "Deployment",
    "verbs": ["create"],
}
_VERSION = {"groupVersion": "apps/v1", "version": "v1"}
_ANSWERS = {
    "/api": {"kind": "APIVersions", "versions": []},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [{"name": "apps", "versions": [_VERSION], "preferredVersion": _VERSION}],
    },
    "/apis/apps/v1": {"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [_DEPLOYMENTS]},
}


class _Discovery(BaseHTTPRequestHandler):
    """Which kinds there are: all that kubectl asks a server here."""

    def do_GET(self) -> None:
        answer = json.dumps(_ANSWERS.get(self.path.partition("?")[0], {})).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def discovery() -> Iterator[str]:
    """The address of a server that only knows which kinds there are."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Discovery)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


def commands(file: Path, server: str, cache: str) -> dict[str, list[str]]:
    found = {
        "minikctl validate": [sys.executable, "-m", "minikctl", "validate", str(file)],
        "PyYAML and plain jsonschema": [sys.executable, "-c", _PLAIN, str(file)],
    }
    beside_python = Path(sys.executable).with_name("kubectl")
    kubectl = str(beside_python) if beside_python.exists() else shutil.which("kubectl")
    if kubectl:
        create = ("create", "--dry-run=client", "--validate=false", "--output=name", f"--filename={file}")
        found["kubectl create --dry-run=client"] = [
            kubectl,
            f"--server={server}",
            f"--cache-dir={cache}",
            *create,
        ]
        found["kubectl annotate --local"] = [
            kubectl, "annotate", "--local", "--output=name", f"--filename={file}", "a=b",
        ]  # fmt: skip
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--documents", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=11)
    given = options.parse_args()
    say_machine()
    with tempfile.TemporaryDirectory(prefix="minikctl-benchmark-") as folder, discovery() as server:
        for count in (1, given.documents):
            file = Path(folder) / f"{count}.yaml"
            file.write_text("---\n".join(_MANIFEST.format(number=number) for number in range(count)))
            print(f"\n{count} Deployment(s), {file.stat().st_size / 1000:.0f} kB")
            taken = in_turns(commands(file, server, f"{folder}/cache"), given.rounds)
            for name, values in taken.items():
                say(name, values, "ms of CPU")
                print(f"{'':<46} {count / median(values) * 1000:8.0f} documents/s")


if __name__ == "__main__":
    main()
