"""The generated schemas: what they must say for validation and merging to be right."""

from __future__ import annotations

import json
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import minikctl_schemas
import pytest
import referencing
import yaml
from manifest_corpus import rows
from minikctl_schemas import MergeRule

from minikctl.manifests import structure, validate
from minikctl.model.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]
TEXTS = Path(minikctl_schemas.__file__).parent / "descriptions"
NO_TEXTS = ("common", "enums")

POD_IN = {
    "Pod": "",
    "Deployment": "spec.template.",
    "ReplicaSet": "spec.template.",
    "StatefulSet": "spec.template.",
}


def test_there_is_one_for_each_kind() -> None:
    found = minikctl_schemas.kinds()
    assert len(found) > 90
    for known in KINDS.values():
        info = found[known.api_version, known.name]
        assert (info.plural, info.namespaced) == (known.plural, known.namespaced)
    for names in (("v1", "Gadget"), ("apps/v1", "../core/v1/Pod"), ("apps/v1beta1", "Deployment")):
        with pytest.raises(KeyError):
            minikctl_schemas.load(*names)
    assert minikctl_schemas.merge_keys("Gadget") == {}
    assert minikctl_schemas.merge_keys("../merge/Pod") == {}


@pytest.mark.parametrize("names", minikctl_schemas.kinds(), ids="/".join)
def test_is_a_strict_schema_of_its_own(names: tuple[str, str]) -> None:
    schema = minikctl_schemas.load(*names)
    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["title"] == f"{names[1]} {names[0]}"
    assert "$id" not in schema
    for part in _parts(schema):
        if "properties" in part:
            assert part["additionalProperties"] is False
        if "$ref" in part:
            assert part["$ref"].removeprefix("#/definitions/") in schema["definitions"]
        if "integer" in part.get("type", ()):
            assert part["maximum"] - part["minimum"] in (2**8 - 1, 2**32 - 1, 2**64 - 1)
        # A time in JSON Schema is one of the day: editors would refuse Kubernetes' times.
        assert part.get("format") != "time"
        # An absent value may be written as null, and a Go string can't tell it from the empty one.
        if len(part.get("enum", ())) > 1:
            assert None in part["enum"]
    assert schema["properties"]["apiVersion"]["enum"] == [names[0]]
    assert schema["properties"]["kind"]["enum"] == [names[1]]


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str | list) or "$ref" in schema:
            yield schema
        for keyword, member in schema.items():
            named = keyword in ("properties", "definitions")
            for part in member.values() if named else (member,):
                yield from _parts(part)
    elif isinstance(schema, list):
        for member in schema:
            yield from _parts(member)


@pytest.mark.parametrize("kind", POD_IN)
def test_merge_rules_of_pods(kind: str) -> None:
    rules = minikctl_schemas.merge_keys(kind)
    prefix = POD_IN[kind] + "spec."
    assert rules[f"{prefix}containers"] == MergeRule(("merge",), "name", "map", ("name",))
    ports = MergeRule(("merge",), "containerPort", "map", ("containerPort", "protocol"))
    assert rules[f"{prefix}containers.ports"] == rules[f"{prefix}initContainers.ports"] == ports
    assert rules[f"{prefix}volumes"] == MergeRule(("merge", "retainKeys"), "name", "map", ("name",))
    assert rules[f"{prefix}containers.args"] == MergeRule((), None, "atomic", ())
    assert rules["metadata.finalizers"] == MergeRule(("merge",), None, "set", ())
    assert f"{prefix}containers.image" not in rules


def test_merge_rules_of_other_kinds() -> None:
    assert minikctl_schemas.merge_keys("Deployment")["spec.strategy"].patch_strategy == ("retainKeys",)
    assert minikctl_schemas.merge_keys("Service")["spec.ports"].patch_merge_key == "port"
    cron_job = minikctl_schemas.merge_keys("CronJob")
    assert cron_job["spec.jobTemplate.spec.template.spec.containers"].patch_merge_key == "name"
    for kind in ("ConfigMap", "DaemonSet", "Job", "Secret"):
        assert minikctl_schemas.merge_keys(kind)


@pytest.mark.parametrize(
    ("field", "value", "valid"),
    [
        ("maxSurge", None, True),
        ("maxSurge", 1, True),
        ("maxSurge", "25%", True),
        ("maxSurge", 1.5, False),
        ("maxSurge", True, False),
        ("maxSurge", 2**31, False),
        ("maxSurgee", 1, False),
    ],
)
def test_int_or_string(field: str, value: Any, valid: bool) -> None:
    schema = minikctl_schemas.load("apps/v1", "Deployment")
    whole = {**schema, "properties": {"at": {"$ref": "#/definitions/RollingUpdateDeployment"}}}
    assert jsonschema.Draft7Validator({**whole, "required": []}).is_valid({"at": {field: value}}) == valid


# --- what is for people only ------------------------------------------------------------------------

MISSPELT = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"restartPolicy": "never", "containers": [{"name": "a", "imagePullPolicy": "x"}]},
}


@pytest.mark.parametrize("library", ["jsonschema_rs", "jsonschema"])
def test_enums_keep_no_object_from_being_decoded(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules refuse such values, and everything else that is wrong with them."""
    if library == "jsonschema":
        monkeypatch.setattr(structure, "_judge", structure._python_judge)
    assert not editor(minikctl_schemas.path("v1", "Pod")).is_valid(MISSPELT)
    assert structure.check_structure(MISSPELT) == []
    assert {problem.path for problem in validate(MISSPELT)} == {
        "spec.restartPolicy",
        "spec.containers[0].image",
        "spec.containers[0].imagePullPolicy",
    }


@pytest.mark.parametrize("names", minikctl_schemas.kinds(), ids="/".join)
def test_an_empty_status_is_no_problem(names: tuple[str, str]) -> None:
    obj = {"apiVersion": names[0], "kind": names[1], "metadata": {"name": "a.b"}}
    if "status" in minikctl_schemas.load(*names)["properties"]:
        assert validate({**obj, "status": {}}) == validate(obj)


# --- descriptions -----------------------------------------------------------------------------------

DESCRIBED = (
    *(name for name, kind in KINDS.items() if not kind.inert),
    *("ClusterRole", "ClusterRoleBinding", "Lease", "NetworkPolicy", "PodTemplate", "Role", "RoleBinding"),
    *("ConfigMap", "CronJob", "DaemonSet", "Ingress", "Job", "PersistentVolumeClaim", "Secret", "Service"),
    "StatefulSet",
)
SCALARS = {"IntOrString", "MicroTime", "Quantity", "Time"}


@pytest.mark.parametrize("kind", DESCRIBED)
def test_every_field_is_described(kind: str) -> None:
    schema = minikctl_schemas.load(KINDS[kind].api_version, kind)
    lacking = []
    for name, definition in {kind: schema, **schema["definitions"]}.items():
        if name in SCALARS:
            continue
        fields = {"_": definition, **definition.get("properties", {})}
        lacking += [f"{name}.{field}" for field, member in fields.items() if not member.get("description")]
    assert lacking == []


def test_descriptions_are_those_of_the_files_of_texts() -> None:
    """Whoever changes a text runs scripts/generate_schemas.py."""
    tables = [tomllib.loads(file.read_text()) for file in TEXTS.glob("*.toml") if file.stem not in NO_TEXTS]
    told: dict[str, set[str]] = defaultdict(set)
    for table in tables:
        for definition, texts in table.items():
            told[definition].update(texts.values())
    told["common"] = set(tomllib.loads((TEXTS / "common.toml").read_text()).values())
    told["EphemeralContainer"] |= told["Container"]
    schema = minikctl_schemas.load("v1", "Pod")
    for name, definition in {"Pod": schema, **schema["definitions"]}.items():
        for member in (definition, *definition.get("properties", {}).values()):
            assert member.get("description", "") in told[name] | told["common"] | {""}


def test_texts_are_short_and_for_fields_that_exist() -> None:
    fields: dict[str, set[str]] = defaultdict(set)
    for names in minikctl_schemas.kinds():
        schema = minikctl_schemas.load(*names)
        for name, definition in {names[1]: schema, **schema["definitions"]}.items():
            fields[name].update(definition.get("properties", ()))
    for file in TEXTS.glob("*.toml"):
        for definition, texts in tomllib.loads(file.read_text()).items():
            if not isinstance(texts, dict):
                continue  # common.toml
            name = definition.rpartition(".")[2]
            assert set(texts) - {"_", "_like"} <= fields[name], name
            if file.stem != "enums":
                assert all(len(text) <= 130 and "\n" not in text for text in texts.values()), name


# --- editors ----------------------------------------------------------------------------------------


def editor(path: Path) -> jsonschema.Draft7Validator:
    """What an editor has of a schema: the file, and the files that it refers to."""

    def retrieve(uri: str) -> referencing.Resource[Any]:
        content = json.loads(Path(uri.removeprefix("file://")).read_bytes())
        return referencing.Resource.from_contents(content)

    uri = path.as_uri()
    registry: Any = referencing.Registry(retrieve=retrieve)  # type: ignore[call-arg]
    return jsonschema.Draft7Validator(
        {"$ref": uri}, registry=registry, format_checker=jsonschema.FormatChecker()
    )


@pytest.fixture(scope="module")
def mixed() -> jsonschema.Draft7Validator:
    schema = json.loads(minikctl_schemas.path_of_all().read_bytes())
    jsonschema.Draft7Validator.check_schema(schema)
    return editor(minikctl_schemas.path_of_all())


def test_the_schema_of_all_refers_to_each_kind() -> None:
    folder = minikctl_schemas.path_of_all().parent
    text = minikctl_schemas.path_of_all().read_text()
    for names in minikctl_schemas.kinds():
        assert f'"$ref":"{minikctl_schemas.path(*names).relative_to(folder)}"' in text


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}}, None),
        ({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": 1}}, ["data", "a"]),
        ({"apiVersion": "v1", "kind": "ConfigMap", "dta": {}}, []),
        ({"apiVersion": "v1", "kind": "Deployment"}, ["kind"]),
        ({"apiVersion": "extensions/v1beta1", "kind": "Ingress"}, ["apiVersion"]),
        ({"apiVersion": "apps/v1beta2", "kind": "Deployment"}, ["apiVersion"]),
        ({"apiVersion": "example.com/v1", "kind": "Widget", "spec": 1}, None),
        ({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "spec": 1}, None),
        ({"kind": "Pod"}, []),
        ({"apiVersion": "v1", "kind": "List", "items": []}, None),
        ({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod", "spec": 1}]},
         ["items", 0, "spec"]),
        ({"apiVersion": "v1", "kind": "Node", "metadata": {"creationTimestamp": "2026-01-02T03:04:05Z"}},
         None),
        ({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [], "restartPolicy": "never"}},
         ["spec", "restartPolicy"]),
    ],
)  # fmt: skip
def test_an_editor_says_what_is_wrong_in_the_kind_that_is_meant(
    mixed: jsonschema.Draft7Validator, document: Any, where: list[Any] | None
) -> None:
    errors = list(mixed.iter_errors(document))
    assert [list(error.absolute_path) for error in errors] == ([] if where is None else [where])


def test_examples_are_valid_in_an_editor(mixed: jsonschema.Draft7Validator) -> None:
    files = [*(ROOT / "examples").rglob("*.yaml"), *(ROOT / "examples").rglob("*.yml")]
    documents = [
        obj
        for file in files
        for obj in yaml.safe_load_all(file.read_text())
        if isinstance(obj, dict) and "apiVersion" in obj
    ]
    assert documents
    for document in documents:
        assert mixed.is_valid(document)


def test_what_a_server_accepts_is_valid_in_an_editor(mixed: jsonschema.Draft7Validator) -> None:
    accepted = [row["manifest"] for row in rows("mutants.jsonl") if row["accepted"]]
    wrong = [
        (obj["kind"], list(error.absolute_path), error.message)
        for obj in accepted
        for error in editor_of(obj).iter_errors(obj)
        # What the server takes as it is and people should nevertheless not write.
        if error.validator != "required"
    ]
    assert len(accepted) > 100
    assert wrong == []


@cache
def _editor_of(names: tuple[str, str]) -> jsonschema.Draft7Validator:
    return editor(minikctl_schemas.path(*names))


def editor_of(obj: dict[str, Any]) -> jsonschema.Draft7Validator:
    return _editor_of((obj["apiVersion"], obj["kind"]))


def test_catalogue_has_the_form_of_schemastore() -> None:
    folder = minikctl_schemas.path_of_all().parent
    found = json.loads((folder / "catalog.json").read_bytes())
    assert found["version"] == 1
    matched: list[str] = []
    for schema in found["schemas"]:
        assert set(schema) - {"fileMatch"} == {"name", "description", "url"}
        assert (folder / schema["url"]).is_file()
        matched += schema.get("fileMatch", ())
    assert len(matched) == len(set(matched))
    assert {"deployment.yaml", "*-service.yml", "deployment.*.yaml", "manifests/**/*.yaml"} <= set(matched)
    assert len(found["schemas"]) == len(minikctl_schemas.kinds()) + 1
