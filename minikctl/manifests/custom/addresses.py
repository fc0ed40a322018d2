"""Addresses of the web and of mail, as Go's `url.ParseRequestURI` and `mail.ParseAddress` take them."""

from __future__ import annotations

import re

# --- URIs ------------------------------------------------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*+):")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*\Z")
_HOST = re.compile(r"""(?:[A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>"]|[^\x00-\x7f]|%[89A-Fa-f][0-9A-Fa-f])*\Z""")
_ZONE = re.compile(r"%25[^\]]*(?=\])")
_PORT = re.compile(r"(?::[0-9]*)?\Z")


def is_request_uri(text: str) -> bool:
    """An absolute URI, or a path from the root; blanks are fine in paths and queries."""
    if not text or _CONTROL.search(text) or text.startswith(":"):
        return False
    if text == "*":
        return True
    scheme = _SCHEME.match(text)
    rest = text[scheme.end() :] if scheme else text
    rest = rest.partition("?")[0]
    if not rest.startswith("/"):
        return scheme is not None
    if scheme and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        return _is_authority(authority) and not _BAD_ESCAPE.search(slash + path)
    return not _BAD_ESCAPE.search(rest)


def _is_authority(text: str) -> bool:
    user, _, host = text.rpartition("@")
    if not _USER.match(user) or _BAD_ESCAPE.search(user):
        return False
    if not host.startswith("["):
        colon = host.rfind(":")
        return bool(_HOST.match(host)) and bool(_PORT.match(host[colon:] if colon >= 0 else ""))
    end = host.rfind("]")
    inside = _ZONE.sub("", host[: end + 1], count=1)
    return end >= 0 and bool(_HOST.match(inside)) and bool(_PORT.match(host[end + 1 :]))


# --- mail ------------------------------------------------------------------------------------------------

_BLANK = r"[ \t]*+"
_WORD = r"[^\x00-\x20\x7f()<>\[\]:;@\\,\".]++"
_ATOM = rf"{_WORD}(?:\.{_WORD})*+"
_LOOSE_ATOM = r"[^\x00-\x20\x7f()<>\[\]:;@\\,\"]++"
_QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*+"'
_DOMAIN = rf"(?:{_ATOM}|\[[^\x00-\x20\x7f\[\]\\]*+\])"
_SPEC = rf'(?:{_ATOM}|(?!""){_QUOTED})@{_BLANK}{_DOMAIN}'
_NAME = rf"(?:{_BLANK}(?:{_QUOTED}|{_LOOSE_ATOM}))*+"
_COMMENT = rf"{_BLANK}(?:\([^()\\]*+\){_BLANK})*+"
_EMAIL = re.compile(rf"{_BLANK}(?:{_SPEC}|{_NAME}{_BLANK}<{_BLANK}{_SPEC}{_BLANK}>){_COMMENT}\Z")


def is_email(text: str) -> bool:
    """One address: `a@b`, `A <a@b>`, `"A, B" <a@b> (comment)`."""
    return _EMAIL.match(text) is not None
