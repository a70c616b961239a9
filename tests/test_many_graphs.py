"""Questions about one graph read nothing of the other graphs in the store."""

from __future__ import annotations

import re
from typing import Any

from support.catalogue import ABOUT_ALL, arguments, unrolled

from benchmarks.beside import add_graphs, delete_graphs
from circuit_atlas import Atlas
from circuit_atlas.queries.aggregates import aggregated_sources
from circuit_atlas.queries.catalogue import CatalogueQuery, catalogue
from circuit_atlas.queries.graph_sets import graph_set, prompt_rows, set_rows

_ACTIVATE = """
MATCH (f:TranscoderFeature {layer: $layer, index: $index})
MATCH (n:Feature) WHERE n.graph STARTS WITH 'beside-'
CREATE (n)-[:ACTIVATION_OF]->(f)
"""


def test_queries_of_one_graph_read_nothing_of_100_others(atlas: Atlas, examples: object) -> None:
    """The database hits of every query of the catalogue stay the same; `make bench` measures the times."""
    queries = [query for query in catalogue().values() if query.id not in ABOUT_ALL]

    def short(query: CatalogueQuery) -> dict[str, Any]:
        hops = {"max_hops": 2} if "max_hops" in {p.name for p in query.parameters} else {}
        return arguments(query) | hops

    def plans() -> dict[str, str]:
        return {
            query.id: atlas.plan(unrolled(query.cypher()), query.complete(short(query)), profile=True)
            for query in queries
        }

    # The server keeps plans. Those of an earlier test may be for a store of few graphs, where an index is of no use.
    atlas.cypher("CALL db.prepareForReplanning(120)", write=True)
    alone = plans()
    try:
        add_graphs(atlas, 100)
        beside = plans()
    finally:
        delete_graphs(atlas)
    for name, plan in beside.items():
        assert database_hits(plan) <= database_hits(alone[name]) * 1.05 + 10, f"{alone[name]}\n{plan}"


def test_questions_of_few_graphs_look_for_their_features_in_these_only(atlas: Atlas, examples: object) -> None:
    """Although 100 other graphs have them, too."""
    queries = [catalogue()[name] for name in ("recurring.features", "recurring.motifs", "features.enriched")]
    atlas.cypher("CALL db.prepareForReplanning(120)", write=True)

    def hits(query: CatalogueQuery, **more: Any) -> int:
        return database_hits(atlas.plan(query.cypher(), query.complete(arguments(query) | more), profile=True))

    try:
        add_graphs(atlas, 100)
        alone = [hits(query) for query in queries]
        feature = atlas.feature("20/44686").feature
        place = [feature.model, feature.source_set, feature.layer, feature.index]
        alone.append(hits(queries[1], features=[place]))
        atlas.cypher(_ACTIVATE, {"layer": feature.layer, "index": feature.index}, write=True)
        beside = [*map(hits, queries), hits(queries[1], features=[place])]
    finally:
        delete_graphs(atlas)
    for few, many in zip(alone, beside, strict=True):
        assert 0 < many <= few * 1.05 + 10


def test_memory_of_a_set_of_graphs_grows_with_their_number_not_with_its_square(own_atlas: Atlas) -> None:
    """A server of 1 GB can list the graphs of a tag; rows that keep the list of all names would need more."""
    make = """
    CREATE (t:Tag {name: 'many'})
    WITH t UNWIND range(1, 6000) AS i
    CREATE (:Graph {name: 'graph-' + i, status: 'ready', model: 'm', source_set: 's', content_hash: toString(i)})
      -[:TAGGED]->(t)
    """
    own_atlas.write(make)
    names = sorted(f"graph-{i}" for i in range(1, 6001))
    everything = [row["graph"] for row in set_rows(own_atlas, [], [])]
    tagged = [row["graph"] for row in prompt_rows(own_atlas, [], ["many"])]
    assert everything == graph_set(own_atlas, names, []) == tagged == names
    sources = aggregated_sources(own_atlas, [], ["many"])
    assert [row["graph"]["name"] for row in sources] == names


def database_hits(plan: str) -> int:
    found = re.search(r"Total database accesses: (\d+)", plan)
    assert found
    return int(found[1])
