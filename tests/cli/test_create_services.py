"""create service and create ingress: what kubectl makes of the same flags, and what it says against them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest
from cli_rig import Cli

MADE = [
    ("service", "clusterip", "web", "--tcp=80:8080", "--tcp=443"),
    ("service", "clusterip", "web", "--tcp=80,81:http", "-n", "shop"),
    ("svc", "clusterip", "web", "--clusterip=None"),
    ("service", "clusterip", "web", "--clusterip=None", "--tcp=5"),
    ("service", "nodeport", "web", "--tcp=80:8080", "--node-port=30001"),
    ("service", "loadbalancer", "web", "--tcp=80:http"),
    ("service", "externalname", "web", "--external-name=e.com"),
    ("service", "externalname", "web", "--external-name=e.com", "--tcp=5"),
    ("ingress", "x", "--rule=foo.com/=a:b,x=y"),
    ("ingress", "x", "--rule=foo.com/=a:80,tls"),
    ("ing", "x", "--rule=foo.com/*=svc:80,tls=", "--class=c", "-n", "shop"),
    ("ingress", "x", "--default-backend=a:http", "--annotation=a=b", "--annotation=c="),
    ("ingress", "x", "--rule=/*=svc:80,tls=s"),
    ("ingress", "x", "--rule=/=a:1,tls", "--rule=b.c/=a:1,tls"),
    (
        *("ingress", "x", "--rule=foo.com/a=s:1", "--rule=/b=s:2", "--rule=foo.com/c*=s:3,tls=q"),
        *("--rule=bar.com/=s:p,tls=q", "--rule=foo.com/x=a:1,tls=z"),
    ),
]
REFUSED = [
    (("service", "clusterip", "web"), "at least one tcp port specifier must be provided"),
    (("service", "nodeport", "web", "--tcp=a"), 'strconv.ParseUint: parsing "a": invalid syntax'),
    (("service", "externalname", "web"), 'required flag(s) "external-name" not set'),
    (("service", "clusterip"), "exactly one NAME is required, got 0"),
    (("ingress", "x", "--rule=foo"), "rule foo is invalid and should be in format"),
    (("ingress", "x"), "not enough information provided"),
    (("ingress", "x", "--default-backend=a"), "default-backend should be in format servicename:serviceport"),
    (("ingress", "x", "--default-backend=a:1", "--annotation=x"), "annotation x is invalid"),
]


def _bare(text: str) -> dict[str, Any]:
    """Without a field that kubectl wrote as null before 1.34."""
    found: dict[str, Any] = json.loads(text)
    found["metadata"].pop("creationTimestamp", None)
    return found


@pytest.mark.parametrize("words", MADE, ids=" ".join)
def test_dry_runs_print_what_kubectl_prints(cli: Cli, words: tuple[str, ...]) -> None:
    kubectl = os.environ.get("MINIKCTL_KUBECTL") or shutil.which("kubectl")
    if not kubectl:
        pytest.skip("no kubectl")
    flags = ("--dry-run=client", "-o", "json")
    theirs = subprocess.run([kubectl, "create", *words, *flags], capture_output=True, text=True, check=True)
    mine, wanted = _bare(cli.ok("create", *words, *flags).out), _bare(theirs.stdout)
    assert json.dumps(mine) == json.dumps(wanted), "the order of fields counts too"


@pytest.mark.parametrize(("words", "message"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_refusals_in_kubectls_words(cli: Cli, words: tuple[str, ...], message: str) -> None:
    done = cli("create", *words)
    assert done.code == 1 and message in done.err


def test_what_is_made_is_stored(cli: Cli) -> None:
    made = cli.ok("create", "service", "clusterip", "web", "--tcp=80:8080", "--wait=false")
    assert made.out == "service/web created\n"
    made = cli.ok("create", "ingress", "web", "--rule=shop.test/*=web:80", "--wait=false")
    assert made.out == "ingress.networking.k8s.io/web created\n"
    words = cli.ok("get", "ing", "--no-headers").out.split()
    assert words[:3] == ["web", "<none>", "shop.test"]
    again = cli("create", "service", "clusterip", "web", "--tcp=80")
    assert again.code == 1 and "already exists" in again.err
