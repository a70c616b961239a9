"""The language of edge values: what it takes, what it refuses and where, and that Cypher and numpy agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.edge_value import MAX_DEPTH, MAX_LENGTH, parse_edge_value
from circuit_atlas.queries.edge_value_arrays import edge_values

REFUSED = (
    ("weight +", 9, "found the end"),
    ("wait", 1, "unknown name 'wait'"),
    ("", 1, "found the end"),
    ("weight 1", 8, "found '1'"),
    (") RETURN 1 //", 1, "found ')'"),
    ("1) MATCH (n) DETACH DELETE n //", 2, "found ')'"),
    ("(weight + 1", 12, "found the end"),
    ("COUNT { (n) }", 7, "'{' does not"),
    ("1 + COLLECT { RETURN 1 }", 13, "'{' does not"),
    ("EXISTS((source)--())", 1, "unknown function 'EXISTS'"),
    ("size([i IN range(1, 9) | i])", 6, "'[' does not"),
    ("reduce(s = 0, i IN range(1, 9) | s + i)", 32, "'|' does not"),
    ("apoc.load.json('x')", 10, "'.' does not"),
    ("rand()", 1, "unknown function 'rand'"),
    ("sum(weight)", 1, "unknown function 'sum'"),
    ("weight * $x", 10, "'$' does not"),
    ("source", 1, "unknown name"),
    ("source.name", 1, "unknown name 'source.name'"),
    ("source.`layer`", 7, "'.' does not"),
    ("w\\u0065ight", 2, "'\\\\' does not"),
    ("/* */ weight", 1, "found '/'"),
    ("'x'", 1, "not a kind of node"),
    ("source.kind", 1, "a number is needed here, and this is a kind"),
    ("source.kind < 'token'", 1, "a number is needed"),
    ("source.kind = 1", 15, "a kind of nodes is needed"),
    ("weight > 0", 1, "a number is needed here, and this is a condition"),
    ("CASE WHEN weight THEN 1 END", 11, "a condition is needed"),
    ("CASE WHEN 1 < weight < 2 THEN 1 END", 22, "expected THEN, found '<'"),
    ("CASE weight WHEN 1 THEN 2 END", 6, "expected WHEN"),
    ("1 + (weight > 0)", 5, "a number is needed"),
    ("abs(1, 2)", 1, "takes one number"),
    ("least(1)", 1, "takes two or more"),
    ("1 + 1e999", 5, "too large"),
    ("5x", 1, "'5' does not"),
    ("\n  weight // fine\n  % wait", 23, "unknown name 'wait'"),
)
COLUMNS = """
MATCH (target:Node {graph: $graph})<-[r:DIRECT_EFFECT]-(source) WHERE target.ordinal >= 0 AND source.ordinal % 11 = 0
WITH source, target, r.weight AS weight, target.input_sum AS input_sum ORDER BY target.ordinal, source.ordinal
"""


@pytest.mark.parametrize(("text", "column", "problem"), REFUSED)
def test_what_is_not_of_the_language_is_refused_with_its_column(text: str, column: int, problem: str) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        parse_edge_value(text)
    assert problem in refused.value.what
    assert refused.value.where == f"edge value, column {column}"


def test_length_and_depth_are_bounded() -> None:
    flat = "+".join(["1"] * (MAX_LENGTH // 2))
    assert len(parse_edge_value(flat).cypher) < 5 * MAX_LENGTH
    assert parse_edge_value("-" * (MAX_LENGTH - 1) + "1").cypher == "(-1.0)"
    with pytest.raises(InvalidArgumentError, match="too long"):
        parse_edge_value(flat + "+1")
    for opens, closes in (("(", ")"), ("abs(", ")"), ("CASE WHEN 1=1 THEN ", " END"), ("greatest(1, ", ")")):
        deepest = MAX_DEPTH - 1
        parse_edge_value(opens * deepest + "1" + closes * deepest)
        with pytest.raises(InvalidArgumentError, match="nested more than"):
            parse_edge_value(opens * (deepest + 1) + "1" + closes * (deepest + 1))


def test_cypher_is_written_anew() -> None:
    for text, cypher in (
        ("weight", "weight"),
        ("2 * ABS(weight) - source.ordinal // a comment", "((2.0 * abs(weight)) - toFloat(source.ordinal))"),
        ("-weight ^ 2", "((-weight) ^ 2.0)"),
        (
            'case when not source.kind = "token" then target.activation end',
            "CASE WHEN (NOT (split(source.key, ':')[0] = 'token')) THEN target.activation END",
        ),
    ):
        assert parse_edge_value(text).cypher == cypher
    assert parse_edge_value("weight + source.layer + weight").names == {"weight", "source.layer"}


NAMES = ("weight", "input_sum", "source.layer", "target.layer", "source.position", "source.activation")
LEAVES = st.sampled_from((*NAMES, "target.probability", "0", "1", "2.5", ".5", "3e-2", "-1"))


def _numbers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    kind = st.sampled_from(("source.kind = 'token'", "target.kind <> 'logit'", "source.kind = target.kind"))
    comparison = st.builds("{} {} {}".format, inner, st.sampled_from(("=", "<>", "<", "<=", ">", ">=")), inner)
    missing = st.builds("{} IS {}NULL".format, inner, st.sampled_from(("", "NOT ")))
    single = st.one_of(comparison, missing, kind)
    condition = st.one_of(
        single,
        st.builds("NOT {}".format, single),
        st.builds("{} {} {} {} {}".format, single, *(st.sampled_from(("AND", "OR")), single) * 2),
        st.builds("NOT ({} OR {}) AND {}".format, single, single, single),
    )
    return st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(tuple("+-*/%")), inner),
        st.builds("{} {} {} {} {}".format, inner, *(st.sampled_from(tuple("+-*/%")), inner) * 2),
        st.builds("({})".format, inner),
        st.builds("-{}".format, inner),
        st.builds("{}({})".format, st.sampled_from(("abs", "sign", "sqrt", "floor", "ceil")), inner),
        st.builds("{}({}, {})".format, st.sampled_from(("coalesce", "least", "greatest")), inner, inner),
        st.builds("CASE WHEN {} THEN {} END".format, condition, inner),
        st.builds("CASE WHEN {} THEN {} WHEN {} THEN {} ELSE {} END".format, *(condition, inner) * 2, inner),
    )


# exp, log and ^ are outermost: their last bit may differ, and a comparison or a remainder would make much of it.
EXPRESSIONS = st.one_of(
    st.recursive(LEAVES, _numbers, max_leaves=8),
    st.builds(
        "{} ^ {}".format,
        st.builds("{}{}".format, st.sampled_from(("", "-", "2 * ", "3 / ")), LEAVES),
        st.builds("{}{}".format, LEAVES, st.sampled_from(("", " * 2", " / 3"))),
    ),
    st.builds("{}({})".format, st.sampled_from(("exp", "log")), st.recursive(LEAVES, _numbers, max_leaves=3)),
)


class Columns(dict[str, Any]):
    """Columns that do not fill a report of a failure."""

    def __repr__(self) -> str:
        return "<columns>"


@pytest.fixture(scope="module")
def columns(atlas: Atlas, examples: dict[str, GraphHandle]) -> Columns:
    """What some edges of a graph have, by name, NaN where a node has none."""
    numbers = (*NAMES, "target.probability")
    kinds = "split(source.key, ':')[0] AS `source.kind`, split(target.key, ':')[0] AS `target.kind`"
    statement = f"{COLUMNS} RETURN {kinds}, {', '.join(f'{name} AS `{name}`' for name in numbers)}"
    rows = atlas.cypher(statement, {"graph": "dallas"}).rows
    assert {row["source.kind"] for row in rows} == {"feature", "error", "token"}
    found = {name: np.array([row[name] for row in rows], np.float64) for name in numbers}
    return Columns(found | {name: np.array([row[name] for row in rows]) for name in ("source.kind", "target.kind")})


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@example(
    texts=["sign(0 / 0 * weight)", "greatest(0 / 0, 1)", "least(source.layer, 1)", "-2 ^ 2", "2 ^ 3 ^ 2", "-7 % 3"]
)
@example(texts=["-source.layer ^ -1", "1 / -(weight - weight)", "-0 ^ -1"])
@example(texts=["CASE WHEN 0 / 0 = 0 / 0 THEN 1 WHEN 0 / 0 <> 1 THEN 2 END", "1 / 0", "log(0)", "exp(1000)", "0 ^ 0"])
@example(texts=["1 ^ log(-abs(weight))", "1 ^ (1 / 0)", "(-1) ^ (1 / 0)", "(0 / 0) ^ 0"])
@given(texts=st.lists(EXPRESSIONS, min_size=1, max_size=6))
def test_cypher_and_numpy_agree(texts: list[str], atlas: Atlas, columns: Columns) -> None:
    values = [parse_edge_value(text) for text in texts]
    rows = atlas.run(f"{COLUMNS} RETURN [{', '.join(value.cypher for value in values)}] AS found", {"graph": "dallas"})
    theirs = np.array([row["found"] for row in rows.rows], np.float64)
    for number, value in enumerate(values):
        ours, known = edge_values(value, columns)
        assert (known == [row["found"][number] is not None for row in rows.rows]).all(), value.text
        assert value.names <= columns.keys()
        assert np.allclose(ours, theirs[:, number], rtol=1e-12, atol=0, equal_nan=True), value.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sqrt(weight)", "is not defined for every edge"),
        ("coalesce(sqrt(weight), 0)", "is not defined for every edge"),  # which coalesce() does not change
        ("CASE WHEN weight > 0 THEN 1.0 END", "must be a number for every edge"),
        ("1 / 0", "must be finite for every edge"),
    ],
)
def test_values_that_no_score_can_have_are_refused(text: str, told: str, examples: dict[str, GraphHandle]) -> None:
    with pytest.raises(InvalidArgumentError, match=told):
        examples["dallas"].paths(edge_value=text, score="mean")
