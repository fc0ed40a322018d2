"""The formats of strings that the API server checks; it ignores all others."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_DATE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})([.,]\d+)?([Zz]|[+-]\d{2}:?\d{2})?\Z", re.ASCII
)
_HOST_LABEL = re.compile(r"[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?\Z", re.ASCII)
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\Z")
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-]?[0-9A-Fa-f]{2}){5}\Z")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-?([0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}\Z")
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:|/)\S*\Z")
_DURATION = re.compile(r"-?(\d+(\.\d+)?\s*(ns|us|µs|ms|s|m|h|d|w|[a-z]+)\s*)+\Z")
_HEX_COLOR = re.compile(r"#?([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})\Z")
_SHORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z", re.ASCII)


def has_format(name: str, text: str) -> bool:
    """Whether `text` is of that format; of one that is not known everything is."""
    check = _CHECKS.get(name.replace("-", "") if name.startswith("date") else name)
    return check is None or check(text)


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return check


def _date(text: str) -> None:
    if not _DATE.match(text):
        raise ValueError(text)
    date.fromisoformat(text)


def _date_time(text: str) -> None:
    found = _DATE_TIME.match(text)
    if found is None:
        raise ValueError(text)
    datetime.fromisoformat(f"{found[1]}T{found[2]}")


def _cidr(text: str) -> None:
    if "/" not in text:
        raise ValueError(text)
    ipaddress.ip_interface(text)


def _is_host(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    return 0 < len(text) <= 255 and all(len(one) <= 63 and _HOST_LABEL.match(one) for one in labels)


def _is_long_name(text: str) -> bool:
    return len(text) <= 253 and all(_SHORT_NAME.match(one) for one in text.split("."))


def _matches(form: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: form.match(text) is not None


_CHECKS: dict[str, Callable[[str], bool]] = {
    "byte": _parses(lambda text: base64.b64decode(text, validate=True)),
    "cidr": _parses(_cidr),
    "date": _parses(_date),
    "datetime": _parses(_date_time),
    "duration": _matches(_DURATION),
    "email": _matches(_EMAIL),
    "hexcolor": _matches(_HEX_COLOR),
    "hostname": _is_host,
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "k8s-long-name": _is_long_name,
    "k8s-short-name": _matches(_SHORT_NAME),
    "mac": _matches(_MAC),
    "uri": _matches(_URI),
    "uuid": _matches(_UUID),
}
