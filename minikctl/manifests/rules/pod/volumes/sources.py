"""What volumes need that only pods have, or pods say in their own way: `check(source, path of source)`."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules import volume_sources as sources
from minikctl.manifests.rules.claims import check_claim_spec
from minikctl.manifests.rules.metadata import check_annotations, check_labels
from minikctl.manifests.rules.pod.containers import PULL_POLICIES
from minikctl.manifests.rules.pod.volumes.files import check_local_path
from minikctl.manifests.rules.pod.walk import Fields
from minikctl.manifests.rules.problems import (
    check_choice,
    check_filled,
    check_syntax,
    forbidden,
    required,
    subdomain_advice,
)
from minikctl.manifests.rules.resource_names import amount

# The server makes the path of its own type's name.
_GO_NAMES = {"uid": "uID"}


def empty_dir(source: Fields, path: str) -> Iterator[FieldProblem]:
    if amount(source.get("sizeLimit")) < 0:
        yield forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def claim(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_filled(f"{path}.claimName", source.get("claimName"))


def ephemeral(source: Fields, path: str) -> Iterator[FieldProblem]:
    template, place = source.get("volumeClaimTemplate"), f"{path}.volumeClaimTemplate"
    if template is None:
        yield required(place)
        return
    metadata = template.get("metadata") or {}
    yield from check_annotations(metadata.get("annotations") or {}, f"{place}.metadata.annotations")
    yield from check_labels(metadata.get("labels") or {}, f"{place}.metadata.labels")
    for field, value in metadata.items():
        if field not in ("annotations", "labels") and value:
            yield forbidden(f"{place}.metadata.{_GO_NAMES.get(field, field)}", "cannot be set")
    yield from check_claim_spec(template.get("spec") or {}, f"{place}.spec")


def csi(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from sources.check_driver_name(source.get("driver", ""), f"{path}.driver")
    reference = source.get("nodePublishSecretRef")
    if reference is None:
        return
    if name := reference.get("name", ""):
        # The server names the volume's source here, not the reference.
        yield from check_syntax(f"{path}.name", name, subdomain_advice)
    else:
        yield required(f"{path}.nodePublishSecretRef.name")


def image(source: Fields, path: str) -> Iterator[FieldProblem]:
    # Of a template the server does not say it: something may fill it in before there are pods.
    if path.startswith("spec.volumes["):
        yield from check_filled(f"{path}.reference", source.get("reference"))
    yield from check_choice(f"{path}.pullPolicy", source.get("pullPolicy", ""), PULL_POLICIES)


def git_repo(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_filled(f"{path}.repository", source.get("repository"))
    yield from check_local_path(source.get("directory", ""), f"{path}.directory")


def cinder(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from sources.check_cinder(source, path)
    yield from sources.check_secret(source, path, "name")


def storage_os(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from sources.check_storage_os(source, path)
    yield from sources.check_secret(source, path, "name")
