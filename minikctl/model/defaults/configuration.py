"""ConfigMaps and Secrets."""

from __future__ import annotations

from typing import Any

from minikctl.model.defaults.compaction import Fields


def _default_config_map(obj: Fields) -> None:
    if "binaryData" in obj:
        obj["binaryData"] = _canonical_bytes(obj["binaryData"])


def _default_secret(obj: Fields) -> None:
    """The server keeps `data` alone; `stringData` is another way to write it, and wins."""
    obj.setdefault("type", "Opaque")
    data = _canonical_bytes(obj.get("data", {}))
    written = obj.pop("stringData", {})
    if written:
        data |= {key: encoded(text) for key, text in written.items()}
    if data:
        obj["data"] = data


def _canonical_bytes(data: Fields) -> Fields:
    return {key: _canonical(value) for key, value in data.items()}


def _canonical(value: Any) -> str:
    """Base64 without line breaks; Go's decoder also takes a list of the bytes."""
    if isinstance(value, list):
        return _base64(bytes(byte or 0 for byte in value))
    return "".join(value.split("\n")).replace("\r", "") if "\n" in value or "\r" in value else str(value)


def encoded(text: str) -> str:
    """A text of `stringData` as it stands in `data`."""
    return _base64(text.encode(errors="surrogatepass"))


def _base64(value: bytes) -> str:
    from base64 import b64encode

    return b64encode(value).decode()


DEFAULTS = {"ConfigMap": _default_config_map, "Secret": _default_secret}
