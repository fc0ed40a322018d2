"""The forms of -o against transcripts; JSON byte for byte as Go writes it."""

from typing import Any

import pytest
import render_corpus as corpus
import yaml
from render_builders import NOW, deployment, pod, running

from minikctl.errors import UsageError
from minikctl.model import Object
from minikctl.render.printers import Output, Printing, parse_output, print_objects, sort_objects
from minikctl.render.tables import TableOptions

GET = "02-get-describe.txt"


def dump_yaml(value: Any) -> str:
    """Good enough to see structure and order: the real dumper has tests of its own."""
    return yaml.safe_dump(value, sort_keys=False)


def no_file(path: str) -> str:
    raise AssertionError(f"{path} is read")


def shown(objects: list[Object], option: str, *, single: bool = False, **fields: Any) -> str:
    printing = Printing(parse_output(option, no_file), dump_yaml, **fields)
    return print_objects(objects, printing, NOW, single=single)


def test_yaml_of_a_list_has_kubectls_order() -> None:
    pods = corpus.objects(GET, "get pods -l app=web -o yaml")
    text = shown(list(pods), "yaml")
    expected = corpus.answer(GET, "get pods -l app=web -o yaml")
    assert keys(text) == keys(expected)
    assert yaml.safe_load(text) == yaml.safe_load(expected)


def keys(text: str) -> list[str]:
    return [line.split(":")[0].strip(" -") for line in text.splitlines() if ":" in line]


def test_managed_fields_are_hidden_unless_asked_for() -> None:
    command = "get deploy web -o yaml --show-managed-fields"
    real = corpus.objects(GET, command)
    assert "managedFields" not in shown(real, "yaml", single=True)
    with_them = shown(real, "yaml", single=True, show_managed_fields=True)
    assert yaml.safe_load(with_them) == yaml.safe_load(corpus.answer(GET, command))
    assert "managedFields" in real[0]["metadata"]


def test_jsonpath_and_custom_columns_of_the_transcript() -> None:
    (real,) = corpus.objects(GET, "get deploy web -o yaml")
    expected = corpus.answer(GET, "get deploy web -o jsonpath='{.status.conditions}'")
    assert shown([real], "jsonpath={.status.conditions}", single=True) == expected
    columns = "custom-columns=N:.metadata.name,IP:.status.podIP,GEN:.metadata.generation"
    pods = corpus.objects(GET, "get pods -l app=web -o yaml")
    assert shown(pods, columns) == corpus.answer(GET, f"get pods -o {columns}")


def test_json_is_gos() -> None:
    one = {
        "kind": "Pod",
        "metadata": {"name": "a", "labels": {}},
        "spec": {"x": "<&>\x7f\x9b\u2028é", "l": []},
    }
    assert shown([one], "json", single=True) == (
        "{\n"
        '    "kind": "Pod",\n'
        '    "metadata": {\n'
        '        "labels": {},\n'
        '        "name": "a"\n'
        "    },\n"
        '    "spec": {\n'
        '        "l": [],\n'
        '        "x": "\\u003c\\u0026\\u003e\\u007f\\u009b\\u2028é"\n'
        "    }\n"
        "}\n"
    )


def test_names_and_lists() -> None:
    objects = [deployment(), pod("web-0")]
    assert shown(objects, "name") == "deployment.apps/web\npod/web-0\n"
    assert shown(objects, "jsonpath={.kind} {.items[*].kind}") == "List Deployment Pod"
    assert shown([pod("web-0")], "jsonpath={.items[*].kind}") == "Pod"
    assert shown([pod("web-0")], "jsonpath-as-json={.kind}", single=True) == '[\n    "Pod"\n]\n'


def test_tables_of_several_kinds() -> None:
    text = shown(
        [deployment(), pod(containerStatuses=[running()])], "wide", table=TableOptions(show_kind=True)
    )
    first, second = text.split("\n\n")
    assert first.startswith("NAME                  READY   UP-TO-DATE")
    assert "READINESS GATES\npod/web   1/1     Running" in second


def test_custom_columns_print_values_as_go_does() -> None:
    one = pod()
    one["spec"] |= {"none": None, "yes": True, "map": {"b": 1, "a": ["x", "y"]}}
    columns = "custom-columns=A:.spec.map,B:spec.none,C:{.spec.yes},D:.nope,E:.spec.map.a[*]"
    assert shown([one], columns) == (
        "A                B       C      D        E\n" + "map[a:[x y] b:1]   <nil>   true   <none>   x,y\n"
    ).replace("A                B", "A                  B")
    assert shown([one], columns, table=TableOptions(no_headers=True)).count("\n") == 1


def test_a_columns_file() -> None:
    output = parse_output("custom-columns-file=x", lambda path: "NAME   IP\n.metadata.name .status.podIP\n")
    assert output == Output("custom-columns", "NAME:.metadata.name,IP:.status.podIP")
    with pytest.raises(UsageError, match="don't match"):
        parse_output("custom-columns-file=x", lambda path: "NAME   IP\n.metadata.name\n")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("go-template={{.a}}", "no Go templates"),
        ("jsno", "unable to match a printer"),
        ("json=x", "unable to match a printer"),
        ("jsonpath=", "no template given"),
        ("jsonpath={", "unclosed action"),
        ("custom-columns", "no custom columns given"),
        ("custom-columns=A", "unexpected custom-columns spec: A"),
        ("custom-columns=A:{.a}{.b}", "unexpected path string"),
    ],
)
def test_refused_options(option: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_output(option, no_file)


def test_sort_by() -> None:
    objects = [pod("web-10"), pod("web-2", x=1), pod("a")]
    assert [one["metadata"]["name"] for one in sort_objects(objects, ".metadata.name")] == [
        "a",
        "web-2",
        "web-10",
    ]
    assert [one["metadata"]["name"] for one in sort_objects(objects, "status.x")] == ["web-10", "a", "web-2"]
    with pytest.raises(UsageError, match="couldn't find any field"):
        sort_objects(objects, ".nope")
