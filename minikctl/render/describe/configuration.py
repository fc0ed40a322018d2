"""`kubectl describe configmap`, `secret` and `serviceaccount`. Of a Secret only the sizes are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minikctl.model import Object, annotations_of, labels_of, name_of, namespace_of
from minikctl.render.describe.events import describe_events
from minikctl.render.describe.writer import Page


def describe_config_map(config_map: Object, events: Sequence[Object] | None, now: float) -> str:
    page = Page()
    _identity(page, config_map)
    _heading(page, "Data")
    for key, text in sorted((config_map.get("data") or {}).items()):
        page.row(0, f"{key}:")
        page.row(0, "----")
        page.row(0, text)
        page.row(0, "")
    _heading(page, "BinaryData")
    for key, encoded in sorted((config_map.get("binaryData") or {}).items()):
        page.row(0, f"{key}: {decoded_size(encoded)} bytes")
    page.row(0, "")
    describe_events(page, events, now)
    return page.aligned()


def describe_secret(secret: Object) -> str:
    page = Page()
    _identity(page, secret)
    page.row(0, "")
    page.row(0, "Type:", secret.get("type", ""))
    _heading(page, "Data")
    for key, encoded in sorted((secret.get("data") or {}).items()):
        page.row(0, f"{key}:", f"{decoded_size(encoded)} bytes")
    return page.aligned()


def describe_service_account(account: Object, events: Sequence[Object] | None, now: float) -> str:
    page = Page()
    _identity(page, account)
    page.values(0, "Image pull secrets", _names(account.get("imagePullSecrets")))
    page.values(0, "Mountable secrets", _names(account.get("secrets")))
    page.values(0, "Tokens", ())
    describe_events(page, events, now)
    return page.aligned()


def decoded_size(encoded: str) -> int:
    """The bytes that a base64 text stands for."""
    return len(encoded) // 4 * 3 - encoded[-2:].count("=")


def _identity(page: Page, obj: Object) -> None:
    page.row(0, "Name:", name_of(obj))
    page.row(0, "Namespace:", namespace_of(obj))
    page.labels(0, "Labels", labels_of(obj))
    page.annotations(0, "Annotations", annotations_of(obj))


def _heading(page: Page, title: str) -> None:
    for line in ("", title, "===="):
        page.row(0, line)


def _names(references: Iterable[Object] | None) -> list[str]:
    return [one.get("name", "") for one in references or ()]
