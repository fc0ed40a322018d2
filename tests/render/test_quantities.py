"""Quantities in the API server's canonical form."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikctl.model.quantity import parse_quantity
from minikctl.render.quantities import canonical_quantity, format_quantity


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("0.5", "500m"),
        ("1024Mi", "1Gi"),
        ("1536Mi", "1536Mi"),
        ("0.5Gi", "512Mi"),
        ("1000", "1k"),
        ("1e3", "1k"),
        ("0", "0"),
        ("0Mi", "0"),
        ("512Ki", "512Ki"),
        ("2000u", "2m"),
        ("nonsense", "nonsense"),
    ],
)
def test_canonical(text: str, canonical: str) -> None:
    assert canonical_quantity(text) == canonical


@given(st.integers(0, 10**18), st.booleans())
def test_formatting_keeps_the_value(nanos: int, binary: bool) -> None:
    value = Decimal(nanos) / 10**9
    assert parse_quantity(format_quantity(value, binary=binary)) == value
