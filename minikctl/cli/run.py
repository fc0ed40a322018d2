"""`minikctl run`: an image in a pod, from flags."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.attach import DetachKeys
from minikctl.cli.create import DEFAULT_TIMEOUT, Output, make, sendable
from minikctl.cli.exec import START_SECONDS, PodRunningTimeout
from minikctl.cli.options import comma_separated, flag, value
from minikctl.cli.session import open_session
from minikctl.cli.terminal import DETACH_KEYS
from minikctl.errors import ManifestError, UsageError
from minikctl.model import Object

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
    stdin: Annotated[bool, flag("--stdin", "-i", text="Attach, and pass our input to it.")] = False,
    tty: Annotated[bool, flag("--tty", "-t", text="With a terminal.")] = False,
    attach: Annotated[
        bool | None, flag("--attach", text="Show what it writes, to its end; default with -i.")
    ] = None,
    remove: Annotated[bool, flag("--rm", text="Delete the pod afterwards.")] = False,
    leave_stdin_open: Annotated[
        bool, flag("--leave-stdin-open", text="With -i: its input stays open when we leave.")
    ] = False,
    quiet: Annotated[bool, flag("--quiet", "-q", text="Only what the process writes.")] = False,
    detach_keys: DetachKeys = DETACH_KEYS,
    pod_running_timeout: PodRunningTimeout = START_SECONDS,
    overrides: Annotated[
        str, value("--overrides", metavar="PATCH", text="Applied to the pod; JSON or YAML.")
    ] = "",
    override_type: Annotated[
        str, value("--override-type", metavar="merge|json|strategic", text="Its form; default merge.")
    ] = "merge",
    expose: Annotated[bool, typer.Option("--expose", hidden=True)] = False,
) -> None:
    """Run an image in a pod: `run web --image=nginx`, `run it -it --rm --image=busybox -- sh`."""
    _refuse(expose=expose)
    options.one_of("--override-type", override_type, ("json", "merge", "strategic"))
    _check_words(image, restart, image_pull_policy)
    is_attached = stdin if attach is None else attach
    _check_attachment(is_attached, stdin=stdin, tty=tty, remove=remove, dry_run=dry_run)
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
    container.update(_conversation_fields(stdin, tty, leave_stdin_open))
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
    if overrides:
        manifest = _overridden(manifest, overrides, override_type)
    if not is_attached:
        make(context, "run", manifest, dry_run=dry_run, output=output, wait=wait, timeout=timeout)
        return
    from minikctl.cli.run_attached import Attachment, run_attached

    wish = Attachment(
        stdin, tty, remove, quiet, leave_stdin_open, detach_keys, start_timeout=pod_running_timeout
    )
    with open_session(context) as session:
        session.cluster.check_engines()
        pod = session.api.create(sendable(manifest), session.namespace)
        run_attached(session, pod, wish)


def _check_words(image: str, restart: str, pull_policy: str) -> None:
    if not image:
        raise UsageError('required flag(s) "image" not set')
    if restart not in _RESTART:
        raise UsageError(f"invalid restart policy: {restart}")
    if pull_policy and pull_policy not in _PULL:
        raise UsageError(f"invalid image pull policy: {pull_policy}")


def _conversation_fields(stdin: bool, tty: bool, leave_stdin_open: bool) -> dict[str, bool]:
    said = {"stdin": stdin, "stdinOnce": stdin and not leave_stdin_open, "tty": tty}
    return {name: True for name, is_so in said.items() if is_so}


def _check_attachment(is_attached: bool, *, stdin: bool, tty: bool, remove: bool, dry_run: str) -> None:
    if tty and not stdin:
        raise UsageError("-i/--stdin is required for containers with -t/--tty=true")
    if options.dry_run_suffix(dry_run) and (is_attached or stdin or tty):
        raise UsageError(
            "--dry-run=[server|client] can't be used with attached containers options"
            " (--attach, --stdin, or --tty)"
        )
    if remove and not is_attached:
        raise UsageError("--rm should only be used for attached containers")


def _overridden(manifest: Object, text: str, form: str) -> Object:
    """:raises UsageError: it can't be read.
    :raises PatchError: it does not fit a pod.
    """
    from minikctl.api.patching import merged
    from minikctl.manifests.yaml_reader import load

    try:
        result: Object = merged(manifest, load(text), form)
    except ManifestError as error:
        raise UsageError(f"unable to parse --overrides: {error}") from None
    return result


def _refuse(**given: object) -> None:
    """:raises UsageError: one of kubectl's flags that would need what minikctl has not got."""
    for name, is_given in given.items():
        if is_given:
            raise UsageError(
                f"--{name} is not supported: put the rest into a manifest (see: --dry-run=client -o yaml)"
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
