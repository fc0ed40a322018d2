"""Custom resources: what the API server makes of them by their CustomResourceDefinition.

Rules:
- `structural` walks a value along its schema: unknown fields, defaults, embedded objects, lists of type set
  and map. `values` judges the values; `formats` and `patterns` are its leaves.
- Schemas are taken as they were written. What is no schema, in a definition that is refused itself, says
  nothing.
"""
