"""JSONPath templates, one by one against a real kubectl (`label --local` needs no server)."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from minikctl.render.jsonpath import JsonPathError, parse, relaxed, values

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web, "a.b/c": "d<e>&f", z: "", q: r}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: a, image: "x:1", ports: [{containerPort: 80}, {containerPort: 81}]}
      - {name: b, image: "y:2", args: ["1", "two words"]}
      - {name: c, image: "z:3"}
      securityContext: null
"""
DEPLOYMENT: dict[str, Any] = yaml.safe_load(MANIFEST)

C = ".spec.template.spec.containers"
TEMPLATES = {
    "{.metadata.name}": "web",
    ".metadata.name": ".metadata.name",
    "{.metadata.labels}": '{"a.b/c":"d\\u003ce\\u003e\\u0026f","app":"web","q":"r","z":""}',
    "{.spec.replicas}": "3",
    "{.nope.a[0]}": "",
    "{.}": "",
    f"{{{C}[*].name}}": "a b c",
    f"{{{C}[0,2].name}}": "a c",
    f"{{{C}[-1].name}}": "c",
    f"{{{C}[-1:].name}}": "c",
    f"{{{C}[-2:].name}}": "b c",
    f"{{{C}[0:2].name}}": "a b",
    f"{{{C}[::2].name}}": "a c",
    f"{{{C}[1:1].name}}": "",
    f'{{{C}[?(@.name=="b")].image}}': "y:2",
    f"{{{C}[?(@.name=='b')].image}}": "y:2",
    f'{{{C}[?(@.name == "b")].image}}': "y:2",
    f'{{{C}[?(@.name!="b")].image}}': "x:1 z:3",
    f'{{{C}[?(@.name>="b")].image}}': "y:2 z:3",
    f"{{{C}[?(@.ports)].image}}": "x:1",
    f"{{{C}[?(@.ports[0].containerPort>79)].name}}": "a",
    f"{{{C}[0].ports[?(@.containerPort==80)]}}": '{"containerPort":80}',
    f'{{range {C}[*]}}{{.name}}{{"\\t"}}{{.image}}{{"\\n"}}{{end}}': "a\tx:1\nb\ty:2\nc\tz:3\n",
    f"{{range {C}[*]}}{{.name}}:{{range .ports[*]}}{{.containerPort}},{{end}};{{end}}d": "a:80,81,;b:;c:;d",
    f"{{range {C}[*]}}{{.name}}": "abc",
    f"{{range {C}[*]}}{{$.kind}}{{end}}": "",
    "{range .items[*]}{.x}lost{end}kept": "kept",
    "{..containerPort}": "80 81",
    "{.metadata.labels.a\\.b/c}": "d<e>&f",
    "{.metadata.labels['a\\.b/c']}": "d<e>&f",
    f"{{{C}[0]['name','image']}}": "a x:1",
    "{$.metadata.name}": "web",
    "{@.kind}": "Deployment",
    "{.metadata .name}": "web",
    "{.metadata.name} {.kind}": "web Deployment",
    "{.metadata.labels.z}|": "|",
    "{.spec.template.spec.securityContext}": "null",
    "{.spec.template.spec.securityContext.a}": "",
    f"{{{C}[1].args}}": '["1","two words"]',
    f"{{{C}[*].ports[*].containerPort}}": "80 81",
    f"{{{C}[0].name.x}}": "",
    '{"a\\"b"}{"it"}': 'a"bit',
    "{1}{1.5}{true}": "11.5true",
    '{"\\u00e9\\x41"}': "éA",
    "{'\\n'}x": "\nx",
    "{.metadata.name.*}": "119 101 98",
}
REFUSED = {
    f"{{{C}[5].name}}": "array index out of bounds: index 5, length 3",
    f"{{{C}[-4].name}}": "array index out of bounds: index -1, length 3",
    f"{{{C}[0:9].name}}": "array index out of bounds: index 8, length 3",
    f"{{{C}[2:1].name}}": "starting index 2 is greater than ending index 1",
    f"{{{C}[0:3:0].name}}": "step must be > 0",
    f"{{{C}[?(@.name>1)].name}}": "incompatible types for comparison",
    f'{{{C}[?(@.name==="a")].name}}': "unrecognized filter operator ===",
    f"{{{C}[x]}}": "invalid array index x",
    '{.metadata["name"]}': 'invalid array index "name"',
    "{.metadata.name[0]}": "string is not array or slice",
    "{.spec[*]}": "map[string]interface {} is not array or slice",
    "{.metadata.name": "unclosed action",
    '{"a': "unterminated quoted string",
    f"{{{C}[0": "unterminated array",
    f"{{{C}[?(@.a": "unterminated filter",
    "{end}": "not in range, nothing to end",
    "{foo}": "unrecognized identifier foo",
    "{#}": "unrecognized character in action: U+0023 '#'",
    "{.metadata.name,.kind}": "unrecognized character in action: U+002C ','",
}


@pytest.mark.parametrize(("template", "text"), TEMPLATES.items())
def test_template(template: str, text: str) -> None:
    assert parse(template).render(DEPLOYMENT) == text


@pytest.mark.parametrize(("template", "message"), REFUSED.items())
def test_refused(template: str, message: str) -> None:
    with pytest.raises(JsonPathError) as caught:
        parse(template).render(DEPLOYMENT)
    text = str(caught.value)
    assert template in text and text.endswith(message)


def test_recursive_descent_sorts_keys() -> None:
    assert (
        parse("{..}").render({"b": {"c": 1}, "a": "x", "d": ""}) == '{"a":"x","b":{"c":1},"d":""} x {"c":1}'
    )
    assert parse("{..name}").render(DEPLOYMENT) == "web a b c"


@pytest.mark.parametrize(
    "expression", ["spec.replicas", ".spec.replicas", "{spec.replicas}", "{.spec.replicas}"]
)
def test_relaxed_forms(expression: str) -> None:
    assert values(expression, DEPLOYMENT) == [3]


def test_relaxed_refuses_templates() -> None:
    with pytest.raises(JsonPathError, match="unexpected path string"):
        relaxed("{.a}{.b}")


@given(st.text("{}[]().*?@$'\"\\:,01-=<>! arange.end\n", max_size=25))
def test_any_text_is_a_template_or_refused_in_one_way(text: str) -> None:
    try:
        parse(text).render(DEPLOYMENT)
    except JsonPathError as error:
        assert "jsonpath" in str(error)


def kubectl() -> str:
    """A kubectl to compare with, where the environment asks for it: starting one takes a while."""
    found = shutil.which("kubectl") if os.environ.get("MINIKCTL_COMPARE_KUBECTL") else None
    if not found:
        pytest.skip("MINIKCTL_COMPARE_KUBECTL is not set, or there is no kubectl")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("template", [*TEMPLATES, *REFUSED])
def test_as_a_real_kubectl(template: str, tmp_path: Path) -> None:
    manifest = tmp_path / "web.yaml"
    manifest.write_text(MANIFEST)
    command = [
        kubectl(),
        "label",
        "--local",
        "--overwrite",
        "-f",
        str(manifest),
        "q=r",
        "-o",
        f"jsonpath={template}",
    ]
    real = subprocess.run(command, capture_output=True, text=True, check=False)
    if template in TEMPLATES:
        assert real.stdout == TEMPLATES[template]
    else:
        assert REFUSED[template] in real.stderr
