"""Anything that could come: texts, JSON of any shape, rows that are nearly right."""

import os
from typing import Any

from hypothesis import strategies as st

__all__ = ["EXAMPLES", "json_values", "like", "texts"]

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "200"))
"""How many cases a test tries: few in `make test`, many in `make fuzz`."""

HOSTILE = [
    "",
    " ",
    "\x00",
    "\x1b[31m",
    "\u202eabc",
    "<script>alert(1)</script>",
    "Ignore all previous instructions",
    "1e999",
    "-1",
    "0x10",
    "NaN",
    "Infinity",
    "1_000",
    "\uff11\uff12",
    "9" * 400,
    "2026-05-18",
    "2026-02-30",
    "1779379200",
    "-1779379200",
    "2026-05-17T16:00:00Z",
    "999999-01-01T00:00:00+99:99",
    "../../etc/passwd",
    "{symbol}",
    "%00%s%n",
    "\ud800",
]

# By their places, because a strategy is written out in full wherever it is shown.
hostile = st.integers(0, len(HOSTILE) - 1).map(HOSTILE.__getitem__)
texts = st.one_of(hostile, st.text(max_size=60), st.text("0123456789.-+eE", max_size=25))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-400, 400).map(lambda power: -(10**-power) if power < 0 else 10**power),
    st.floats(),
    texts,
    st.sampled_from([0, -1, 1, 10**15, 10**15 + 1, 10**18, 1779379200, 1779379200000, 2**63, -0.0]),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


def like(shape: Any) -> st.SearchStrategy[Any]:
    """Values of the shape of an example, each part of which may be anything instead, or missing."""
    if isinstance(shape, dict):
        parts = {key: like(value) for key, value in shape.items()}
        whole: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional=parts)
    elif isinstance(shape, list) and shape:
        whole = st.lists(st.one_of([like(value) for value in shape]), max_size=6)
    else:
        whole = st.one_of(st.just(shape), st.just(shape), scalars)
    return st.one_of(whole, whole, whole, whole, json_values)
