"""Measurements of minikctl: each module is a program, `python -m benchmarks.NAME` (see README.md)."""
