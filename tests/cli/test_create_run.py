"""create and run: the manifest that kubectl makes of the same flags, and what then runs."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from cli_rig import Cli, deployment

_LINES = [
    ("deployment", "web", "--image=nginx:1.27"),
    ("deployment", "web", "--image=nginx", "--port=80", "--replicas=3"),
    ("deployment", "web", "-r", "0", "--image", "registry.local:5000/team/app@sha256:" + "a" * 64),
    ("deployment", "web", "--image=nginx", "--image=redis:7,busybox", "-n", "shop"),
    ("deployment", "web", "--image=busybox", "--", "sh", "-c", "echo 'a: b' # c"),
    ("job", "pi", "--image=perl:5", "--", "perl", "-e", "print 3.14"),
    ("job", "pi", "--image=busybox", "-n", "shop"),
    ("cronjob", "nightly", "--image=busybox", "--schedule=0 3 * * *", "--", "date"),
    ("cj", "nightly", "--image=busybox", "--schedule", "@daily", "--restart", "Never"),
    ("namespace", "shop"),
    ("ns", "shop"),
]


def _kubectl() -> str:
    """A kubectl as new as the texts that we follow (from 1.34 on it leaves out `creationTimestamp: null`)."""
    for path in (os.environ.get("MINIKCTL_KUBECTL"), shutil.which("kubectl")):
        if path:
            asked = subprocess.run([path, "version", "--client"], capture_output=True, text=True)
            version = asked.stdout.partition("v1.")[2].partition(".")[0]
            if version.isdecimal() and int(version) >= 34:
                return path
    pytest.skip("no kubectl of at least 1.34: name one in MINIKCTL_KUBECTL")


@pytest.mark.parametrize("form", ["yaml", "json", "name"])
@pytest.mark.parametrize("words", _LINES, ids=" ".join)
def test_dry_runs_print_what_kubectl_prints(cli: Cli, words: tuple[str, ...], form: str) -> None:
    flags = ["--dry-run=client", "-o", form]
    theirs = subprocess.run(
        [_kubectl(), "create", words[0], *flags, *words[1:]], capture_output=True, text=True, check=True
    )
    assert cli.ok("create", words[0], *flags, *words[1:]).out == theirs.stdout
    assert not cli.state.exists()


def test_create_deployment_as_kubectl_writes_it(cli: Cli) -> None:
    text = cli.ok("create", "deployment", "web", "--image=nginx:1", "--dry-run=client", "-o", "yaml").out
    assert text == (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    app: web\n  name: web\n"
        "spec:\n  replicas: 1\n  selector:\n    matchLabels:\n      app: web\n  strategy: {}\n"
        "  template:\n    metadata:\n      labels:\n        app: web\n    spec:\n      containers:\n"
        "      - image: nginx:1\n        name: nginx\n        resources: {}\nstatus: {}\n"
    )


def test_create(cli: Cli) -> None:
    made = cli.ok("create", "deployment", "web", "--image=nginx", "--replicas=2", "--timeout=20s")
    assert made.out == "deployment.apps/web created\n"
    assert cli.ok("get", "deploy", "web", "--no-headers").out.split()[1] == "2/2"
    again = cli("create", "deployment", "web", "--image=nginx")
    assert again.code == 1
    assert again.err == 'Error from server (AlreadyExists): deployments.apps "web" already exists\n'
    assert cli.ok("create", "ns", "shop").out == "namespace/shop created\n"
    assert cli.ok("create", "ns", "b", "--dry-run=server").out == "namespace/b created (server dry run)\n"
    bad = cli("create", "deployment", "Bad_Name", "--image=nginx")
    assert bad.code == 1
    assert bad.err.startswith('The Deployment "Bad_Name" is invalid: ')


def test_several_problems_of_one_object_are_printed_as_kubectl_does(cli: Cli) -> None:
    lines = cli("create", "deployment", "Bad_Name", "--image=nginx", "--replicas=-1").err.splitlines()
    assert lines[0] == 'The Deployment "Bad_Name" is invalid: '
    assert len(lines) > 2
    assert all(line.startswith("* ") for line in lines[1:])


def test_create_from_files(cli: Cli) -> None:
    path = cli.write("web.yaml", deployment("a") + "---\n" + deployment("b"))
    assert cli.ok("create", "-f", path, "--dry-run=client", "-o", "name").lines == [
        "deployment.apps/a",
        "deployment.apps/b",
    ]
    cli.ok("create", "deployment", "a", "--image=nginx", "--wait=false")
    result = cli("create", "-f", path, "--timeout=20s")
    assert result.code == 1
    assert result.out == "deployment.apps/b created\n"
    assert result.err.startswith(
        f'Error from server (AlreadyExists): error when creating "{path}": deployments.apps "a" already'
    )


def test_run_as_kubectl_writes_it(cli: Cli) -> None:
    flags = ["--image=nginx", "--port=80", "--env=A=b", "--env=C=", "--labels=a=b,c=d", "--restart=Never"]
    text = cli.ok("run", "web", *flags, "--dry-run=client", "-o", "yaml", "--", "sh", "-c", "date").out
    assert text == (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n    a: b\n    c: d\n  name: web\n"
        "spec:\n  containers:\n  - args:\n    - sh\n    - -c\n    - date\n"
        "    env:\n    - name: A\n      value: b\n    - name: C\n"
        "    image: nginx\n    name: web\n    ports:\n    - containerPort: 80\n    resources: {}\n"
        "  dnsPolicy: ClusterFirst\n  restartPolicy: Never\nstatus: {}\n"
    )
    command = cli.ok(
        "run", "web", "--image=nginx", "--command", "--dry-run=client", "-o", "yaml", "--", "date"
    )
    assert "  - command:\n    - date\n" in command.out
    assert "labels:\n    run: web\n" in command.out


def test_run(cli: Cli) -> None:
    assert cli.ok("run", "web", "--image=nginx", "--timeout=20s").out == "pod/web created\n"
    assert cli.ok("get", "pod", "web", "--no-headers").out.split()[1:3] == ["1/1", "Running"]
    assert cli.ok("run", "x", "--image=nginx", "--dry-run=client").out == "pod/x created (dry run)\n"
    for flags, message in [
        (["--restart=Sometimes"], "error: invalid restart policy: Sometimes\n"),
        (["--env=1"], "error: invalid env: 1: write it as KEY=VALUE\n"),
        (["--port=x"], 'error: invalid port "x": it is a number\n'),
    ]:
        result = cli("run", "y", "--image=nginx", *flags)
        assert (result.code, result.err) == (1, message)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--rm"], "--rm should only be used for attached containers"),
        (["--tty"], "-i/--stdin is required for containers with -t/--tty=true"),
        (["-i", "--dry-run=client"], "--dry-run=[server|client] can't be used with attached containers"),
        (["--expose"], "--expose is not supported: "),
        (["--overrides={"], "unable to parse --overrides: "),
        (["--overrides={}", "--override-type=x"], 'invalid --override-type value "x"'),
    ],
)
def test_what_run_cannot_do_is_refused(cli: Cli, flags: list[str], message: str) -> None:
    result = cli("run", "web", "--image=nginx", *flags)
    assert result.code == 1
    assert result.err.startswith(f"error: {message}")
    assert not cli.state.exists()


def test_overrides(cli: Cli) -> None:
    patch = '{"spec":{"nodeSelector":{"disk":"ssd"}}}'
    text = cli.ok("run", "web", "--image=nginx", "--dry-run=client", "-o", "yaml", f"--overrides={patch}").out
    assert "  nodeSelector:\n    disk: ssd\n" in text and "image: nginx" in text
