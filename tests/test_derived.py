"""`verify` finds whatever is wrong in what is computed from a graph, and `--repair` stores it again; a question never
answers from tables that are gone."""

from __future__ import annotations

from typing import Any

import pytest
from support.examples import DATA, ingest_examples

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
    "a name and its transcoder feature": (
        "MATCH (n:Feature {graph: 'dallas'})-[r:ACTIVATION_OF]->(f) WHERE f.explanation IS NULL "
        "WITH n, r ORDER BY n.ordinal LIMIT 1 SET n.name = 'another' DELETE r"
    ),
    "columns": "MATCH (c:EdgeColumns {graph: 'dallas'}) SET c.content_hash = 'another'",
}
ADDED = {
    "CREATE (:Node {graph: 'dallas', key: 'feature:9/9@9'})": "MATCH (n:Node {key: 'feature:9/9@9'}) DELETE n",
    "CREATE (:Node {graph: 'dallas'})": "MATCH (n:Node {graph: 'dallas'}) WHERE n.key IS NULL DELETE n",
    "MATCH (a:Node {graph: 'dallas', ordinal: 3}), (b:Node {graph: 'dallas-haiku', ordinal: 3}) "
    "CREATE (a)-[:DIRECT_EFFECT {weight: 1.0}]->(b)": (
        "MATCH (a:Node {graph: 'dallas'})-[r:DIRECT_EFFECT]->(b:Node {graph: 'dallas-haiku'}) DELETE r"
    ),
}


def write(atlas: Atlas, statement: str) -> None:
    atlas.cypher(f"CYPHER 25 {statement}", write=True)


@pytest.fixture
def stored(own_atlas: Atlas) -> Atlas:
    ingest_examples(own_atlas, "dallas", "dallas-haiku")
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
        found = stored.verify("dallas")
        assert found.graphs[0].problems, what
        assert "--repair" in found.notes[0], what
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


@pytest.mark.parametrize(
    "damage",
    [
        "MATCH (:Node {graph: 'crm'})-[r:QK_PAIR]->() WITH r LIMIT 1 DELETE r",
        "MATCH ()-[r:QK_MARGINAL]->(:Node {graph: 'crm'}) SET r.value = r.value + 1.0",
        "MATCH (:Graph {name: 'crm'})-[:QK_ONLY]->(n:QkOnlyNode) SET n.name = 'another'",
        "MATCH (:Graph {name: 'crm'})-[:QK_ONLY]->(n:QkOnlyNode) DETACH DELETE n",
    ],
)
def test_qk_pairs_are_verified_and_repaired(damage: str, own_atlas: Atlas) -> None:
    own_atlas.ingest(DATA / "made-crm-lorsa-qk.json.gz", name="crm")
    lorsa = "MATCH (n:Node {graph: 'crm'}) WHERE n.component = 'lorsa' RETURN n.key AS key ORDER BY key"
    keys = [row["key"] for row in own_atlas.cypher(lorsa).rows]
    before = [own_atlas.graph("crm").node(key) for key in keys]
    assert own_atlas.verify().damaged == 0
    write(own_atlas, damage)
    assert own_atlas.verify("crm").graphs[0].problems == ["its QK pairs are missing or wrong"]
    assert own_atlas.verify("crm", repair=True).graphs[0].repaired
    assert own_atlas.verify().damaged == 0
    assert [own_atlas.graph("crm").node(key) for key in keys] == before


def test_an_open_session_answers_from_what_was_repaired(stored: Atlas) -> None:
    question: dict[str, Any] = {"sources": ["token:3"], "score": "product"}
    before = stored.graph("dallas").paths(**question)
    with Atlas(stored._connection, timeout=120) as other:
        write(stored, "MATCH (n:Node {graph: 'dallas'}) SET n.input_sum = n.input_sum * 2")
        graph = other.graph("dallas")
        assert graph.paths(**question) != before
        stored.verify(repair=True)
        assert graph.paths(**question) == before


def test_columns_that_are_gone_are_made_by_a_repair(stored: Atlas) -> None:
    write(stored, "MATCH (c:EdgeColumns {graph: 'dallas'}) DELETE c")
    assert stored.verify("dallas").damaged == 0
    assert stored.verify("dallas", repair=True).graphs[0].repaired == ["its columns of edges are missing"]
    assert stored.cypher("MATCH (c:EdgeColumns {graph: 'dallas'}) RETURN count(c) > 0 AS made").rows == [{"made": True}]


def test_a_graph_with_nodes_that_are_not_ours_can_be_deleted(stored: Atlas) -> None:
    """Nodes with its name and the keys that a graph of this name would have."""
    write(stored, "CREATE (:Node:Feature {graph: 'dallas', key: 'feature:9/9@9', name: 'x'})")
    write(stored, "MATCH (n:Node {graph: 'dallas', ordinal: 7}) REMOVE n.ordinal")
    problems = " ".join(stored.verify("dallas").graphs[0].problems)
    assert "delete the graph and ingest its file again" in problems
    stored.delete("dallas")
    assert stored.cypher("MATCH (n:Node {graph: 'dallas'}) RETURN count(n) AS n").rows == [{"n": 0}]
    ingest_examples(stored, "dallas")
    assert stored.verify().damaged == 0


def test_content_is_not_repaired(stored: Atlas) -> None:
    write(stored, "MATCH (:Logit {graph: 'dallas'})<-[r:DIRECT_EFFECT]-() SET r.weight = r.weight * 2")
    found = stored.verify("dallas", repair=True)
    assert found.exit_code == 1
    assert found.graphs[0].repaired == []
    assert "its content differs" in found.graphs[0].problems[0]
    assert "`circuit-atlas delete dallas`, and ingest its file again" in found.notes[0]
    ingest_examples(stored, "dallas")  # whose hash is the stored one
    assert stored.verify("dallas").damaged == 1


@pytest.mark.parametrize("label", ["PathBounds", "PathCounts"])
def test_a_handle_notices_tables_that_are_deleted_between_its_questions(
    stored: Atlas, label: str, caplog: pytest.LogCaptureFixture
) -> None:
    graph = stored.graph("dallas")
    before = graph.paths(k=20).paths, graph.count().counts
    write(stored, f"MATCH (t:{label} {{graph: 'dallas', hops: 2, block: 0}}) DELETE t")
    assert (graph.paths(k=20).paths, graph.count().counts) == before
    assert [label in record.getMessage() for record in caplog.records] == [True]
    write(stored, f"MATCH (t:{label} {{graph: 'dallas'}}) DELETE t")
    assert (graph.paths(k=20).paths, graph.count().counts) == before


def test_a_distribution_does_not_use_counts_that_were_deleted_after_a_count(stored: Atlas) -> None:
    """It reads counts, and then bounds, which the handle has not used before."""
    graph = stored.graph("dallas")
    paths = graph.count(max_hops=3).total
    write(stored, "MATCH (t:PathCounts {graph: 'dallas', hops: 2}) DELETE t")
    assert graph.score_distribution(max_hops=3).paths == paths


def test_questions_whose_tables_are_gone_compute_them(stored: Atlas, caplog: pytest.LogCaptureFixture) -> None:
    before = answers(stored)
    for label in ("PathBounds", "PathSteps", "PathCounts"):
        write(stored, f"MATCH (t:{label} {{graph: 'dallas'}}) DELETE t")
    assert answers(stored) == before  # where the tables were used before, too
    with Atlas(stored._connection, timeout=120) as other:
        caplog.clear()
        assert answers(other) == before
        warned = [record.getMessage() for record in caplog.records if "verify dallas --repair" in record.getMessage()]
        assert len(warned) == len(set(warned)) == 2  # of bounds, and of counts
        for query in ("paths.top_k", "paths.strongest", "paths.count"):
            with pytest.raises(DamagedGraphError, match="--repair"):
                other.query(query, {"graph": "dallas", "targets": ["logit:22605@10"]})
        with pytest.raises(GraphNotFoundError):
            other.query("graphs.stats", {"graph": "dalas"})
        write(stored, "MATCH (n:Node {graph: 'dallas'}) REMOVE n.influence")
        with pytest.raises(DamagedGraphError, match="no influence"):
            other.graph("dallas").influence()
