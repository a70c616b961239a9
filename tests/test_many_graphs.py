"""Questions about one graph read nothing of the other graphs in the store."""

from __future__ import annotations

import re
from typing import Any

from support.catalogue import ABOUT_ALL, arguments, unrolled
from support.examples import ingest_examples

from benchmarks.beside import add_graphs
from circuit_atlas import Atlas
from circuit_atlas.queries.catalogue import CatalogueQuery, catalogue


def test_queries_of_one_graph_read_nothing_of_100_others(own_atlas: Atlas) -> None:
    """The database hits of every query of the catalogue stay the same; `make bench` measures the times."""
    queries = [query for query in catalogue().values() if query.id not in ABOUT_ALL]

    def short(query: CatalogueQuery) -> dict[str, Any]:
        hops = {"max_hops": 2} if "max_hops" in {p.name for p in query.parameters} else {}
        return arguments(query) | hops

    def plans() -> dict[str, str]:
        return {
            query.id: own_atlas.plan(unrolled(query.cypher()), query.complete(short(query)), profile=True)
            for query in queries
        }

    ingest_examples(own_atlas)
    # The server keeps plans. Those of an earlier test may be for a store of one graph, where an index is of no use.
    own_atlas.cypher("CALL db.prepareForReplanning(120)", write=True)
    alone = plans()
    add_graphs(own_atlas, 100)
    for name, plan in plans().items():
        assert database_hits(plan) <= database_hits(alone[name]) * 1.05 + 10, f"{alone[name]}\n{plan}"


def database_hits(plan: str) -> int:
    found = re.search(r"Total database accesses: (\d+)", plan)
    assert found
    return int(found[1])
