"""patch, edit and replace: other ways to change what is there."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from apply.apply_corpus import records
from cli_rig import Cli, deployment

from minikctl.api.patching import patched
from minikctl.errors import ApiError
from minikctl.manifests import validate_update
from minikctl.model import Object
from minikctl.model.defaults import set_defaults

CORPUS_KINDS = ("ConfigMap", "CronJob", "DaemonSet", "Deployment", "Service", "StatefulSet")
# What a server adds that no manifest and no default says.
ALLOCATED = ("ipFamilies", "ipFamilyPolicy", "deprecated.daemonset.template.generation")


def seen(cli: Cli, path: str, what: str = "deploy/web") -> str:
    return cli.ok("get", what, "-o", f"jsonpath={{{path}}}").out


# --- patches ---------------------------------------------------------------------------------------


def answer(record: dict[str, Any]) -> Any:
    """What becomes of the object, or (reason, fields) of the refusal."""
    live = set_defaults(record["create"])
    try:
        obj = set_defaults(patched(live, record["patch"], record["type"]).obj)
    except ApiError as error:
        return error.reason, []
    problems = validate_update(live, obj)
    return ("Invalid", sorted({one.path for one in problems})) if problems else comparable(obj)


def comparable(obj: Object) -> Object:
    metadata, spec = dict(obj["metadata"]), dict(obj.get("spec") or {})
    annotations = {
        name: one for name, one in metadata.pop("annotations", {}).items() if name not in ALLOCATED
    }
    if annotations:
        metadata["annotations"] = annotations
    return {**obj, "metadata": metadata, "spec": {name: spec[name] for name in spec if name not in ALLOCATED}}


def test_patches_end_as_on_a_server() -> None:
    wrong = []
    count = 0
    for record in records("patch.jsonl", *CORPUS_KINDS):
        count += 1
        named = json.loads(json.dumps(record).replace('"NS"', '"ns"'))
        if "result" in named:
            expected: Any = comparable(named["result"])
        else:
            expected = named["rejected"]["reason"], sorted(named["rejected"]["fields"])
        if answer(named) != expected:
            wrong.append(record["id"])
    assert count == 195
    assert wrong == []


def test_the_three_forms(cli: Cli, web: str) -> None:
    strategic = '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"nginx:1.26"}]}}}}'
    done = cli.ok("patch", "deploy", "web", "-p", strategic, "--timeout=20s")
    assert done.out == "deployment.apps/web patched\n"
    assert seen(cli, ".spec.template.spec.containers[*].image") == "nginx:1.26"
    assert seen(cli, ".status.readyReplicas") == "2"
    again = cli.ok("patch", "deploy/web", "-p", strategic)
    assert again.out == "deployment.apps/web patched (no change)\n"
    file = cli.write("patch.yaml", "spec:\n  replicas: 3\n")
    cli.ok("patch", "-f", web, "--type=merge", "--patch-file", file, "--timeout=20s")
    assert seen(cli, ".status.readyReplicas") == "3"
    operations = '[{"op":"replace","path":"/spec/replicas","value":1}]'
    dry = cli.ok("patch", "deploy/web", "--type=json", "-p", operations, "--dry-run=server")
    assert dry.out == "deployment.apps/web patched\n"
    assert seen(cli, ".spec.replicas") == "3"
    named = cli.ok("patch", "deploy/web", "--type=json", "-p", operations, "-o", "name", "--timeout=20s")
    assert named.out == "deployment.apps/web\n"
    assert seen(cli, ".status.readyReplicas") == "1"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-p", "{}", "--type=foo"], 'error: --type must be one of [json merge strategic], not "foo"'),
        ([], "error: must specify --patch or --patch-file containing the contents of the patch"),
        (["-p", "{}", "--patch-file=x"], "error: cannot specify --patch and --patch-file together"),
        (["-p", "[]"], "Error from server (BadRequest): the patch must be an object"),
        (
            ["-p", "metadata: {name: x}"],
            "Error from server (BadRequest): the name of the object (x) does not",
        ),
        (["-p", "kind: Pod"], "Error from server (BadRequest): kind in the data (Pod) does not match"),
        (["-p", "metadata: {uid: x}"], "Error from server (Conflict): Operation cannot be fulfilled on depl"),
        (
            ["-p", "metadata: {ownerReferences: [{name: x}]}"],
            "Error from server (BadRequest): metadata.owner",
        ),
        (["-p", "spec: {selector: {matchLabels: {app: z}}}"], 'The Deployment "web" is invalid: '),
        (["-p", "{"], "error: unable to parse the patch: "),
        (
            ["--type=json", "-p", '[{"op":"test","path":"/kind","value":"x"}]'],
            "Error from server (Invalid): ",
        ),
        (
            ["-p", "{}", "--subresource=status"],
            "error: --subresource is a flag of kubectl that minikctl does not have",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_refusals(cli: Cli, web: str, words: list[str], message: str) -> None:
    before = cli.ok("get", "deploy/web", "-o", "yaml").out
    result = cli("patch", "deploy/web", *words)
    assert result.code == 1
    assert result.err.startswith(message), result.err
    assert cli.ok("get", "deploy/web", "-o", "yaml").out == before


def test_a_field_that_the_kind_has_not_got_is_told_and_left_out(cli: Cli, web: str) -> None:
    result = cli.ok(
        "patch", "deploy", "web", "--type=merge", "-p", '{"spec":{"replicaz":3}}', "--dry-run=server"
    )
    assert result.err == 'Warning: unknown field "spec.replicaz"\n'
    assert result.out == "deployment.apps/web patched (no change)\n"


def test_a_local_patch_asks_no_cluster(cli: Cli) -> None:
    path = cli.write("web.yaml", deployment())
    result = cli.ok("patch", "--local", "-f", path, "-p", "spec: {replicas: 7}", "-o", "json")
    assert json.loads(result.out)["spec"]["replicas"] == 7
    assert not cli.state.exists()


# --- replace ---------------------------------------------------------------------------------------


def test_replace_takes_what_the_file_says_and_nothing_else(cli: Cli, web: str) -> None:
    cli.ok("label", "deploy/web", "extra=1")
    path = cli.write("other.yaml", deployment(image="nginx:1.26"))
    assert cli.ok("replace", "-f", path, "--timeout=20s").out == "deployment.apps/web replaced\n"
    assert seen(cli, ".metadata.labels") == '{"app":"web"}'
    assert (seen(cli, ".spec.replicas"), seen(cli, ".status.readyReplicas")) == ("1", "1")
    missing = cli("replace", "-f", cli.write("new.yaml", deployment("new")))
    assert missing.code == 1
    assert missing.err.startswith('Error from server (NotFound): error when replacing "')
    assert missing.err.endswith('deployments.apps "new" not found\n')
    assert cli("replace", "-f", path, "--grace-period=1").err == (
        "error: --grace-period must have --force specified\n"
    )
    stale = deployment().replace("  name: web\n", '  name: web\n  resourceVersion: "1"\n', 1)
    assert "the object has been modified" in cli("replace", "-f", cli.write("stale.yaml", stale)).err


def test_replace_force_makes_it_anew(cli: Cli, web: str) -> None:
    uid = seen(cli, ".metadata.uid")
    done = cli.ok("replace", "--force", "-f", web, "--timeout=20s")
    assert done.out == 'deployment.apps "web" deleted from default namespace\ndeployment.apps/web replaced\n'
    assert seen(cli, ".metadata.uid") != uid
    assert seen(cli, ".status.readyReplicas") == "2"
    fresh = cli.ok("replace", "--force", "-f", cli.write("new.yaml", deployment("new")), "--timeout=20s")
    assert fresh.out == "deployment.apps/new replaced\n"


# --- edit ------------------------------------------------------------------------------------------


@pytest.fixture
def editor(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of scripts, run one after the other as the editor: each gets `text` and changes it. What the
    editor was shown lies in it too, as `shown.N`."""
    folder = cli.folder / "editor"
    folder.mkdir()
    program = cli.write(
        "editor.py",
        "import pathlib, sys\n"
        "folder, file = map(pathlib.Path, sys.argv[1:])\n"
        "number = len(list(folder.glob('shown.*')))\n"
        "text = file.read_text()\n"
        "(folder / f'shown.{number}').write_text(text)\n"
        "script = folder / f'{number}.py'\n"
        "scope = {'text': text}\n"
        "exec(script.read_text() if script.exists() else '', scope)\n"
        "file.write_text(scope['text'])\n",
    )
    monkeypatch.setenv("KUBE_EDITOR", shlex.join([sys.executable, program, str(folder)]))
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


def test_edit(cli: Cli, web: str, editor: Path) -> None:
    (desired,) = (cli.state / "desired" / one for one in cli.desired() if "web" in one)
    desired.write_text("# ours\n" + desired.read_text())
    (editor / "0.py").write_text("text = text.replace('replicas: 2', 'replicas: 3', 1)")
    assert cli.ok("edit", "deploy/web", "--timeout=20s").out == "deployment.apps/web edited\n"
    assert seen(cli, ".status.readyReplicas") == "3"
    shown = (editor / "shown.0").read_text()
    assert shown.startswith("# Please edit the object below. Lines beginning with a '#' will be ignored,\n")
    assert "managedFields" not in shown and "readyReplicas: 2" in shown
    assert desired.read_text().startswith("# ours\n") and "replicas: 3" in desired.read_text()
    assert list(editor.glob("minikctl-edit-*")) == []


def test_an_object_whose_file_is_broken_is_not_edited(cli: Cli, web: str, editor: Path) -> None:
    (desired,) = (cli.state / "desired" / one for one in cli.desired() if "web" in one)
    desired.write_text(desired.read_text().replace("replicas:", "replica:"))
    refused = cli("edit", "deploy/web")
    assert refused.code == 1
    assert refused.err.endswith("(until that is mended nothing is written over it)\n")
    assert not list(editor.glob("shown.*"))


def test_what_is_wrong_is_shown_again_with_the_reason(cli: Cli, web: str, editor: Path) -> None:
    (editor / "0.py").write_text("text = text.replace('replicas: 2', 'replicas: -1', 1)")
    (editor / "1.py").write_text("text = text.replace('replicas: -1', 'replicas: : 1', 1)")
    (editor / "2.py").write_text("text = text.replace('replicas: : 1', 'replicas: 1', 1)")
    result = cli.ok("edit", "deploy", "web", "--timeout=20s")
    assert result.err == 'error: deployments.apps "web" is invalid\n'
    assert result.out == "deployment.apps/web edited\n"
    assert '# deployments.apps "web" was not valid:\n# * spec.replicas: ' in (editor / "shown.1").read_text()
    third = (editor / "shown.2").read_text()
    assert "# The edited file had a syntax error: the edited file:" in third
    assert "was not valid" not in third
    assert seen(cli, ".spec.replicas") == "1"


def test_giving_up(cli: Cli, web: str, editor: Path) -> None:
    unchanged = cli.ok("edit", "deploy/web")
    assert (unchanged.out, unchanged.err) == ("", "Edit cancelled, no changes made.\n")
    (editor / "1.py").write_text("text = ''")
    assert cli.ok("edit", "deploy/web").err == "Edit cancelled, saved file was empty.\n"
    (editor / "2.py").write_text("text = text.replace('name: web', 'name: other', 1)")
    given_up = cli("edit", "deploy/web")
    assert given_up.code == 1
    assert given_up.err.endswith("error: Edit cancelled, no valid changes were saved.\n")
    (kept,) = editor.glob("minikctl-edit-*")
    assert str(kept) in given_up.err and "name: other" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert seen(cli, ".spec.replicas") == "2"


def test_what_changes_meanwhile_stays(cli: Cli, web: str, editor: Path) -> None:
    scale = [sys.executable, "-m", "minikctl", "scale", "deploy/web", "--replicas=4", "--wait=false"]
    (editor / "0.py").write_text(
        f"import subprocess; subprocess.run({scale!r}, check=True)\n"
        "text = text.replace('image: nginx:1.25', 'image: nginx:1.26')"
    )
    cli.ok("edit", "deploy/web", "--timeout=20s")
    assert seen(cli, ".spec.replicas") == "4"
    assert seen(cli, ".spec.template.spec.containers[0].image") == "nginx:1.26"


def test_several_objects_as_json(cli: Cli, web: str, editor: Path) -> None:
    cli.ok("apply", "-f", cli.write("api.yaml", deployment("api")), "--timeout=20s")
    (editor / "0.py").write_text('text = text.replace(\'"app": "api"\', \'"app": "api", "x": "y"\', 1)')
    result = cli.ok("edit", "deploy", "-o", "json", "--timeout=20s")
    assert sorted(result.lines) == ["deployment.apps/api edited", "deployment.apps/web skipped"]


def test_editors_that_can_t_be_used(cli: Cli, web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBE_EDITOR", "no-such-editor")
    assert 'unable to launch the editor "no-such-editor"' in cli("edit", "deploy/web").err
    monkeypatch.setenv("KUBE_EDITOR", "false")
    assert 'there was a problem with the editor "false"' in cli("edit", "deploy/web").err
    assert cli("edit").code == 1
