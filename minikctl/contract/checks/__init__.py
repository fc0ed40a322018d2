"""The checks, one module per group of promises."""
