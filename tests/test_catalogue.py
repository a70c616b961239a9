"""Every query of the catalogue: documented, bounded, served by an index, and fit to be pasted into Browser."""

from __future__ import annotations

import re
from typing import Any

import neo4j
import pytest
from circuit_atlas.queries.catalogue import CatalogueQuery, catalogue
from support.catalogue import ABOUT_ALL, arguments
from support.examples import ingest_examples

QUERIES = list(catalogue().values())
SCANS = ("AllNodesScan", "NodeByLabelScan", "RelationshipTypeScan")


def asked_about(values: dict[str, Any]) -> set[str]:
    """The graphs that a question names."""
    named = {values[name] for name in ("graph", "a", "b") if name in values}
    return named.union(*(values.get(name, []) for name in ("graphs", "without")))


@pytest.fixture(params=QUERIES, ids=lambda query: query.id)
def query(request: pytest.FixtureRequest) -> CatalogueQuery:
    chosen: CatalogueQuery = request.param
    return chosen


def test_there_is_a_query_for_every_question() -> None:
    assert {query.id for query in QUERIES} >= {
        "graphs.list",
        "graphs.stats",
        "nodes.get",
        "nodes.find",
        "neighbors.direct",
        "neighbors.subgraph",
        "paths.top_k",
        "paths.bounds",
        "paths.score",
        "paths.count",
    }


def test_its_header_says_everything(query: CatalogueQuery) -> None:
    assert len(query.answers) > 20
    used = set(re.findall(r"\$(\w+)", re.sub(r"//.*", "", query.text)))
    assert used == {parameter.name for parameter in query.parameters}
    assert query.columns
    declared = [line for line in query.text.splitlines() if line.startswith(("// @param", "// @returns"))]
    assert len(declared) == len(query.parameters) + len(query.columns)


@pytest.mark.parametrize("form", ["text", "visual"])
def test_it_names_its_dialect_and_is_bounded(query: CatalogueQuery, form: str) -> None:
    code = re.sub(r"//.*", "", query.text if form == "text" else query.visual())
    assert code.strip().startswith("CYPHER 25\n")
    assert not re.search(r"\[:?\w*:?\w*\*|\{\d*,\}|\)[+*]|->[+*]", code), "unbounded pattern"
    bounded_by_hops = "range(0, $max_hops)" in code or "range(1, $max_hops)" in code
    assert "LIMIT" in code or bounded_by_hops
    code = code.replace("CALL db.index.fulltext.queryNodes(", "")  # reads an index
    for word in ("CREATE ", "MERGE ", "SET ", "DELETE", "LOAD CSV", "CALL db", "elementId", "apoc", "gds"):
        assert word not in code


def test_it_runs_as_it_is_and_returns_what_it_says(query: CatalogueQuery, atlas: Any, examples: Any) -> None:
    values = query.complete(arguments(query))
    rows = atlas.cypher(query.text, values)
    assert rows.columns == [column.name for column in query.columns]
    assert rows.rows


def test_it_has_a_visual_form(query: CatalogueQuery) -> None:
    """A file `name.visual.cypher` beside it, with a sentence on what it draws and no parameters of its own."""
    assert len(query.draws) > 20, f"{query.id} has no visual form"
    used = set(re.findall(r"\$(\w+)", query.ending))
    assert used <= {parameter.name for parameter in query.parameters}
    assert int(re.findall(r"LIMIT (\d+)", query.ending)[-1]) <= 300  # what Browser draws at once
    if not query.ending.startswith("CYPHER 25\n"):
        assert "// end of hops\n" in query.text


def test_its_visual_form_returns_paths_of_the_graph(query: CatalogueQuery, atlas: Any, examples: Any) -> None:
    chosen = {"graph": "dallas", **arguments(query)}
    if query.id == "graphs.groups":
        chosen["graph"] = "dallas-haiku"  # which has supernodes
    values = query.complete({p.name: chosen[p.name] for p in query.parameters if p.name in chosen})
    with atlas.driver.session() as session:
        records = list(session.run(query.visual(values.get("max_hops")), values))
    assert 0 < len(records) <= 300
    for [path] in records:
        assert isinstance(path, neo4j.graph.Path)
        owners = {node["graph"] for node in path.nodes if "graph" in node}
        assert owners <= asked_about(values) or query.id in ABOUT_ALL
    plan = atlas.plan(query.visual(), values)
    assert "Index" in plan
    assert not [scan for scan in SCANS if scan in plan]


def test_with_fewer_hops_it_answers_the_same(query: CatalogueQuery, atlas: Any, examples: Any) -> None:
    if "max_hops" not in {parameter.name for parameter in query.parameters}:
        return
    values = query.complete({**arguments(query), "max_hops": 3})
    short = query.cypher(3)
    assert short.count("// hop") < query.text.count("// hop")
    assert atlas.cypher(short, values).rows == atlas.cypher(query.text, values).rows


def test_an_index_serves_it(query: CatalogueQuery, atlas: Any, examples: Any) -> None:
    """The list of graphs is the one question that is about all of them."""
    plan = atlas.plan(query.id, arguments(query), profile=True)
    assert "Index" in plan
    assert not [scan for scan in SCANS if scan in plan]


REWRITTEN = """
CALL {{
  MATCH (a)-[r:{type}]->(b) WHERE b.graph = $graph OR a.graph = $graph OR a.name = $graph
  WITH a, b, r, properties(r) AS properties ORDER BY rand()
  CREATE (a)-[new:{type}]->(b) SET new = properties
  DELETE r
}}
"""


def rows_in_order(query: CatalogueQuery, atlas: Any) -> list[list[Any]]:
    """Its answer; columns of effects, whose order inside a row does not count, are sorted."""

    def settle(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.9g}")  # sums of floats depend on the order, in their last digits
        if isinstance(value, list):
            return [settle(item) for item in value]
        return {key: settle(item) for key, item in value.items()} if isinstance(value, dict) else value

    rows = [settle(list(row.values())) for row in atlas.cypher(query.text, query.complete(arguments(query))).rows]
    if query.id in ("graphs.edges", "paths.edges"):
        return [
            [target, *map(list, zip(*sorted(zip(*columns[:2], strict=True)), strict=True))] for target, *columns in rows
        ]
    return rows


def test_it_answers_the_same_however_the_store_is_laid_out(own_atlas: Any) -> None:
    """Relationships are written again, in another order, which is the order in which they are read."""
    ingest_examples(own_atlas)
    before = {query.id: rows_in_order(query, own_atlas) for query in QUERIES}
    for graph in ("dallas", "night", "opposite-small"):
        for kind in ("DIRECT_EFFECT", "ACTIVATION_OF", "GROUPS", "TAGGED"):
            own_atlas.cypher(REWRITTEN.format(type=kind), {"graph": graph}, write=True)
    after = {query.id: rows_in_order(query, own_atlas) for query in QUERIES}
    assert [name for name in before if before[name] != after[name]] == []
