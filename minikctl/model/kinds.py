"""The kinds that this version runs, as data: what discovery would answer.

Adding a kind starts here; everything that speaks of kinds (CLI names, paths, tables) reads this table.
"""

from __future__ import annotations

from msgspec import Struct

DEFAULT_NAMESPACE = "default"


class Kind(Struct, frozen=True):
    """One served kind. `resource` is kubectl's `plural.group` form used in messages."""

    name: str
    api_version: str
    plural: str
    short_names: tuple[str, ...]
    namespaced: bool
    verbs: tuple[str, ...]
    declarable: bool = True
    """Whether people may write it: a declared object has a file under desired/."""
    in_all: bool = False
    has_status: bool = True
    """Whether its objects have a status that the control plane writes, and so count their generations."""
    inert: str = ""
    """Why its objects are kept and shown, and change nothing; "" where something follows from them."""

    @property
    def group(self) -> str:
        return self.api_version.partition("/")[0] if "/" in self.api_version else ""

    @property
    def singular(self) -> str:
        return self.name.lower()

    @property
    def resource(self) -> str:
        """`deployments.apps`, `pods`: how the API server names the resource in an error."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified(self) -> str:
        """`deployment.apps`, `pod`: how kubectl names one object in its output."""
        return f"{self.singular}.{self.group}" if self.group else self.singular


_ALL = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_READ = ("get", "list", "watch")

NAMESPACE = Kind("Namespace", "v1", "namespaces", ("ns",), False, _ALL)
NODE = Kind("Node", "v1", "nodes", ("no",), False, _READ, declarable=False)
CONFIG_MAP = Kind("ConfigMap", "v1", "configmaps", ("cm",), True, _ALL, has_status=False)
SECRET = Kind("Secret", "v1", "secrets", (), True, _ALL, has_status=False)
SERVICE_ACCOUNT = Kind("ServiceAccount", "v1", "serviceaccounts", ("sa",), True, _ALL, has_status=False)
SERVICE = Kind("Service", "v1", "services", ("svc",), True, _ALL, in_all=True)
ENDPOINT_SLICE = Kind(
    "EndpointSlice", "discovery.k8s.io/v1", "endpointslices", (), True, _ALL, has_status=False
)
ENDPOINTS = Kind("Endpoints", "v1", "endpoints", ("ep",), True, _ALL, has_status=False)
INGRESS = Kind("Ingress", "networking.k8s.io/v1", "ingresses", ("ing",), True, _ALL)
INGRESS_CLASS = Kind(
    "IngressClass", "networking.k8s.io/v1", "ingressclasses", (), False, _ALL, has_status=False
)
CLAIM = Kind("PersistentVolumeClaim", "v1", "persistentvolumeclaims", ("pvc",), True, _ALL)
VOLUME = Kind("PersistentVolume", "v1", "persistentvolumes", ("pv",), False, _ALL)
STORAGE_CLASS = Kind(
    "StorageClass", "storage.k8s.io/v1", "storageclasses", ("sc",), False, _ALL, has_status=False
)
PRIORITY_CLASS = Kind(
    "PriorityClass", "scheduling.k8s.io/v1", "priorityclasses", ("pc",), False, _ALL, has_status=False
)
DISRUPTION_BUDGET = Kind("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets", ("pdb",), True, _ALL)
QUOTA = Kind("ResourceQuota", "v1", "resourcequotas", ("quota",), True, _ALL)
LIMIT_RANGE = Kind("LimitRange", "v1", "limitranges", ("limits",), True, _ALL, has_status=False)
POD = Kind("Pod", "v1", "pods", ("po",), True, _ALL, in_all=True)
EVENT = Kind("Event", "v1", "events", ("ev",), True, _READ, declarable=False)
REPLICA_SET = Kind("ReplicaSet", "apps/v1", "replicasets", ("rs",), True, _ALL, in_all=True)
DEPLOYMENT = Kind("Deployment", "apps/v1", "deployments", ("deploy",), True, _ALL, in_all=True)
REPLICATION_CONTROLLER = Kind(
    "ReplicationController", "v1", "replicationcontrollers", ("rc",), True, _ALL, in_all=True
)
DAEMON_SET = Kind("DaemonSet", "apps/v1", "daemonsets", ("ds",), True, _ALL, in_all=True)
STATEFUL_SET = Kind("StatefulSet", "apps/v1", "statefulsets", ("sts",), True, _ALL, in_all=True)
REVISION = Kind(
    "ControllerRevision",
    "apps/v1",
    "controllerrevisions",
    (),
    True,
    _READ,
    declarable=False,
    has_status=False,
)
JOB = Kind("Job", "batch/v1", "jobs", (), True, _ALL, in_all=True)
CRON_JOB = Kind("CronJob", "batch/v1", "cronjobs", ("cj",), True, _ALL, in_all=True)
AUTOSCALER = Kind(
    "HorizontalPodAutoscaler",
    "autoscaling/v2",
    "horizontalpodautoscalers",
    ("hpa",),
    True,
    _ALL,
    in_all=True,
)
RUNTIME_CLASS = Kind("RuntimeClass", "node.k8s.io/v1", "runtimeclasses", (), False, _ALL, has_status=False)


def _inert(api_version: str, why: str, *kinds: str) -> tuple[Kind, ...]:
    """Kinds that mean something only in a cluster, each written `Name plural [short]`, with a `/` before the
    name where its objects are of no namespace."""
    made = []
    for text in kinds:
        name, plural, *short = text.lstrip("/").split()
        is_namespaced = not text.startswith("/")
        made.append(
            Kind(name, api_version, plural, tuple(short), is_namespaced, _ALL, has_status=False, inert=why)
        )
    return tuple(made)


_ASKED_NOBODY = "nobody is asked before an object is stored"
_NO_DRIVER = "no CSI driver runs"
_NO_AUTHORITY = "nobody signs certificates"
_NO_ADDRESSES = "addresses are of the engine's network"
INERT_KINDS = (
    *_inert(
        "rbac.authorization.k8s.io/v1",
        "nothing checks permissions, and pods have no API server to talk to",
        "/ClusterRole clusterroles",
        "/ClusterRoleBinding clusterrolebindings",
        "Role roles",
        "RoleBinding rolebindings",
    ),
    *_inert("networking.k8s.io/v1", "no traffic is filtered", "NetworkPolicy networkpolicies netpol"),
    *_inert("networking.k8s.io/v1", _NO_ADDRESSES, "/IPAddress ipaddresses ip", "/ServiceCIDR servicecidrs"),
    *_inert(
        "admissionregistration.k8s.io/v1",
        _ASKED_NOBODY,
        "/MutatingAdmissionPolicy mutatingadmissionpolicies",
        "/MutatingAdmissionPolicyBinding mutatingadmissionpolicybindings",
        "/MutatingWebhookConfiguration mutatingwebhookconfigurations",
        "/ValidatingAdmissionPolicy validatingadmissionpolicies",
        "/ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings",
        "/ValidatingWebhookConfiguration validatingwebhookconfigurations",
    ),
    *_inert(
        "apiextensions.k8s.io/v1",
        "no controller of such resources runs",
        "/CustomResourceDefinition customresourcedefinitions crd crds",
    ),
    *_inert("apiregistration.k8s.io/v1", "there is no API server to extend", "/APIService apiservices"),
    *_inert(
        "flowcontrol.apiserver.k8s.io/v1",
        "there is no API server whose requests would wait",
        "/FlowSchema flowschemas",
        "/PriorityLevelConfiguration prioritylevelconfigurations",
    ),
    *_inert("coordination.k8s.io/v1", "nobody looks at leases", "Lease leases"),
    *_inert(
        "certificates.k8s.io/v1",
        _NO_AUTHORITY,
        "/CertificateSigningRequest certificatesigningrequests csr",
        "/ClusterTrustBundle clustertrustbundles",
    ),
    *_inert(
        "storage.k8s.io/v1",
        _NO_DRIVER,
        "/CSIDriver csidrivers",
        "/CSINode csinodes",
        "CSIStorageCapacity csistoragecapacities",
        "/VolumeAttachment volumeattachments",
        "/VolumeAttributesClass volumeattributesclasses vac",
    ),
    *_inert("v1", "nothing makes pods from it, as in Kubernetes", "PodTemplate podtemplates"),
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        NAMESPACE,
        NODE,
        EVENT,
        SERVICE_ACCOUNT,
        SECRET,
        CONFIG_MAP,
        STORAGE_CLASS,
        VOLUME,
        CLAIM,
        PRIORITY_CLASS,
        LIMIT_RANGE,
        QUOTA,
        DISRUPTION_BUDGET,
        SERVICE,
        ENDPOINT_SLICE,
        ENDPOINTS,
        INGRESS_CLASS,
        INGRESS,
        POD,
        REPLICA_SET,
        DEPLOYMENT,
        REPLICATION_CONTROLLER,
        DAEMON_SET,
        STATEFUL_SET,
        REVISION,
        JOB,
        CRON_JOB,
        AUTOSCALER,
        RUNTIME_CLASS,
        *INERT_KINDS,
    )
}

SCALABLE = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")
"""The kinds whose objects have a size that people and autoscalers set (upstream's scale subresource)."""

# The order in which documents are applied: what others live in goes first.
APPLY_ORDER: dict[str, int] = {
    "Namespace": 0,
    "Node": 1,
    "PriorityClass": 2,
    "PodDisruptionBudget": 2,
    "LimitRange": 2,
    "ResourceQuota": 2,
    "ServiceAccount": 3,
    "Secret": 4,
    "ConfigMap": 5,
    "StorageClass": 6,
    "PersistentVolume": 6,
    "PersistentVolumeClaim": 7,
    "Service": 8,
    "EndpointSlice": 9,
    "Endpoints": 9,
    "Pod": 10,
    "ReplicaSet": 11,
    "Deployment": 12,
    "ReplicationController": 13,
    "DaemonSet": 14,
    "StatefulSet": 15,
    "Job": 16,
    "CronJob": 17,
    "HorizontalPodAutoscaler": 17,
    "IngressClass": 18,
    "Ingress": 19,
    "RuntimeClass": 2,
    **{kind.name: 3 for kind in INERT_KINDS},
}


def _aliases() -> dict[str, Kind]:
    table: dict[str, Kind] = {}
    for kind in KINDS.values():
        names = (kind.singular, kind.plural, *kind.short_names)
        for name in names:
            table[name] = kind
            if kind.group:
                table[f"{name}.{kind.group}"] = kind
                table[f"{name}.{kind.api_version.partition('/')[2]}.{kind.group}"] = kind
            else:
                table[f"{name}.{kind.api_version}"] = kind
    return table


ALIASES: dict[str, Kind] = _aliases()


def find_kind(word: str) -> Kind | None:
    """The kind that kubectl would take `word` for (`po`, `pods`, `deployments.apps`), or None."""
    return ALIASES.get(word.lower())
