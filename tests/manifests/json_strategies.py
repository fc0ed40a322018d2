"""Arbitrary JSON data, with strings that are hard to write as YAML."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

HARD_WORDS = [
    "", " ", "on", "yes", "n", "~", "null", "Null", "1e3", "0777", "0o17", "0x1F", "1:30",
    "190:20:30", "1_000", "2001-01-01", ".inf", "-.INF", ".nan", "-", "- a", "a: b", "a #b", "#a",
    "<<", "=", "?", "? a", ":", "a:", "{a}", "[a", "'", "\"", "\\", "a\nb", "a\n", "a\n\n", "\n",
    "\na", " a\nb", "a \nb", "a\tb", "\t", "a\r\nb", "---", "...", "--- a", "%a", "@a", "`a`", "&a",
    "*a", "!a", "|", ">", "\ufeff", "\u2028", "\u0085", "\u0007", "\u00e9", "😀", "x" * 200,
    "word " * 40, "a  b " * 30, "+1", "-1", "1.", ".5", "0b1", "12345678901234567890",
]  # fmt: skip

texts = st.one_of(
    st.deferred(lambda: st.sampled_from(HARD_WORDS)),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.text("ab:#-?[]{},&*!|>'\"%@` \n\t0123e._", max_size=90),
)
numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0)
)
leaves = st.one_of(st.none(), st.booleans(), numbers, texts)


def _collections(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.lists(
        st.fixed_dictionaries({"name": st.sampled_from(["a", "b", "c", "d"])}, optional={"v": children}),
        max_size=4,
        unique_by=lambda item: item["name"],
    )
    return st.one_of(st.lists(children, max_size=4), st.dictionaries(texts, children, max_size=4), named)


values = st.recursive(leaves, _collections, max_leaves=25)
objects = st.dictionaries(texts, values, max_size=5)
