"""The command line: kubectl's verbs, flags, texts and exit codes over the API and the agent.

Rules:
- The one door of typer. A verb's module is imported only when that verb runs; importing one imports nothing
  that its commonest use does not need.
- A verb's function reads flags, asks the API, and hands objects to `minikctl.render`; texts of tables and
  descriptions are made there, decisions are made below.
- stdout carries what kubectl prints; progress, notes and errors go to stderr. All of it passes `escape`.
- An expected error is one line and its exit code (`errors`); anything else is a bug, and says where its
  traceback is.
- No flag is silently ignored: what is not handled is not declared, and so refused by name.
"""
