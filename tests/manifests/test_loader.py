"""Files, folders and standard input become documents."""

from __future__ import annotations

import os
import sys
import threading
from io import BytesIO
from pathlib import Path

import pytest
from manifest_corpus import corpus, rows

from minikctl.errors import ManifestError, Position
from minikctl.manifests import Document, load_files, parse
from minikctl.manifests.loader import NotManifest, RepeatedKeys, WithoutKind, load_each, parse_each


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
        ("--- hello\n", "f:1:4: a line that begins with --- separates documents; nothing follows it there"),
        ("---\nhello\n", "f:2:1: expected an object with apiVersion and kind, found text"),
        ("apiVersion: v1", "f:1:1: Object 'Kind' is missing"),
        ("kind: 1", "f:1:1: kind: Invalid value: 1: must be a string"),
        ("Kind: Pod", 'f:1:1: Object \'Kind\' is missing, did you mean "kind" by "Kind"?'),
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


def entries(paths: list[str], *, recursive: bool = False) -> list[str]:
    """Names of documents and lines of errors, in their order."""
    return [
        str(one) if isinstance(one, ManifestError) else one.obj["metadata"]["name"]
        for one in load_each(paths, recursive=recursive)
    ]


def test_what_is_broken_hides_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, a_yaml=f"{config('a')}---\na: [\n---\n{config('b')}---\nx\n", b_yaml=config("c"))
    write(
        tmp_path,
        c_yaml="kind: X\na: 1\na: 2\nb: 1\nb: 2\n",
        d_json='{"kind": "X", "metadata": {"name": "d"}} ]',
    )
    assert [one.removeprefix(f"{tmp_path}/") for one in entries([str(tmp_path)])] == [
        "a",
        "a.yaml:6:1: while parsing a flow node did not find expected node content",
        "b",
        "a.yaml:11:1: expected an object with apiVersion and kind, found text",
        "c",
        'c.yaml:3:1: key "a" already set in map',
        "d",
        "d.json:1:42: while parsing a block node did not find expected node content",
    ]
    with pytest.raises(ManifestError, match=r"a\.yaml:6:1: "):
        load_files([str(tmp_path)])


def test_duplicate_keys_come_with_what_the_text_means() -> None:
    text = f"{config('a')}data: {{a: b, a: c}}\ndata: {{d: e}}\n"
    for data in (
        text,
        '{"kind": "ConfigMap", "data": {"a": "b", "a": "c"}, "data": {"d": "e"}} {"kind": "X"}',
    ):
        error = next(parse_each(data.encode(), "f"))
        assert isinstance(error, RepeatedKeys)
        assert [key.key for key in error.keys] == ["a", "data"]
        assert [one.obj["data"] for one in error.documents] == [{"d": "e"}]


def test_duplicate_keys_have_paths() -> None:
    text = (
        "kind: List\nitems:\n- kind: X\n  a: &a [{b: 1, b: 2}]\n- kind: X\n  a: *a\n  <<: {c: {d: 1, d: 1}}\n"
    )
    error = next(parse_each(text.encode(), "f"))
    assert isinstance(error, RepeatedKeys)
    assert [key.path for key in error.keys] == [("items", 0, "a", 0, "b"), ("items", 1, "c", "d")]
    assert [[path for _, path in keys] for _, keys in error.by_document()] == [[("a", 0, "b")], [("c", "d")]]
    outside = next(parse_each(b"kind: List\na: 1\na: 2\nitems: [{kind: X}, {kind: X}]\n", "f"))
    assert isinstance(outside, RepeatedKeys)
    assert [[path for _, path in keys] for _, keys in outside.by_document()] == [[("a",)], []]


def test_place_in_the_file() -> None:
    items = "[{kind: X}, 1, {kind: X}]"
    text = f"# c\n---\n{config('a')}---\nkind: List\nitems: {items}\n---\n---\n{config('b')}"
    documents = [one for one in parse_each(text.encode(), "f") if isinstance(one, Document)]
    places = [(one.document, one.item, one.index) for one in documents]
    assert places == [(1, None, 0), (2, 0, 1), (2, 2, 2), (4, None, 3)]
    assert [one.document for one in parse(b'{"kind": "X"} {"kind": "X"}\n---\nkind: X', "f")] == [0, 1, 2]


def test_after_a_hundred_errors_the_rest_is_left_out() -> None:
    found = list(parse_each(b"[\n---\n" * 1000, "f"))
    assert len(found) == 101
    assert str(found[-1]) == "f:1:1: 100 documents of this file can't be read: the rest is left out"


# --- what stands for files ------------------------------------------------------------------------


def test_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, b_yaml=config("b"), a_yaml=config("a"), x__c_yaml=config("c"), x__y__d_json="")
    write(tmp_path, x__note_txt=config("note"))
    (tmp_path / "x" / "[e].yaml").write_text(config("e"))
    assert entries(["*.yaml"]) == ["a", "b"]
    assert entries(["x/[c].yaml"]) == ["c"]
    assert entries(["x/[e].yaml"]) == ["e"]  # it exists as it is written
    assert entries(["**"]) == entries(["**/*.yaml"]) == ["a", "b", "e", "c"]
    assert entries(["x/*"]) == ["e", "c", "note"]
    assert entries(["z*.yaml"]) == ['the path "z*.yaml" does not exist']


def test_what_can_not_be_read_is_one_line_each(tmp_path: Path) -> None:
    write(tmp_path, z_yaml=config("z"))
    (tmp_path / "broken.yaml").symlink_to("nowhere")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "link.yaml").symlink_to("folder.yaml")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / ".hidden.yaml").symlink_to("nowhere")
    assert entries([str(tmp_path)]) == [
        f'the path "{tmp_path}/broken.yaml" is a broken link',
        f'the path "{tmp_path}/link.yaml" can\'t be read: Is a directory',
        f'the path "{tmp_path}/loop.yaml" can\'t be read: Too many levels of symbolic links',
        f'the path "{tmp_path}/pipe.yaml" can\'t be read: it is not a regular file',
        "z",
    ]
    assert entries([""]) == ['the path "" does not exist']
    assert entries([f"{tmp_path}/z.yaml/x"]) == [f'the path "{tmp_path}/z.yaml/x" does not exist']
    assert entries(["/dev/null"]) == []
    assert entries(["/dev/zero"]) == ["/dev/zero:1:1: the file is larger than 16 MiB: split it"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_without_permission(tmp_path: Path) -> None:
    write(tmp_path, a_yaml=config("a"), b__b_yaml=config("b"))
    (tmp_path / "a.yaml").chmod(0)
    (tmp_path / "b").chmod(0)
    assert entries([str(tmp_path)], recursive=True) == [
        f'the path "{tmp_path}/a.yaml" can\'t be read: Permission denied',
        f'the path "{tmp_path}/b" can\'t be read: Permission denied',
    ]
    (tmp_path / "b").chmod(0o700)


def test_a_pipe_that_somebody_writes_into(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, config("a").encode())
    os.close(write_end)
    assert entries([f"/dev/fd/{read_end}"]) == ["a"]
    os.close(read_end)


def test_a_named_pipe_is_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    writer = threading.Timer(0.2, pipe.write_text, (config("a"),))
    writer.start()
    assert entries([str(pipe)]) == ["a"]
    writer.join()


def test_what_is_found_may_be_no_manifest(tmp_path: Path) -> None:
    texts = {"values": "image: nginx\n", "list": "- hosts: all\n", "Chart": "apiVersion: v2\nname: c\n"}
    for name, text in texts.items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(text)
        (named,) = load_each([str(path)])
        assert not isinstance(named, NotManifest)
    (tmp_path / "typo.yaml").write_text("Kind: Pod\n")
    found = list(load_each([str(tmp_path)]))
    assert [type(one) for one in found] == [NotManifest, NotManifest, WithoutKind, NotManifest]
    assert [type(one) for one in load_each([f"{tmp_path}/**"])] == [type(one) for one in found]
    assert list(load_each([str(tmp_path)], ignored=lambda _: True)) == []


def test_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert entries(["-"]) == ["standard input is closed"]


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


def test_the_servers_data_of_a_secret_may_be_its_string_data() -> None:
    text = "kind: Secret\napiVersion: v1\ndata:\n  a: YQ==\nstringData:\n  b c: x\n"
    (secret,) = parse(text.encode(), "f")
    assert [
        str(secret.position(path)) for path in (("data", "a"), ("data", "b c"), ("data",), ("data", "d"))
    ] == [
        "f:4:3",
        "f:6:3",
        "f:3:1",
        "f:3:1",
    ]
    (secret,) = parse(text.replace("data:\n  a: YQ==\n", "", 1).encode(), "f")
    assert str(secret.position(("data",))) == "f:3:1"
    (other,) = parse(text.replace("Secret", "ConfigMap").encode(), "f")
    assert str(other.position(("data", "b c"))) == "f:3:1"
