"""What the Ingresses' proxy is told: nginx's configuration for HTTP, written from virtual hosts.

Rules:
- What people wrote gets into the text in two places only: a host's name, and the path of a route. A host with
  anything but the labels of a DNS name is left out; of a path all but letters, digits, `/`, `_` and `-` is
  written as its bytes (`\\x3b`). So no host and no path can end a word or a line, whatever was stored.
- A path is compared with the decoded one of a request, by whole elements.
- Certificates are files beside the configuration: the key is in no command line.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import unquote_to_bytes

from minikctl.controlplane.ingress_routes import Route, Targets, VirtualHost
from minikctl.controlplane.proxies import WORKPLACE, Program

FOLDER = "minikctl-tls"
"""Of certificates, in `proxies.WORKPLACE`."""
_CONFIGURATION = f"{WORKPLACE}/minikctl-ingress.conf"
_PROCESS_ID = f"{WORKPLACE}/minikctl-ingress.pid"
_HEAD = f"""user nginx;
daemon off;
pid {_PROCESS_ID};
worker_processes 1;
error_log /dev/stderr warn;
events {{ worker_connections 4096; }}
"""
START = f"""
set -e
cat >{_CONFIGURATION} <<'END'
{_HEAD}END
exec nginx -c {_CONFIGURATION}
"""
"""What its container does."""
SETTLE_SECONDS = 0.2
"""How long nginx's old workers still take connections after the new ones do (0.1 s), and a little more."""
_TELL = f"""
set -e
until [ -s {_PROCESS_ID} ]; do sleep 0.02; done
printf '%s' "$@" >{_CONFIGURATION}.new
nginx -t -q -c {_CONFIGURATION}.new
mv {_CONFIGURATION}.new {_CONFIGURATION}
workers=/proc/1/task/1/children
before=$(cat $workers 2>/dev/null || true)
kill -HUP 1
for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ "$(cat $workers 2>/dev/null)" = "$before" ] || exit 0
    sleep 0.02
done
"""
"""Waits until nginx runs (it must be able to hear the signal), then until its new worker does."""
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_HOST = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*", re.ASCII)
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_-")
_NOBODY = "503"
_NOWHERE = "404"

_SETTINGS = """    access_log off;
    server_tokens off;
    client_max_body_size 0;
    variables_hash_max_size 16384;
    server_names_hash_max_size 16384;
    server_names_hash_bucket_size 512;
    map $http_upgrade $to_connection { default upgrade; "" close; }
    map $http_host $to_host { default $http_host; "" $host; }
    map $server_port $nothing { default ""; }
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_connect_timeout 2s;
    proxy_read_timeout 1h;
    proxy_send_timeout 1h;
    proxy_next_upstream error timeout;
    proxy_set_header Host $to_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $to_connection;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Host $to_host;
    proxy_set_header X-Forwarded-Port $server_port;
    proxy_set_header X-Forwarded-Proto $scheme;
"""
"""Nobody in front of us is believed: what a client says of itself in X-Forwarded-* is replaced."""
_REJECTING = """    server {{
        listen {port} ssl default_server;
        ssl_reject_handshake on;
    }}
"""


def ingress_program(hosts: list[VirtualHost], http: int, https: int) -> Program:
    """`http` and `https` are the ports that it listens on; 0 for none."""
    names: dict[Targets, str] = {}
    maps, servers = [], []
    files: dict[str, str] = {}
    for number, one in enumerate(hosts):
        if one.host and not _HOST.fullmatch(one.host):
            continue
        maps.append(_map(number, one, names))
        servers.append(_server(number, one, http, https if one.certificate else 0))
        if one.certificate and https:
            files[file_name(one.certificate)] = one.certificate
    if https and not (hosts and hosts[0].certificate):
        servers.append(_REJECTING.format(port=https))
    upstreams = [_upstream(name, found) for found, name in names.items() if found]
    text = f"{_HEAD}http {{\n{_SETTINGS}{''.join((*upstreams, *maps, *servers))}}}\n"
    addresses = frozenset(target.address for found in names for target in found)
    given = tuple(sorted(files.items()))
    return Program(text, addresses, given, script=_TELL, settle=SETTLE_SECONDS)


def file_name(certificate: str) -> str:
    return f"{FOLDER}/{hashlib.sha256(certificate.encode()).hexdigest()[:32]}"


def _name(found: Targets | None, names: dict[Targets, str]) -> str:
    if found is None:
        return _NOWHERE
    return names.setdefault(found, f"backend{len(names)}") if found else _NOBODY


def _upstream(name: str, found: Targets) -> str:
    lines = [f"        server {one.address}:{one.port} max_fails=1 fail_timeout=1s;\n" for one in found]
    return f"    upstream {name} {{\n{''.join(lines)}    }}\n"


def _map(number: int, one: VirtualHost, names: dict[Targets, str]) -> str:
    lines = [f"        default {_name(one.otherwise, names)};\n"]
    lines += [f'        "~{_pattern(route)}" {_name(route.targets, names)};\n' for route in one.routes]
    return f"    map $uri $to{number} {{\n{''.join(lines)}    }}\n"


def _pattern(route: Route) -> str:
    path = unquote_to_bytes(route.path)
    if route.is_exact:
        return rf"^{_quoted(path)}\z"
    return rf"^{_quoted(path.rstrip(b'/'))}(/|\z)"


def _quoted(path: bytes) -> str:
    return "".join(chr(byte) if byte in _PLAIN else f"\\x{byte:02x}" for byte in path)


def _server(number: int, one: VirtualHost, http: int, https: int) -> str:
    default = "" if one.host else " default_server"
    lines = [f"        server_name {_server_name(one.host)};\n"]
    if http:
        options = f"{default} so_keepalive=on backlog=4096" if default else ""
        lines.append(f"        listen {http}{options};\n")
    if https:
        path = f"{WORKPLACE}/{file_name(one.certificate)}$nothing"  # a variable: read when it is needed
        lines.append(f"        listen {https} ssl{default};\n")
        lines.append(f"        ssl_certificate {path};\n        ssl_certificate_key {path};\n")
    lines += [f"        if ($to{number} = {code}) {{ return {code}; }}\n" for code in (_NOWHERE, _NOBODY)]
    lines.append(f"        location / {{ proxy_pass http://$to{number}; }}\n")
    return f"    server {{\n{''.join(lines)}    }}\n"


def _server_name(host: str) -> str:
    if not host:
        return '""'
    if host.startswith("*."):
        return rf'"~^[^.]+{_quoted(host[1:].encode())}\z"'
    return f'"{host}"'
