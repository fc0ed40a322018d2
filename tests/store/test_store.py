"""What the store promises, over a directory and over memory: the same tests run on both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minikctl.errors import Conflict, ManifestError, Position, RevisionExpired
from minikctl.model import Object, ObjectKey, key_of
from minikctl.model.writes import DROP, Adopt, Put, Remove
from minikctl.store import DatabaseStore, DesiredFile, database, open_directory, open_memory

WEB = ObjectKey("Deployment", "default", "web")
WEB_PATH = "default/deployment.web.yaml"


class JsonCodec:
    """Desired files as JSON, so that these tests are about the store alone."""

    def encode(self, desired: Object, previous: str | None) -> str:
        return json.dumps(desired, indent=1) + "\n"

    def decode(self, text: str, path: str) -> Object:
        try:
            decoded: Object = json.loads(text)
        except ValueError as error:
            raise ManifestError("not JSON", Position(path, 1, 1)) from error
        return decoded


def deployment(
    name: str = "web", replicas: int = 1, revision: str = "", namespace: str = "default"
) -> Object:
    metadata = {"name": name, "namespace": namespace}
    if revision:
        metadata["resourceVersion"] = revision
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": replicas},
    }


def revision_of(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])


def _in_directory(folder: Path) -> DatabaseStore:
    return open_directory(folder / "state", JsonCodec())


def _in_memory(_: Path) -> DatabaseStore:
    return open_memory(JsonCodec())


@pytest.fixture(params=[_in_directory, _in_memory], ids=["directory", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseStore]:
    make: Callable[[Path], DatabaseStore] = request.param
    opened = make(tmp_path)
    yield opened
    opened.close()


def write_file(store: DatabaseStore, path: str, content: Object | str) -> None:
    """As somebody else would: git, an editor."""
    store.files.replace({path: content if isinstance(content, str) else json.dumps(content)})


def everything(store: DatabaseStore) -> tuple[Any, ...]:
    files = {path: store.files.read(path) for path in store.files.stamps()}
    return (store.list(), sorted(store.declared_keys()), store.revision(), files)


class TestCommit:
    def test_a_new_object_is_there_with_its_revision_and_file(self, store: DatabaseStore) -> None:
        (put,) = store.commit([Put(deployment(), deployment(replicas=7), {"applied": True})])
        assert store.get(WEB) == put == deployment(revision="1")
        assert store.declared(WEB) == deployment(replicas=7)
        assert store.last_applied(WEB) == {"applied": True}
        assert store.declared_keys() == {WEB}
        assert json.loads(store.files.read(WEB_PATH) or "") == deployment(replicas=7)
        assert not store.scan()

    def test_nothing_is_nothing(self, store: DatabaseStore) -> None:
        assert store.commit([]) == []
        assert store.revision() == 0

    def test_without_an_intent_there_is_no_file(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment())])
        assert store.declared(WEB) is None
        assert store.last_applied(WEB) is None
        assert store.files.stamps() == {}

    def test_the_argument_is_not_touched(self, store: DatabaseStore) -> None:
        obj = deployment()
        store.commit([Put(obj)])
        assert "resourceVersion" not in obj["metadata"]

    @pytest.mark.parametrize(
        "write",
        [
            pytest.param(Put(deployment(revision="7")), id="stale"),
            pytest.param(Put(deployment()), id="exists already"),
            pytest.param(Put(deployment("other", revision="1")), id="does not exist"),
            pytest.param(Remove(WEB, "7"), id="stale removal"),
            pytest.param(Remove(ObjectKey("Pod", "default", "x"), "1"), id="removal of nothing"),
            pytest.param(Put(deployment(revision="1"), Adopt(deployment(), "0" * 64)), id="file moved on"),
        ],
    )
    def test_a_conflict_undoes_all_of_it(self, store: DatabaseStore, write: Put | Remove) -> None:
        store.commit([Put(deployment(), deployment())])
        before = everything(store)
        first = Put(deployment("first"), deployment("first"), {"applied": 1})
        last = Put(deployment("last"), deployment("last"))
        with pytest.raises(Conflict, match="the object has been modified"):
            store.commit([first, write, last])
        assert everything(store) == before
        assert store.last_applied(key_of(first.obj)) is None
        assert not store.scan()

    def test_a_conflict_names_the_resource(self, store: DatabaseStore) -> None:
        with pytest.raises(Conflict) as caught:
            store.commit([Put(deployment(revision="3"))])
        assert (caught.value.resource, caught.value.name) == ("deployments.apps", "web")

    def test_an_update_without_intent_keeps_the_file(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment(), deployment(replicas=7), {"applied": 1})])
        store.commit([Put(deployment(replicas=2, revision="1"))])
        assert store.declared(WEB) == deployment(replicas=7)
        assert store.last_applied(WEB) == {"applied": 1}

    def test_an_intent_without_manifest_keeps_what_was_last_applied(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment(), deployment(), {"applied": 1})])
        store.commit([Put(deployment(replicas=2, revision="1"), deployment(replicas=2))])
        assert store.last_applied(WEB) == {"applied": 1}
        assert store.declared(WEB) == deployment(replicas=2)

    def test_drop_takes_the_file_and_keeps_the_object(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment(), deployment(), {"applied": 1})])
        store.commit([Put(deployment(revision="1"), DROP)])
        assert store.get(WEB) is not None
        assert store.declared_keys() == set()
        assert store.last_applied(WEB) is None
        assert store.files.stamps() == {}
        assert not store.scan()

    def test_drop_of_what_was_never_declared(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment(), DROP)])
        assert store.get(WEB) is not None

    def test_remove_takes_object_and_file(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment(), deployment())])
        store.commit([Remove(WEB, "1")])
        assert store.get(WEB) is None
        assert store.declared_keys() == set()
        assert store.files.stamps() == {}
        assert not store.scan()

    def test_remove_of_any_revision_and_of_nothing(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment())])
        store.commit([Remove(WEB)])
        store.commit([Remove(WEB)])
        assert store.get(WEB) is None

    def test_one_commit_may_replace_an_object(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment(), deployment())])
        store.commit([Remove(WEB, "1"), Put(deployment(replicas=5), deployment(replicas=5))])
        assert store.get(WEB) == deployment(replicas=5, revision="3")
        assert store.declared(WEB) == deployment(replicas=5)
        assert not store.scan()

    def test_who_waits_is_told_of_each_commit_that_happened(self, store: DatabaseStore) -> None:
        calls: list[int] = []
        store.on_commit = lambda: calls.append(store.revision())
        store.commit([Put(deployment())])
        with pytest.raises(Conflict):
            store.commit([Put(deployment())])
        store.commit([])
        assert calls == [1]

    def test_the_stamp_moves_with_commits_only(self, store: DatabaseStore) -> None:
        before = store.stamp()
        store.list()
        assert store.stamp() == before
        store.commit([Put(deployment())])
        assert store.stamp() != before


class TestReading:
    def test_lists_by_kind_namespace_and_name(self, store: DatabaseStore) -> None:
        names = [("b", "two"), ("a", "two"), ("c", "one")]
        store.commit([Put(deployment(name, namespace=place)) for name, place in names])
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "one"}}
        store.commit([Put(pod)])

        def keys(kind: str | None = None, namespace: str | None = None) -> list[tuple[str, str, str]]:
            return [tuple(key_of(obj)) for obj in store.list(kind, namespace)]

        deployments = [("Deployment", "one", "c"), ("Deployment", "two", "a"), ("Deployment", "two", "b")]
        assert keys() == [*deployments, ("Pod", "one", "p")]
        assert keys("Deployment") == deployments
        assert keys("Deployment", "two") == deployments[1:]
        assert keys(namespace="one") == [deployments[0], ("Pod", "one", "p")]
        assert keys("Namespace") == []

    def test_changes_say_the_newest_state_once(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment("a")), Put(deployment("b")), Put(deployment("c"))])
        since = store.revision()
        store.commit([Put(deployment("a", 2, "1")), Remove(ObjectKey("Deployment", "default", "b"))])
        store.commit([Put(deployment("a", 3, "4"))])
        changes = store.changes(since)
        assert [(key_of(obj).name, obj["spec"]["replicas"]) for obj in changes.changed] == [("a", 3)]
        assert changes.removed == [ObjectKey("Deployment", "default", "b")]
        assert changes.revision == store.revision() == 6
        assert store.changes(6) == database.Changes(6, [], [])

    def test_what_was_made_again_did_not_go(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment())])
        store.commit([Remove(WEB)])
        store.commit([Put(deployment(replicas=2))])
        changes = store.changes(1)
        assert [key_of(obj) for obj in changes.changed] == [WEB]
        assert changes.removed == []

    def test_what_came_and_went_is_gone(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment())])
        store.commit([Remove(WEB)])
        assert store.changes(0).removed == [WEB]

    @pytest.mark.parametrize("size", [1, 5, 25])
    def test_too_long_ago_is_expired(
        self, store: DatabaseStore, monkeypatch: pytest.MonkeyPatch, size: int
    ) -> None:
        """However many writes a commit has, old removals are given up in the end."""
        monkeypatch.setattr(database, "KEPT_REMOVALS", 10)
        store.commit([Put(deployment())])  # no revision after a commit is a multiple of what is kept
        number = 0
        while store.revision() < 60:
            names = [f"n{number + index}" for index in range(size)]
            store.commit([Put(deployment(name)) for name in names])
            store.commit([Remove(ObjectKey("Deployment", "default", name)) for name in names])
            number += size
        with pytest.raises(RevisionExpired, match="revision 1 "):
            store.changes(1)
        recent = store.changes(store.revision() - 5)
        assert len(recent.removed) == (3 if size == 1 else 5)
        kept = store._database.execute("SELECT count(*) FROM removals").fetchone()[0]
        assert kept <= 10 + 2 * size + 10

    def test_recovery_is_needed_until_it_was_done(self, store: DatabaseStore) -> None:
        assert store.needs_recovery
        store.finish_recovery()
        assert not store.needs_recovery


class TestScan:
    @pytest.fixture(autouse=True)
    def declared(self, store: DatabaseStore) -> None:
        store.commit([Put(deployment(), deployment(), {"applied": 1})])

    def one(self, store: DatabaseStore) -> DesiredFile:
        (file,) = store.scan()
        return file

    def test_a_foreign_edit(self, store: DatabaseStore) -> None:
        write_file(store, WEB_PATH, deployment(replicas=9))
        file = self.one(store)
        assert (file.path, file.key, file.desired) == (WEB_PATH, WEB, deployment(replicas=9))
        assert file.problem is None
        assert file.last_applied is None
        assert self.one(store) == file, "it is reported until somebody takes note"

    def test_touched_is_not_changed(self, store: DatabaseStore) -> None:
        text = store.files.read(WEB_PATH)
        write_file(store, WEB_PATH, text or "")
        assert store.scan() == []
        stamp = store._database.execute("SELECT stamp FROM declared").fetchone()[0]
        assert stamp == store.files.stamps()[WEB_PATH], "it need not be read again"

    def test_a_new_file(self, store: DatabaseStore) -> None:
        write_file(store, "_cluster/namespace.team.yaml", {"kind": "Namespace", "metadata": {"name": "team"}})
        file = self.one(store)
        assert file.key == ObjectKey("Namespace", "", "team")
        assert file.desired is not None

    def test_a_removed_file(self, store: DatabaseStore) -> None:
        store.files.replace({WEB_PATH: None})
        assert self.one(store) == DesiredFile(WEB_PATH, WEB, None, "")

    def test_a_file_in_the_wrong_place(self, store: DatabaseStore) -> None:
        write_file(store, "other/deployment.web.yaml", deployment())
        file = self.one(store)
        assert file.desired is None
        assert "belongs in default/deployment.web.yaml" in str(file.problem)
        assert file.key == ObjectKey("deployment", "other", "web")

    def test_a_broken_file(self, store: DatabaseStore) -> None:
        write_file(store, WEB_PATH, "{")
        file = self.one(store)
        assert file.desired is None
        assert str(file.problem) == f"{WEB_PATH}:1:1: not JSON"
        assert store.get(WEB) is not None
        write_file(store, WEB_PATH, deployment(replicas=3))
        assert self.one(store).problem is None

    def test_adopting_takes_note_and_leaves_the_file(self, store: DatabaseStore) -> None:
        text = json.dumps(deployment(replicas=9)) + "   \n"
        write_file(store, WEB_PATH, text)
        file = self.one(store)
        store.commit([Put(deployment(replicas=9, revision="1"), Adopt(file.desired or {}, file.digest))])
        assert store.scan() == []
        assert store.files.read(WEB_PATH) == text
        assert store.declared(WEB) == deployment(replicas=9)
        assert store.last_applied(WEB) == {"applied": 1}

    def test_a_file_that_moved_on_is_not_adopted(self, store: DatabaseStore) -> None:
        write_file(store, WEB_PATH, deployment(replicas=9))
        file = self.one(store)
        write_file(store, WEB_PATH, deployment(replicas=10))
        with pytest.raises(Conflict):
            store.commit([Put(deployment(replicas=9, revision="1"), Adopt(file.desired or {}, file.digest))])
        assert self.one(store).desired == deployment(replicas=10)

    def test_a_file_that_is_gone_is_not_adopted(self, store: DatabaseStore) -> None:
        write_file(store, WEB_PATH, deployment(replicas=9))
        file = self.one(store)
        store.files.replace({WEB_PATH: None})
        with pytest.raises(Conflict):
            store.commit([Put(deployment(replicas=9, revision="1"), Adopt(file.desired or {}, file.digest))])


class TestCrash:
    """The process dies between replacing a file and recording that it did."""

    @pytest.fixture
    def cut_off(self, store: DatabaseStore, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        class Died(BaseException):
            pass

        def commit(*writes: Put | Remove) -> None:
            replace = store.files.replace

            def and_die(texts: Any) -> Any:
                replace(texts)
                raise Died

            with monkeypatch.context() as patch:
                patch.setattr(store.files, "replace", and_die)
                with pytest.raises(Died):
                    store.commit(list(writes))

        return commit

    def test_the_file_is_found_with_what_was_applied(
        self, store: DatabaseStore, cut_off: Callable[..., None]
    ) -> None:
        cut_off(Put(deployment(), deployment(replicas=4), {"applied": 4}))
        assert store.get(WEB) is None
        (file,) = store.scan()
        assert (file.desired, file.last_applied) == (deployment(replicas=4), {"applied": 4})
        store.commit([Put(deployment(replicas=4), Adopt(file.desired or {}, file.digest), file.last_applied)])
        assert store.last_applied(WEB) == {"applied": 4}
        assert not store.scan()
        assert store._database.execute("SELECT count(*) FROM intents").fetchone() == (0,)

    def test_an_edit_after_the_crash_is_not_what_was_applied(
        self, store: DatabaseStore, cut_off: Callable[..., None]
    ) -> None:
        cut_off(Put(deployment(), deployment(replicas=4), {"applied": 4}))
        write_file(store, WEB_PATH, deployment(replicas=5))
        (file,) = store.scan()
        assert (file.desired, file.last_applied) == (deployment(replicas=5), None)

    def test_a_removal_is_found_as_a_file_that_is_gone(
        self, store: DatabaseStore, cut_off: Callable[..., None]
    ) -> None:
        store.commit([Put(deployment(), deployment())])
        cut_off(Remove(WEB, "1"))
        assert store.get(WEB) is not None
        (file,) = store.scan()
        assert (file.key, file.desired, file.problem) == (WEB, None, None)

    def test_the_next_commit_goes_through(self, store: DatabaseStore, cut_off: Callable[..., None]) -> None:
        """Where the file is the one that was intended; anything else is looked at first."""
        cut_off(Put(deployment(), deployment(replicas=4), {"applied": 4}))
        store.commit([Put(deployment(), deployment(replicas=6))])
        assert store.declared(WEB) == deployment(replicas=6)
        assert not store.scan()

    def test_a_file_that_was_edited_is_not_written_over(self, store: DatabaseStore) -> None:
        (obj,) = store.commit([Put(deployment(), deployment())])
        write_file(store, WEB_PATH, deployment(replicas=5))
        with pytest.raises(Conflict):
            store.commit([Put(obj, deployment(replicas=6))])
        (file,) = store.scan()
        assert file.desired == deployment(replicas=5)


names = st.sampled_from("abc")
steps = st.lists(
    st.tuples(
        names,
        st.sampled_from(["put", "declare", "drop", "remove", "stale"]),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=8))
def test_commits_are_what_a_dictionary_would_do(commits: list[list[tuple[str, str, int]]]) -> None:
    """All or nothing, ever growing revisions, and changes that lead from any old state to the new one."""
    store = open_memory(JsonCodec())
    model: dict[str, tuple[int, int]] = {}
    declared: dict[str, int] = {}
    history: list[tuple[int, dict[str, tuple[int, int]]]] = [(0, {})]
    for commit in commits:
        writes, after, files, revision, fails = _planned(
            commit, dict(model), dict(declared), store.revision()
        )
        if fails:
            with pytest.raises(Conflict):
                store.commit(writes)
        else:
            store.commit(writes)
            assert store.revision() == revision
            model, declared = after, files
            history.append((revision, dict(model)))
        held = {key_of(obj).name: (revision_of(obj), obj["spec"]["replicas"]) for obj in store.list()}
        assert held == model
        assert {
            key.name: (store.declared(key) or {})["spec"]["replicas"] for key in store.declared_keys()
        } == (declared)
        assert set(store.files.stamps()) == {f"default/deployment.{name}.yaml" for name in declared}
        assert not store.scan()
    for since, state in history:
        changes = store.changes(since)
        for key in changes.removed:
            state.pop(key.name, None)
        state.update(
            {key_of(obj).name: (revision_of(obj), obj["spec"]["replicas"]) for obj in changes.changed}
        )
        assert state == model


def _planned(
    commit: list[tuple[str, str, int]],
    model: dict[str, tuple[int, int]],
    declared: dict[str, int],
    revision: int,
) -> tuple[list[Put | Remove], dict[str, tuple[int, int]], dict[str, int], int, bool]:
    writes: list[Put | Remove] = []
    fails = False
    used: set[str] = set()
    for name, verb, size in commit:
        if name in used:  # a file has one fate in one commit
            continue
        used.add(name)
        revision += 1
        known = str(model[name][0]) if name in model else ""
        if verb == "remove":
            writes.append(Remove(ObjectKey("Deployment", "default", name), known))
            model.pop(name, None)
            declared.pop(name, None)
            continue
        if verb == "stale":
            fails = True
            known = "999"
        obj = deployment(name, size, known)
        if verb == "declare":
            writes.append(Put(obj, deployment(name, size)))
            declared[name] = size
        elif verb == "drop":
            writes.append(Put(obj, DROP))
            declared.pop(name, None)
        else:
            writes.append(Put(obj))
        model[name] = (revision, size)
    return writes, model, declared, revision, fails
