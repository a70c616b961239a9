"""Kind, layer, index and position of the nodes of a graph file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_atlas.graph.numbers import as_float
from circuit_atlas.ingest.node_ids import address_of, as_int
from circuit_atlas.schema.keys import Component, Kind

TRANSCODER, ERROR = "cross layer transcoder", "mlp reconstruction error"


@pytest.mark.parametrize(
    ("node_id", "feature_type", "fields", "place"),
    [
        ("3_17_5", TRANSCODER, {}, (Kind.FEATURE, 3, 17, 5)),
        ("3_17_5", "transcoder", {"layer": "9"}, (Kind.FEATURE, 3, 17, 5)),
        ("3_17_5", TRANSCODER, {"ctx_idx": 7}, (Kind.FEATURE, 3, 17, 7)),
        ("E_26865_9", "embedding", {"layer": "E"}, (Kind.TOKEN, None, 26865, 9)),
        ("27_22605_10", "logit", {"layer": "27"}, (Kind.LOGIT, None, 22605, 10)),
        ("0_4_2", ERROR, {"layer": 4}, (Kind.ERROR, 4, None, 2)),  # before 2026-07
        ("4_-1_2", ERROR, {"layer": 4}, (Kind.ERROR, 4, None, 2)),  # since
        ("0_4_2", ERROR, {}, (Kind.ERROR, 4, None, 2)),
        ("3_8_2", ERROR, {"layer": "3"}, (Kind.ERROR, 3, 8, 2)),  # several errors in a layer
        ("E_1_2", ERROR, {"layer": "1"}, (Kind.OTHER, 1, None, 2)),
        ("E_1_2", TRANSCODER, {"layer": "1"}, (Kind.OTHER, 1, None, 2)),
        ("3_-17_5", TRANSCODER, {"layer": "3"}, (Kind.OTHER, 3, None, 5)),
        ("free text", TRANSCODER, {"layer": "3", "ctx_idx": "4"}, (Kind.OTHER, 3, None, 4)),
        ("3_17_5", "lorsa", {"layer": 3, "ctx_idx": 5}, (Kind.FEATURE, 3, 17, 5)),  # OpenMOSS
        ("3_lor_17_5", "lorsa", {"layer": 3}, (Kind.FEATURE, 3, 17, 5)),  # OpenMOSS, from Neuronpedia
        ("3_cro_17_5", TRANSCODER, {"layer": 3}, (Kind.FEATURE, 3, 17, 5)),
        ("3_error_5", ERROR, {"layer": 3}, (Kind.ERROR, 3, None, 5)),
        ("3_error_5", "lorsa error", {"layer": 3}, (Kind.ERROR, 3, None, 5)),
        ("3_error_mlp_5", ERROR, {"layer": 3}, (Kind.ERROR, 3, None, 5)),
        ("3_error_attn_5", "lorsa error", {"layer": 3}, (Kind.ERROR, 3, None, 5)),
        ("9_bias_lorsa_bQ_14", "bias", {"layer": 9, "ctx_idx": 14}, (Kind.BIAS, 9, None, 14)),
        ("3_17_5", "crosscoder", {"layer": 3, "ctx_idx": 5}, (Kind.OTHER, 3, None, 5)),
        ("3_17_5", None, {}, (Kind.OTHER, None, None, None)),
    ],
)
def test_the_address_of_a_node(
    node_id: str,
    feature_type: str | None,
    fields: dict[str, Any],
    place: tuple[Kind, int | None, int | None, int | None],
) -> None:
    found = address_of({"node_id": node_id, "feature_type": feature_type, **fields})
    assert found[:4] == place
    usual = {Kind.FEATURE: Component.TRANSCODER, Kind.ERROR: Component.MLP}
    attention = {"lorsa": Component.LORSA, "lorsa error": Component.ATTENTION}
    assert found.component == attention.get(str(feature_type), usual.get(place[0]))


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3), ("3", 3), ("E", None), (None, None), (True, None), (-1, None), (10**9, None), (1.0, None), ("", None)],
)
def test_layers_and_positions_may_be_text(value: object, number: int | None) -> None:
    assert as_int(value) == number


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**300), 10**300))
def test_finite_numbers_are_kept(value: float) -> None:
    assert as_float(value) == float(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, True, "1.0", None, []])
def test_other_values_are_no_numbers(value: object) -> None:
    assert as_float(value) is None
