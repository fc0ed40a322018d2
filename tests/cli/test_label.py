"""label and annotate: kubectl's lines, held against a real kubectl where that works without a server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_rig import Cli

OBJECTS = """apiVersion: v1
kind: Pod
metadata:
  name: a
  labels: {app: a, tier: x}
  annotations: {owner: me, "long": "with = and / in it"}
spec:
  containers: [{name: c, image: busybox}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
"""
AS_KUBECTL = [
    ["app-", "tier=x", "--overwrite"],
    ["app-", "tier=y", "--overwrite"],
    ["app-", "nope-"],
    ["nope-", "new=1"],
    ["app=a"],
    ["app=b"],
    ["app=b", "--overwrite"],
    ["owner=b"],
    ["owner=b", "--overwrite", "-o", "name"],
    ["owner-", "--dry-run=client"],
    ["a=b", "a-"],
    ["a=b", "a=c"],
    ["a=b=c"],
    ["a=c d"],
    ["x=" + "a" * 64],
    [],
    ["=n"],
    ["word"],
    ["-o", "yaml", "x=y"],
    ["-o", "json", "x=y"],
    ["--list", "-o", "yaml"],
    ["--dry-run=server", "a=b"],
]


@pytest.mark.parametrize("verb", ["label", "annotate"])
@pytest.mark.parametrize("words", AS_KUBECTL, ids=" ".join)
def test_local_changes_are_kubectl_s(cli: Cli, verb: str, words: list[str]) -> None:
    kubectl = shutil.which("kubectl", path=str(Path(sys.executable).parent))
    if kubectl is None:
        pytest.skip("no kubectl to compare with")
    path = cli.write("objects.yaml", OBJECTS)
    theirs = subprocess.run(
        [kubectl, verb, "--local", "-f", path, *words], capture_output=True, text=True, check=False
    )
    ours = cli(verb, "--local", "-f", path, *words)
    # kubectl label leaves out what divides documents; they can't be read then.
    divided = theirs.stdout.replace("    name: c\napiVersion", "    name: c\n---\napiVersion")
    assert (ours.code, ours.out) == (theirs.returncode, divided)
    # Its own example of a file name differs between its two verbs.
    assert ours.err.replace("pod.", "rsrc.") == theirs.stderr.replace("pod.", "rsrc.")


def labels(cli: Cli, what: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(cli.ok("get", what, "-o", "json").out)["metadata"].get("labels", {})
    return found


def test_labels_of_a_live_object(cli: Cli, web: str) -> None:
    assert cli.ok("label", "deploy/web", "tier=front").out == "deployment.apps/web labeled\n"
    assert labels(cli, "deploy/web") == {"app": "web", "tier": "front"}
    assert cli.ok("label", "deploy/web", "tier=front").out == "deployment.apps/web not labeled\n"
    refused = cli("label", "deploy", "web", "tier=back")
    assert refused.code == 1
    assert refused.err == "error: 'tier' already has a value (front), and --overwrite is false\n"
    dry = cli.ok("label", "deploy", "--all", "tier=back", "--overwrite", "--dry-run=client")
    assert dry.out == "deployment.apps/web labeled (dry run)\n"
    assert labels(cli, "deploy/web")["tier"] == "front"
    gone = cli.ok("label", "-f", web, "tier-", "nope-")
    assert gone.out == 'label "nope" not found.\ndeployment.apps/web unlabeled\n'
    assert labels(cli, "deploy/web") == {"app": "web"}
    assert cli.ok("label", "deploy/web", "--list").out == "app=web\n"


def test_a_label_is_in_the_desired_file_and_its_comments_stay(cli: Cli, web: str) -> None:
    (path,) = (cli.state / "desired" / one for one in cli.desired() if "web" in one)
    path.write_text("# the front door\n" + path.read_text().replace("replicas: 2", "replicas: 2 # enough"))
    cli.ok("label", "deploy/web", "tier=front")
    cli.ok("annotate", "deploy/web", "team=blue")
    text = path.read_text()
    assert text.startswith("# the front door\n") and "replicas: 2 # enough" in text
    assert "tier: front" in text and "team: blue" in text
    cli.ok("apply", "-f", web)
    assert labels(cli, "deploy/web") == {"app": "web", "tier": "front"}


def test_a_pod_that_leaves_its_owner_is_replaced(cli: Cli, web: str) -> None:
    before = cli.ok("get", "pods", "-o", "name").out.split()
    done = cli.ok("label", before[0], "app=alone", "--overwrite", "--timeout=20s")
    assert done.out == f"{before[0]} labeled\n"
    after = cli.ok("get", "pods", "-l", "app=web", "-o", "name").out.split()
    assert len(after) == 2 and before[0] not in after
    assert cli.ok("get", "pods", "-l", "app=alone", "-o", "name").out.split() == [before[0]]


def test_revisions_selectors_and_what_is_not_there(cli: Cli, web: str) -> None:
    stale = cli("label", "deploy/web", "a=b", "--resource-version=1")
    assert stale.code == 1 and "the object has been modified" in stale.err
    now = json.loads(cli.ok("get", "deploy/web", "-o", "json").out)["metadata"]["resourceVersion"]
    assert cli.ok("label", "deploy/web", "a=b", f"--resource-version={now}").code == 0
    assert cli("label", "pods", "--all", "a=b", "--resource-version=1").err == (
        "error: --resource-version may only be used with a single resource\n"
    )
    assert cli.ok("label", "pods", "-l", "app=web", "seen=yes").out.count("labeled\n") == 2
    assert cli.ok("label", "pods", "--field-selector=status.phase=Failed", "seen=no").out == ""
    assert cli("label", "deploy/nope", "a=b").err.endswith('deployments.apps "nope" not found\n')
    assert cli("label", "deploy/web", "bad key=b").code == 1
    assert cli("label", "a=b", "deploy/web").err == (
        "error: all resources must be specified before label changes: deploy/web\n"
    )
    assert cli("label", "deploy/web", "a=b", "--field-manager=x").err.startswith("error: --field-manager is")


def test_listing_several(cli: Cli, web: str) -> None:
    cli.ok("annotate", "deploy/web", "owner=me")
    listed = cli.ok("annotate", "deploy/web", "rs/" + _replica_set(cli), "--list")
    assert " owner=me\n" in listed.out
    assert "Listing annotations for Deployment.apps/web:" in listed.err


def _replica_set(cli: Cli) -> str:
    return cli.ok("get", "rs", "-o", "name").out.strip().partition("/")[2]


def test_annotations(cli: Cli, web: str) -> None:
    assert cli.ok("annotate", "deploy/web", "note=a=b c").out == "deployment.apps/web annotated\n"
    refused = cli("annotate", "deploy/web", "note=x")
    assert refused.err == (
        "error: --overwrite is false but found the following declared annotation(s):"
        " 'note' already has a value (a=b c)\n"
    )
    assert cli.ok("annotate", "deploy/web", "note-").out == "deployment.apps/web annotated\n"
    assert "note" not in cli.ok("get", "deploy/web", "-o", "yaml").out
