"""Real manifests run: what an API server accepted converges, or the tables name what keeps it from that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .convergence import FIGURE, figure, outcomes, run


def test_public_manifests_converge_or_are_refused_with_a_reason() -> None:
    found = list(outcomes())
    assert [one for one in found if one.verdict == "stuck"] == []
    measured, told = figure(found), json.loads(FIGURE.read_text())
    assert measured["documents"] >= told["documents"] > 250
    assert measured["converged"] >= told["converged"], "the page promises more: see convergence.py"


def deployment(**container: Any) -> dict[str, Any]:
    main = {"name": "main", "image": "nginx:1.27", **container}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [main]}},
        },
    }


@pytest.mark.parametrize(
    ("container", "why"),
    [
        ({}, ""),
        ({"command": ["false"]}, "Back-off restarting failed container"),
        ({"command": ["sh", "-c", "sleep 20; exit 1"]}, "0 of 1 are ready"),
        ({"image": "nginx:does-not-exist"}, "manifest unknown"),
        ({"readinessProbe": {"exec": {"command": ["false"]}}}, "Readiness probe failed"),
        ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "b", "key": "c"}}}]}, "not found"),
        ({"resources": {"requests": {"cpu": "4k"}}}, "Insufficient cpu"),
    ],
)
def test_what_does_not_converge_is_noticed(container: dict[str, Any], why: str) -> None:
    found = run(deployment(**container))
    assert why in found
    assert bool(found) is bool(why)
