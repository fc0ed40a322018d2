"""The suite: all checks in one class."""

from __future__ import annotations

from minikctl.contract.checks.hints import HintChecks
from minikctl.contract.checks.images import ImageChecks
from minikctl.contract.checks.lifecycle import LifecycleChecks
from minikctl.contract.checks.listing import ListingChecks
from minikctl.contract.checks.output import OutputChecks
from minikctl.contract.checks.process import ProcessChecks
from minikctl.contract.checks.sandboxes import SandboxChecks


class BackendContract(
    LifecycleChecks, ListingChecks, ProcessChecks, SandboxChecks, OutputChecks, HintChecks, ImageChecks
):
    """Subclass it as `Test…`, give the fixture `make_backend`, and override attributes of `ContractBase`."""
