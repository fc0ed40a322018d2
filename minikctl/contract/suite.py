"""The suite: all checks in one class."""

from __future__ import annotations

from minikctl.contract.checks.commands import CommandChecks
from minikctl.contract.checks.files import FileChecks
from minikctl.contract.checks.hints import HintChecks
from minikctl.contract.checks.images import ImageChecks
from minikctl.contract.checks.lifecycle import LifecycleChecks
from minikctl.contract.checks.listing import ListingChecks
from minikctl.contract.checks.output import OutputChecks
from minikctl.contract.checks.pods import PodChecks
from minikctl.contract.checks.probes import ProbeChecks
from minikctl.contract.checks.process import ProcessChecks
from minikctl.contract.checks.sandboxes import SandboxChecks


class BackendContract(
    LifecycleChecks,
    ListingChecks,
    ProcessChecks,
    SandboxChecks,
    PodChecks,
    FileChecks,
    OutputChecks,
    HintChecks,
    ImageChecks,
    CommandChecks,
    ProbeChecks,
):
    """Subclass it as `Test…`, give the fixture `make_backend`, and override attributes of `ContractBase`."""
