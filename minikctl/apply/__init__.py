"""What happens to an object between a manifest and the store: merging, comparing and ordering.

Rules:
- Pure: JSON in, JSON out. What differs from kind to kind arrives as a `MergeTable`, never as an import.
- Arguments are never changed, and a result shares nothing with them that a caller could change by accident.
- The semantics are those of Kubernetes' apimachinery; where they are bettered, the docstring says so and why.
"""
