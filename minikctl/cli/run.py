"""`minikctl run`: an image in a pod, from flags."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.create import DEFAULT_TIMEOUT, Output, make
from minikctl.cli.options import comma_separated, flag, value
from minikctl.errors import UsageError

_RESTART = ("Always", "OnFailure", "Never")
_PULL = ("Always", "IfNotPresent", "Never")
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def run(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[-- args...]", show_default=False)] = None,
    image: Annotated[str, value("--image", text="The image to run.")] = "",
    image_pull_policy: Annotated[str, value("--image-pull-policy", text=", ".join(_PULL))] = "",
    port: Annotated[str, value("--port", metavar="PORT", text="The container port to expose.")] = "",
    env: Annotated[list[str] | None, value("--env", metavar="KEY=VALUE", text="For the container.")] = None,
    labels: Annotated[list[str] | None, value("--labels", "-l", text="Instead of run=NAME: a=b,c=d")] = None,
    annotations: Annotated[list[str] | None, value("--annotations", text="Annotations: a=b")] = None,
    restart: Annotated[str, value("--restart", text="Always (the default), OnFailure or Never.")] = "Always",
    command: Annotated[
        bool, flag("--command", text="What follows -- is the command, not its arguments.")
    ] = False,
    privileged: Annotated[bool, flag("--privileged", text="A privileged container.")] = False,
    dry_run: options.DryRun = "none",
    output: Output = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
    overrides: Annotated[str, typer.Option("--overrides", hidden=True)] = "",
    remove: Annotated[bool, typer.Option("--rm", hidden=True)] = False,
    stdin: Annotated[bool, typer.Option("--stdin", "-i", hidden=True)] = False,
    tty: Annotated[bool, typer.Option("--tty", "-t", hidden=True)] = False,
    attach: Annotated[bool, typer.Option("--attach", hidden=True)] = False,
    expose: Annotated[bool, typer.Option("--expose", hidden=True)] = False,
) -> None:
    """Run an image in a pod: `run web --image=nginx`, `run it --image=busybox --restart=Never -- date`."""
    _refuse(overrides=overrides, rm=remove, stdin=stdin, tty=tty, attach=attach, expose=expose)
    if not image:
        raise UsageError('required flag(s) "image" not set')
    if restart not in _RESTART:
        raise UsageError(f"invalid restart policy: {restart}")
    if image_pull_policy and image_pull_policy not in _PULL:
        raise UsageError(f"invalid image pull policy: {image_pull_policy}")
    container: dict[str, Any] = {"name": name, "image": image}
    if arguments:
        container["command" if command else "args"] = list(arguments)
    if port:
        container["ports"] = [{"containerPort": _port(port)}]
    if env:
        container["env"] = [_variable(one) for one in env]
    container["resources"] = {}
    if image_pull_policy:
        container["imagePullPolicy"] = image_pull_policy
    if privileged:
        container["securityContext"] = {"privileged": True}
    metadata: dict[str, Any] = {"name": name, "labels": _pairs("--labels", labels) or {"run": name}}
    if annotations:
        metadata["annotations"] = _pairs("--annotations", annotations)
    manifest = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": {"containers": [container], "restartPolicy": restart, "dnsPolicy": "ClusterFirst"},
        "status": {},
    }
    make(context, "run", manifest, dry_run=dry_run, output=output, wait=wait, timeout=timeout)


def _refuse(**given: object) -> None:
    """:raises UsageError: one of kubectl's flags that would need what minikctl has not got."""
    for name, is_given in given.items():
        if is_given:
            raise UsageError(
                f"--{name} is not supported: minikctl run starts a pod and does not attach to it, change it"
                " or remove it afterwards (see: minikctl logs -f, minikctl delete)"
            )


def _variable(text: str) -> dict[str, str]:
    name, equals, content = text.partition("=")
    if not equals or not _ENV_NAME.fullmatch(name):
        raise UsageError(f"invalid env: {text}: write it as KEY=VALUE")
    return {"name": name, "value": content} if content else {"name": name}


def _port(text: str) -> int:
    if not text.isdecimal():
        raise UsageError(f'invalid port "{text}": it is a number')
    return int(text)


def _pairs(flag_name: str, texts: list[str] | None) -> dict[str, str]:
    pairs = {}
    for text in comma_separated(texts):
        key, equals, content = text.partition("=")
        if not equals or not key:
            raise UsageError(f"unexpected {flag_name} value {text}: write it as key=value")
        pairs[key] = content
    return pairs
