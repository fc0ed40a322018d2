"""`minikctl create`: from files, or one object of a kind from flags.

With --dry-run=client nothing is asked of the cluster, and the manifest is what kubectl would have made of the
same flags: without defaults, with the empty fields that Go writes.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import typer

from minikctl.cli import base, options
from minikctl.cli.base import Entry, flags_of
from minikctl.cli.errors import Reported, complain, text_of
from minikctl.cli.options import value
from minikctl.cli.printing import ResultPrinter
from minikctl.cli.session import open_session
from minikctl.cli.timed import tell_timed
from minikctl.cli.waiting import settle
from minikctl.errors import ApiError, UsageError
from minikctl.model import Object, ObjectKey, key_of

ENTRIES = {
    "cm": Entry("minikctl.cli.create_configmap", "create_configmap", "Short for configmap."),
    "configmap": Entry(
        "minikctl.cli.create_configmap", "create_configmap", "Create a ConfigMap of that name."
    ),
    "cj": Entry("minikctl.cli.create_batch", "create_cron_job", "Short for cronjob."),
    "cronjob": Entry("minikctl.cli.create_batch", "create_cron_job", "Create a cronjob of that name."),
    "job": Entry("minikctl.cli.create_batch", "create_job", "Create a job of that name."),
    "deployment": Entry("minikctl.cli.create", "create_deployment", "Create a deployment of that name."),
    "deploy": Entry("minikctl.cli.create", "create_deployment", "Short for deployment."),
    "namespace": Entry("minikctl.cli.create", "create_namespace", "Create a namespace of that name."),
    "ing": Entry("minikctl.cli.create_ingress", "create_ingress", "Short for ingress."),
    "ingress": Entry("minikctl.cli.create_ingress", "create_ingress", "Create an Ingress of that name."),
    "pdb": Entry("minikctl.cli.create_policies", "create_budget", "Short for poddisruptionbudget."),
    "poddisruptionbudget": Entry(
        "minikctl.cli.create_policies", "create_budget", "Create a pod disruption budget of that name."
    ),
    "pc": Entry("minikctl.cli.create_policies", "create_priority_class", "Short for priorityclass."),
    "priorityclass": Entry(
        "minikctl.cli.create_policies", "create_priority_class", "Create a priority class of that name."
    ),
    "quota": Entry("minikctl.cli.create_policies", "create_quota", "Create a resource quota of that name."),
    "resourcequota": Entry("minikctl.cli.create_policies", "create_quota", "The long word for quota."),
    "secret": Entry("minikctl.cli.create_secret", "ENTRIES", "Create a Secret of some type."),
    "service": Entry("minikctl.cli.create_service", "ENTRIES", "Create a Service of some type."),
    "svc": Entry("minikctl.cli.create_service", "ENTRIES", "Short for service."),
    "ns": Entry("minikctl.cli.create", "create_namespace", "Short for namespace."),
}
DEFAULT_TIMEOUT = 300.0
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"

Output = Annotated[str, value("--output", "-o", metavar="FORMAT", text="json, yaml, name, jsonpath=…")]


def create(name: str) -> Any:
    return base.group(name, "Create a resource from a file or from flags.", ENTRIES, create_from_files)


create.makes_command = True  # type: ignore[attr-defined]


def create_from_files(
    context: typer.Context,
    files: options.Files = None,
    recursive: options.Recursive = False,
    kustomization: options.Kustomize = "",
    selector: options.Selector = "",
    dry_run: options.DryRun = "none",
    output: Output = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Create what is in files: `create -f web.yaml`; an object that exists is an error."""
    if context.invoked_subcommand is not None:
        if files or kustomization:
            raise UsageError("-f goes with `create` alone, without a kind")
        return
    from minikctl.cli.documents import checked_documents, read_inputs, tell_inert
    from minikctl.cli.resources import parse_selector

    suffix = options.dry_run_suffix(dry_run)
    printer = ResultPrinter(output, one_by_one=True)
    found = read_inputs(files, recursive, kustomization)
    failed = False
    with open_session(context) as session:
        made: list[ObjectKey] = []
        documents = checked_documents(session, found, "create", parse_selector(selector))
        sources = {id(one.obj): one.source for one in documents}
        manifests = [one.obj for one in documents]
        tell_inert(manifests)
        for manifest in manifests:
            try:
                obj = session.api.create(manifest, session.namespace, dry_run=bool(suffix))
            except ApiError as error:
                complain(text_of(error, f'error when creating "{sources.get(id(manifest), "")}": '))
                failed = True
                continue
            made.append(key_of(obj))
            printer.add(obj, "created", suffix)
        printer.finish()
        settle(session, "create", made, wait=wait and not suffix, timeout=timeout)
        if not suffix:
            tell_timed(session, made)
    if failed:
        raise Reported


def create_deployment(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND [args...]]", show_default=False)
    ] = None,
    images: Annotated[list[str] | None, value("--image", text="Image to run; repeat it for more.")] = None,
    port: Annotated[int, value("--port", metavar="PORT", text="The container port to expose.")] = -1,
    replicas: Annotated[int, value("--replicas", "-r", metavar="COUNT", text="How many; default 1.")] = 1,
    dry_run: options.DryRun = "none",
    output: Output = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Create a deployment: `create deployment web --image=nginx --replicas=3 --port=80`."""
    if not images:
        raise UsageError('required flag(s) "image" not set')
    names = options.comma_separated(images)
    if len(names) > 1 and command:
        raise UsageError("cannot specify multiple --image options and command")
    containers: list[dict[str, Any]] = []
    for image in names:
        container: dict[str, Any] = {"name": container_name(image), "image": image}
        if command:
            container["command"] = list(command)
        if port >= 0 and not containers:
            container["ports"] = [{"containerPort": port}]
        containers.append({**container, "resources": {}})
    labels = {"app": name}
    manifest = {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
            "strategy": {},
        },
        "status": {},
    }
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=wait, timeout=timeout)


def create_namespace(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    dry_run: options.DryRun = "none",
    output: Output = "",
) -> None:
    """Create a namespace: `create namespace shop`."""
    manifest = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}, "spec": {}, "status": {}}
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=False, timeout=0)


def make(
    context: typer.Context,
    role: str,
    manifest: Object,
    *,
    dry_run: str,
    output: str,
    wait: bool,
    timeout: float,
    verb: str = "created",
) -> None:
    """Creates one object that was put together from flags, and says so.

    :param manifest: its fields in the order of Go's structures, which is kubectl's order in -o json.
    """
    suffix = options.dry_run_suffix(dry_run)
    printer = ResultPrinter(output, one_by_one=True)
    namespace = flags_of(context).namespace
    if namespace and manifest["kind"] != "Namespace":
        metadata = manifest["metadata"]
        manifest["metadata"] = {"name": metadata["name"], "namespace": namespace, **metadata}
    if dry_run == "client":
        printer.add(manifest, verb, suffix, as_built=True)
        return
    with open_session(context) as session:
        obj = session.api.create(sendable(manifest), session.namespace, dry_run=bool(suffix))
        printer.add(obj, verb, suffix)
        settle(session, role, [key_of(obj)], wait=wait and not suffix, timeout=timeout)
        if not suffix:
            tell_timed(session, [key_of(obj)])


def sendable(manifest: Object) -> Object:
    """Without the empty fields that only stand there because Go writes them."""
    sent = {name: value for name, value in manifest.items() if name != "status" and value != {}}
    spec: dict[str, Any] = sent.get("spec") or {}
    if sent["kind"] == "CronJob":
        # kubectl writes a name there, which no Job gets.
        job = {name: value for name, value in spec["jobTemplate"].items() if name != "metadata"}
        sent["spec"] = {**spec, "jobTemplate": job}
    elif spec and not spec.get("strategy", True):
        sent["spec"] = {name: value for name, value in spec.items() if name != "strategy"}
    return sent


def container_name(image: str) -> str:
    """`nginx` of `registry/library/nginx:1.27@sha256:…`.

    What no container name may hold is replaced as kubectl does it, with five random letters behind.
    """
    name = image.rpartition("/")[2].partition(":")[0].partition("@")[0]
    if not set(name) & set("_."):
        return name
    suffix = "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))
    return f"{name.replace('_', '-').replace('.', '-')}-{suffix}"
