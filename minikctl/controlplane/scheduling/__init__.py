"""What the scheduler asks of nodes: one module a family of filters and scores, as upstream's plugins.

Rules:
- A filter says why a pod can't go to a node, in kube-scheduler's words, and nothing when it can. It sees all
  nodes, so that what other pods ask (to be apart, to be spread) is counted everywhere.
- A score is a number from 0 to 100 for each node that is left; `scheduler` weighs and adds them.
- Nothing counts pods one by one: `View.usage` has the sums, and pods that are alike as one entry.
"""
