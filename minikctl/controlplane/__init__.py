"""The control plane: pure functions from what is declared and observed to what is written and done.

Rules:
- Level-triggered: each function decides from what *is*, never from what happened.
- `(key, view, now) → Decision`. No I/O, no clock, no random numbers: time and ids arrive as arguments.
- A controller only reads the `View` and says what it wants written; whoever runs it applies that.
- A second look at an unchanged world decides nothing: this is what the properties in tests/ check first.
"""
