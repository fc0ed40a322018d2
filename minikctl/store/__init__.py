"""The store: the state directory (etcd's place), and the same in memory for tests.

Rules:
- `desired/` is precious, `state.db` is disposable. What people declared stands in a file before anything else
  happens, and a crash between the two is seen and mended at the next look (`scan`).
- Every write carries the resourceVersion that it was based on; a stale one is a `Conflict` and nothing of
  the whole commit happens.
- The store knows nothing of kinds: defaults, validation and deletion rules are the API's.
- One implementation: in tests the same code runs over a database and files that live in the process.
"""

from minikctl.store.database import DatabaseStore
from minikctl.store.directory import open_directory, open_memory
from minikctl.store.lock import AgentLock
from minikctl.store.port import Changes, Codec, DesiredFile, Store

__all__ = [
    "AgentLock",
    "Changes",
    "Codec",
    "DatabaseStore",
    "DesiredFile",
    "Store",
    "open_directory",
    "open_memory",
]
