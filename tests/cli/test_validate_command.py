"""`minikctl validate` through its entry point: inputs, exit codes, formats, and that it touches nothing."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cli_rig import Cli, Result, deployment

from minikctl.manifests.rules import RULES

CUSTOM = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n"
REMOVED = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: i}\n"
BAD = deployment().replace("replicas: 1", "replicas: -1")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files are named relative to the test's folder; afterwards nothing else may be there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    monkeypatch.delenv("MINIKCTL_BACKEND", raising=False)
    yield
    assert not (tmp_path / "state").exists()


def write(cli: Cli, **files: str) -> None:
    """`good="…"` is good.yaml, `k8s__good="…"` k8s/good.yaml."""
    for name, text in files.items():
        cli.write(f"{name.replace('__', '/')}.yaml", text)


# --- verdicts and exit codes -----------------------------------------------------------------------


def test_what_is_valid_says_nothing(cli: Cli) -> None:
    write(cli, good=deployment())
    assert cli("validate", "good.yaml") == Result(0, "", "")


def test_all_problems_of_all_files_are_told_with_their_places(cli: Cli) -> None:
    wrong = BAD.replace("image: nginx:1.25", "image: nginx:1.25\n        imagePullPolicy: Sometimes")
    write(cli, one=wrong, two=deployment().replace("image:", "imag:"))
    result = cli("validate", "one.yaml", "-f", "two.yaml")
    assert (result.code, result.err) == (1, "")
    assert result.lines == [
        'two.yaml:15:9: Deployment/web: spec.template.spec.containers[0].imag: unknown field "imag", '
        'did you mean "image"?',
        "one.yaml:7:3: Deployment/web: spec.replicas: invalid value -1: must be greater than or equal to 0",
        "one.yaml:16:9: Deployment/web: spec.template.spec.containers[0].imagePullPolicy: "
        'unsupported value "Sometimes" (Always, IfNotPresent, Never)',
    ]


UNREADABLE = {
    "syntax": "a: [\n",
    "a_list": "- 1\n",
    "custom": CUSTOM,
}


@pytest.mark.parametrize("name", [*UNREADABLE, "missing"])
def test_what_cannot_be_judged_ends_with_2_and_hides_nothing(cli: Cli, name: str) -> None:
    write(cli, bad=BAD, **UNREADABLE)
    result = cli("validate", f"{name}.yaml", "bad.yaml")
    assert result.code == 2
    assert len(result.lines) == 2
    assert name in result.lines[0]
    assert result.lines[1].startswith("bad.yaml:7:3: ")


def test_repeated_keys_are_invalid_and_told_with_unknown_fields(cli: Cli) -> None:
    write(cli, twice=deployment().replace("replicas: 1", "replicas: 1\n  replicas: 2\n  replica: 3"))
    result = cli("validate", "twice.yaml")
    assert (result.code, result.lines) == (
        1,
        [
            "twice.yaml:8:3: Deployment/web: spec.replicas: set twice in one map",
            'twice.yaml:9:3: Deployment/web: spec.replica: unknown field "replica", did you mean "replicas"?',
        ],
    )


def test_a_broken_document_does_not_hide_the_others(cli: Cli) -> None:
    write(cli, mixed=f"a: 1\n---\n{BAD}---\n- 1\n---\n{deployment('api')}")
    result = cli("validate", "mixed.yaml", "--summary")
    assert result.code == 2
    assert [line.split(": ")[0] for line in result.lines[:-1]] == [
        "mixed.yaml:1:1",
        "mixed.yaml:9:3",
        "mixed.yaml:19:1",
    ]
    assert result.lines[-1] == (
        "Summary: 4 resources found in 1 file - Valid: 1, Invalid: 2, Errors: 1, Skipped: 0"
    )


def test_repeated_keys_hide_nothing_that_keeps_the_object_from_being_decoded(cli: Cli) -> None:
    write(
        cli,
        a=deployment().replace("image:", "image: a\n        image:").replace("replicas: 1", "replicas: x"),
    )
    assert cli("validate", "a.yaml").lines == [
        'a.yaml:7:3: Deployment/web: spec.replicas: must be an integer, not "x"',
        "a.yaml:16:9: Deployment/web: spec.template.spec.containers[0].image: set twice in one map",
    ]
    (invalid,) = json.loads(cli("validate", "a.yaml", "-o", "json").out)["resources"]
    assert invalid["validationErrors"][0]["path"] == "/spec/template/spec/containers/0/image"


def test_repeated_keys_of_an_item_say_nothing_of_the_others(cli: Cli) -> None:
    items = "- {apiVersion: v1, kind: Secret, metadata: {name: a}, type: x, type: z}\n"
    write(
        cli,
        a=f"kind: List\nitems:\n{items}- {{apiVersion: v1, kind: Secret, metadata: {{name: b}}, typo: x}}\n",
    )
    assert [line.split(": ")[1:3] for line in cli("validate", "a.yaml").lines] == [
        ["Secret/a", "type"],
        ["Secret/b", "typo"],
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\n", "x.yaml:1:1: kind: Object 'Kind' is missing"),
        ("apiVersion: v1\nKind: Pod\n", 'kind: Object \'Kind\' is missing, did you mean "kind" by "Kind"?'),
        ("apiVersion: v1\nkind: [Pod]\n", 'x.yaml:2:1: kind: must be a string, not ["Pod"]'),
        ("apiVersion: 1\nkind: Pod\n", "x.yaml:1:1: Pod/: apiVersion: must be a string, not 1"),
        ("apiversion: v1\nkind: Pod\n", 'missing, did you mean "apiVersion" by "apiversion"?'),
    ],
)
def test_what_does_not_say_what_it_is_is_invalid(cli: Cli, text: str, line: str) -> None:
    write(cli, x=text)
    result = cli("validate", "x.yaml")
    assert result.code == 1
    assert line in result.out


REPOSITORY = {
    ".github/workflows/ci.yml": "on: push\n",
    ".pre-commit-config.yaml": "repos: []\n",
    "chart/Chart.yaml": "apiVersion: v2\nname: c\n",
    "chart/values.yaml": "image: nginx\n",
    "docker-compose.yml": "services: {}\n",
    "playbook.yml": "- hosts: all\n",
    "package.json": "{}\n",
    "k8s/web.yaml": deployment(),
}


def test_a_folder_may_hold_other_things(cli: Cli) -> None:
    for name, text in REPOSITORY.items():
        cli.write(name, text)
    result = cli.ok("validate", ".", "-R", "--verbose", "--summary")
    assert result.lines[0] == "./chart/Chart.yaml:1:1: skipped (not a manifest)"
    assert (
        result.lines[-1]
        == "Summary: 6 resources found in 6 files - Valid: 1, Invalid: 0, Errors: 0, Skipped: 5"
    )
    for named in ("docker-compose.yml", "chart/Chart.yaml"):
        assert cli("validate", named).code == 1


def test_files_are_left_out_by_their_names(cli: Cli) -> None:
    write(cli, k8s__good=deployment(), k8s__templates__bad="a: {{ x }}\n")
    assert cli("validate", "k8s", "-R").code == 2
    for pattern in ("templates/", "b.d[.]yaml$"):
        assert cli.ok("validate", "k8s", "-R", "--ignore-filename-pattern", pattern).out == ""
    ignored = cli("validate", "k8s/templates/bad.yaml", "--ignore-filename-pattern", "templates")
    assert ignored == Result(0, "", "")
    assert cli("validate", "k8s", "--ignore-filename-pattern", "(").err.startswith(
        'error: invalid --ignore-filename-pattern value "("'
    )


def test_where_nothing_is_there_is_a_word_about_it(cli: Cli) -> None:
    write(cli, comments="# nothing\n", values__a="a: 1\n")
    for path in ("comments.yaml", "values"):
        assert cli("validate", path) == Result(0, "", f"warning: no manifests in {path}\n")


def test_an_object_that_is_there_twice(cli: Cli) -> None:
    write(
        cli,
        one=deployment(),
        two=deployment(replicas=2),
        other=deployment().replace("apps/v1", "apps/v1beta1"),
    )
    result = cli.ok("validate", "one.yaml", "two.yaml")
    assert result.lines == [
        "two.yaml:1:1: Deployment/web: warning: the same object stands at one.yaml:1:1 already; "
        "the last one counts"
    ]
    assert cli("validate", "one.yaml", "two.yaml", "--strict").code == 1


def test_the_namespace_of_the_command_line(cli: Cli) -> None:
    write(cli, pod=POD.replace("  hostNetwork: true\n", ""))
    result = cli("validate", "pod.yaml", "-n", "prod")
    assert result.code == 1
    assert result.out.startswith(
        'pod.yaml:3:21: Pod/p: metadata.namespace: the namespace from the provided object "shop" does not'
    )
    assert cli("validate", "pod.yaml", "-n", "Bad_NS").err.startswith('error: invalid namespace "Bad_NS": ')
    assert cli("validate", "pod.yaml", "-n", "shop").code == 0


@pytest.mark.parametrize(
    ("text", "flags", "code", "counts"),
    [
        (CUSTOM, (), 2, "Valid: 0, Invalid: 0, Errors: 1, Skipped: 0"),
        (CUSTOM, ("--ignore-missing-schemas",), 0, "Valid: 0, Invalid: 0, Errors: 0, Skipped: 1"),
        # Kubernetes' own groups are known: what they don't have is wrong, and never skipped.
        (REMOVED, ("--ignore-missing-schemas",), 1, "Valid: 0, Invalid: 1, Errors: 0, Skipped: 0"),
        (deployment().replace("apps/v1", "apps/v2"), (), 1, "Valid: 0, Invalid: 1, Errors: 0, Skipped: 0"),
        (deployment().replace("apps/v1", "app/v1"), (), 1, "Valid: 0, Invalid: 1, Errors: 0, Skipped: 0"),
        ("kind: Pod\n", (), 1, "Valid: 0, Invalid: 1, Errors: 0, Skipped: 0"),
        (
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
            (),
            0,
            "Valid: 0, Invalid: 0, Errors: 0, Skipped: 1",
        ),
        ("# nothing\n", (), 0, "Valid: 0, Invalid: 0, Errors: 0, Skipped: 0"),
    ],
)
def test_unknown_kinds(cli: Cli, text: str, flags: tuple[str, ...], code: int, counts: str) -> None:
    write(cli, x=text)
    result = cli("validate", "x.yaml", "--summary", *flags)
    assert (result.code, result.lines[-1].partition(" - ")[2]) == (code, counts)


DEFINITION = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer, minimum: 1}}}
"""


def test_definitions_of_the_input_and_of_crd_describe_custom_resources(cli: Cli) -> None:
    write(cli, crds__widget=DEFINITION, good=CUSTOM + "spec: {size: 1}\n", bad=CUSTOM + "spec: {size: 0}\n")
    assert cli("validate", "good.yaml").code == 2
    for argv in (("--crd", "crds"), ("--crd", "crds/widget.yaml"), ("-f", "crds")):
        assert cli("validate", "good.yaml", *argv) == Result(0, "", "")
        result = cli("validate", "good.yaml", "bad.yaml", *argv)
        assert result.code == 1
        (line,) = result.lines
        assert line.startswith("bad.yaml:4:8: Widget/w: spec.size: invalid value 0: ")
    assert cli("validate", "good.yaml", "--crd", "none.yaml").code == 2
    # Types of custom resources, in the same words as all others.
    write(cli, odd=CUSTOM + "spec: []\n")
    assert cli("validate", "odd.yaml", "--crd", "crds").lines == [
        "odd.yaml:4:1: Widget/w: spec: must be a map, not a list"
    ]
    typo = cli.write("typo.yaml", CUSTOM.replace("Widget", "Widgt"))
    assert 'did you mean "Widget"?; describe it' in cli("validate", typo, "--crd", "crds").out
    # Other versions of a kind that is defined are not served, as the definition says.
    other = cli.write("other.yaml", CUSTOM.replace("example.com/v1", "example.com/v2"))
    assert cli("validate", other, "--crd", "crds", "--ignore-missing-schemas").code == 1


def test_definitions_that_say_nothing_are_errors(cli: Cli) -> None:
    write(cli, good=CUSTOM, pod=POD, old=DEFINITION.replace("k8s.io/v1", "k8s.io/v1beta1"))
    write(cli, broken=DEFINITION.replace("spec: {type: object", "spec: {type: objct"))
    none = cli("validate", "good.yaml", "--crd", "pod.yaml")
    assert (none.code, none.lines[0]) == (
        2,
        "pod.yaml:1:1: --crd needs definitions, and there is no CustomResourceDefinition in pod.yaml",
    )
    assert (
        cli("validate", "good.yaml", "--crd", "old.yaml")
        .lines[0]
        .startswith(
            "old.yaml:1:1: CustomResourceDefinition/widgets.example.com: apiVersion: no matches for kind"
        )
    )
    write(cli, good=CUSTOM + "spec: {size: 1}\n")
    broken = cli("validate", "good.yaml", "--crd", "broken.yaml")
    assert [line.split(":")[0] for line in broken.lines] == ["broken.yaml"]
    assert 'properties[spec].type: unsupported value "objct"' in broken.out


def test_rules_in_cel_are_told_of(cli: Cli) -> None:
    rule = "{type: object, x-kubernetes-validations: [{rule: 'true'}], "
    write(cli, crd=DEFINITION.replace("spec: {type: object, ", f"spec: {rule}"), good=CUSTOM)
    result = cli("validate", "good.yaml", "--crd", "crd.yaml", "--strict")
    assert result == Result(
        0,
        "good.yaml:1:1: Widget/w: note: the rules that its definition has in CEL were not checked\n",
        "",
    )


def test_that_rules_in_cel_were_not_checked_is_told_once(cli: Cli) -> None:
    rule = "{type: object, x-kubernetes-validations: [{rule: 'true'}], anyOf: [{required: [x]}], "
    write(
        cli,
        crd=DEFINITION.replace("spec: {type: object, ", f"spec: {rule}"),
        bad=CUSTOM + "spec: {size: x}\n",
    )
    lines = cli("validate", "bad.yaml", "--crd", "crd.yaml").lines
    assert sorted(line.partition("Widget/w: ")[2] for line in lines) == [
        '"spec" must validate at least one schema (anyOf)',
        "note: the rules that its definition has in CEL were not checked",
        "spec.size: must be an integer, not a string",
        "spec.x: required value is missing",
    ]


def test_a_kustomization_needs_no_kind(cli: Cli) -> None:
    write(cli, k__kustomization="resources: [web.yaml]\n", k__web=deployment())
    assert cli.ok("validate", "k", "--summary").out.endswith("Valid: 1, Invalid: 0, Errors: 0, Skipped: 1\n")


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        ((), "error: name files, folders or - to validate"),
        (("x.yaml", "-o", "xml"), 'error: invalid --output value "xml": must be text, json, github'),
        (("x.yaml", "--frob"), "error: unknown flag: --frob"),
        (("x.yaml", "-strict"), "error: unknown flag: -strict; did you mean --strict?"),
        (("x.yaml", "-output=json"), "error: unknown flag: -output; did you mean --output?"),
        (("x.yaml", "-schema-location", "default"), "error: unknown flag: -schema-location; --crd FILE"),
        (("--list-rules", "-o", "tap"), 'error: invalid --output value "tap": must be text or json'),
    ],
)
def test_usage(cli: Cli, argv: tuple[str, ...], line: str) -> None:
    result = cli("validate", *argv)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(line)


# --- warnings --------------------------------------------------------------------------------------

POD = """apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop}
spec:
  hostNetwork: true
  containers: [{name: a, image: b}]
"""


def namespace(level: str) -> str:
    labels = f"{{pod-security.kubernetes.io/enforce: {level}}}"
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {labels}}}\n"


def test_warnings_fail_only_with_strict(cli: Cli) -> None:
    write(cli, pod=POD)
    result = cli.ok("validate", "pod.yaml", "--summary")
    assert result.lines[0].startswith(
        "pod.yaml:5:3: Pod/p: warning: spec.hostNetwork: the pod shares the machine's"
    )
    assert result.lines[1].endswith("Valid: 1, Invalid: 0, Errors: 0, Skipped: 0")
    found = json.loads(cli.ok("validate", "pod.yaml", "-o", "json").out)
    assert (found["resources"], found["warnings"][0]["field"]) == ([], "spec.hostNetwork")
    strict = cli("validate", "pod.yaml", "--strict")
    assert strict.code == 1
    assert strict.out.startswith("pod.yaml:5:3: Pod/p: spec.hostNetwork: the pod shares")
    (invalid,) = json.loads(cli("validate", "pod.yaml", "--strict", "-o", "json").out)["resources"]
    assert invalid["status"] == "statusInvalid"


def test_a_namespace_in_the_same_input_says_what_its_pods_may_do(cli: Cli) -> None:
    template = deployment().replace("name: web\n", "name: web\n  namespace: shop\n", 1)
    write(cli, pod=POD, template=template, free=namespace("privileged"), tight=namespace("restricted"))
    assert cli("validate", "free.yaml", "pod.yaml", "template.yaml") == Result(0, "", "")
    refused = cli("validate", "pod.yaml", "tight.yaml")
    assert refused.code == 1
    assert refused.out.startswith(
        'pod.yaml:4:1: Pod/p: spec: violates PodSecurity "restricted:latest": host namespaces'
    )
    warned = cli.ok("validate", "template.yaml", "tight.yaml")
    assert 'warning: spec.template.spec: would violate PodSecurity "restricted' in warned.out
    # -n says where objects live that don't say so themselves.
    write(cli, pod=POD.replace(", namespace: shop", ""))
    assert cli("validate", "pod.yaml", "tight.yaml").code == 0
    assert cli("validate", "pod.yaml", "tight.yaml", "-n", "shop").code == 1


HARDENED = """apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop}
spec:
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  volumes: [VOLUME]
  containers:
  - name: a
    image: a:1
    securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""


@pytest.mark.parametrize(("volume", "code"), [("{name: v}", 0), ("{name: v, hostPath: {path: /a}}", 1)])
def test_a_level_judges_what_would_be_stored(cli: Cli, volume: str, code: int) -> None:
    write(cli, pod=HARDENED.replace("VOLUME", volume), tight=namespace("restricted"))
    assert cli("validate", "pod.yaml", "tight.yaml").code == code


def test_a_namespace_whose_labels_are_wrong_hides_nothing(cli: Cli) -> None:
    write(cli, pod=POD, wrong=namespace("restricted").replace("restricted", "[1]"))
    result = cli("validate", "wrong.yaml", "pod.yaml")
    assert [line.split(": ")[1] for line in result.lines] == ["Namespace/shop", "Pod/p"]


# --- inputs ----------------------------------------------------------------------------------------


def test_folders_patterns_and_lists(cli: Cli) -> None:
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": [json_of(BAD), json_of(deployment())]})
    write(cli, k8s__a=deployment(), k8s__deep__b=BAD)
    cli.write("k8s/list.json", listed)
    assert summary(cli, "k8s") == (3, 2, 1)
    assert summary(cli, "-f", "k8s", "-R") == (4, 3, 2)
    assert summary(cli, "k8s/*.yaml") == (1, 1, 0)
    assert summary(cli, "k8s/**/*.yaml") == (2, 2, 1)
    assert summary(cli, "-f", "k8s/a.yaml,k8s/deep/b.yaml", "k8s/list.json") == (4, 3, 2)


def json_of(manifest: str) -> Any:
    from minikctl.manifests import parse

    return parse(manifest.encode(), "x")[0].obj


def summary(cli: Cli, *argv: str) -> tuple[int, int, int]:
    """How many resources in how many files, and how many are invalid."""
    words = cli("validate", *argv, "--summary").lines[-1].replace(",", "").split()
    return int(words[1]), int(words[5]), int(words[words.index("Invalid:") + 1])


def test_standard_input(cli: Cli) -> None:
    result = cli.process("validate", "-", "--summary", stdin=BAD)
    assert result.code == 1
    assert result.lines[0].startswith("STDIN:7:3: Deployment/web: spec.replicas: ")
    assert result.lines[1] == (
        "Summary: 1 resource found parsing stdin - Valid: 0, Invalid: 1, Errors: 0, Skipped: 0"
    )


def test_a_kustomization_is_built_first(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (kustomize := Path(sys.executable).with_name("kubectl")).exists():
        pytest.skip("the locked tools bring a kubectl")
    monkeypatch.setenv("PATH", f"{kustomize.parent}:{os.environ['PATH']}")
    write(cli, k__kustomization="resources: [web.yaml]\nnamePrefix: my-\n", k__web=BAD)
    result = cli("validate", "-k", "k")
    assert result.code == 1
    assert "Deployment/my-web: spec.replicas: invalid value -1" in result.out
    github = cli("validate", "-k", "k", "-o", "github").out
    assert github.startswith("::error title=minikctl (workload-counts)::kustomization k:")
    assert cli("validate", "-k", "nowhere").code == 2


def test_nothing_is_opened_but_the_files(cli: Cli) -> None:
    """Neither a state directory nor an engine is looked for, wherever they are said to be."""
    write(cli, good=deployment())
    nowhere = {
        "MINIKCTL_STATE_DIR": "/dev/null/x",
        "DOCKER_HOST": "unix:///dev/null",
        "CONTAINER_HOST": "unix:///dev/null",
        "HOME": "/dev/null",
        "MINIKCTL_BACKEND": "nonsense",
    }
    assert cli.process("validate", "good.yaml", env=nowhere) == Result(0, "", "")


# --- formats ---------------------------------------------------------------------------------------


def test_json_is_what_kubeconforms_scripts_expect(cli: Cli) -> None:
    write(cli, good=deployment(), bad=BAD)
    assert json.loads(cli.ok("validate", "good.yaml", "-o", "json").out) == {
        "resources": [],
        "warnings": [],
        "notes": [],
    }
    found = json.loads(cli("validate", "good.yaml", "bad.yaml", "-o", "json", "--summary").out)
    assert found["summary"] == {"valid": 1, "invalid": 1, "errors": 0, "skipped": 0}
    (bad,) = found["resources"]
    assert (bad["filename"], bad["kind"], bad["name"]) == ("bad.yaml", "Deployment", "web")
    assert (bad["version"], bad["status"], bad["document"]) == ("apps/v1", "statusInvalid", 0)
    (error,) = bad["validationErrors"]
    assert (error["path"], error["field"], error["line"]) == ("/spec/replicas", "spec.replicas", 7)
    assert error["msg"] == "Invalid value: -1: must be greater than or equal to 0"
    verbose = json.loads(cli("validate", "good.yaml", "bad.yaml", "-o", "json", "--verbose").out)
    assert [one["status"] for one in verbose["resources"]] == ["statusValid", "statusInvalid"]


@pytest.mark.parametrize("output", ["json", "github", "junit", "sarif", "tap"])
def test_every_format_keeps_the_exit_codes(cli: Cli, output: str) -> None:
    write(cli, good=deployment(), bad=BAD)
    codes = [cli("validate", name, "-o", output).code for name in ("good.yaml", "bad.yaml", "none.yaml")]
    assert codes == [0, 1, 2]


def test_github_names_files_from_the_workspace(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    write(cli, k8s__bad=BAD)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(cli.folder))
    monkeypatch.chdir(cli.folder / "k8s")
    for name in ("bad.yaml", "./bad.yaml", "../k8s/bad.yaml", str(cli.folder / "k8s/bad.yaml")):
        result = cli("validate", name, "-o", "github")
        assert result.out.startswith("::error file=k8s/bad.yaml,line=7,col=3,title=minikctl (workload-"), name


def test_junit_and_sarif_and_tap(cli: Cli) -> None:
    write(cli, good=deployment(), bad=BAD)
    files = ("good.yaml", "bad.yaml")
    suites = ElementTree.fromstring(cli("validate", *files, "-o", "junit").out)
    assert [suite.get("name") for suite in suites] == list(files)
    sarif = json.loads(cli("validate", *files, "-o", "sarif").out)
    (rule,) = sarif["runs"][0]["tool"]["driver"]["rules"]
    about = next(one.about for one in RULES if one.id == rule["id"])
    assert rule["shortDescription"]["text"].lower() == f"{about}.".lower()
    tap = cli("validate", *files, "-o", "tap").lines
    assert tap[:4] == [
        "TAP version 14",
        "1..2",
        "ok 1 - good.yaml: Deployment/web",
        "not ok 2 - bad.yaml: Deployment/web",
    ]


def test_a_terminal_gets_colours_the_source_and_a_summary(cli: Cli) -> None:
    write(cli, bad=BAD)
    text = on_terminal("bad.yaml")
    assert "\r\n      replicas: -1\r\n      \x1b[1;31m^\x1b[0m\r\n" in text
    assert "Summary: 1 resource found in 1 file - " in text
    assert "\x1b" not in on_terminal("bad.yaml", NO_COLOR="1")


def on_terminal(*argv: str, **env: str) -> str:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "minikctl", "validate", *argv],
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", **env},
    )
    os.close(follower)
    text = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:
            break
        if not chunk:
            break
        text += chunk
    os.close(leader)
    process.wait(timeout=20)
    return text.decode()


@pytest.mark.parametrize("output", ["text", "json", "github", "junit", "sarif", "tap"])
def test_the_values_of_secrets_are_in_no_report(cli: Cli, output: str) -> None:
    data = 'data: {a: [hunter2], b: "hunter2!"}\nstringData: {c: {hunter2: hunter2}}\n'
    write(cli, s=f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n{data}")
    write(cli, t="apiVersion: v1\nkind: Secret\nmetadata: {name: t}\ndata: hunter2\n")
    result = cli("validate", "s.yaml", "t.yaml", "-o", output)
    assert result.code == 1
    assert "hunter2" not in result.out


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: hunter2}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a/b: hunter2}\n",
        "kind: Secret\napiVersion: v1\nstringData: {a: !!int hunter2}\n",
        'kind: "Secret"\napiVersion: v1\nstringData: {a: hunter2\n',
        '{"kind": "Secret", "apiVersion": "v1", "stringData": {"a": "hunter2", "b": 271e9999}}',
    ],
)
def test_the_source_of_secrets_is_not_shown(cli: Cli, text: str) -> None:
    write(cli, s=text)
    shown = on_terminal("s.yaml")
    assert "s.yaml:" in shown
    assert "hunter2" not in shown and "271" not in shown


# --- backends, rules, and the other verbs ----------------------------------------------------------


def test_a_backend_says_what_it_makes_of_the_fields(cli: Cli) -> None:
    write(cli, good=deployment(), service="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\n")
    result = cli("validate", "good.yaml", "--backend", "memory", "--verbose", "-o", "json")
    found = json.loads(result.out)["fidelity"]
    assert {"enforced"} <= {one["handling"] for one in found}
    assert {one["backend"] for one in found} == {"memory"}
    replicas = next(one for one in found if one["field"] == "spec.replicas")
    assert (replicas["path"], replicas["line"], replicas["column"]) == ("/spec/replicas", 7, 3)
    quiet = json.loads(cli("validate", "good.yaml", "--backend", "memory", "-o", "json").out)["fidelity"]
    assert "enforced" not in {one["handling"] for one in quiet}
    unknown = cli("validate", "good.yaml", "--backend", "nonsense")
    assert unknown.code == 1
    assert unknown.err.startswith('error: unknown backend "nonsense"')


CLAIM_OF_DEVICES = "apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {name: c}\nspec: {}\n"


def test_what_a_backend_rejects_is_invalid_there_and_only_there(cli: Cli) -> None:
    write(cli, claim=CLAIM_OF_DEVICES)
    assert cli.ok("validate", "claim.yaml").out == ""
    result = cli("validate", "claim.yaml", "--backend", "docker")
    assert result.code == 1
    assert result.out.startswith("claim.yaml:2:1: ResourceClaim/c: kind: this version does not run it")


def test_a_field_is_told_of_once(cli: Cli) -> None:
    wrong = deployment().replace("  name: web\n", "  name: web\n  lables: {a: b}\n", 1)
    write(
        cli, unknown=wrong, bad=deployment().replace("    spec:\n", "    spec:\n      dnsPolicy: none\n", 1)
    )
    for name, path in (("unknown", "metadata.lables"), ("bad", "spec.template.spec.dnsPolicy")):
        (line,) = cli("validate", f"{name}.yaml", "--backend", "docker").lines
        assert f": {path}: " in line
        applied = cli("apply", "-f", f"{name}.yaml", "--backend", "memory").err.splitlines()
        assert applied == [line, "error: 1 problem found; nothing was changed"]
    text = cli("validate", "--help").out
    assert "MINIKCTL_BACKEND" not in text and "--backend" in text


def test_rules_are_listed(cli: Cli) -> None:
    lines = cli.ok("validate", "--list-rules").lines
    assert lines[0].split() == ["ID", "WHEN", "WHAT", "MUST", "HOLD", "KINDS"]
    assert len(lines) == len(RULES) + 1
    listed = json.loads(cli.ok("validate", "--list-rules", "-o", "json").out)
    assert [one["id"] for one in listed] == [rule.id for rule in RULES]
    kinds = {one["id"]: one["kinds"] for one in listed}
    assert "CronJob" in kinds["container-ports"] and "Pod" in kinds["container-ports"]
    assert kinds["metadata-name"] == ["*"]


def test_apply_and_validate_say_the_same_lines(cli: Cli) -> None:
    write(cli, bad=BAD.replace("image: nginx:1.25", 'image: ""'))
    told = cli("validate", "bad.yaml").lines
    assert len(told) == 2
    applied = cli.process(
        "apply", "-f", "bad.yaml", "--backend", "memory", env={"MINIKCTL_STATE_DIR": str(cli.folder / "s")}
    )
    assert applied.err.splitlines() == [*told, "error: 2 problems found; nothing was changed"]
