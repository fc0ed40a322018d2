"""Quantities, selectors, times, conditions, hashes and the views on pods: as Kubernetes reads them."""

from __future__ import annotations

import string
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    controller_of,
    controller_reference,
    copy,
    key_of,
    selectors,
)
from minikctl.model.hashing import canonical, safe_suffix, spec_hash, template_hash
from minikctl.model.kinds import APPLY_ORDER, KINDS, find_kind
from minikctl.model.pods import (
    PodRequests,
    is_active,
    is_available,
    is_finished,
    pod_requests,
    qos_class,
    ready_since,
    restarts,
)
from minikctl.model.quantity import canonical_quantity, milli, parse_quantity, whole
from minikctl.model.timestamps import format_time, parse_time


class TestQuantities:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("1", "1"),
            ("0.5", "0.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+1", "1"),
            ("-1", "-1"),
            ("500m", "0.5"),
            ("1u", "0.000001"),
            ("1n", "0.000000001"),
            ("2k", "2000"),
            ("1Ki", "1024"),
            ("1.5Gi", "1610612736"),
            ("1E", "1000000000000000000"),
            ("1Ei", "1152921504606846976"),
            ("1e3", "1000"),
            ("1E3", "1000"),
            ("12e-1", "1.2"),
            (2, "2"),
            (0.1, "0.1"),
        ],
    )
    def test_parse(self, text: str | float, number: str) -> None:
        assert parse_quantity(text) == Decimal(number)

    @pytest.mark.parametrize(
        "text", ["", "x", "1 Gi", "1gi", "1K", "--1", "1e", "1.2.3", "0x10", "1Gi ", "∞", "1_000"]
    )
    def test_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="not a quantity"):
            parse_quantity(text)

    @pytest.mark.parametrize(
        ("text", "thousandths", "units"),
        [("500m", 500, 1), ("1", 1000, 1), ("1u", 1, 1), ("0", 0, 0), ("1.5", 1500, 2)],
    )
    def test_rounded_up(self, text: str, thousandths: int, units: int) -> None:
        assert (milli(text), whole(text)) == (thousandths, units)

    @given(
        st.integers(-(10**12), 10**12),
        st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi", "u", "n", "e2", "E-3"]),
    )
    def test_the_canonical_form_is_the_same_amount_and_stays(self, number: int, suffix: str) -> None:
        text = f"{number}{suffix}"
        form = canonical_quantity(text)
        assert parse_quantity(form) == parse_quantity(text)
        assert canonical_quantity(form) == form


class TestSelectors:
    @pytest.mark.parametrize(
        ("text", "labels", "expected"),
        [
            ("", {}, True),
            ("a=b", {"a": "b"}, True),
            ("a==b", {"a": "b"}, True),
            ("a = b", {"a": "b"}, True),
            ("a=b", {"a": "c"}, False),
            ("a=", {"a": ""}, True),
            ("a=", {}, False),
            ("a!=b", {"a": "c"}, True),
            ("a!=b", {}, True),
            ("a!=b", {"a": "b"}, False),
            ("a", {"a": ""}, True),
            ("a", {}, False),
            ("!a", {}, True),
            ("!a", {"a": "x"}, False),
            ("a in (b,c)", {"a": "c"}, True),
            ("a in (b, c)", {"a": "c"}, True),
            ("a in (b)", {}, False),
            ("a notin (b,c)", {"a": "d"}, True),
            ("a notin (b,c)", {}, True),
            ("a notin (b,c)", {"a": "b"}, False),
            ("a=b,c=d", {"a": "b", "c": "d"}, True),
            ("a=b,c=d", {"a": "b"}, False),
            ("a in (b,c),!d,e", {"a": "b", "e": ""}, True),
            ("app.kubernetes.io/name=web", {"app.kubernetes.io/name": "web"}, True),
            ("size>5", {"size": "6"}, True),
            ("size>5", {"size": "5"}, False),
            ("size<5", {"size": "4"}, True),
            ("size<5", {"size": "x"}, False),
            ("size>5", {}, False),
        ],
    )
    def test_kubectls_form(self, text: str, labels: dict[str, str], expected: bool) -> None:
        assert selectors.matches(selectors.parse(text), labels) is expected

    @pytest.mark.parametrize(
        "text", ["a b", "a=b c", "=b", "!", ",", "a,,b", "a in b", "a in (b", "!a=b", "a>x", ">5"]
    )
    def test_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="unable to parse requirement"):
            selectors.parse(text)

    @pytest.mark.parametrize(
        ("selector", "text"),
        [
            (None, "<none>"),
            ({}, "<none>"),
            ({"matchLabels": {"b": "2", "a": "1"}}, "a=1,b=2"),
            ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["y", "x"]}]}, "a in (x,y)"),
            ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x"]}]}, "a notin (x)"),
            ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, "a"),
            ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, "!a"),
        ],
    )
    def test_written_as_kubectl_does(self, selector: dict[str, Any] | None, text: str) -> None:
        assert selectors.format_selector(selector) == text

    words = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=3)

    @given(
        st.dictionaries(words, words, max_size=2),
        st.lists(
            st.tuples(words, st.sampled_from(["In", "NotIn"]), st.lists(words, min_size=1, max_size=3)),
            max_size=2,
        ),
        st.dictionaries(words, words, max_size=3),
    )
    def test_what_is_written_selects_the_same(
        self,
        match_labels: dict[str, str],
        expressions: list[tuple[str, str, list[str]]],
        labels: dict[str, str],
    ) -> None:
        selector = {
            "matchLabels": match_labels,
            "matchExpressions": [
                {"key": key, "operator": operator, "values": values} for key, operator, values in expressions
            ],
        }
        text = selectors.format_selector(selector)
        again = selectors.parse("" if text == "<none>" else text)
        assert selectors.matches(again, labels) is selectors.matches(selectors.from_object(selector), labels)

    def test_an_unknown_operator_is_loud(self) -> None:
        with pytest.raises(ValueError, match="Near"):
            selectors.Requirement("a", "Near").matches({"a": "b"})


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2023-11-14T22:13:20Z", 1_700_000_000.0),
            ("2023-11-14T22:13:20+00:00", 1_700_000_000.0),
            ("2023-11-14T23:13:20+01:00", 1_700_000_000.0),
            ("2023-11-14T22:13:20.5Z", 1_700_000_000.5),
            ("2023-11-14T22:13:20.123456789Z", 1_700_000_000.123456),
            ("2023-11-14T23:13:20.123456789+01:00", 1_700_000_000.123456),
        ],
    )
    def test_parse(self, text: str, moment: float) -> None:
        assert parse_time(text) == pytest.approx(moment, abs=1e-6)

    def test_fractions_are_cut(self) -> None:
        assert format_time(1_700_000_000.999) == "2023-11-14T22:13:20Z"

    @given(st.integers(0, 4_000_000_000))
    def test_back_and_forth(self, moment: int) -> None:
        assert parse_time(format_time(moment)) == moment


class TestConditions:
    OLD: ClassVar[dict[str, Any]] = {
        "type": "Ready",
        "status": "True",
        "reason": "Fine",
        "message": "m",
        "lastTransitionTime": "then",
    }

    def new(self, **facts: str) -> dict[str, Any]:
        return {**self.OLD, "lastTransitionTime": "now", **facts}

    def test_nothing_new_changes_nothing(self) -> None:
        known = [self.OLD]
        assert conditions.put(known, self.new()) == known

    @pytest.mark.parametrize(
        ("facts", "time"),
        [({"reason": "Other"}, "then"), ({"message": "n"}, "then"), ({"status": "False"}, "now")],
    )
    def test_only_a_changed_status_is_a_transition(self, facts: dict[str, str], time: str) -> None:
        (found,) = conditions.put([self.OLD], self.new(**facts))
        assert found == self.new(**facts) | {"lastTransitionTime": time}

    def test_each_keeps_its_place(self) -> None:
        other = {"type": "Other", "status": "True"}
        found = conditions.put([self.OLD, other], self.new(status="False"))
        assert [one["type"] for one in found] == ["Ready", "Other"]
        assert conditions.put([other], self.new())[-1]["type"] == "Ready"

    def test_find(self) -> None:
        status = {"conditions": [self.OLD]}
        assert conditions.find(status, "Ready") == self.OLD
        assert conditions.find({}, "Ready") is None
        assert conditions.is_true(status, "Ready")
        assert not conditions.is_true(status, "Other")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


class TestHashes:
    @given(st.dictionaries(st.text(max_size=3), json_values))
    def test_order_does_not_matter(self, value: dict[str, Any]) -> None:
        turned = dict(reversed(value.items()))
        assert canonical(value) == canonical(turned)
        assert spec_hash(value) == spec_hash(turned)
        assert template_hash(value) == template_hash(turned)

    def test_they_are_stable(self) -> None:
        """Over processes and versions: names of ReplicaSets and labels of containers rely on it."""
        assert template_hash({"metadata": {"labels": {"app": "web"}}}) == "fmjfmldcch"
        assert spec_hash({"name": "app", "image": "nginx:1"}) == "cb4fb86f370370ed"

    @given(st.dictionaries(st.text(max_size=3), st.integers(), max_size=3), st.integers(1, 50))
    def test_a_collision_has_another_name(self, template: dict[str, Any], collisions: int) -> None:
        names = {template_hash(template), template_hash(template, collisions)}
        assert len(names) == 2
        assert all(name.isalnum() and name.islower() and len(name) <= 10 for name in names)

    @given(st.integers(0, 2**40), st.integers(1, 10))
    def test_suffixes_are_no_words(self, number: int, length: int) -> None:
        suffix = safe_suffix(number, length)
        assert len(suffix) == length
        assert not set(suffix) & set("aeiou013")


@given(json_values)
def test_a_copy_is_equal_and_shares_nothing(value: Any) -> None:
    before = canonical(value)
    copied = copy(value)
    assert copied == value
    _spoil(copied)
    assert canonical(value) == before


def _spoil(value: Any) -> None:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in list(inner):
        _spoil(one)
    if isinstance(value, dict | list):
        value.clear()


def pod(containers: list[dict[str, Any]], **status: Any) -> Object:
    return {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers}, "status": status}


def container(
    requests: dict[str, Any] | None = None, limits: dict[str, Any] | None = None, **fields: Any
) -> Any:
    resources = {
        name: value for name, value in (("requests", requests), ("limits", limits)) if value is not None
    }
    return {"name": "a", "resources": resources, **fields}


class TestPods:
    @pytest.mark.parametrize(
        ("containers", "expected"),
        [
            ([container()], "BestEffort"),
            ([container({"cpu": "0"}, {"memory": "0"})], "BestEffort"),
            ([container({"cpu": "1"})], "Burstable"),
            ([container(None, {"cpu": "1"})], "Burstable"),
            ([container(None, {"cpu": "1", "memory": "1Gi"})], "Guaranteed"),
            ([container({"cpu": "1000m", "memory": "1024Mi"}, {"cpu": "1", "memory": "1Gi"})], "Guaranteed"),
            ([container({"cpu": "500m"}, {"cpu": "1", "memory": "1Gi"})], "Burstable"),
            ([container(None, {"cpu": "1", "memory": "1Gi"}), container()], "Burstable"),
        ],
    )
    def test_qos(self, containers: list[dict[str, Any]], expected: str) -> None:
        assert qos_class({"containers": containers}) == expected

    def test_requests(self) -> None:
        ports = [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 9}]
        one = container({"cpu": "250m"}, {"memory": "64Mi"}, ports=ports)
        found = pod_requests(pod([one, container()]))
        assert (found.cpu_millicores, found.memory_bytes) == (250, 64 * 2**20)
        assert (found.scoring_cpu, found.scoring_memory) == (350, 264 * 2**20)
        assert (found.pods, found.host_ports) == (1, (("TCP", 8080),))
        assert found.plus(found, -1) == PodRequests()

    @pytest.mark.parametrize(
        ("phase", "finished"),
        [("Pending", False), ("Running", False), ("Unknown", False), ("Succeeded", True), ("Failed", True)],
    )
    def test_finished_and_active(self, phase: str, finished: bool) -> None:
        one = pod([], phase=phase)
        assert (is_finished(one), is_active(one)) == (finished, not finished)
        one["metadata"]["deletionTimestamp"] = "2023-11-14T22:13:20Z"
        assert not is_active(one)

    @pytest.mark.parametrize(
        ("ready", "minimum", "now", "available"),
        [
            ("True", 0, 0.0, True),
            ("False", 0, 99.0, False),
            ("True", 10, 9.9, False),
            ("True", 10, 10.0, True),
        ],
    )
    def test_available(self, ready: str, minimum: int, now: float, available: bool) -> None:
        condition = {"type": "Ready", "status": ready, "lastTransitionTime": "2023-11-14T22:13:20Z"}
        one = pod([], conditions=[condition])
        assert is_available(one, minimum, 1_700_000_000 + now) is available
        assert (ready_since(one) is None) is (ready == "False")

    def test_restarts_add_up(self) -> None:
        assert restarts(pod([], containerStatuses=[{"restartCount": 2}, {"restartCount": 3}, {}])) == 5
        assert restarts(pod([])) == 0


class TestObjects:
    def test_keys(self) -> None:
        assert str(key_of({"kind": "Pod", "metadata": {"name": "p", "namespace": "n"}})) == "Pod/n/p"
        assert str(ObjectKey("Node", "", "n")) == "Node/n"

    def test_only_one_owner_controls(self) -> None:
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "r", "uid": "u"}}
        other = {"kind": "X", "uid": "x"}
        reference = controller_reference(owner)
        assert controller_of({"metadata": {"ownerReferences": [other, reference]}}) == reference
        assert controller_of({"metadata": {"ownerReferences": [other]}}) is None
        assert controller_of({"metadata": {}}) is None

    @pytest.mark.parametrize(
        ("word", "kind"),
        [
            ("po", "Pod"),
            ("pods", "Pod"),
            ("Pod", "Pod"),
            ("deploy", "Deployment"),
            ("deployments.apps", "Deployment"),
            ("deployment.v1.apps", "Deployment"),
            ("pods.v1", "Pod"),
            ("rs", "ReplicaSet"),
            ("ns", "Namespace"),
            ("no", "Node"),
            ("ev", "Event"),
        ],
    )
    def test_words_for_kinds(self, word: str, kind: str) -> None:
        found = find_kind(word)
        assert found is not None
        assert found.name == kind

    @pytest.mark.parametrize("word", ["", "pod.apps", "deployments.extensions", "hpas"])
    def test_words_for_nothing(self, word: str) -> None:
        assert find_kind(word) is None

    def test_names_of_kinds(self) -> None:
        assert (KINDS["Deployment"].resource, KINDS["Deployment"].qualified) == (
            "deployments.apps",
            "deployment.apps",
        )
        assert (KINDS["Pod"].resource, KINDS["Pod"].qualified) == ("pods", "pod")

    def test_what_people_declare_has_a_place_in_the_order(self) -> None:
        assert {name for name, kind in KINDS.items() if kind.declarable} <= set(APPLY_ORDER)
        assert APPLY_ORDER["Namespace"] == min(APPLY_ORDER.values())
