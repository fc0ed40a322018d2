"""API objects as the text that kubectl prints: tables, documents, descriptions, rollouts, the live tree.

Rules:
- Pure: objects and `now` (seconds since the epoch) go in, text comes out. Nothing here prints, reads a
  clock, looks at the terminal or knows where objects come from.
- Where the kind is one of Kubernetes', the text is kubectl's byte for byte; what is ours says so.
- Text that came from outside (names, messages, reasons) passes `escape` before it reaches a terminal.
  Documents (`-o json|yaml`) carry their own escaping, and `-o jsonpath` is raw, as in kubectl.
- Imports `model` and `errors` only. A YAML dumper arrives as an argument.
"""
