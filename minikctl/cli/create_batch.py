"""`minikctl create job` and `create cronjob`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.create import DEFAULT_TIMEOUT, Output, make
from minikctl.cli.options import value
from minikctl.cli.session import open_session
from minikctl.errors import UsageError
from minikctl.model import Object, ObjectKey, controller_reference, copy, spec_of

MANUAL = "cronjob.kubernetes.io/instantiate"

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
Command = Annotated[list[str] | None, typer.Argument(metavar="[-- COMMAND [args...]]", show_default=False)]


def create_job(
    context: typer.Context,
    name: Name,
    command: Command = None,
    image: Annotated[str, value("--image", text="Image to run.")] = "",
    source: Annotated[str, value("--from", metavar="cronjob/NAME", text="Run this CronJob's Job now.")] = "",
    dry_run: options.DryRun = "none",
    output: Output = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Create a job: `create job pi --image=perl -- perl -e 'print 3.14'`, or one `--from=cronjob/nightly`."""
    if bool(image) == bool(source):
        raise UsageError("either --image or --from must be specified")
    if source and command:
        raise UsageError("cannot specify --from and command")
    if source:
        manifest = _from_cron_job(context, name, source)
    else:
        manifest = {
            "kind": "Job",
            "apiVersion": "batch/v1",
            "metadata": {"name": name},
            "spec": _job_spec(name, image, command, "Never"),
            "status": {},
        }
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=wait, timeout=timeout)


def _job_spec(name: str, image: str, command: list[str] | None, restart: str) -> dict[str, Any]:
    container: dict[str, Any] = {"name": name, "image": image}
    if command:
        container["command"] = list(command)
    spec = {"containers": [{**container, "resources": {}}], "restartPolicy": restart}
    return {"template": {"metadata": {}, "spec": spec}}


def _from_cron_job(context: typer.Context, name: str, source: str) -> Object:
    kind, slash, cron_name = source.partition("/")
    if not slash or kind.lower().partition(".")[0] not in ("cronjob", "cronjobs", "cj"):
        raise UsageError(f"from must be an existing cronjob: {source}")
    with open_session(context) as session:
        cron_job = session.api.get(ObjectKey("CronJob", session.namespace, cron_name))
    template = copy(spec_of(cron_job)["jobTemplate"])
    metadata = template.get("metadata") or {}
    annotations = {MANUAL: "manual", **(metadata.get("annotations") or {})}
    made: dict[str, Any] = {"name": name, "annotations": annotations}
    if labels := metadata.get("labels"):
        made["labels"] = labels
    # kubectl makes the CronJob its owner, so that the Job counts among the CronJob's own.
    made["ownerReferences"] = [controller_reference(cron_job)]
    return {
        "kind": "Job",
        "apiVersion": "batch/v1",
        "metadata": made,
        "spec": template["spec"],
        "status": {},
    }


def create_cron_job(
    context: typer.Context,
    name: Name,
    command: Command = None,
    image: Annotated[str, value("--image", text="Image to run.")] = "",
    schedule: Annotated[str, value("--schedule", metavar="CRON", text="When: '*/5 * * * *'.")] = "",
    restart: Annotated[
        str, value("--restart", metavar="POLICY", text="OnFailure (the default) or Never.")
    ] = "OnFailure",
    dry_run: options.DryRun = "none",
    output: Output = "",
) -> None:
    """Create a cronjob: `create cronjob nightly --image=busybox --schedule='0 3 * * *' -- date`."""
    missing = [f'"{flag}"' for flag, said in (("image", image), ("schedule", schedule)) if not said]
    if missing:
        raise UsageError(f"required flag(s) {', '.join(missing)} not set")
    manifest = {
        "kind": "CronJob",
        "apiVersion": "batch/v1",
        "metadata": {"name": name},
        "spec": {
            "schedule": schedule,
            "jobTemplate": {
                "metadata": {"name": name},
                "spec": _job_spec(name, image, command, restart or "OnFailure"),
            },
        },
        "status": {},
    }
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=False, timeout=0)
