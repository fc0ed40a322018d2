"""Files, folders and standard input become documents."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from manifest_corpus import corpus, rows

from minikctl.errors import ManifestError, Position
from minikctl.manifests import load_files, parse


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def config(name: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n"


def names(paths: list[str], *, recursive: bool = False) -> list[str]:
    return [document.obj["metadata"]["name"] for document in load_files(paths, recursive=recursive)]


def test_folder_in_kubectls_order(tmp_path: Path) -> None:
    write(tmp_path, b_yaml=config("b"), a_yml=config("a"), B_json='{"kind": "X", "metadata": {"name": "B"}}')
    write(
        tmp_path, c_txt=": no [ yaml", bb__x_yaml=config("bb"), z_yaml=config("z1") + "---\n" + config("z2")
    )
    assert names([str(tmp_path)]) == ["B", "a", "b", "z1", "z2"]
    assert names([str(tmp_path)], recursive=True) == ["B", "a", "b", "bb", "z1", "z2"]


def test_arguments_stay_in_order_and_a_named_file_needs_no_suffix(tmp_path: Path) -> None:
    write(tmp_path, z=config("z"), a=config("a"))
    assert names([str(tmp_path / "z"), str(tmp_path / "a")]) == ["z", "a"]


def test_stdin() -> None:
    document = load_files(["-"], stdin=BytesIO(config("x").encode()))[0]
    assert document.source == "STDIN"
    assert str(document.position(("metadata", "name"))) == "STDIN:3:12"


def test_lists_are_their_items() -> None:
    text = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: List
  items:
  - {apiVersion: v1, kind: Pod, metadata: {name: a}}
- apiVersion: apps/v1
  kind: DeploymentList
  items:
  - metadata:
      name: b
---
apiVersion: v1
kind: PodList
items: []
---
apiVersion: v1
kind: Pod
metadata: {name: c}
"""
    documents = parse(text.encode(), "f")
    assert [(d.obj["apiVersion"], d.obj["kind"], d.obj["metadata"]["name"], d.index) for d in documents] == [
        ("v1", "Pod", "a", 0),
        ("apps/v1", "Deployment", "b", 1),
        ("v1", "Pod", "c", 2),
    ]
    assert documents[1].position(("metadata", "name")) == Position("f", 12, 7)
    assert documents[1].position(("spec", "x")) == Position("f", 11, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "f:1:1: expected an object with apiVersion and kind, found a list"),
        ("--- hello\n", "f:1:4: a line that begins with --- separates documents; 'hello' can't stand there"),
        ("---\nhello\n", "f:2:1: expected an object with apiVersion and kind, found 'hello'"),
        ("apiVersion: v1", "f:1:1: Object 'Kind' is missing"),
        ("kind: 1", "f:1:1: Object 'Kind' is missing"),
        ("kind: List\nitems:\n- null", "f:3:3: expected an object with apiVersion and kind, found nothing"),
    ],
)
def test_no_manifest(text: str, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse(text.encode(), "f")
    assert str(caught.value) == message


def test_paths_that_do_not_work(tmp_path: Path) -> None:
    missing = str(tmp_path / "x.yaml")
    for path, message in {
        missing: f'the path "{missing}" does not exist',
        "https://a.example/x": "https://a.example/x: manifests are read from files only; download it first",
    }.items():
        with pytest.raises(ManifestError) as caught:
            load_files([path])
        assert str(caught.value) == message
    with pytest.raises(ManifestError, match="can't be read"):
        load_files(["a\0b"])


def test_every_file_of_the_corpus() -> None:
    by_file: dict[str, list[tuple[int, int]]] = {}
    for row in rows("manifests.jsonl"):
        by_file.setdefault(row["file"], []).append((row["doc"], row["item"]))
    for file in by_file:
        verdicts = [row for row in rows("manifests.jsonl") if row["file"] == file]
        try:
            documents = load_files([str(corpus() / file)])
        except ManifestError:
            assert not any(row["accepted"] for row in verdicts), file
        else:
            assert len(documents) == len(verdicts), file
            assert {row["kind"] for row in verdicts} - {None} <= {one.obj["kind"] for one in documents}
    assert len(by_file) > 200
