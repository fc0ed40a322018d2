"""Backends made of another backend: retry, fault injection, recording, dry run. They stack in any order.

Rules:
- A wrapper is a `Backend`; nobody asks whether one is there.
- Time, waiting and chance are arguments, so that a simulation decides them.
"""

from minikctl.backend.wrappers.base import MUTATING, BackendWrapper, short
from minikctl.backend.wrappers.dry_run import DryRunBackend, PlannedCall
from minikctl.backend.wrappers.faulty import Faults, FaultyBackend
from minikctl.backend.wrappers.recording import CallReport, RecordingBackend, log_calls
from minikctl.backend.wrappers.retrying import RetryingBackend

__all__ = [
    "MUTATING",
    "BackendWrapper",
    "CallReport",
    "DryRunBackend",
    "Faults",
    "FaultyBackend",
    "PlannedCall",
    "RecordingBackend",
    "RetryingBackend",
    "log_calls",
    "short",
]
