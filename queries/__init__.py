"""Questions in Cypher: the catalogue of `.cypher` files and the typed functions in front of it."""

from circuit_atlas.queries.catalogue import CatalogueQuery, catalogue, find_query
from circuit_atlas.queries.compare import compare
from circuit_atlas.queries.features import find_feature, recurring, shared_features, show_feature
from circuit_atlas.queries.graphs import list_graphs, list_tags, statistics
from circuit_atlas.queries.influence import contributors, edge_influence, influence_by
from circuit_atlas.queries.nodes import neighbors, node_details, resolve, subgraph
from circuit_atlas.queries.paths import (
    Restrictions,
    count_paths,
    score_paths,
    search_paths,
)
from circuit_atlas.queries.runner import QueryRunner

__all__ = [
    "CatalogueQuery",
    "QueryRunner",
    "Restrictions",
    "catalogue",
    "compare",
    "contributors",
    "count_paths",
    "edge_influence",
    "find_feature",
    "find_query",
    "influence_by",
    "list_graphs",
    "list_tags",
    "neighbors",
    "node_details",
    "recurring",
    "resolve",
    "score_paths",
    "search_paths",
    "shared_features",
    "show_feature",
    "statistics",
    "subgraph",
]
