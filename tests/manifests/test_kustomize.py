"""Kustomizations are built by a real kustomize, here kubectl's."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from minikctl.errors import ManifestError
from minikctl.manifests import Document
from minikctl.manifests.kustomize import build, load_kustomization


@pytest.fixture
def kubectl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl")


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [map.yaml]\n")
    (tmp_path / "base" / "map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {a: '1'}\n"
    )
    folder = tmp_path / "over"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text("namePrefix: my-\nresources: [../base]\n")
    return folder


@pytest.mark.usefixtures("kubectl")
def test_documents_of_an_overlay(overlay: Path) -> None:
    (document,) = load_kustomization(str(overlay))
    assert isinstance(document, Document)
    assert document.obj["metadata"] == {"name": "my-map"}
    assert str(document.position(("kind",))) == f"kustomization {overlay}:4:1"


@pytest.mark.usefixtures("kubectl")
def test_a_folder_is_no_flag(overlay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(overlay.parent)
    overlay.rename(overlay.parent / "--help")
    assert b"my-map" in build("--help")


@pytest.mark.usefixtures("kubectl")
def test_what_kustomize_refuses_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [nowhere.yaml]\n")
    (error,) = load_kustomization(str(tmp_path))
    assert isinstance(error, ManifestError)
    assert "nowhere.yaml" in str(error) and "\n" not in str(error)


def test_the_logs_prefix_of_kubectl_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    head = 'E1120 12:46:00.635777   13118 run.go:72] "command failed"'
    said = head + r''' err="no 'kustomization.yaml' in \"x\""'''
    program.write_text(f"#!/bin/sh\n/bin/cat >&2 <<'EOT'\n{said}\nEOT\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    with pytest.raises(ManifestError, match=r"can't be built: no 'kustomization.yaml' in \"x\"$"):
        build(str(tmp_path))


def test_without_kustomize(overlay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ManifestError, match=r"^-k needs kustomize, or the one inside kubectl: neither is on"):
        build(str(overlay))


def test_only_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r'^the path "github.com/a/b" is not a folder'):
        build("github.com/a/b")
