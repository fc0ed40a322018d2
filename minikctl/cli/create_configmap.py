"""`minikctl create configmap`."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated

import typer

from minikctl.cli import options
from minikctl.cli.create import Output, make
from minikctl.cli.key_sources import Wording, read_sources
from minikctl.cli.options import flag, value
from minikctl.model import Object

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", show_default=False)]
Files = Annotated[
    list[str] | None, value("--from-file", metavar="[KEY=]PATH", text="A file, or a folder's files.")
]
Literals = Annotated[list[str] | None, value("--from-literal", metavar="KEY=VALUE", text="A key's value.")]
EnvFiles = Annotated[
    list[str] | None, value("--from-env-file", metavar="PATH", text="A file of lines KEY=VALUE.")
]
AppendHash = Annotated[bool, flag("--append-hash", text="Append a hash of its content to its name.")]


def create_configmap(
    context: typer.Context,
    names: Names = None,
    files: Files = None,
    literals: Literals = None,
    env_files: EnvFiles = None,
    append_hash: AppendHash = False,
    dry_run: options.DryRun = "none",
    output: Output = "",
) -> None:
    """Create a ConfigMap: `create configmap web --from-literal=mode=fast --from-file=nginx.conf`."""
    name = options.only_name(names)
    manifest: Object = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": name}}
    texts, binary = {}, {}
    for key, content in read_sources(Wording("ConfigMap", name), files, literals, env_files).items():
        try:
            texts[key] = content.decode()
        except UnicodeDecodeError:
            binary[key] = b64encode(content).decode()
    if texts:
        manifest["data"] = texts
    if binary:
        manifest["binaryData"] = binary
    if append_hash:
        from minikctl.cli.content_hash import with_hash

        manifest = with_hash(manifest)
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=False, timeout=0)
