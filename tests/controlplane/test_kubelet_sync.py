"""One look at one pod: every state of a container, every restart policy, every fate of an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from controlplane_builders import NOW, but, metadata, puts

from minikctl.backend import Container, ContainerSpec, ContainerState, SandboxSpec
from minikctl.cli.pod_troubles import is_stuck
from minikctl.controlplane.kubelet import (
    Action,
    ImageBook,
    InspectContainer,
    NodeFacts,
    PodMemo,
    PodSync,
    PullImage,
    RemoveContainer,
    RunContainer,
    RunSandbox,
    SignalContainer,
    StartContainer,
    absorb,
    sync_pod,
)
from minikctl.controlplane.kubelet.specs import container_spec, engine_name, sandbox_spec
from minikctl.controlplane.proxies import trouble_of
from minikctl.errors import PermanentError, TemporaryError
from minikctl.model import Object, conditions, copy, spec_of
from minikctl.model.pods import start_error
from minikctl.model.timestamps import format_time

CLUSTER, KEY = "a-cluster", b"a key"
FACTS = NodeFacts("memory", "10.0.0.1")
CREATED, RUNNING, EXITED = ContainerState.CREATED, ContainerState.RUNNING, ContainerState.EXITED
UNKNOWN = ContainerState.UNKNOWN


def bound(*names: str, policy: str = "Always", pull: str = "IfNotPresent", **fields: Any) -> Object:
    containers = [{"name": name, "image": f"{name}:1", "imagePullPolicy": pull} for name in names or ("app",)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata("p", **fields),
        "spec": {"containers": containers, "restartPolicy": policy, "nodeName": "node-1"},
        "status": {"phase": "Pending"},
    }


def going(seconds: float = 30, grace: int = 30, *names: str) -> Object:
    deadline = {"deletionTimestamp": format_time(NOW + seconds), "deletionGracePeriodSeconds": grace}
    return bound(*names, **deadline)


def on_engine(
    pod: Object,
    name: str = "app",
    state: ContainerState = RUNNING,
    *,
    attempt: int = 0,
    backoff: int | None = None,
    created: float = 100.0,
    ran: float = 50.0,
    ended_ago: float = 1.0,
    code: int = 0,
    **facts: Any,
) -> Container:
    """One of the pod's containers as the engine lists it; times are seconds before now."""
    both = [*(spec_of(pod).get("initContainers") or ()), *spec_of(pod)["containers"]]
    wanted = next(one for one in both if one["name"] == name)
    spec = container_spec(
        pod, wanted, attempt=attempt, backoff=backoff, sandbox_id="", cluster_id=CLUSTER, seal_key=KEY
    )
    started = finished = exit_code = None
    if state in (RUNNING, UNKNOWN):
        started = NOW - ran
    elif state is EXITED:
        started, finished, exit_code = NOW - ended_ago - ran, NOW - ended_ago, code
    return but(
        Container(
            id=f"{name}-{attempt}",
            name=spec.name,
            labels=spec.labels,
            state=state,
            image=spec.image,
            image_id="sha256:1",
            created_at=NOW - created,
            started_at=started,
            finished_at=finished,
            exit_code=exit_code,
        ),
        **facts,
    )


def sandbox_of(pod: Object, state: ContainerState = RUNNING, *, created: float = 200.0) -> Container:
    spec = sandbox_spec(pod, cluster_id=CLUSTER, seal_key=KEY)
    started = NOW - created if state is RUNNING else None
    return Container(
        "sandbox-0", spec.name, spec.labels, state, "", "", NOW - created, started, ip="10.1.0.9"
    )


def look(
    pod: Object,
    *containers: Container,
    memo: PodMemo | None = None,
    images: ImageBook | None = None,
    now: float = NOW,
) -> PodSync:
    memo = memo or PodMemo()
    read = {one.id: "" for one in containers} | dict(memo.messages)
    return sync_pod(
        pod,
        containers,
        but(memo, messages=read),
        images or ImageBook(),
        FACTS,
        now,
        cluster_id=CLUSTER,
        seal_key=KEY,
    )


def asked(*ids: str, ago: float = 3.0) -> PodMemo:
    """These were sent their stop signal."""
    since = dict.fromkeys(ids, NOW - ago)
    return PodMemo(signalled=since, stopping=since)


def status_after(sync: PodSync) -> dict[str, Any]:
    (written,) = puts(sync.decision)
    status: dict[str, Any] = written["status"]
    return status


def waiting(sync: PodSync, index: int = 0) -> tuple[str, str]:
    state = status_after(sync)["containerStatuses"][index]["state"]["waiting"]
    return state["reason"], state.get("message", "")


def attempts(actions: list[Action]) -> list[tuple[str, str, str | None]]:
    """(container, attempt, back-off) of what is run."""
    return [
        (
            one.container,
            one.spec.labels["io.kubernetes.container.restartCount"],
            one.spec.labels.get("minikctl.io/crash-backoff"),
        )
        for one in actions
        if isinstance(one, RunContainer)
    ]


def known(pod: Object, *containers: Container) -> Object:
    """The pod with the status that a look at these containers wrote."""
    written = puts(look(pod, *containers).decision)
    return written[0] if written else pod


class TestOneContainer:
    def test_a_new_pod_is_started(self) -> None:
        sync = look(bound())
        assert attempts(sync.actions) == [("app", "0", None)]
        assert waiting(sync) == ("ContainerCreating", "")
        assert status_after(sync)["phase"] == "Pending"

    def test_a_running_one_is_left_alone(self) -> None:
        pod = bound()
        assert look(pod, on_engine(pod)).actions == []

    def test_the_second_look_decides_nothing(self) -> None:
        pod = bound()
        containers = [on_engine(pod)]
        again = look(known(pod, *containers), *containers, now=NOW + 100)
        assert (again.actions, again.decision.writes, again.decision.happenings) == ([], [], [])
        assert again.decision.look_again is None

    def test_a_created_one_is_started(self) -> None:
        pod = bound()
        assert look(pod, on_engine(pod, state=CREATED)).actions == [StartContainer("app", "app-0")]

    def test_one_that_nobody_knows_the_state_of_is_waited_for(self) -> None:
        pod = bound()
        sync = look(pod, on_engine(pod, state=UNKNOWN, message="dead"))
        assert sync.actions == []
        assert waiting(sync) == ("ContainerStatusUnknown", "dead")

    @pytest.mark.parametrize(
        ("policy", "code", "restarts", "phase"),
        [
            ("Always", 0, True, "Running"),
            ("Always", 1, True, "Running"),
            ("OnFailure", 0, False, "Succeeded"),
            ("OnFailure", 1, True, "Running"),
            ("Never", 0, False, "Succeeded"),
            ("Never", 137, False, "Failed"),
        ],
    )
    def test_an_ended_one(self, policy: str, code: int, restarts: bool, phase: str) -> None:
        pod = bound(policy=policy)
        sync = look(pod, on_engine(pod, state=EXITED, code=code))
        assert attempts(sync.actions) == ([("app", "1", "0")] if restarts else [])
        assert status_after(sync)["phase"] == phase
        (status,) = status_after(sync)["containerStatuses"]
        assert status["state"]["terminated"]["exitCode"] == code, "nobody may be there who restarts it"

    def test_the_attempt_before_stays_for_its_logs_and_older_ones_go(self) -> None:
        pod = bound()
        older = [on_engine(pod, state=EXITED, attempt=number) for number in range(3)]
        assert look(pod, *older, on_engine(pod, attempt=3)).actions == [
            RemoveContainer("app-0"),
            RemoveContainer("app-1"),
        ]

    def test_a_finished_pod_runs_nothing_and_keeps_its_logs(self) -> None:
        pod = bound(policy="Never")
        pod["status"] = {"phase": "Failed"}
        sync = look(pod, on_engine(pod, state=EXITED), on_engine(pod, attempt=1), sandbox_of(pod))
        assert sync.actions == [RemoveContainer("app-1"), SignalContainer("sandbox-0", kill=True)]
        assert look(pod, sandbox_of(pod, EXITED)).actions == []
        assert sync.decision.writes == []


class TestBackOff:
    WAITS = (0, 10, 20, 40, 80, 160, 300, 300)

    def test_the_sequence(self) -> None:
        """Each wait is read from the label of the attempt before: no memory is needed."""
        pod = bound()
        previous: int | None = None
        for attempt, wait in enumerate(self.WAITS):
            ended = on_engine(pod, state=EXITED, code=1, attempt=attempt, backoff=previous, ended_ago=0)
            early = look(pod, ended, now=NOW + wait - 0.5)
            if wait:
                assert attempts(early.actions) == []
                assert early.decision.look_again == NOW + wait
                assert waiting(early)[0] == "CrashLoopBackOff"
            sync = look(pod, ended, now=NOW + wait)
            assert attempts(sync.actions) == [("app", str(attempt + 1), str(wait))]
            previous = wait

    @pytest.mark.parametrize(("ran", "backoff"), [(599.0, "300"), (600.0, "0")])
    def test_ten_minutes_of_running_are_forgiven(self, ran: float, backoff: str) -> None:
        pod = bound()
        ended = on_engine(pod, state=EXITED, code=1, attempt=9, backoff=300, ran=ran, ended_ago=0)
        (begun,) = attempts(look(pod, ended, now=NOW + 301).actions)
        assert begun == ("app", "10", backoff)

    def test_its_words(self) -> None:
        pod = bound()
        sync = look(pod, on_engine(pod, state=EXITED, code=1, attempt=4, backoff=40))
        assert waiting(sync) == (
            "CrashLoopBackOff",
            "back-off 1m20s restarting failed container=app pod=p_default(uid-of-p)",
        )
        (told,) = sync.decision.happenings
        assert (told.kind, told.reason) == ("Warning", "BackOff")
        assert told.message == ("Back-off restarting failed container app in pod p_default(uid-of-p)")

    def test_it_is_said_once_per_wait(self) -> None:
        pod = bound()
        ended = on_engine(pod, state=EXITED, code=1, attempt=4, backoff=40)
        again = look(known(pod, ended), ended, now=NOW + 1)
        assert (again.decision.happenings, again.decision.writes) == ([], [])

    def test_a_changed_definition_does_not_wait(self) -> None:
        pod = bound()
        ended = on_engine(pod, state=EXITED, code=1, attempt=4, backoff=40)
        pod["spec"]["containers"][0]["image"] = "app:2"
        (begun,) = attempts(look(pod, ended).actions)
        assert begun[:2] == ("app", "5")


class TestChangedDefinition:
    @pytest.fixture
    def changed(self) -> tuple[Object, Container]:
        pod = bound(policy="Never")
        running = on_engine(pod)
        pod = copy(pod)
        pod["spec"]["containers"][0]["image"] = "app:2"
        return pod, running

    def test_a_running_one_is_stopped_first(self, changed: tuple[Object, Container]) -> None:
        sync = look(*changed)
        assert sync.actions == [SignalContainer("app-0")]
        assert sync.decision.happenings[0].message == ("Container app definition changed, will be restarted")

    def test_it_is_signalled_once(self, changed: tuple[Object, Container]) -> None:
        sync = look(*changed, memo=asked("app-0"))
        assert (sync.actions, sync.decision.happenings) == ([], [])

    def test_then_made_anew_whatever_the_policy(self, changed: tuple[Object, Container]) -> None:
        pod, running = changed
        ended = but(running, state=EXITED, finished_at=NOW, exit_code=143)
        (begun,) = [one for one in look(pod, ended).actions if isinstance(one, RunContainer)]
        assert begun.spec.image == "app:2"

    def test_one_that_never_started_goes_at_once(self, changed: tuple[Object, Container]) -> None:
        pod, running = changed
        created = but(running, state=CREATED, started_at=None)
        assert look(pod, created).actions == [RemoveContainer("app-0")]


def gone(pod: Object) -> PodMemo:
    """The engine says that it has no first attempt, neither by its id nor by its name."""
    return PodMemo(gone=frozenset({"app-0", engine_name(pod, "app", 0)}))


class TestMissing:
    """Not listed is not gone."""

    def test_a_known_one_is_looked_for_first(self) -> None:
        pod = known(bound(), on_engine(bound()))
        assert look(pod).actions == [InspectContainer("app-0")]

    def test_confirmed_to_be_gone_it_is_replaced_by_a_new_attempt(self) -> None:
        pod = known(bound(), on_engine(bound()))
        sync = look(pod, memo=gone(pod))
        assert attempts(sync.actions) == [("app", "1", "0")]
        last = status_after(sync)["containerStatuses"][0]["lastState"]["terminated"]
        assert (last["exitCode"], last["reason"]) == (137, "ContainerStatusUnknown")
        assert status_after(sync)["phase"] == "Running"

    def test_the_one_made_in_its_place_is_looked_for_too(self) -> None:
        """A created one would not start; the answer to its replacement, which did, was lost."""
        pod = known(bound(), on_engine(bound(), state=CREATED))
        memo = PodMemo(gone=frozenset({"app-0"}))
        assert look(pod, memo=memo).actions == [InspectContainer(engine_name(pod, "app", 0))]

    def test_a_list_that_is_older_than_what_was_seen_restarts_nothing(self) -> None:
        pod = bound()
        ended = on_engine(pod, state=EXITED, code=1)
        newer = known(pod, ended, on_engine(pod, attempt=1, backoff=0))
        assert look(newer, ended).actions == [InspectContainer("app-1")]

    def test_that_it_was_found_changes_nothing_in_the_memo(self) -> None:
        action = InspectContainer("app-0")
        assert absorb(PodMemo(), action, None, True, NOW) == PodMemo()
        assert absorb(PodMemo(), action, TemporaryError("busy"), False, NOW) == PodMemo()
        assert absorb(PodMemo(), action, None, False, NOW).gone == {"app-0"}


class TestImages:
    def book(self, **states: Any) -> ImageBook:
        book = ImageBook()
        if states.get("missing"):
            book.mark_missing("app:1")
        if states.get("pulling"):
            book.mark_pulling("app:1")
        if "pulled" in states:
            book.mark_pulled("app:1", states["pulled"])
        for _ in range(states.get("failures", 0)):
            book.mark_failed("app:1", NOW, "ErrImagePull", "no such image")
        return book

    @pytest.mark.parametrize(
        ("policy", "states", "expected"),
        [
            ("IfNotPresent", {}, "run"),
            ("IfNotPresent", {"missing": True}, "pull"),
            ("IfNotPresent", {"missing": True, "pulled": NOW}, "run"),
            ("Always", {}, "pull"),
            ("Always", {"pulled": NOW - 1}, "pull"),
            ("Always", {"pulled": NOW}, "run"),
            ("Never", {}, "run"),
            ("Never", {"missing": True}, "nothing"),
            ("IfNotPresent", {"missing": True, "failures": 1}, "nothing"),
            ("Always", {"failures": 1}, "nothing"),
            ("Always", {"pulling": True}, "pull"),
        ],
    )
    def test_policies(self, policy: str, states: dict[str, Any], expected: str) -> None:
        actions = look(bound(pull=policy), images=self.book(**states)).actions
        kinds = {RunContainer: "run", PullImage: "pull"}
        assert [kinds[type(one)] for one in actions] == ([] if expected == "nothing" else [expected])

    def test_always_asks_anew_for_every_start_but_not_twice_for_one(self) -> None:
        pod = bound(pull="Always")
        first = look(pod)
        assert first.actions == [PullImage("app:1")]
        book = self.book(pulled=NOW + 2)
        second = look(pod, memo=first.memo, images=book, now=NOW + 3)
        (run,) = second.actions
        assert isinstance(run, RunContainer)
        memo = absorb(second.memo, run, None, False, NOW + 3)
        ended = on_engine(pod, state=EXITED, code=1)
        assert look(pod, ended, memo=memo, images=book, now=NOW + 9).actions == [PullImage("app:1")]

    def test_never_says_so(self) -> None:
        sync = look(bound(pull="Never"), images=self.book(missing=True))
        assert waiting(sync) == (
            "ErrImageNeverPull",
            'Container image "app:1" is not present with pull policy of Never',
        )

    def test_a_failed_pull_is_tried_again_after_its_back_off(self) -> None:
        book = self.book(missing=True, failures=1)
        early = look(bound(), images=book, now=NOW + 9)
        assert waiting(early) == (
            "ImagePullBackOff",
            'Back-off pulling image "app:1": ErrImagePull: no such image',
        )
        assert early.decision.look_again == NOW + 10
        due = look(bound(), images=book, now=NOW + 10)
        assert due.actions == [PullImage("app:1")]
        assert waiting(due) == ("ErrImagePull", "no such image")

    def test_pulls_back_off_as_crashes_do(self) -> None:
        book, waits = self.book(missing=True), []
        for _ in range(7):
            book.mark_failed("app:1", NOW, "", "no")
            waits.append(book.get("app:1").retry_at - NOW)
        assert waits == [10, 20, 40, 80, 160, 300, 300]
        assert book.get("app:1").reason == "ErrImagePull"
        book.mark_pulled("app:1", NOW)
        assert book.get("app:1").failures == 0

    def test_idle_is_when_nothing_is_pulled(self) -> None:
        book = self.book(pulling=True)
        assert not book.is_idle()
        book.mark_failed("app:1", NOW, "", "")
        assert book.is_idle()


class TestTroubles:
    """Creating or starting failed."""

    RUN = RunContainer("app", ContainerSpec(name="app-0", image="nginx:1", labels={}))

    def test_it_is_tried_again_after_its_back_off(self) -> None:
        memo = absorb(
            PodMemo(), self.RUN, PermanentError("port in use", reason="RunContainerError"), False, NOW
        )
        early = look(bound(), memo=memo, now=NOW + 9)
        assert early.actions == []
        assert waiting(early) == ("RunContainerError", "port in use")
        assert early.decision.look_again == NOW + 10
        late = look(bound(), memo=memo, now=NOW + 10)
        assert attempts(late.actions) == [("app", "0", None)], "it never ran: the same attempt"

    def test_failures_add_up_and_success_forgets(self) -> None:
        memo = PodMemo()
        for wait in (10, 20, 40):
            memo = absorb(memo, self.RUN, TemporaryError("busy"), False, NOW)
            assert memo.troubles["app"].retry_at == NOW + wait
        assert memo.troubles["app"].reason == "CreateContainerError"
        assert absorb(memo, self.RUN, None, False, NOW).troubles == {}

    def test_a_missing_image_is_no_trouble(self) -> None:
        error = PermanentError("no such image", reason="ImageNotFound")
        assert absorb(PodMemo(), self.RUN, error, False, NOW) == PodMemo()

    def test_one_that_would_not_start_is_made_anew(self) -> None:
        pod = bound()
        memo = absorb(PodMemo(), self.RUN, PermanentError("no such command"), False, NOW)
        created = on_engine(pod, state=CREATED)
        early = look(pod, created, memo=memo, now=NOW + 5)
        assert early.actions == []
        (seen,) = puts(early.decision)
        (status,) = seen["status"]["containerStatuses"]
        ended = status["lastState"]["terminated"]
        assert (ended["reason"], ended["exitCode"], ended["message"]) == (
            "StartError",
            128,
            "no such command",
        )
        assert ended["finishedAt"] == format_time(NOW)
        late = look(seen, created, memo=memo, now=NOW + 10)
        assert late.actions == [RemoveContainer("app-0")]
        gone = but(late.memo, gone=frozenset(("app-0", engine_name(pod, "app", 0))))
        again = look(seen, memo=gone, now=NOW + 11)
        assert attempts(again.actions) == [("app", "1", "0")], "RESTARTS counts those that would not start"
        assert all(one["status"]["containerStatuses"] == [status] for one in puts(again.decision))

    def test_one_that_would_not_start_again_crashes(self) -> None:
        memo, pod = PodMemo(), bound()
        error = PermanentError("no such command", reason="RunContainerError")
        for reason in ("RunContainerError", "CrashLoopBackOff"):
            memo = absorb(memo, self.RUN, error, False, NOW)
            sync = look(pod, on_engine(pod, state=CREATED, attempt=1), memo=memo, now=NOW + 1)
            assert waiting(sync)[0] == reason
            (seen,) = puts(sync.decision)
            (status,) = seen["status"]["containerStatuses"]
            assert (start_error(status), status["restartCount"]) == ("no such command", 1)
            assert is_stuck(seen)
            assert trouble_of(seen) == "no such command"
        assert waiting(sync)[1].startswith("back-off 20s restarting failed container=app pod=p_")


class TestSandbox:
    def test_several_containers_wait_for_it(self) -> None:
        sync = look(bound("a", "b"))
        (action,) = sync.actions
        assert isinstance(action, RunSandbox)
        assert isinstance(action.spec, SandboxSpec)
        assert [waiting(sync, index)[0] for index in (0, 1)] == ["ContainerCreating"] * 2

    def test_one_container_needs_none(self) -> None:
        assert not any(isinstance(one, RunSandbox) for one in look(bound()).actions)

    def test_they_are_started_in_it(self) -> None:
        pod = bound("a", "b")
        actions = look(pod, sandbox_of(pod)).actions
        runs = [one for one in actions if isinstance(one, RunContainer)]
        assert [(one.container, one.spec.sandbox_id) for one in runs] == [
            ("a", "sandbox-0"),
            ("b", "sandbox-0"),
        ]
        assert all(one.spec.hostname == "" and one.spec.ports == () for one in runs)

    def test_one_that_ended_takes_all_that_shared_it_along(self) -> None:
        pod = bound("a", "b")
        dead = sandbox_of(pod, EXITED)
        sync = look(pod, dead, on_engine(pod, "a"), on_engine(pod, "b", EXITED))
        assert sync.actions == [RemoveContainer(one) for one in ("a-0", "b-0", "sandbox-0")]
        assert look(pod, dead).actions == [RemoveContainer("sandbox-0")]

    def test_what_failed_in_the_last_one_is_tried_in_the_next_at_once(self) -> None:
        pod = bound("a", "b")
        (made,) = look(pod).actions
        run = look(pod, sandbox_of(pod)).actions[0]
        error = PermanentError("the sandbox does not run", reason="RunContainerError")
        memo = absorb(PodMemo(), run, error, False, NOW)
        assert [one[0] for one in attempts(look(pod, sandbox_of(pod), memo=memo).actions)] == ["b"]
        memo = absorb(memo, made, None, True, NOW)
        assert [one[0] for one in attempts(look(pod, sandbox_of(pod), memo=memo).actions)] == ["a", "b"]

    def test_it_has_one_name_for_life(self) -> None:
        """So no engine can run two of them, whatever was believed of the first."""
        pod = bound("a", "b")
        (action,) = look(pod).actions
        assert isinstance(action, RunSandbox)
        assert action.spec.name == sandbox_of(pod).name

    def test_its_trouble_is_everyones(self) -> None:
        pod = bound("a", "b")
        (action,) = look(pod).actions
        memo = absorb(
            PodMemo(), action, TemporaryError("no network", reason="CreatePodSandboxError"), False, NOW
        )
        sync = look(pod, memo=memo, now=NOW + 1)
        assert sync.actions == []
        assert {waiting(sync, index) for index in (0, 1)} == {("CreatePodSandboxError", "no network")}


class TestTermination:
    def test_it_is_asked_first(self) -> None:
        pod = going(30)
        sync = look(pod, on_engine(pod))
        assert sync.actions == [SignalContainer("app-0")]
        assert sync.decision.look_again == NOW + 30
        assert [one.message for one in sync.decision.happenings] == ["Stopping container app"]
        assert not sync.is_gone

    def test_and_only_once(self) -> None:
        pod = going(30)
        first = look(pod, on_engine(pod))
        memo = absorb(first.memo, first.actions[0], None, False, NOW)
        again = look(pod, on_engine(pod), memo=memo, now=NOW + 29)
        assert (again.actions, again.decision.happenings) == ([], [])
        failed = absorb(first.memo, first.actions[0], TemporaryError("busy"), False, NOW)
        assert look(pod, on_engine(pod), memo=failed).actions == [SignalContainer("app-0")]

    @pytest.mark.parametrize("state", [RUNNING, UNKNOWN])
    def test_then_killed_at_the_deadline(self, state: ContainerState) -> None:
        pod = going(30)
        sync = look(pod, on_engine(pod, state=state), memo=asked("app-0"), now=NOW + 30)
        assert sync.actions == [RemoveContainer("app-0")]

    def test_nobody_is_killed_who_was_not_asked_two_seconds_ago(self) -> None:
        """An agent that comes late, say."""
        pod = going(30)
        sync = look(pod, on_engine(pod), now=NOW + 31)
        assert sync.actions == [SignalContainer("app-0")]
        memo = absorb(sync.memo, sync.actions[0], None, False, NOW + 31)
        again = look(pod, on_engine(pod), memo=memo, now=NOW + 32)
        assert (again.actions, again.decision.look_again) == ([], NOW + 33)
        assert look(pod, on_engine(pod), memo=memo, now=NOW + 33).actions == [RemoveContainer("app-0")]

    def test_without_grace_it_is_killed_at_once(self) -> None:
        pod = going(30, 0)
        assert look(pod, on_engine(pod)).actions == [RemoveContainer("app-0")]

    def test_what_ended_is_removed_sandbox_last(self) -> None:
        pod = going(30, 30, "a", "b")
        ended = [on_engine(pod, "a", EXITED), on_engine(pod, "b", EXITED)]
        assert look(pod, sandbox_of(pod), *ended).actions == [
            RemoveContainer("a-0"),
            RemoveContainer("b-0"),
            RemoveContainer("sandbox-0"),
        ]

    def test_it_waits_for_the_last_one(self) -> None:
        pod = going(30, 30, "a", "b")
        containers = [on_engine(pod, "a", EXITED), on_engine(pod, "b"), sandbox_of(pod)]
        assert look(pod, *containers).actions == [SignalContainer("b-0")]

    def test_not_listed_is_not_gone(self) -> None:
        """The next pod of its name must not run beside a container that an old list left out."""
        pod = going(-1)
        seen = look(pod, on_engine(pod))
        unsure = look(pod, memo=seen.memo)
        assert (unsure.actions, unsure.is_gone) == ([InspectContainer("app-0")], False)
        memo = absorb(unsure.memo, InspectContainer("app-0"), None, False, NOW)
        assert look(pod, memo=memo).is_gone
        removed = absorb(seen.memo, RemoveContainer("app-0"), None, False, NOW)
        assert look(pod, memo=removed).is_gone, "who removed it himself need not ask"

    def test_one_whose_making_failed_may_be_there(self) -> None:
        run = RunContainer("app", ContainerSpec(name="k8s_app", image="nginx:1", labels={}))
        memo = absorb(PodMemo(), run, TemporaryError("the reply was lost"), False, NOW)
        assert look(going(-1), memo=memo).actions == [InspectContainer("k8s_app")]
        assert look(going(-1), memo=absorb(memo, run, None, False, NOW)).is_gone

    def test_it_is_gone_when_nothing_is_left(self) -> None:
        sync = look(going())
        assert sync.is_gone
        assert sync.actions == []

    def test_nothing_is_started_any_more(self) -> None:
        pod = going(30)
        actions = look(pod, on_engine(pod, state=CREATED)).actions
        assert actions == [RemoveContainer("app-0")]


class TestStatus:
    def test_of_a_running_pod(self) -> None:
        pod = bound()
        pod["status"]["conditions"] = [{"type": "PodScheduled", "status": "True"}]
        status = status_after(look(pod, on_engine(pod, ip="10.1.0.5")))
        assert {
            key: value for key, value in status.items() if key not in ("conditions", "containerStatuses")
        } == {
            "phase": "Running",
            "hostIP": "10.0.0.1",
            "hostIPs": [{"ip": "10.0.0.1"}],
            "podIP": "10.1.0.5",
            "podIPs": [{"ip": "10.1.0.5"}],
            "startTime": format_time(NOW),
            "qosClass": "BestEffort",
            "observedGeneration": 1,
        }
        assert status["containerStatuses"] == [
            {
                "name": "app",
                "image": "app:1",
                "imageID": "sha256:1",
                "containerID": "memory://app-0",
                "restartCount": 0,
                "ready": True,
                "started": True,
                "state": {"running": {"startedAt": format_time(NOW - 50)}},
                "lastState": {},
            }
        ]
        assert [(one["type"], one["status"]) for one in status["conditions"]] == [
            ("PodReadyToStartContainers", "True"),
            ("Initialized", "True"),
            ("Ready", "True"),
            ("ContainersReady", "True"),
            ("PodScheduled", "True"),
        ]

    @pytest.mark.parametrize(
        ("facts", "reason"),
        [
            ({"code": 0}, "Completed"),
            ({"code": 3}, "Error"),
            ({"code": 137, "oom_killed": True}, "OOMKilled"),
        ],
    )
    def test_of_an_ended_container(self, facts: dict[str, Any], reason: str) -> None:
        pod = bound(policy="Never")
        status = status_after(look(pod, on_engine(pod, state=EXITED, **facts)))
        ended = status["containerStatuses"][0]["state"]["terminated"]
        assert ended["reason"] == reason
        assert ended["exitCode"] == facts["code"]
        assert ended["startedAt"] == format_time(NOW - 51)
        assert ended["finishedAt"] == format_time(NOW - 1)

    def test_a_restarted_container_says_how_the_last_one_ended(self) -> None:
        pod = bound()
        ended = on_engine(pod, state=EXITED, code=3)
        status = status_after(look(pod, ended, on_engine(pod, attempt=1, backoff=0)))["containerStatuses"][0]
        assert status["restartCount"] == 1
        assert status["lastState"]["terminated"]["exitCode"] == 3

    @pytest.mark.parametrize(
        ("policy", "codes", "phase", "ready"),
        [
            ("Always", (None, None), "Running", ""),
            ("Never", (0, None), "Running", "ContainersNotReady"),
            ("Never", (0, 0), "Succeeded", "PodCompleted"),
            ("Never", (0, 1), "Failed", "PodFailed"),
            ("OnFailure", (0, 0), "Succeeded", "PodCompleted"),
            ("OnFailure", (0, 1), "Running", "ContainersNotReady"),
            ("Always", (0, 0), "Running", "ContainersNotReady"),
        ],
    )
    def test_phases_of_two(
        self, policy: str, codes: tuple[int | None, int | None], phase: str, ready: str
    ) -> None:
        pod = bound("a", "b", policy=policy)
        containers = [
            on_engine(pod, name) if code is None else on_engine(pod, name, EXITED, code=code)
            for name, code in zip("ab", codes, strict=True)
        ]
        status = status_after(look(pod, sandbox_of(pod), *containers))
        condition = conditions.find(status, "Ready")
        assert condition is not None
        assert (status["phase"], condition.get("reason", "")) == (phase, ready)

    def test_unready_containers_are_named(self) -> None:
        pod = bound("a", "b")
        condition = conditions.find(status_after(look(pod, sandbox_of(pod), on_engine(pod, "a"))), "Ready")
        assert condition is not None
        assert condition["message"] == "containers with unready status: [b]"

    def test_a_finished_phase_is_for_ever(self) -> None:
        pod = bound(policy="Never")
        done = known(pod, on_engine(pod, state=EXITED))
        assert look(done).decision.writes == []

    def test_a_sandboxs_address_is_the_pods(self) -> None:
        pod = bound("a", "b")
        assert status_after(look(pod, sandbox_of(pod), on_engine(pod, "a", ip="x")))["podIP"] == "10.1.0.9"

    def test_the_address_stays_while_a_container_restarts(self) -> None:
        pod = known(bound(), on_engine(bound(), ip="10.1.0.5"))
        ended = on_engine(pod, state=EXITED, code=1, attempt=0, backoff=10)
        assert status_after(look(pod, ended))["podIP"] == "10.1.0.5"

    def test_transition_times_move_with_the_status_only(self) -> None:
        pod = known(bound(), on_engine(bound()))
        ended = on_engine(pod, state=EXITED, code=1, backoff=10)
        later = puts(look(pod, ended, now=NOW + 60).decision)[0]["status"]
        times: Mapping[str, str] = {one["type"]: one["lastTransitionTime"] for one in later["conditions"]}
        assert times["Ready"] == format_time(NOW + 60)
        assert times["Initialized"] == format_time(NOW)
