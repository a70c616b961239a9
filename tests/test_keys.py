"""Keys of nodes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_atlas.schema.keys import Component, Kind, NodeAddress, component_of, make_key, parse_key

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
        ("feature:8/37691@6", (Kind.FEATURE, 8, 37691, 6, Component.TRANSCODER)),
        ("feature:9/lorsa/9838@14", (Kind.FEATURE, 9, 9838, 14, Component.LORSA)),
        ("feature:8/37691", (Kind.FEATURE, 8, 37691, None, Component.TRANSCODER)),
        ("error:5@3", (Kind.ERROR, 5, None, 3, Component.MLP)),
        ("error:5", (Kind.ERROR, 5, None, None, Component.MLP)),
        ("error:5/2@3", (Kind.ERROR, 5, 2, 3, Component.MLP)),
        ("error:5/attention@3", (Kind.ERROR, 5, None, 3, Component.ATTENTION)),
        ("error:5/attention/2@3", (Kind.ERROR, 5, 2, 3, Component.ATTENTION)),
        ("token:6", (Kind.TOKEN, None, None, 6)),
        ("logit:22605@10", (Kind.LOGIT, None, 22605, 10)),
    ],
)
def test_every_form_of_a_key(key: str, parts: tuple[Any, ...]) -> None:
    assert parse_key(key) == NodeAddress(*parts)
    assert make_key(*parts) == key
    assert component_of(key) == NodeAddress(*parts).component


@pytest.mark.parametrize(
    ("key", "component"),
    [
        ("bias:9_bias_lorsa_bQ_14", Component.LORSA),
        ("bias:9_bias_attn_bO_14", Component.ATTENTION),
        ("bias:9_bias_tc_bD_14", Component.TRANSCODER),
        ("bias:9_bias_mlp_bout_14", Component.MLP),
        ("bias:9_something_14", None),
        ("feature:supernode/9/lorsa/9838@14", None),
        ("other:9_lor_1_2", None),
    ],
)
def test_the_component_of_a_node_that_its_own_id_names(key: str, component: Component | None) -> None:
    assert component_of(key) is component


@pytest.mark.parametrize(
    "text",
    [
        "Dallas",
        "",
        ":",
        "token:",
        "token:-1",
        "feature:8/37691@",
        "feature:8/37691@6 ",
        "other:x",
        "feature:supernode/a",
        "feature:8/other/37691@6",
        "bias:9_bias_lorsa_bQ_14",
    ],
)
def test_other_texts_are_no_keys(text: str) -> None:
    assert parse_key(text) is None


@pytest.mark.parametrize("kind", [Kind.BIAS, Kind.OTHER])
def test_some_nodes_are_keyed_by_their_own_ids(kind: Kind) -> None:
    with pytest.raises(ValueError, match="its own id"):
        make_key(kind, 1, 2, 3)
