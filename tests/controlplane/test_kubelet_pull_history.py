"""Back-off of pulls that outlives the agent which had it."""

from __future__ import annotations

from typing import Any

from controlplane_builders import NOW

from minikctl.controlplane.kubelet import ImageBook
from minikctl.controlplane.kubelet.pull_history import failed_pulls
from minikctl.model import Object
from minikctl.model.timestamps import format_time


def event(message: str, ago: float, *, count: int = 1, uid: str = "u1", reason: str = "Failed") -> Object:
    moment = format_time(NOW - ago)
    about: dict[str, Any] = {"kind": "Pod", "uid": uid}
    told = {"reason": reason, "message": message, "count": count, "lastTimestamp": moment}
    return {"kind": "Event", "involvedObject": about, **told}


def failed(image: str, ago: float, why: str = "manifest unknown", **fields: Any) -> Object:
    return event(f'Failed to pull image "{image}": {why}', ago, **fields)


def test_it_goes_on_where_it_was() -> None:
    events = [failed("a:1", 5, count=2), failed("a:1", 30, 'timeout: "x"'), failed("b", 1, uid="u2")]
    found = failed_pulls(events, NOW)
    assert set(found) == {"a:1", "b"}
    assert (found["a:1"].failures, found["a:1"].retry_at) == (3, NOW - 5 + 40)
    assert (found["a:1"].reason, found["a:1"].message) == ("ErrImagePull", "manifest unknown")
    assert (found["b"].failures, found["b"].retry_at) == (1, NOW - 1 + 10)


def test_one_pull_for_several_pods_is_one_failure() -> None:
    events = [failed("a:1", 5, uid="u1"), failed("a:1", 5, uid="u2"), failed("a:1", 5, uid="u3")]
    assert failed_pulls(events, NOW)["a:1"].failures == 1


def test_what_is_over_is_forgotten() -> None:
    pulled = event('Successfully pulled image "a:1"', 3, reason="Pulled")
    assert failed_pulls([failed("a:1", 5), pulled], NOW) == {}
    assert "a:1" in failed_pulls([failed("a:1", 2), pulled], NOW)
    assert failed_pulls([failed("a:1", 700)], NOW) == {}
    assert (
        failed_pulls([event("Error: no such command", 1), event("Killing", 1, reason="Killing")], NOW) == {}
    )


def test_the_book_counts_on() -> None:
    book = ImageBook(failed_before=failed_pulls([failed("a:1", 5, count=2)], NOW))
    assert book.get("a:1", "somebody").failures == 2
    book.mark_failed("a:1", NOW, "", "still not")
    assert (book.get("a:1").failures, book.get("a:1").retry_at) == (3, NOW + 40)
    book.mark_pulled("a:1", NOW)
    assert book.get("a:1").failures == 0
