"""Keys of nodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_atlas.schema.keys import Kind, NodeAddress, make_key, parse_key

NUMBER = st.integers(0, 10**9)


@given(
    kind=st.sampled_from([Kind.FEATURE, Kind.ERROR, Kind.TOKEN, Kind.LOGIT]),
    layer=NUMBER,
    index=NUMBER,
    position=NUMBER,
)
def test_a_key_is_parsed_to_what_it_was_made_of(kind: Kind, layer: int, index: int, position: int) -> None:
    parts = parse_key(make_key(kind, layer, index, position))
    assert parts is not None
    assert make_key(*parts) == make_key(kind, layer, index, position)


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("feature:8/37691@6", (Kind.FEATURE, 8, 37691, 6)),
        ("error:5@3", (Kind.ERROR, 5, None, 3)),
        ("error:5/2@3", (Kind.ERROR, 5, 2, 3)),
        ("token:6", (Kind.TOKEN, None, None, 6)),
        ("logit:22605@10", (Kind.LOGIT, None, 22605, 10)),
    ],
)
def test_every_form_of_a_key(key: str, parts: tuple[Kind, int | None, int | None, int | None]) -> None:
    assert parse_key(key) == NodeAddress(*parts)
    assert make_key(*parts) == key


@pytest.mark.parametrize(
    "text",
    [
        "Dallas",
        "",
        ":",
        "token:",
        "token:-1",
        "feature:8/37691",
        "feature:8/37691@6 ",
        "other:x",
        "feature:supernode/a",
    ],
)
def test_other_texts_are_no_keys(text: str) -> None:
    assert parse_key(text) is None


def test_a_node_of_unknown_type_is_keyed_by_its_own_id() -> None:
    with pytest.raises(ValueError, match="its own id"):
        make_key(Kind.OTHER, 1, 2, 3)
