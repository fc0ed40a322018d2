"""Checks made from inside of a container, where its address leads nowhere from here: Docker Desktop, rootless
and remote engines.

Rules:
- TCP needs `cat` in the image, HTTP a shell with curl or wget; without them the check is "not supported",
  which is an error and not a failure: nothing is known about the container.
- What differs from a check from outside: that somebody listens is enough for TCP, HTTP is asked for at
  127.0.0.1, and wget follows redirects to other hosts.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence

from minikctl.backend.checks import Check, Checked, HttpCheck, TcpCheck
from minikctl.backend.observed import ExecResult
from minikctl.backend.probing import USER_AGENT, Run, text_of, url_of
from minikctl.errors import PermanentError

_LOOPBACK = "127.0.0.1"
_LISTENING = "0A"
_NO_TOOL = 97
_NO_COMMAND = (125, 126, 127)
_GRACE = 2.0
"""Seconds that a tool is given beyond its own time limit, to start and to tell."""


def check_inside(check: Check, run: Run, timeout: float) -> Checked:
    """:raises PermanentError: reason `NotSupported`."""
    match check:
        case TcpCheck():
            return _check_tcp(check, run, timeout)
        case HttpCheck():
            return _check_http(check, run, timeout)
        case _:
            raise PermanentError(
                "the address of the container can't be reached from here,"
                " and gRPC is not checked from inside",
                reason="NotSupported",
            )


def _check_tcp(check: TcpCheck, run: Run, timeout: float) -> Checked:
    """The kernel's own list says who listens. (Tools that connect differ too much: what is called nc hangs on
    one image and has no -z on the next.)"""
    where = f"dial tcp {_LOOPBACK}:{check.port}"
    result = _run(("cat", "/proc/net/tcp", "/proc/net/tcp6"), run, timeout, f"{where}: i/o timeout", "cat")
    if isinstance(result, Checked):
        return result
    rows = (line.split() for line in text_of(result.output).splitlines())
    listening = {row[1].rpartition(":")[2] for row in rows if len(row) > 3 and row[3] == _LISTENING}
    if f"{check.port:04X}" in listening:
        return Checked(True)
    return Checked(False, f"{where}: connect: connection refused")


def _check_http(check: HttpCheck, run: Run, timeout: float) -> Checked:
    url, seconds = url_of(check, check.host or _LOOPBACK), max(1, math.ceil(timeout))
    given = {name.lower() for name, _ in check.headers}
    headers = [*check.headers, *([] if "user-agent" in given else [("User-Agent", USER_AGENT)])]
    curl_headers = " ".join(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers)
    wget_headers = " ".join(f"--header {shlex.quote(f'{name}: {value}')}" for name, value in headers)
    insecure = "--no-check-certificate" if check.scheme.upper() == "HTTPS" else ""
    script = (
        "if command -v curl >/dev/null 2>&1; then"
        f" curl -s -S -k -o /dev/null -m {seconds} -w 'HTTP/1.1 %{{http_code}}' {curl_headers}"
        f" {shlex.quote(url)};"
        " elif command -v wget >/dev/null 2>&1; then"
        f" wget -q -O /dev/null -T {seconds} {insecure} {wget_headers} {shlex.quote(url)}"
        f" && echo HTTP/1.1 200; else exit {_NO_TOOL}; fi"
    )
    late = f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
    result = _run(("sh", "-c", script), run, timeout, late, "curl or wget")
    if isinstance(result, Checked):
        return result
    told = text_of(result.output)
    found = re.search(r"HTTP/[0-9.]+ (\d{3})|ERROR (\d{3})", told)
    status = int(found[1] or found[2]) if found else 0
    if not status and "timed out" in told:
        return Checked(False, late)
    if not status:
        return Checked(False, f'Get "{url}": {" ".join(told.split()) or "no answer"}')
    return Checked(
        200 <= status < 400, "" if status < 400 else f"HTTP probe failed with statuscode: {status}"
    )


def _run(command: Sequence[str], run: Run, timeout: float, late: str, tools: str) -> ExecResult | Checked:
    try:
        result = run(command, timeout + _GRACE)
    except PermanentError as error:
        if error.reason != "DeadlineExceeded":
            raise
        return Checked(False, late)
    if result.exit_code == _NO_TOOL or result.exit_code in _NO_COMMAND:
        raise PermanentError(
            "the address of the container can't be reached from here, and the image has no"
            f" {tools if result.exit_code == _NO_TOOL else command[0]} to make the check from inside",
            reason="NotSupported",
        )
    return result
