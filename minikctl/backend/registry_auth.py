"""Credentials as engines want them, in the header `X-Registry-Auth`. Never in a path or an error."""

from __future__ import annotations

import base64
import binascii
import json

from minikctl.backend.specs import Credentials
from minikctl.errors import PermanentError

HEADER = "X-Registry-Auth"


def auth_config(credentials: Credentials) -> dict[str, str]:
    """The engines' AuthConfig.

    :raises PermanentError: reason `ErrImagePull`; `auth` is not what it should be.
    """
    server = {"serveraddress": credentials.server} if credentials.server else {}
    if credentials.identity_token:
        return {**server, "username": credentials.username, "identitytoken": credentials.identity_token}
    username, password = credentials.username, credentials.password
    if credentials.auth and not (username or password):
        username, password = _decoded(credentials)
    return {**server, "username": username, "password": password}


def header_value(credentials: Credentials) -> str:
    return base64.urlsafe_b64encode(json.dumps(auth_config(credentials)).encode()).decode("ascii")


def _decoded(credentials: Credentials) -> tuple[str, str]:
    try:
        text = base64.b64decode(credentials.auth, validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    username, colon, password = text.partition(":")
    if not colon:
        raise PermanentError(
            f"the credentials for {credentials.server or 'the registry'} are not base64 of user:password",
            reason="ErrImagePull",
        )
    return username, password.rstrip("\0")
