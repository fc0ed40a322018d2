"""How volumes are provided: classes, CSI drivers, and what is attached where."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.persistent_volumes import check_inline_volume
from minikctl.manifests.rules.problems import (
    NOT_NEGATIVE,
    duplicate,
    forbidden,
    invalid,
    qualified_name_advice,
    required,
    subdomain_advice,
    too_long,
    unsupported,
)
from minikctl.manifests.rules.resource_names import check_not_negative_amount
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.manifests.rules.selectors import check_selector
from minikctl.manifests.rules.volume_sources import check_driver_name
from minikctl.model import Object

_CLASS = frozenset({"StorageClass"})
_ATTRIBUTES = frozenset({"VolumeAttributesClass"})
_DRIVER = frozenset({"CSIDriver"})
_NODE = frozenset({"CSINode"})
_ATTACHMENT = frozenset({"VolumeAttachment"})
_CAPACITY = frozenset({"CSIStorageCapacity"})
_MAX_PARAMETERS = 512
_MAX_BYTES = 256 * 1024

# --- classes --------------------------------------------------------------------------------------

_RECLAIM_POLICIES = ("Delete", "Retain")
_BINDING_MODES = ("Immediate", "WaitForFirstConsumer")


def storage_class(obj: Object) -> Iterator[FieldProblem]:
    yield from _provisioner(obj.get("provisioner", ""), "provisioner")
    yield from _parameters(obj.get("parameters") or {})
    policy, mode = obj.get("reclaimPolicy", ""), obj.get("volumeBindingMode")
    if policy and policy not in _RECLAIM_POLICIES:
        yield unsupported("reclaimPolicy", policy, _RECLAIM_POLICIES)
    if mode not in _BINDING_MODES:
        yield unsupported("volumeBindingMode", mode, _BINDING_MODES)
    yield from _topologies(obj.get("allowedTopologies") or ())


def attributes_class(obj: Object) -> Iterator[FieldProblem]:
    yield from _provisioner(obj.get("driverName", ""), "driverName")
    yield from _parameters(obj.get("parameters") or {})
    if not obj.get("parameters"):
        yield required("parameters", "must contain at least one key/value pair")


def _provisioner(name: str, path: str) -> Iterator[FieldProblem]:
    if not name:
        yield required(path)
    elif problem := qualified_name_advice(name.lower()):
        yield invalid(path, name, problem)


def _parameters(parameters: Fields) -> Iterator[FieldProblem]:
    if len(parameters) > _MAX_PARAMETERS:
        yield too_long("parameters", _MAX_PARAMETERS)
        return
    if "" in parameters:
        yield invalid("parameters", "", "field can not be empty.")
    if _bytes(parameters) > _MAX_BYTES:
        yield too_long("parameters", _MAX_BYTES)


def _bytes(texts: dict[str, str]) -> int:
    return sum(len(f"{key}{value}".encode(errors="surrogatepass")) for key, value in texts.items())


def _topologies(terms: list[Fields] | tuple[Fields, ...]) -> Iterator[FieldProblem]:
    # The server compares each term with one empty term for each that there is, too.
    seen: set[frozenset[tuple[str, frozenset[str]]]] = {frozenset()} if terms else set()
    for index, term in enumerate(terms):
        path = f"allowedTopologies[{index}].matchLabelExpressions"
        values: dict[str, frozenset[str]] = {}
        for place, expression in enumerate(term.get("matchLabelExpressions") or ()):
            key = expression.get("key", "")
            yield from _topology(expression, f"{path}[{place}]")
            if key in values:
                yield duplicate(f"{path}[{place}].key", key)
            values[key] = frozenset(expression.get("values") or ())
        selected = frozenset(values.items())
        # One problem says the same as many: they have the same words.
        if selected in seen:
            yield duplicate(path, "")
        seen.add(selected)


def _topology(expression: Fields, path: str) -> Iterator[FieldProblem]:
    key, values = expression.get("key", ""), expression.get("values") or []
    if not values:
        yield required(f"{path}.values")
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield duplicate(f"{path}.values[{index}]", value)
        seen.add(value)
    if problem := qualified_name_advice(key):
        yield invalid(f"{path}.key", key, problem)


def _frozen(*names: str) -> Callable[[Object, Object], Iterator[FieldProblem]]:
    """Fields of an object that can't be changed."""

    def check(old: Object, new: Object) -> Iterator[FieldProblem]:
        for name in names:
            if (old.get(name) or None) != (new.get(name) or None):
                yield forbidden(name, f"updates to {name} are forbidden.")

    return check


def binding_mode(old: Object, new: Object) -> Iterator[FieldProblem]:
    if old.get("volumeBindingMode") != new.get("volumeBindingMode"):
        yield invalid("volumeBindingMode", new.get("volumeBindingMode"), "field is immutable")


# --- drivers --------------------------------------------------------------------------------------

_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_LIFECYCLES = ("Ephemeral", "Persistent")
_SHORTEST_TOKEN, _LONGEST_TOKEN = 600, 2**32


def driver(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    policy = spec.get("fsGroupPolicy")
    if policy not in _GROUP_POLICIES:
        yield unsupported("spec.fsGroupPolicy", policy, _GROUP_POLICIES)
    yield from _token_requests(spec.get("tokenRequests") or (), "spec.tokenRequests")
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in _LIFECYCLES:
            yield unsupported("spec.volumeLifecycleModes", mode, _LIFECYCLES)
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < 10:
        detail = "must be greater than or equal to 10 seconds"
        yield invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, detail)


def _token_requests(requests: list[Fields] | tuple[Fields, ...], path: str) -> Iterator[FieldProblem]:
    audiences = set()
    for index, request in enumerate(requests):
        audience, seconds = request.get("audience", ""), request.get("expirationSeconds")
        if audience in audiences:
            yield duplicate(f"{path}[{index}].audience", audience)
            continue
        audiences.add(audience)
        where = f"{path}[{index}].expirationSeconds"
        if seconds is not None and seconds < _SHORTEST_TOKEN:
            yield invalid(where, seconds, "may not specify a duration less than 10 minutes")
        if seconds is not None and seconds > _LONGEST_TOKEN:
            yield invalid(where, seconds, "may not specify a duration larger than 2^32 seconds")


def driver_frozen(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = (obj.get("spec") or {} for obj in (old, new))
    # The server misspells the first of them.
    for name, told in (("attachRequired", "attachedRequired"), ("volumeLifecycleModes",) * 2):
        if before.get(name) != after.get(name):
            yield invalid(f"spec.{told}", after.get(name), "field is immutable")


def drivers_of_node(obj: Object) -> Iterator[FieldProblem]:
    seen: set[str] = set()
    for index, one in enumerate((obj.get("spec") or {}).get("drivers") or ()):
        path, name = f"spec.drivers[{index}]", one.get("name", "")
        yield from check_driver_name(name, f"{path}.name")
        yield from _node_id(one.get("nodeID", ""), f"{path}.nodeID")
        count = (one.get("allocatable") or {}).get("count")
        if count is not None and count < 0:
            yield invalid(f"{path}.allocatable.count", count, NOT_NEGATIVE)
        if name in seen:
            yield duplicate(f"{path}.name", name)
        seen.add(name)
        yield from _topology_keys(one.get("topologyKeys") or [], path)


def _node_id(value: str, path: str) -> Iterator[FieldProblem]:
    if not value:
        yield required(path)
    if len(value.encode(errors="surrogatepass")) > 256:
        yield invalid(path, value, "must be 256 characters or less")


def _topology_keys(keys: list[str], path: str) -> Iterator[FieldProblem]:
    seen: set[str] = set()
    for key in keys:
        if not key:
            yield required(path)
        if key in seen:
            yield duplicate(path, key)
        seen.add(key)
        if problem := qualified_name_advice(key):
            yield invalid(path, key, problem)


def node_drivers_frozen(old: Object, new: Object) -> Iterator[FieldProblem]:
    """An entry stays while it is there, but for what can be allocated."""
    before, after = (
        {
            one.get("name", ""): {name: value for name, value in one.items() if name != "allocatable"}
            for one in (obj.get("spec") or {}).get("drivers") or ()
        }
        for obj in (old, new)
    )
    for name, entry in before.items():
        if name in after and after[name] != entry:
            yield invalid("spec.drivers", after[name], "field is immutable")


# --- attachments and capacities -------------------------------------------------------------------


def attachment(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    yield from check_driver_name(spec.get("attacher", ""), "spec.attacher")
    source = spec.get("source") or {}
    name, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    if name is None and inline is None:
        yield required("spec.source", detail)
    elif name is not None and inline is not None:
        yield forbidden("spec.source", detail)
    elif name == "":
        yield required("spec.source.persistentVolumeName", "must specify non empty persistentVolumeName")
    elif inline is not None:
        yield from check_inline_volume(inline, "spec.source.inlineVolumeSpec")
    if name is not None and (problem := subdomain_advice(name)):
        yield invalid("spec.source.persistentVolumeName", name, problem)
    if problem := subdomain_advice(spec.get("nodeName", "")):
        yield invalid("spec.nodeName", spec.get("nodeName", ""), problem)


def attachment_frozen(old: Object, new: Object) -> Iterator[FieldProblem]:
    if old.get("spec") != new.get("spec"):
        yield invalid("spec", new.get("spec"), "field is immutable")


def capacity(obj: Object) -> Iterator[FieldProblem]:
    if obj.get("nodeTopology") is not None:
        yield from check_selector(obj["nodeTopology"], "nodeTopology")
    if problem := subdomain_advice(obj.get("storageClassName", "")):
        yield invalid("storageClassName", obj.get("storageClassName", ""), problem)
    yield from check_not_negative_amount(obj.get("capacity"), "capacity")


def capacity_frozen(old: Object, new: Object) -> Iterator[FieldProblem]:
    for name in ("nodeTopology", "storageClassName"):
        if old.get(name) != new.get(name):
            yield invalid(name, new.get(name), "field is immutable")


RULES = (
    Rule(
        "storage-class",
        "a class names its provisioner, and knows when to bind and to reclaim",
        storage_class,
        _CLASS,
        on_update=False,
    ),
    Rule(
        "volume-attributes-class",
        "a class names its driver and has parameters",
        attributes_class,
        _ATTRIBUTES,
    ),
    Rule("csi-driver", "policies, modes and tokens are what Kubernetes knows", driver, _DRIVER),
    Rule("csi-node", "drivers of a node have names and node ids, each once", drivers_of_node, _NODE),
    Rule("volume-attachment", "one volume is attached to one node", attachment, _ATTACHMENT),
    Rule(
        "csi-storage-capacity",
        "a capacity is of a class and not negative",
        capacity,
        _CAPACITY,
        on_update=False,
    ),
    UpdateRule(
        "storage-class-frozen",
        "parameters, provisioner and reclaim policy stay",
        _frozen("parameters", "provisioner", "reclaimPolicy"),
        _CLASS,
    ),
    UpdateRule("storage-class-binding", "the binding mode stays", binding_mode, _CLASS),
    UpdateRule(
        "volume-attributes-class-frozen",
        "driver and parameters stay",
        _frozen("driverName", "parameters"),
        _ATTRIBUTES,
    ),
    UpdateRule("csi-driver-frozen", "attachment and life cycles stay", driver_frozen, _DRIVER),
    UpdateRule("csi-node-frozen", "a driver's entry stays", node_drivers_frozen, _NODE),
    UpdateRule("volume-attachment-frozen", "an attachment stays", attachment_frozen, _ATTACHMENT),
    UpdateRule("csi-storage-capacity-frozen", "class and topology stay", capacity_frozen, _CAPACITY),
)
