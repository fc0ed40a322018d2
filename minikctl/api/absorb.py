"""Desired files that people changed by hand, or that git brought, become what is desired.

Rules:
- A file that can't be read or breaks a rule changes nothing: its last good version stays in force, and it is
  reported.
- Files that vanish mean deletions, but when most of them vanish at once that is held back until somebody
  confirms: an empty folder is more often an accident than a wish.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikctl.api import deletion
from minikctl.api.admission import (
    admit,
    admit_change,
    changed_object,
    check,
    is_same,
    merge_table,
    new_object,
)
from minikctl.api.allocations import AlreadyAllocated
from minikctl.api.charges import charges
from minikctl.api.results import Deletions, FileProblem, Refusals
from minikctl.apply.threeway import three_way
from minikctl.clock import Clock
from minikctl.controlplane.decision import Ids
from minikctl.controlplane.overlay import Overlay
from minikctl.errors import Forbidden, Invalid, ManifestError, NotFound
from minikctl.model import Object, ObjectKey, is_deleting
from minikctl.model.secrets import folded
from minikctl.model.writes import DROP, Adopt, Put, Write
from minikctl.store import DesiredFile, Store

GONE = "is gone: the next command that acts, or an agent, deletes its object, unless it is applied"
_FIRST = ("Namespace", "PriorityClass", "RuntimeClass", "StorageClass", "LimitRange", "ResourceQuota")
"""What others are held to, and may come with them: only what was taken over counts, so they go before."""
FEW = 2
"""So many files may always vanish at once."""


def absorb(
    files: Sequence[DesiredFile],
    store: Store,
    clock: Clock,
    ids: Ids,
    deletions: Deletions,
    refusals: Refusals,
) -> Sequence[FileProblem]:
    """`files` are those that are not as they were recorded.

    :raises Conflict: something moved on meanwhile; call again.
    """
    problems: list[FileProblem] = []
    writes: list[Write] = []
    vanished = [file for file in files if file.desired is None and file.problem is None]
    known_soon = Overlay(store)
    for file in sorted(files, key=lambda one: (_rank(one.key.kind), one.path)):
        if file in vanished:
            continue
        revision = (store.get(file.key) or {}).get("metadata", {}).get("resourceVersion", "")
        known = refusals.get(file.path)
        if known is not None and known[:2] == (file.digest, revision):
            problems.append(known[2])
            continue
        try:
            found = _changed(file, store, clock, ids, known_soon)
            writes.extend(found)
            for write in found:
                known_soon.add(write.obj)
        except AlreadyAllocated as error:  # the other one may let it go at any time; so it is asked again
            problems.append(FileProblem(file.path, _one_line(error)))
        except (ManifestError, Invalid) as error:
            problem = FileProblem(file.path, _one_line(error))
            refusals[file.path] = (file.digest, revision, problem)
            problems.append(problem)
        except (Forbidden, NotFound) as error:
            # Not the file is wrong: its namespace may let it in, or come, at any time; so it is asked again.
            problems.append(FileProblem(file.path, _one_line(error)))
    brake = _brake(vanished, len(store.declared_keys()))
    if deletions is Deletions.LEFT:
        problems.extend(FileProblem(file.path, GONE) for file in vanished)
    elif brake and deletions is not Deletions.CONFIRMED:
        problems.append(brake)
    else:
        for file in vanished:
            writes.extend(_vanished(file.key, store, clock.now()))
    store.commit([*writes, *charges((one.obj for one in writes if isinstance(one, Put)), known_soon)])
    return problems


def _rank(kind: str) -> int:
    """What others are held to is taken over before them."""
    return _FIRST.index(kind) if kind in _FIRST else len(_FIRST)


def _one_line(error: Exception) -> str:
    if isinstance(error, Invalid):
        return "; ".join(str(problem) for problem in error.problems)
    if isinstance(error, ManifestError) and error.position:
        return f"{error.position.line}:{error.position.column}: {error.message}"
    return str(error)


def _changed(file: DesiredFile, store: Store, clock: Clock, ids: Ids, coming: Overlay) -> list[Put]:
    if file.problem is not None or file.desired is None:
        raise file.problem or ManifestError("cannot be read")
    check(file.desired)
    _check_namespace(file.key.namespace, store, coming)
    live = store.get(file.key)
    adopt = Adopt(file.desired, file.digest)
    if live is None:
        obj = new_object(file.desired, clock, ids)
        return [Put(admit(obj, coming), adopt, file.last_applied)]
    if is_deleting(live):
        return []
    merged = _merged(live, file.desired, store.declared(file.key))
    if is_same(live, merged):
        return [Put(live, adopt, file.last_applied)]
    check(merged, live)
    admit_change(live, merged, coming)
    return [Put(merged, adopt, file.last_applied)]


def _check_namespace(name: str, store: Store, coming: Overlay) -> None:
    """`coming`: with namespaces whose files are new too."""
    home = ObjectKey("Namespace", "", name)
    if not name or name == "default" or coming.has(home):
        return
    namespace = store.get(home)
    if namespace is None or is_deleting(namespace):
        raise NotFound("namespaces", name)


def _merged(live: Object, desired: Object, before: Object | None) -> Object:
    """What the file dropped goes; what the system set (a revision, a node) stays."""
    last = folded(before) if before is not None else None
    return changed_object(live, three_way(last, live, folded(desired), merge_table(live["kind"])))


def _vanished(key: ObjectKey, store: Store, now: float) -> list[Write]:
    live = store.get(key)
    if live is None or is_deleting(live):
        return []
    if key.kind == "Node" or deletion.is_protected(key):  # the file only held what people changed of it
        bare = {name: live[name] for name in ("apiVersion", "kind")} | {"metadata": {"name": key.name}}
        return [Put(_merged(live, bare, store.declared(key)), DROP)]
    return deletion.writes(live, [], now, grace_seconds=None, propagation="background", force=False)


def _brake(vanished: Sequence[DesiredFile], declared: int) -> FileProblem | None:
    if len(vanished) <= FEW or 2 * len(vanished) <= declared:
        return None
    text = (
        f"{len(vanished)} of {declared} desired files vanished; nothing is deleted until you put them back"
        " or confirm with: minikctl agent run --once --confirm-deletions"
    )
    return FileProblem("", text, is_brake=True)
