"""explain and schema: kubectl's form, our own texts."""

# ruff: noqa: E501 (messages are as long as the server's)

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import minikctl_schemas
import pytest
from cli_rig import Cli

STRATEGY = """\
GROUP:      apps
KIND:       Deployment
VERSION:    v1

FIELD: strategy <DeploymentStrategy>


DESCRIPTION:
    How old pods give way to new ones.
    How the pods of a Deployment are replaced.
    
FIELDS:
  rollingUpdate\t<RollingUpdateDeployment>
    How many pods may be too many or too few meanwhile; only with type
    RollingUpdate.

  type\t<string>
  enum: Recreate, RollingUpdate
    Recreate ends all old pods first; RollingUpdate (the default) replaces them
    step by step.


"""  # noqa: W293


def test_explain_has_the_form_of_kubectl(cli: Cli) -> None:
    assert cli.ok("explain", "deploy.spec.strategy").out == STRATEGY


def test_explain_a_value(cli: Cli) -> None:
    text = cli.ok("explain", "pods.spec.containers.imagePullPolicy").out
    assert text == (
        "KIND:       Pod\nVERSION:    v1\n\nFIELD: imagePullPolicy <string>\n"
        "ENUM:\n    Always\n    IfNotPresent\n    Never\n\nDESCRIPTION:\n"
        "    When the image is pulled; Always for the tag latest or none, else\n    IfNotPresent.\n    \n\n"
    )


def test_explain_recursive(cli: Cli) -> None:
    text = cli.ok("explain", "deploy.spec.strategy", "--recursive").out
    assert text.partition("FIELDS:\n")[2] == (
        "  rollingUpdate\t<RollingUpdateDeployment>\n    maxSurge\t<IntOrString>\n"
        "    maxUnavailable\t<IntOrString>\n  type\t<string>\n  enum: Recreate, RollingUpdate\n\n"
    )


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("pod", "  spec\t<PodSpec>"),
        ("pod.spec", "  containers\t<[]Container> -required-"),
        ("po.spec.containers", "  name\t<string> -required-"),
        ("pod.spec.containers", "  command\t<[]string>"),
        ("pod.spec.containers", "  terminationMessagePolicy\t<string>"),
        ("pod.metadata", "  labels\t<map[string]string>"),
        ("pod.metadata", "  creationTimestamp\t<string>"),
        ("pod.metadata.managedFields", "  fieldsV1\t<FieldsV1>"),
        ("pod.spec.containers.resources", "  limits\t<map[string]Quantity>"),
        ("pod.spec.volumes.hostPath", '  enum: "", BlockDevice, CharDevice, Directory, ....'),
        ("pod.spec.containers.livenessProbe.httpGet", "  port\t<IntOrString> -required-"),
        ("secret", "  data\t<map[string]string>"),
        ("hpa", "VERSION:    v2"),
        ("events", "VERSION:    v1"),
        ("deployments.apps", "GROUP:      apps"),
        ("deployments.v1.apps.spec.replicas", "FIELD: replicas <integer>"),
        ("deployments.apps.spec.replicas", "FIELD: replicas <integer>"),
        ("pods.v1.spec.nodeName", "FIELD: nodeName <string>"),
        ("Deployment.spec", "FIELD: spec <DeploymentSpec>"),
        ("crd.spec.versions.schema.openAPIV3Schema", "  allOf\t<[]JSONSchemaProps>"),
        ("csidriver", "    <no description>"),
    ],
)
def test_explain_knows(cli: Cli, path: str, line: str) -> None:
    assert line in cli.ok("explain", path).lines


def test_explain_another_version(cli: Cli) -> None:
    text = cli.ok("explain", "hpa.spec", "--api-version=autoscaling/v1").out
    assert "VERSION:    v1\n" in text
    assert "targetCPUUtilizationPercentage" in text


def test_explain_ends_where_a_kind_holds_itself(cli: Cli) -> None:
    assert "    not\t<JSONSchemaProps>\n" in cli.ok("explain", "crd.spec.versions.schema", "--recursive").out


@pytest.mark.parametrize("kind", sorted({one.plural for one in minikctl_schemas.kinds().values()}))
def test_every_kind_can_be_explained(cli: Cli, kind: str) -> None:
    assert "\nFIELDS:\n" in cli.ok("explain", kind, "--recursive").out


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        ((), "error: You must specify the type of resource to explain. "),
        (("pods", "spec"), "error: We accept only this format: explain RESOURCE"),
        (("gadget",), 'error: the server doesn\'t have a resource type "gadget"\n'),
        (("deploymnt",), 'error: the server doesn\'t have a resource type "deploymnt"; did you mean deployment?'),
        (("pod.spec.foo",), 'error: field "foo" does not exist\n'),
        (("pod.spec.restartPolici",), 'error: field "restartPolici" does not exist; did you mean "spec.restartPolicy"?'),
        (("pod.spec.Containers.name",), 'error: field "Containers" does not exist; did you mean "spec.containers"?'),
        (("pod.spec.nodeName.x",), 'error: field "x" does not exist\n'),
        (("pod", "-o", "json"), 'error: invalid --output value "json"'),
        (("pod", "--api-version=v2"), 'error: couldn\'t find resource for "v2, Resource=pods"; did you mean '
         "--api-version=v1?"),
    ],
)  # fmt: skip
def test_explain_refuses(cli: Cli, argv: tuple[str, ...], line: str) -> None:
    result = cli("explain", *argv)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(line)


def test_explain_lists_the_fields_that_kubectl_lists(cli: Cli) -> None:
    """Names, types and required ones, of what a real kubectl printed."""
    folder = os.environ.get("MINIKCTL_CORPUS")
    if not folder:
        pytest.skip("MINIKCTL_CORPUS does not name a corpus folder")
    text = (Path(folder) / "transcripts" / "02-get-describe.txt").read_text()
    told = re.findall(r"^\$ kubectl (explain [^\n]+)\n(.*?)\[exit 0\]", text, re.MULTILINE | re.DOTALL)
    assert len(told) == 2
    for command, printed in told:
        ours = cli.ok(*command.split()).out
        assert _skeleton(ours) == _skeleton(printed)


def _skeleton(text: str) -> list[str]:
    """The head, and the lines of fields."""
    return [line for line in text.splitlines() if "\t<" in line or re.match(r"[A-Z]+:|  enum:", line)]


# --- schema -----------------------------------------------------------------------------------------


def test_schema_lists_the_kinds(cli: Cli) -> None:
    lines = cli.ok("schema").lines
    assert lines[0].split() == ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
    assert len(lines) == len(minikctl_schemas.kinds()) + 1
    assert ["deployments", "deploy", "apps/v1", "true", "Deployment"] in [line.split() for line in lines]
    assert len(cli.ok("schema", "--api-version=batch/v1").lines) == 3


def test_schema_prints_one(cli: Cli) -> None:
    assert json.loads(cli.ok("schema", "deploy").out) == minikctl_schemas.load("apps/v1", "Deployment")
    assert json.loads(cli.ok("schema", "hpa", "--api-version", "autoscaling/v1").out)["title"].endswith("v1")


def test_schema_has_a_path_for_editors(cli: Cli) -> None:
    path = Path(cli.ok("schema", "deploy", "--path").out.removesuffix("\n"))
    assert json.loads(path.read_bytes())["title"] == "Deployment apps/v1"
    assert Path(cli.ok("schema", "--path").out.strip()) == minikctl_schemas.path_of_all()
    assert cli("schema", "gadget").err == 'error: the server doesn\'t have a resource type "gadget"\n'


def test_kinds_are_completed(cli: Cli) -> None:
    asked = {"_MINIKCTL_COMPLETE": "complete_bash", "COMP_WORDS": "minikctl explain dep", "COMP_CWORD": "2"}
    assert cli.process(env=asked).out.split() == ["deployments"]


def test_explain_opens_no_cluster(cli: Cli) -> None:
    cli.ok("explain", "pod.spec")
    assert not cli.state.exists()
