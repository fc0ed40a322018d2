"""The one conformance suite for backends: whatever passes it can stand behind minikctl.

Rules:
- It tests every promise of `minikctl.backend.port`, and nothing that is not promised there.
- It speaks to the backend through the port alone; what cannot be seen through it is seen from inside a
  container, by the lines that the container writes.
- Waiting is polling with a deadline. Each test removes all that it made.
- pytest is imported only when `BackendContract` is asked for, so that importing this package needs nothing.

A backend joins by subclassing:

    from minikctl.contract import BackendContract

    class TestMyBackend(BackendContract):
        @pytest.fixture
        def make_backend(self):
            return lambda cluster_id: MyBackend.open(Settings("", cluster_id))

`make_backend(cluster_id)` returns a new connection to the same engine each time. The engine must hold the
images that the class attributes of `minikctl.contract.base.ContractBase` describe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minikctl.contract.suite import BackendContract

__all__ = ["BackendContract"]


def __getattr__(name: str) -> Any:
    """Loads the suite at first use, with pytest's detailed assertion messages."""
    if name != "BackendContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pytest

    pytest.register_assert_rewrite(f"{__name__}.bench", f"{__name__}.base", f"{__name__}.checks")
    from minikctl.contract.suite import BackendContract

    return BackendContract
