"""`minikctl cluster`: the nodes and the backend of this state directory."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from minikctl.cli.base import Entry, flags_of
from minikctl.cli.errors import complain
from minikctl.cli.options import flag, value
from minikctl.cli.printing import read_text
from minikctl.cli.session import Session, note, open_session, out
from minikctl.errors import UsageError

ENTRIES = {
    "init": Entry("minikctl.cli.cluster", "init", "Declare the nodes, in cluster.yaml."),
    "info": Entry("minikctl.cli.cluster", "info", "Where the state is, what runs it, which nodes there are."),
}


def init(
    context: typer.Context,
    nodes: Annotated[
        int | None, value("--nodes", metavar="COUNT", text="So many nodes of one engine.")
    ] = None,
    config: Annotated[
        str, value("--config", metavar="FILE", text="A cluster file, minikctl's own or kind's (v1alpha4).")
    ] = "",
    force: Annotated[
        bool, flag("--force", text="Write over a cluster.yaml that says something else.")
    ] = False,
) -> None:
    """Declare the nodes: `cluster init --nodes 3`, `cluster init --config kind.yaml`."""
    if (nodes is None) == (not config):
        raise UsageError("say either --nodes COUNT or --config FILE")
    from minikctl import registry
    from minikctl.agent.cluster import find_state_dir
    from minikctl.agent.nodes import FILE, init_cluster
    from minikctl.store.directory import using

    session = Session(flags_of(context))
    state_dir = find_state_dir(session.options, os.environ)
    backend = flags_of(context).backend
    if backend:
        registry.find(backend)
    text = read_text(config) if config else None
    with using(state_dir):
        notes = init_cluster(state_dir, nodes=nodes, config=text, backend=backend, force=force)
    for line in notes:
        note(line)
    out(f"{state_dir / FILE} written\n")


def info(context: typer.Context) -> None:
    """Where the state is, what runs it, which nodes there are."""
    from minikctl.render.columns import Aligner
    from minikctl.render.escape import escape

    with open_session(context) as session:
        cluster = session.cluster
        simulated = " (simulated: no container really runs)" if cluster.is_simulated else ""
        holder = cluster.lock_holder()
        out(f"State directory: {escape(str(cluster.state_dir))}\n")
        out(f"Cluster id:      {cluster.store.cluster_id}\n")
        out(f"Backend:         {cluster.backend_name}{simulated}\n")
        out(f"Agent:           {_agent_text(holder)}\n\n")
        rows = [("NODE", "ROLE", "BACKEND", "ENDPOINT")]
        rows += [
            (one.name, one.role or "<none>", one.backend, one.endpoint or "<default>")
            for one in cluster.nodes
        ]
        out("".join(f"{escape(line)}\n" for line in Aligner().lines(rows)))
        for problem in cluster.file_problems:
            complain(str(problem))


def _agent_text(holder: dict[str, object] | None) -> str:
    if holder is None:
        return "none; commands act for themselves (see: minikctl agent start)"
    return f"{holder.get('role', 'a command')} (pid {holder.get('pid', '?')})"
