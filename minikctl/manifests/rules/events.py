"""Events of both of Kubernetes' groups, which say the same in other words.

The server reports on the field of the core group, whichever was written.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import invalid, qualified_name_advice, required
from minikctl.manifests.rules.rule import Rule
from minikctl.model import Object

_EVENT = frozenset({"Event"})
_LIMITS = {"reportingInstance": 128, "action": 128, "reason": 128}
_MAX_MESSAGE = 1024
_UNSET = ("firstTimestamp", "lastTimestamp", "count", "source")


def event(obj: Object) -> Iterator[FieldProblem]:
    namespace = (obj.get("metadata") or {}).get("namespace", "default")
    about = (obj.get("involvedObject") or obj.get("regarding") or {}).get("namespace", "")
    if obj.get("eventTime"):
        agrees = bool(about) or namespace in ("default", "kube-system")
        yield from _reporter(obj)
    else:
        agrees = about == namespace if about else namespace in ("", "default")
    if not agrees:
        yield invalid("involvedObject.namespace", about, "does not match event.namespace")


def _reporter(obj: Object) -> Iterator[FieldProblem]:
    controller = obj.get("reportingComponent") or obj.get("reportingController") or ""
    if not controller:
        yield required("reportingController")
    if problem := qualified_name_advice(controller):
        yield invalid("reportingController", controller, problem)
    for name, limit in _LIMITS.items():
        value = obj.get(name) or ""
        if not value:
            yield required(name)
        if len(value.encode(errors="surrogatepass")) > limit:
            yield invalid(name, "", f"can have at most {limit} characters")
    message = obj.get("message") or obj.get("note") or ""
    if len(message.encode(errors="surrogatepass")) > _MAX_MESSAGE:
        yield invalid("message", "", f"can have at most {_MAX_MESSAGE} characters")


def strict_event(obj: Object) -> Iterator[FieldProblem]:
    """events.k8s.io only."""
    if obj["apiVersion"] == "v1":
        return
    series = obj.get("series")
    if series is not None and series.get("count", 0) < 2:
        yield invalid("series.count", "", "should be at least 2")
    if series is not None and not series.get("lastObservedTime"):
        yield required("series.lastObservedTime")
    if not obj.get("eventTime"):
        yield required("eventTime")
    if obj.get("type") not in ("Normal", "Warning"):
        yield invalid("type", "", f"has invalid value: {obj.get('type', '')}")
    for name in _UNSET:
        if obj.get(f"deprecated{name[0].upper()}{name[1:]}"):
            yield invalid(name, "", "needs to be unset")


RULES = (
    Rule("event", "an event is about an object of its namespace, and says who tells it", event, _EVENT),
    Rule(
        "event-strict",
        "an event of the new group has its time and type",
        strict_event,
        _EVENT,
        on_update=False,
    ),
)
