"""What is kept as text comes back as it was, the fast way and the slow way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikctl.store import documents

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()))
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)
objects = st.dictionaries(st.text(), values, max_size=5)


@given(objects)
def test_it_comes_back(value: dict[str, Any]) -> None:
    text = documents.dump(value)
    assert documents.load(text) == json.loads(text) == value


@given(st.lists(objects, max_size=4))
def test_several_come_back(many: list[dict[str, Any]]) -> None:
    assert documents.load_all([documents.dump(one) for one in many]) == many


class Word(str):
    __slots__ = ()


@pytest.mark.parametrize("odd", ["\ud800", Word("x"), 10**30, -(10**400)], ids=lambda odd: str(odd)[:5])
def test_what_the_fast_way_refuses(odd: Any) -> None:
    assert documents.load(documents.dump({"a": odd, odd if isinstance(odd, str) else "b": 1}))["a"] == odd
