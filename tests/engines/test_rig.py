"""The harness itself: what it finds, and that it is loud where engines are required."""

from __future__ import annotations

import pytest

from .rig import Engine, OneWorkerAnEngine, engine_or_skip, engines, engines_required

LISTED = {"MINIKCTL_TEST_ENGINES": "docker-28=unix:///d.sock;podman-5=unix:///p.sock;"}


def test_finds_engines_by_kind() -> None:
    assert engines("podman", LISTED) == [Engine("podman-5", "podman", "unix:///p.sock")]
    assert [engine.name for engine in engines(None, LISTED)] == ["docker-28", "podman-5"]
    assert engines(None, {}) == []


def test_refuses_what_is_not_a_pair() -> None:
    with pytest.raises(ValueError, match="docker-28"):
        engines(None, {"MINIKCTL_TEST_ENGINES": "docker-28"})


@pytest.mark.parametrize(
    ("environ", "required"),
    [({}, False), ({"CI": "true"}, True), ({"CI": "0"}, False), ({"MINIKCTL_REQUIRE_ENGINES": "1"}, True)],
)
def test_engines_are_required_in_ci(environ: dict[str, str], required: bool) -> None:
    assert engines_required(environ) is required


def test_absence_fails_in_ci_and_skips_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("MINIKCTL_REQUIRE_ENGINES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="engines up"):
        engine_or_skip(None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="engines up"):
        engine_or_skip(None)


@pytest.mark.parametrize(
    ("case", "scope"),
    [
        ("tests/a.py::test_b[docker-28-stop]", "docker-28"),
        ("tests/a.py::test_b[no such host-podman-5]", "podman-5"),
        ("tests/docker-28/a.py::test_b", "tests/docker-28/a.py::test_b"),
        ("tests/a.py::test_b[memory]", "tests/a.py::test_b[memory]"),
    ],
)
def test_cases_of_one_engine_go_to_one_worker(monkeypatch: pytest.MonkeyPatch, case: str, scope: str) -> None:
    monkeypatch.setenv("MINIKCTL_TEST_ENGINES", "docker-28=unix:///d;podman-5=unix:///p")
    assert object.__new__(OneWorkerAnEngine)._split_scope(case) == scope
