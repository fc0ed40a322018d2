"""Our merges against a real API server's, for the kinds that run."""

from __future__ import annotations

from typing import Any

import pytest
from apply_corpus import KINDS, corpus, records, table

from minikctl.apply.diff import unified
from minikctl.apply.failure import PatchError
from minikctl.apply.last_applied import ANNOTATION, encode_last_applied, read_last_applied
from minikctl.apply.patch import json_patch, merge_patch
from minikctl.apply.sparse import declared, sparsify
from minikctl.apply.strategic import strategic_merge
from minikctl.apply.threeway import three_way, three_way_patch
from minikctl.manifests.yaml_reader import load
from minikctl.manifests.yaml_writer import dump_yaml
from minikctl.model import Object
from minikctl.model.defaults import set_defaults


def played(story: dict[str, Any]) -> tuple[str, Object]:
    """The verb and object after the last apply.

    In each story the server's last result is the last manifest with its defaults: what was left live in
    between is gone again. So these live objects count as applied, too (a manifest of somebody else's, saved
    with its configuration). That what nobody applied stays is shown in test_three_way.
    """
    merges, verb = table(story["kind"]), "created"
    live: Object = {}
    last: Object = {}
    for step in story["steps"]:
        if "live_becomes" in step:
            live = last = step["live_becomes"]
            continue
        new = step["apply"]
        if live:
            verb = "configured" if three_way_patch(last, live, new, merges) or last != new else "unchanged"
        live, last = set_defaults(three_way(last, live, new, merges) if live else new), new
    return verb, live


def test_stories_of_apply_end_as_on_a_server() -> None:
    stories = list(records("cases.jsonl", *KINDS))
    assert len(stories) == 35
    wrong = [s["id"] for s in stories if played(s) != (s["result"]["verb"], s["result"]["object"])]
    assert wrong == []


def test_a_story_s_last_manifest_applied_again_changes_nothing() -> None:
    for story in records("cases.jsonl", *KINDS):
        manifest, live = story["steps"][-1]["apply"], story["result"]["object"]
        assert set_defaults(three_way(manifest, live, manifest, table(story["kind"]))) == live, story["id"]


def patched(record: dict[str, Any]) -> Object:
    original, patch = set_defaults(record["create"]), record["patch"]
    match record["type"]:
        case "json":
            result: Object = json_patch(original, patch)
        case "merge":
            result = merge_patch(original, patch)
        case _:
            result = strategic_merge(original, patch, table(record["kind"]))
    return result


def without_directives(value: Any) -> Any:
    """A strategic directive in a JSON merge patch is an unknown field, which a server's decoder drops."""
    if isinstance(value, dict):
        return {key: without_directives(item) for key, item in value.items() if not key.startswith("$")}
    return [without_directives(item) for item in value] if isinstance(value, list) else value


def test_patches_do_what_they_do_on_a_server() -> None:
    results = [record for record in records("patch.jsonl", *KINDS) if "result" in record]
    assert len(results) == 25
    for record in results:
        assert set_defaults(without_directives(patched(record))) == record["result"], record["id"]


def test_patches_that_do_not_fit_are_refused() -> None:
    kinds = ("ConfigMap", "CronJob", "DaemonSet", "Deployment", "Service", "StatefulSet")
    rejected = [r for r in records("patch.jsonl", *kinds) if "rejected" in r and not r["rejected"]["fields"]]
    assert len(rejected) >= 8
    for record in rejected:
        with pytest.raises(PatchError) as refusal:
            json_patch(set_defaults(record["create"]), record["patch"])
        assert refusal.value.reason == record["rejected"]["reason"], record["id"]


def test_the_stories_manifests_can_be_declared_sparsely() -> None:
    for story in records("cases.jsonl", *KINDS):
        manifest, full = story["steps"][-1]["apply"], story["result"]["object"]
        sparse = sparsify(full, [manifest], set_defaults, table(story["kind"]))
        assert declared(set_defaults(sparse)) == declared(full), story["id"]
        assert "terminationMessagePath" not in str(sparse), story["id"]


def test_the_text_of_a_diff_is_kubectl_s() -> None:
    text = (corpus() / "transcripts" / "01-apply.txt").read_text(encoding="utf-8")
    shown = text.split("$ kubectl diff -f web.yaml\n")[1].split("diff -u -N LIVE-N/v1.ConfigMap")[0]
    added = "".join(line[1:] + "\n" for line in shown.splitlines()[4:])
    document = load(added)
    ours = unified(None, document, dump_yaml, now=0.0, live_folder="LIVE-N", merged_folder="MERGED-N")
    times = ("2026-11-20 03:59:48.857776890 +0000", "1970-01-01 00:00:00.000000000 +0000")
    assert ours == shown.replace(*times)


def test_the_annotation_is_written_as_kubectl_writes_it() -> None:
    text = (corpus() / "transcripts" / "01-apply.txt").read_text(encoding="utf-8")
    written = (
        next(line.strip() for line in text.splitlines() if line.strip().startswith('{"apiVersion"')) + "\n"
    )
    manifest = read_last_applied({"metadata": {"annotations": {ANNOTATION: written}}})
    assert manifest is not None
    assert encode_last_applied(manifest) == written
