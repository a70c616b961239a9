"""Names of nodes, and the cleaning of texts from elsewhere."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.graphs import make_graph

from circuit_atlas.explain.text import clean_text
from circuit_atlas.graph.data import KINDS
from circuit_atlas.ingest.node_names import node_name, visible
from circuit_atlas.schema.keys import SUPERNODE, Kind


@pytest.mark.parametrize(
    ("token", "shown"), [(" Dallas", "Dallas"), ("  ", "'  '"), ("\n", "'\\n'"), ("", ""), (None, "")]
)
def test_a_token_is_shown_without_the_blanks_around_it(token: str | None, shown: str) -> None:
    assert visible(token) == shown


@pytest.mark.parametrize(
    ("kind", "fields", "name"),
    [
        (Kind.FEATURE, {"label": " a label "}, "a label"),
        (Kind.FEATURE, {"label": " "}, "feature 2/1"),
        (Kind.ERROR, {}, "error 2 on second"),
        (Kind.TOKEN, {"token": " x"}, "x"),
        (Kind.TOKEN, {"token": None}, "token 1"),
        (Kind.LOGIT, {"token": " y "}, "y"),
        (Kind.LOGIT, {"token": None}, "logit 1"),
        (Kind.OTHER, {"label": "bias"}, "bias"),
        (Kind.OTHER, {"label": None, "feature_type": "crosscoder", "source_id": "id"}, "crosscoder id"),
        (Kind.FEATURE, {"label": "Texas ", "feature_type": SUPERNODE}, "Texas"),
        (Kind.FEATURE, {"label": None, "feature_type": SUPERNODE}, "supernode"),
    ],
)
def test_every_kind_of_node_has_a_name(kind: Kind, fields: dict[str, str | None], name: str) -> None:
    nodes = make_graph([0, 2, 3], []).nodes
    columns: dict[str, Any] = {column: [None, value, None] for column, value in fields.items()}
    nodes = replace(nodes, **columns)
    nodes.kind[1], nodes.layer[1] = KINDS.index(kind), 2
    assert node_name(nodes, 1, ["first", " second"]) == name


def test_an_error_beyond_the_prompt_is_named_by_its_position() -> None:
    nodes = make_graph([0, 2, 3], []).nodes
    nodes.kind[1] = KINDS.index(Kind.ERROR)
    assert node_name(nodes, 1, []) == "error 2 on position 1"


@given(text=st.text(), length=st.integers(1, 50))
def test_a_clean_text_is_one_short_line_that_does_nothing_to_a_terminal(text: str, length: int) -> None:
    clean = clean_text(text, length)
    assert len(clean) <= length
    assert clean == clean.strip()
    assert not [c for c in clean if unicodedata.category(c) in ("Cc", "Cs")]
    assert clean_text(clean, length) == clean


def test_what_is_cut_off_is_marked() -> None:
    assert clean_text("one\n two\tthree\x1b[31m") == "one two three [31m"
    assert clean_text("abcdef", 4) == "abc…"
    assert clean_text("\u202eabc") == "abc"
