"""`verify` finds whatever is wrong in what is computed from a graph, and `--repair` stores it again; a question never
answers from tables that are gone."""

from __future__ import annotations

from typing import Any

import pytest
from support.examples import ingest_examples

from circuit_atlas import Atlas
from circuit_atlas.errors import DamagedGraphError, GraphNotFoundError

DAMAGES = {
    "bounds are gone": "MATCH (t:PathBounds {graph: 'dallas'}) DELETE t",
    "one bound": "MATCH (t:PathBounds {graph: 'dallas', sign: 1, hops: 3}) SET t.sums = [x IN t.sums | x + 1.0]",
    "shortlists are gone": "MATCH (t:PathSteps {graph: 'dallas'}) DELETE t",
    "counts are gone": "MATCH (t:PathCounts {graph: 'dallas'}) DELETE t",
    "numbers": "MATCH (g:Graph {name: 'dallas'}) SET g.nodes = 7, g.edges = 9, g.feature_nodes = 3, g.density = 1.0",
    "scores": "MATCH (g:Graph {name: 'dallas'}) SET g.replacement_score = 0.1 REMOVE g.completeness_score",
    "influence": "MATCH (n:Node {graph: 'dallas', ordinal: 5}) SET n.influence = 0.5",
    "no influence": "MATCH (n:Node {graph: 'dallas'}) REMOVE n.influence",
    "input sum": "MATCH (n:Node {graph: 'dallas', ordinal: 300}) SET n.input_sum = 1.0",
    "name": "MATCH (n:Node {graph: 'dallas', ordinal: 5}) SET n.name = 'another'",
    "key": "MATCH (n:Node {graph: 'dallas', ordinal: 7}) SET n.key = 'feature:1/1@99'",
    "transcoder features": (
        "MATCH (:Feature {graph: 'dallas'})-[r:ACTIVATION_OF]->() WITH r ORDER BY elementId(r) LIMIT 2 DELETE r"
    ),
    "columns": "MATCH (c:EdgeColumns {graph: 'dallas'}) SET c.content_hash = 'another'",
}
ADDED = {
    "CREATE (:Node {graph: 'dallas', key: 'feature:9/9@9'})": "MATCH (n:Node {key: 'feature:9/9@9'}) DELETE n",
    "CREATE (:Node {graph: 'dallas'})": "MATCH (n:Node {graph: 'dallas'}) WHERE n.key IS NULL DELETE n",
    "MATCH (a:Node {graph: 'dallas', ordinal: 3}), (b:Node {graph: 'opposite-small', ordinal: 3}) "
    "CREATE (a)-[:DIRECT_EFFECT {weight: 1.0}]->(b)": (
        "MATCH (a:Node {graph: 'dallas'})-[r:DIRECT_EFFECT]->(b:Node {graph: 'opposite-small'}) DELETE r"
    ),
}


def write(atlas: Atlas, statement: str) -> None:
    atlas.cypher(f"CYPHER 25 {statement}", write=True)


@pytest.fixture
def stored(own_atlas: Atlas) -> Atlas:
    ingest_examples(own_atlas, "dallas", "opposite-small")
    return own_atlas


def answers(atlas: Atlas) -> Any:
    graph = atlas.graph("dallas")
    inhibiting = graph.paths(k=20, order="inhibiting").paths
    return graph.paths(k=20).paths, inhibiting, graph.count().counts, graph.influence().contributors, graph.stats()


def test_all_that_is_computed_is_verified_and_repaired(stored: Atlas) -> None:
    before = answers(stored)
    assert stored.verify().damaged == 0
    for what, statement in DAMAGES.items():
        write(stored, statement)
        assert stored.verify("dallas").graphs[0].problems, what
        repaired = stored.verify("dallas", repair=True).graphs[0]
        assert repaired.repaired, what
        assert repaired.problems == [], what
        assert stored.verify().damaged == 0, what
        assert answers(stored) == before, what
    for statement, undo in ADDED.items():
        write(stored, statement)
        assert stored.verify("dallas").graphs[0].problems, statement
        write(stored, undo)
    assert stored.verify().damaged == 0


def test_content_is_not_repaired(stored: Atlas) -> None:
    write(stored, "MATCH (:Logit {graph: 'dallas'})<-[r:DIRECT_EFFECT]-() SET r.weight = r.weight * 2")
    found = stored.verify("dallas", repair=True)
    assert found.exit_code == 1
    assert found.graphs[0].repaired == []
    assert "its content differs" in found.graphs[0].problems[0]


def test_questions_whose_tables_are_gone_compute_them(stored: Atlas, caplog: pytest.LogCaptureFixture) -> None:
    before = answers(stored)
    for label in ("PathBounds", "PathSteps", "PathCounts"):
        write(stored, f"MATCH (t:{label} {{graph: 'dallas'}}) DELETE t")
    with Atlas(stored._connection, timeout=120) as other:
        assert answers(other) == before
        assert "verify GRAPH --repair" in caplog.text
        for query in ("paths.top_k", "paths.strongest", "paths.count"):
            with pytest.raises(DamagedGraphError, match="--repair"):
                other.query(query, {"graph": "dallas", "targets": ["logit:22605@10"]})
        with pytest.raises(GraphNotFoundError):
            other.query("graphs.stats", {"graph": "dalas"})
        write(stored, "MATCH (n:Node {graph: 'dallas'}) REMOVE n.influence")
        with pytest.raises(DamagedGraphError, match="no influence"):
            other.graph("dallas").influence()
