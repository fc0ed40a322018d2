"""What a backend does not do is refused before anything happens; what people rely on in vain is told once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cli_rig import Cli, deployment
from minikctl_memory import MemoryBackend

from minikctl import registry
from minikctl.backend import Fidelity
from minikctl.manifests.fidelity import table_of

ROBOT = "    spec:\n      serviceAccountName: robot\n"
NOTE = "spec.template.spec.serviceAccountName"


def with_account(name: str) -> str:
    return deployment(name).replace("    spec:\n", ROBOT, 1)


@pytest.fixture
def no_images(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A backend that runs nothing."""
    table = {"spec.containers.image": Fidelity("rejected", "it has no images")}
    monkeypatch.setattr(MemoryBackend, "fidelity", classmethod(lambda cls: table))
    table_of.cache_clear()
    yield
    table_of.cache_clear()


@pytest.mark.usefixtures("no_images")
@pytest.mark.parametrize("flag", ["--wait", "--wait=false", "--dry-run=client"])
def test_what_the_backend_rejects_is_refused_before_anything_happens(cli: Cli, flag: str) -> None:
    path = cli.write("web.yaml", deployment())
    refused = cli("apply", "-f", path, flag)
    line, last = refused.err.splitlines()
    assert (refused.code, refused.out) == (1, "")
    assert line.startswith(f"{path}:")
    assert "image: the memory backend does not do it: it has no images" in line
    assert last == "error: 1 problem found; nothing was changed"
    assert cli("create", "-f", path).code == 1
    assert cli("diff", "-f", path).code == 2
    assert cli.desired() == []
    assert not (cli.state / "memory.db").exists(), "the engine was not even touched"


@pytest.mark.usefixtures("no_images")
def test_a_backend_that_is_only_now_chosen_is_asked_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIKCTL_BACKEND")
    chosen = registry.Choice("memory", "memory://", "no engine answers")
    monkeypatch.setattr(registry, "detect", lambda environ, settings: chosen)
    path = cli.write("web.yaml", deployment())
    assert "the memory backend does not do it" in cli("apply", "-f", path).err
    assert cli.desired() == []


def test_an_inert_field_that_people_rely_on_is_told_once(cli: Cli) -> None:
    path = cli.write("web.yaml", f"{with_account('a')}---\n{with_account('b')}")
    for verb in ("apply", "apply"):
        told = cli.ok(verb, "-f", path, "--wait=false").err
        assert told.count("serviceAccountName") == 1
        assert told.startswith(f"note: Deployment/a: {NOTE} (1 more) is inert: nothing checks accounts")
    other = cli.write("c.yaml", with_account("c"))
    assert f"note: Deployment/c: {NOTE} is inert" in cli.ok("create", "-f", other, "--wait=false").err


def test_what_every_exported_object_has_is_not_worth_a_word(cli: Cli) -> None:
    path = cli.write("web.yaml", with_account("a").replace("robot", "default"))
    assert cli.ok("apply", "-f", path, "--wait=false").err == ""
