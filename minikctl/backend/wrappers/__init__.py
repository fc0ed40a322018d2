"""Backends made of another backend: retry, fault injection, recording, dry run. They stack in any order.

Rules:
- A wrapper is a `Backend`; nobody asks whether one is there.
- Time, waiting and chance are arguments, so that a simulation decides them.
"""
