"""create configmap and create secret: what kubectl makes of the same flags, and what it says against them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_rig import Cli

BESIDE_PYTHON = Path(sys.executable).with_name("kubectl")


def kubectl() -> str:
    for path in (os.environ.get("MINIKCTL_KUBECTL"), str(BESIDE_PYTHON), shutil.which("kubectl")):
        if path and Path(path).exists():
            return path
    pytest.skip("no kubectl: name one in MINIKCTL_KUBECTL")


@pytest.fixture(autouse=True)
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files that the lines name, in the working directory."""
    (tmp_path / "d" / "sub").mkdir(parents=True)
    (tmp_path / "d" / "a").write_text("x\n")
    (tmp_path / "d" / "b.bin").write_bytes(b"\xff\x00")
    (tmp_path / "d" / "link").symlink_to("a")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "bad key").write_text("")
    (tmp_path / "e.env").write_text('\ufeff# c\n A=1\nB\n\nC=a=b \r\nD="q"\nE=\n')
    (tmp_path / "bad.env").write_text("1A=3\n")
    (tmp_path / "twice.env").write_text("A=3\nA=4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("B", "from outside")
    yield


MADE = [
    ("configmap", "x"),
    ("cm", "x", "--from-literal=a=b", "--from-literal=c=<d>&=", "-n", "shop"),
    ("cm", "x", "--from-file=d", "--from-literal=z='q'"),
    ("cm", "x", "--from-file=k=d/a", "--from-file=d/b.bin", "--append-hash"),
    ("cm", "x", "--from-env-file=e.env"),
    ("cm", "x", "--append-hash", "--from-literal=a=<b>&"),
    ("secret", "generic", "x"),
    ("secret", "generic", "x", "--from-file=d", '--from-literal=z="q"', "--append-hash"),
    ("secret", "generic", "x", "--type=mine", "--from-env-file=e.env"),
    ("secret", "docker-registry", "x", "--docker-username=<a>", "--docker-password=b", "--docker-email=e@f"),
    ("secret", "docker-registry", "x", "--docker-username=a", "--docker-password=b", "--append-hash"),
    ("secret", "docker-registry", "x", "--docker-username=a", "--docker-password=b", "--from-file=d/a"),
]
REFUSED = [
    *(
        (*kind, "x", *flags)
        for kind in (("cm",), ("secret", "generic"))
        for flags in (
            ("--from-literal=a",),
            ("--from-literal==a",),
            ("--from-literal=a=b", "--from-literal=a=c"),
            ("--from-literal=..=b",),
            ("--from-literal=a/b=c",),
            ("--from-file=nope",),
            ("--from-file==d/a",),
            ("--from-file=k=",),
            ("--from-file=a=b=c",),
            ("--from-file=k=d",),
            ("--from-file=odd",),
            ("--from-env-file=d",),
            ("--from-env-file=nope",),
            ("--from-env-file=bad.env",),
            ("--from-env-file=twice.env",),
            ("--from-env-file=e.env", "--from-literal=a=b"),
            ("--from-env-file=d/b.bin",),
        )
    ),
    ("cm",),
    ("cm", "a", "b"),
    ("secret", "tls", "x"),
    ("secret", "tls", "x", "--cert=d/a"),
    ("secret", "tls", "x", "--cert=nope", "--key=nope"),
    ("secret", "tls", "x", "--cert=d/a", "--key=d/a"),
    ("secret", "docker-registry", "x"),
    ("secret", "docker-registry", "x", "--docker-username=a"),
]


@pytest.mark.parametrize("words", MADE, ids=" ".join)
def test_dry_runs_print_what_kubectl_prints(cli: Cli, words: tuple[str, ...]) -> None:
    for form in ("yaml", "json"):
        argv = ["create", *words, "--dry-run=client", "-o", form]
        theirs = subprocess.run([kubectl(), *argv], capture_output=True, text=True, check=True)
        assert cli.ok(*argv).out == theirs.stdout
    assert not cli.state.exists()


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_kubectl_refuses_is_refused_with_its_words(cli: Cli, words: tuple[str, ...]) -> None:
    argv = ["create", *words, "--dry-run=client"]
    theirs = subprocess.run([kubectl(), *argv], capture_output=True, text=True)
    ours = cli(*argv)
    assert (ours.code, ours.err.splitlines()[0]) == (theirs.returncode, theirs.stderr.splitlines()[0])


def _certificate(folder: Path, name: str) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    words = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-subj",
        "/CN=x",
        "-days",
        "1",
    ]
    files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")]
    subprocess.run(["openssl", *words, *files], check=True, capture_output=True)


def test_a_certificate_and_its_key_belong_together(cli: Cli, tmp_path: Path) -> None:
    _certificate(tmp_path, "one")
    _certificate(tmp_path, "other")
    argv = ["create", "secret", "tls", "x", "--cert=one.crt", "--key=one.key", "--dry-run=client", "-oyaml"]
    theirs = subprocess.run([kubectl(), *argv], capture_output=True, text=True, check=True)
    assert cli.ok(*argv).out == theirs.stdout
    wrong = cli("create", "secret", "tls", "x", "--cert=one.crt", "--key=other.key")
    assert (wrong.code, wrong.err) == (1, "error: tls: private key does not match public key\n")


def test_what_is_created_is_there_and_shows_sizes_only(cli: Cli) -> None:
    assert cli.ok("create", "cm", "web", "--from-literal=mode=fast").out == "configmap/web created\n"
    made = cli.ok("create", "secret", "generic", "db", "--from-literal=password=hunter2")
    assert made.out == "secret/db created\n"
    again = cli("create", "cm", "web").err
    assert again == 'Error from server (AlreadyExists): configmaps "web" already exists\n'
    first = " ".join(cli.ok("get", "secret,cm", "--no-headers").out.split()[:4])
    assert re.fullmatch(r"secret/db Opaque 1 \d+s", first)
    text = cli.ok("describe", "secret", "db").out
    assert "password:  7 bytes" in text
    assert "hunter2" not in text
    data = json.loads(cli.ok("get", "secret", "db", "-o", "json").out)["data"]
    assert b64decode(data["password"]) == b"hunter2"
