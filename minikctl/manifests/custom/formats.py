"""The formats of strings that the API server checks (kube-openapi's `strfmt`); it ignores all others.

Every check takes linear time. What is odd in the server stays: a host of one label has at most one hyphen, as
its second character, and a duration may have anything around its parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

from minikctl.manifests.custom.addresses import is_email, is_request_uri
from minikctl.manifests.custom.patterns import matches
from minikctl.manifests.rules.networks import parse_address, parse_network, parse_sloppy_address
from minikctl.model.cron import parse_duration

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_DATE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})([.,]\d+)?([Zz]|[+-]\d{2}:?\d{2})?\Z", re.ASCII
)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})\Z")
_HEX_COLOR = re.compile(r"#?([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})\Z")
_COLOR_PART = r"\s*+(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*+"
_RGB_COLOR = re.compile(rf"rgb\({_COLOR_PART},{_COLOR_PART},{_COLOR_PART}\)\Z", re.ASCII)
_OBJECT_ID = re.compile(r"[0-9A-Fa-f]{24}\Z")
_SHORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z", re.ASCII)
_SSN = re.compile(r"\d{3}[- ]?\d{2}[- ]?\d{4}\Z", re.ASCII)

# --- names of hosts and machines --------------------------------------------------------------------------

_HOST_CHAR = r"a-zA-Z0-9\p{S}\p{L}"
_HOST = (
    rf"^([{_HOST_CHAR}]((-?[{_HOST_CHAR}]{{0,62}})?)|([{_HOST_CHAR}](([{_HOST_CHAR}-]{{0,61}}[{_HOST_CHAR}])?)"
    r"(\.)){1,}([a-zA-Z\p{L}]){2,63})$"
)
_MAX_HOST, _MAX_LABEL = 255, 63
_MAC_BYTES = (6, 8, 20)
_MAC = re.compile(
    r"[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2})*+|(?:[0-9A-Fa-f]{2}\.[0-9A-Fa-f]{2})++[0-9A-Fa-f]{2})\Z"
)


def _is_host(text: str) -> bool:
    if len(text.encode(errors="replace")) > _MAX_HOST or not matches(_HOST, text):
        return False
    return all(len(label.encode(errors="replace")) <= _MAX_LABEL for label in text.split("."))


def _is_mac(text: str) -> bool:
    digits = re.sub("[:.-]", "", text)
    return _MAC.match(text) is not None and len(digits) // 2 in _MAC_BYTES


def _is_ipv4(text: str) -> bool:
    return "." in text and parse_sloppy_address(text) is not None


def _is_ipv6(text: str) -> bool:
    return ":" in text and parse_address(text) is not None


# --- durations -------------------------------------------------------------------------------------------

_DURATION_PART = re.compile(r"(?<![0-9])([0-9]++)[\t\n\f\r ]*+([A-Za-zµ]++)")
_UNITS = frozenset(("ns", "us", "µs", "ms", "s", "m", "h", "hr", "d", "w", "wk"))
_UNIT_WORDS = ("nano", "micro", "milli", "sec", "min", "hour", "day", "week")
_MAX_FACTOR = 2**63 - 1


def _is_duration(text: str) -> bool:
    try:
        parse_duration(text)
    except ValueError:
        return _has_duration(text)
    return True


def _has_duration(text: str) -> bool:
    """The server's own syntax: `3 days 1H`. One part with a known unit is enough."""
    known = False
    for part in _DURATION_PART.finditer(text):
        number, unit = part[1].lstrip("0"), part[2].lower()
        if len(number) > len(str(_MAX_FACTOR)) or int(number or 0) > _MAX_FACTOR:
            return False
        known = known or unit in _UNITS or unit.startswith(_UNIT_WORDS)
    return known


# --- numbers with check digits -----------------------------------------------------------------------------

_CREDIT_CARD = re.compile(
    r"(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}"
    r"|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})\Z",
    re.ASCII,
)
_ISBN10 = re.compile(r"[0-9]{9}[0-9X]\Z")
_ISBN13 = re.compile(r"[0-9]{13}\Z")


def _bare(text: str) -> str:
    return re.sub(r"[\t\n\f\r -]+", "", text)


def _is_credit_card(text: str) -> bool:
    digits = _bare(text)
    if not _CREDIT_CARD.match(digits):
        return False
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(one // 10 + one % 10 for one in doubled)) % 10 == 0


def _is_isbn10(text: str) -> bool:
    digits = _bare(text)
    if not _ISBN10.match(digits):
        return False
    values = [10 if digit == "X" else int(digit) for digit in digits]
    return sum(place * value for place, value in enumerate(values, 1)) % 11 == 0


def _is_isbn13(text: str) -> bool:
    digits = _bare(text)
    return (
        bool(_ISBN13.match(digits))
        and (sum(map(int, digits[::2])) + 3 * sum(map(int, digits[1::2]))) % 10 == 0
    )


# --- all of them -------------------------------------------------------------------------------------------


def has_format(name: str, text: str) -> bool:
    """Whether `text` is of that format; of one that is not known everything is."""
    check = _CHECKS.get(name.replace("-", ""))
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


def _is_long_name(text: str) -> bool:
    return len(text) <= 253 and all(_SHORT_NAME.match(one) for one in text.split("."))


def _matches(form: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: form.match(text) is not None


def _uuid(third: str, fourth: str = "[0-9a-f]") -> Callable[[str], bool]:
    form = rf"[0-9a-f]{{8}}-?[0-9a-f]{{4}}-?{third}[0-9a-f]{{3}}-?{fourth}[0-9a-f]{{3}}-?[0-9a-f]{{12}}\Z"
    return _matches(re.compile(form, re.ASCII | re.IGNORECASE))


_CHECKS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _matches(_OBJECT_ID),
    "byte": _matches(_BASE64),
    "cidr": lambda text: parse_network(text) is not None,
    "creditcard": _is_credit_card,
    "date": _parses(_date),
    "datetime": _parses(_date_time),
    "duration": _is_duration,
    "email": is_email,
    "hexcolor": _matches(_HEX_COLOR),
    "hostname": _is_host,
    "ipv4": _is_ipv4,
    "ipv6": _is_ipv6,
    "isbn": lambda text: _is_isbn10(text) or _is_isbn13(text),
    "isbn10": _is_isbn10,
    "isbn13": _is_isbn13,
    "k8slongname": _is_long_name,
    "k8sshortname": _matches(_SHORT_NAME),
    "mac": _is_mac,
    "rgbcolor": _matches(_RGB_COLOR),
    "ssn": _matches(_SSN),
    "uri": is_request_uri,
    "uuid": _uuid("[0-9a-f]"),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4", "[89ab]"),
    "uuid5": _uuid("5", "[89ab]"),
}
