"""The agent: the loop that acts, run by `apply` for as long as a rollout takes or by `agent run` for good.

Rules:
- One process acts on a state directory (agent.lock); everybody else writes what is desired and watches.
- A pass reads what changed, asks the pure control plane, commits, and only then acts: what an engine is asked
  to make stands in the store before.
- Threads are only for calls to engines. Deciding happens in one thread.
"""
