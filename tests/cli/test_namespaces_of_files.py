"""-f: an object is meant in the namespace that its manifest names, whatever the verb; no other is touched."""

from __future__ import annotations

import pytest
from cli_rig import Cli, deployment

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: same, namespace: {0}}}\ndata: {{at: {0}}}\n"


@pytest.fixture
def other(cli: Cli) -> str:
    """A file with the ConfigMap `same` in `other`; there is one in `default` too."""
    cli.ok("create", "namespace", "other")
    cli.ok("apply", "-f", cli.write("default.yaml", CONFIG.format("default")))
    path = cli.write("other.yaml", CONFIG.format("other"))
    cli.ok("apply", "-f", path)
    return path


def _places(cli: Cli) -> list[str]:
    found = cli.ok("get", "cm", "-A", "-o", "jsonpath={.items[*].metadata.namespace}").out
    return found.split()


def test_get(cli: Cli, other: str) -> None:
    assert cli.ok("get", "-f", other, "-o", "jsonpath={.data.at}").out == "other"
    assert cli.ok("get", "-A", "-f", other, "-o", "jsonpath={.data.at}").out == "other"


def test_describe(cli: Cli, other: str) -> None:
    assert "Namespace:    other\n" in cli.ok("describe", "-f", other).out
    prefix = cli.write("prefix.yaml", CONFIG.format("other").replace("same", "sam"))
    assert "Namespace:    other\n" in cli.ok("describe", "-f", prefix).out


def test_delete(cli: Cli, other: str) -> None:
    result = cli.ok("delete", "-f", other)
    assert result.out == 'configmap "same" deleted from other namespace\n'
    assert _places(cli) == ["default"]
    again = cli("delete", "-f", other)
    assert (again.code, _places(cli)) == (1, ["default"])


def test_wait(cli: Cli, other: str) -> None:
    wanted = "--for=jsonpath={.metadata.namespace}=other"
    assert cli.ok("wait", "-f", other, wanted, "--timeout=0").out == "configmap/same condition met\n"
    cli.ok("delete", "cm", "same", "-n", "other")
    assert cli.ok("wait", "-f", other, "--for=delete", "--timeout=0").out == "configmap/same condition met\n"
    assert cli("wait", "-f", other, "--for=create", "--timeout=0").code == 1


@pytest.mark.parametrize(
    "words",
    [
        ("label", "-f", "FILE", "a=b"),
        ("annotate", "-f", "FILE", "a=b"),
        ("patch", "-f", "FILE", "-p", '{"data": {"new": "x"}}'),
        ("replace", "-f", "FILE", "--dry-run=none"),
    ],
    ids=lambda words: words[0],
)
def test_changes(cli: Cli, other: str, words: tuple[str, ...]) -> None:
    if words[0] == "replace":
        cli.write("other.yaml", CONFIG.format("other") + "immutable: true\n")
    before = {place: cli.ok("get", "cm", "same", "-n", place, "-o", "yaml").out for place in _places(cli)}
    cli.ok(*(other if word == "FILE" else word for word in words))
    after = {place: cli.ok("get", "cm", "same", "-n", place, "-o", "yaml").out for place in before}
    assert after["default"] == before["default"] and after["other"] != before["other"]


@pytest.mark.parametrize(
    "words",
    [
        ("scale", "--replicas=0"),
        ("set", "image", "web=nginx:1.26"),
        ("rollout", "restart"),
        ("rollout", "pause"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_workloads(cli: Cli, words: tuple[str, ...]) -> None:
    cli.ok("create", "namespace", "other")
    cli.ok("apply", "-f", cli.write("default.yaml", deployment()), "--wait=false")
    manifest = deployment().replace("  name: web\n", "  name: web\n  namespace: other\n", 1)
    path = cli.write("other.yaml", manifest)
    cli.ok("apply", "-f", path, "--wait=false")
    look = "jsonpath={.metadata.generation}"
    cli.ok(*words, "-f", path, *([] if words[0] == "rollout" else ["--wait=false"]))
    assert cli.ok("get", "deploy/web", "-o", look).out == "1"
    assert cli.ok("get", "deploy/web", "-n", "other", "-o", look).out == "2"


def test_exec(cli: Cli) -> None:
    cli.ok("create", "namespace", "other")
    head = "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: {0}}}\n"
    pod = head + "spec: {{containers: [{{name: {0}, image: a:1}}]}}\n"
    cli.ok("apply", "-f", cli.write("default.yaml", pod.format("default")), "--timeout=20s")
    path = cli.write("other.yaml", pod.format("other"))
    cli.ok("apply", "-f", path, "--timeout=20s")
    assert cli.ok("exec", "-f", path, "-c", "other", "--", "echo", "hi").out == "hi\n"
    assert cli("exec", "-f", path, "-c", "default", "--", "echo", "hi").code == 1
