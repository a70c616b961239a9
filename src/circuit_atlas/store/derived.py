"""Checks and repairs what is computed from a graph and stored with it: counts, influence, names, transcoder features,
QK pairs, path tables and columns of edges."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from circuit_atlas.database import Database, Step
from circuit_atlas.graph.data import GraphData
from circuit_atlas.ingest.graph_rows import GraphRows, graph_rows
from circuit_atlas.ingest.labels import NAME
from circuit_atlas.ingest.path_tables import LabelledRow, path_table_steps
from circuit_atlas.ingest.qk_rows import qk_steps
from circuit_atlas.ingest.statements import TRANSCODER_FEATURES
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.queries.stored_edges import StoredEdges, write_columns
from circuit_atlas.schema.batches import BATCH_SIZE, batches
from circuit_atlas.schema.properties import LABELS

_TOLERANCE = 1e-9  # relative: another processor may round sums differently
_OF_GRAPH = (
    "nodes",
    "edges",
    "density",
    "feature_nodes",
    "error_nodes",
    "token_nodes",
    "logit_nodes",
    "bias_nodes",
    "other_nodes",
    "weight_min",
    "weight_max",
    "acyclic",
    "replacement_score",
    "completeness_score",
)
_OF_NODE = ("key", "name", "component", "influence", "input_sum")
_TABLES = ("PathBounds", "PathSteps", "PathCounts")

_COUNTS = """CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
RETURN count(n) AS nodes, coalesce(sum(COUNT { (n)<-[:DIRECT_EFFECT]-() }), 0) AS edges,
       coalesce(sum(COUNT { (n)-[:DIRECT_EFFECT]->() }), 0) AS outputs
"""
_NODES = f"""CYPHER 25
MATCH (n:Node {{graph: $graph}}) WHERE n.ordinal >= 0
OPTIONAL MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
WITH n, collect(f) AS features
RETURN n {{.ordinal, .key, .name, .component, .influence, .input_sum}} AS node,
       [f IN features | [f.model, f.source_set, f.layer, f.index]] AS features,
       head([f IN features WHERE f.explanation IS NOT NULL | {NAME}]) AS explained
ORDER BY n.ordinal
"""
# Nodes that have a graph, and that no question finds. This reads all nodes of the store.
_STRAYS = """CYPHER 25
MATCH (n:Node) WHERE n.ordinal IS NULL OR n.key IS NULL
RETURN n.graph AS graph, count(n) AS nodes
"""
_STORED_TABLES = {
    "PathBounds": """CYPHER 25
MATCH (t:PathBounds {graph: $graph})
WHERE t.sources IS NOT NULL AND t.sign IS NOT NULL AND t.hops IS NOT NULL AND t.block IS NOT NULL
RETURN properties(t) AS row
""",
    "PathSteps": """CYPHER 25
MATCH (t:PathSteps {graph: $graph})
WHERE t.sources IS NOT NULL AND t.sign IS NOT NULL AND t.ordinal IS NOT NULL
RETURN properties(t) AS row
""",
    "PathCounts": """CYPHER 25
MATCH (t:PathCounts {graph: $graph}) WHERE t.hops IS NOT NULL AND t.block IS NOT NULL
RETURN properties(t) AS row
""",
}
_SET_GRAPH = """CYPHER 25
MATCH (g:Graph {name: $graph}) SET g += $properties
"""
_NEW_VERSION = """CYPHER 25
MATCH (g:Graph {name: $graph, status: 'ready'}) SET g.version = randomUUID()
"""
_SET_NODES = """CYPHER 25
UNWIND $rows AS row
MATCH (n:Node {graph: $graph, ordinal: row.ordinal}) SET n += row
"""
_UNLINK = """CYPHER 25
UNWIND $ordinals AS ordinal
MATCH (:Node {graph: $graph, ordinal: ordinal})-[r:ACTIVATION_OF]->() DELETE r
"""
# What was added up from wrong values cannot be taken out again. Which aggregates have the graph, only the sums say.
_DELETE_SUMS = """CYPHER 25
CALL () { MATCH (s:AggregateSums) DETACH DELETE s }
// A refresh that has read them, or what is wrong, must not store it: it only replaces the version that it began with.
MATCH (g:Graph) WHERE g.status = 'ready' AND g.aggregated_state IS NOT NULL AND g.name <> $graph
SET g.version = randomUUID()
"""
_DELETE_COLUMNS = """CYPHER 25
MATCH (c:EdgeColumns {graph: $graph}) WHERE c.block IS NOT NULL DELETE c
"""
_QK_NODES = """CYPHER 25
CALL () {
  MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
  RETURN n, n.ordinal AS number
UNION ALL
  MATCH (:Graph {name: $graph})-[:QK_ONLY]->(n:QkOnlyNode)
  RETURN n, $nodes + n.place AS number
}
"""
_QK = f"""{_QK_NODES}
MATCH (n)-[r:QK_PAIR|QK_MARGINAL]->(m)
RETURN type(r) AS type, number AS source, coalesce(m.ordinal, $nodes + m.place) AS target,
       coalesce(r.attention, r.side) AS of, r.place AS place, r.value AS value
"""
_QK_ONLY = """CYPHER 25
MATCH (:Graph {name: $graph})-[:QK_ONLY]->(n:QkOnlyNode) RETURN properties(n) AS row ORDER BY n.place
"""
_DELETE_QK = f"""{_QK_NODES}
OPTIONAL MATCH (n)-[r:QK_PAIR|QK_MARGINAL]->()
DELETE r
WITH DISTINCT n WHERE n:QkOnlyNode
DETACH DELETE n
"""
_WORDS = {"PathBounds": "bounds of paths", "PathSteps": "shortlists of paths", "PathCounts": "counts of paths"}
Row = dict[str, Any]


@dataclass
class Derived:
    """Faults of the stored values that derive from a graph, and the right values.

    `problems` are sentences. `properties` are those of `:Graph`. `nodes` have their ordinal and the properties to set.
    `unlinked` are ordinals of nodes with a wrong transcoder feature. `qk` says whether QK pairs are wrong. `tables` are
    labels of path tables.
    """

    rows: GraphRows
    problems: list[str] = field(default_factory=list)
    properties: Row = field(default_factory=dict)
    nodes: list[Row] = field(default_factory=list)
    unlinked: list[int] = field(default_factory=list)
    qk: bool = False
    tables: list[str] = field(default_factory=list)
    table_rows: list[LabelledRow] = field(default_factory=list)


def count_stored(graph: StoredGraph) -> tuple[Row, list[str]]:
    """Numbers of nodes and edges, counted, and a problem if an edge leads to or from another graph."""
    row = graph.database.read(_COUNTS, graph=graph.name)[0]
    outputs = row.pop("outputs")
    crossing = [] if outputs == row["edges"] else ["an edge leads to another graph, or comes from one"]
    return row, crossing


def stray_nodes(database: Database) -> dict[str, int]:
    """Numbers of nodes without ordinal or key, by the graph that they name. Reads all nodes of the store."""
    return {row["graph"]: row["nodes"] for row in database.read(_STRAYS)}


def check_derived(graph: StoredGraph, data: GraphData, stored: Row) -> Derived:
    """Compute again what is computed from a graph, and compare it with what is stored.

    Args:
        graph: the graph.
        data: its content, as it is stored.
        stored: the properties of its `:Graph` node.
    """
    found = Derived(graph_rows(data, stored["content_hash"]))
    _check_graph(found, stored)
    _check_nodes(found, graph, stored)
    _check_qk(found, graph)
    _check_tables(found, graph)
    return found


def repair(graph: StoredGraph, found: Derived, data: GraphData, *, columns: bool) -> None:
    """Store the right values. The sums of aggregates are deleted: a refresh then reads all graphs again.

    Args:
        graph: the graph.
        found: what `check_derived` found.
        data: the content of the graph.
        columns: whether to write the columns of edges again, too.

    Raises:
        GraphChangedError: the graph was replaced or deleted.
        DatabaseError, CypherError: the database cannot write, or the user must not.
    """
    sums = (_DELETE_SUMS, {"graph": graph.name})
    graph.write(sums)
    for step in _repairs(graph, found):
        graph.write(step)
    for label in found.tables:  # each in one transaction: a question must not find a part of them
        delete = _STORED_TABLES[label].partition("RETURN")[0] + "DELETE t", {"graph": graph.name}
        rows = [row for row in found.table_rows if row[0] == label]
        graph.write(delete, *path_table_steps(graph.name, rows))
    if columns:
        graph.write((_DELETE_COLUMNS, {"graph": graph.name}))
        write_columns(graph, StoredEdges(found.rows.edges, data.edge_extras))
    graph.write(sums)  # once more: a refresh may have read the wrong values meanwhile
    graph.known = None


def renew(database: Database, graph: str) -> None:
    """Give a graph that was repaired another version, so that no open session answers from what it has read before."""
    with database.writing():
        database.write(_NEW_VERSION, graph=graph)


def _repairs(graph: StoredGraph, found: Derived) -> Iterator[Step]:
    if found.properties:
        yield _SET_GRAPH, {"graph": graph.name, "properties": found.properties}
    for batch in batches(found.nodes, BATCH_SIZE):
        yield _SET_NODES, {"graph": graph.name, "rows": batch}
    if found.unlinked:  # after the names, for a feature that has an explanation names its nodes
        yield _UNLINK, {"graph": graph.name, "ordinals": found.unlinked}
        wrong = set(found.unlinked)
        links = [row for row in found.rows.transcoder_features if row["ordinal"] in wrong]
        yield TRANSCODER_FEATURES, {"graph": graph.name, "rows": links, "model": found.rows.properties["model"]}
    if found.qk:
        yield _DELETE_QK, {"graph": graph.name, "nodes": found.rows.size[0]}
        yield from qk_steps(graph.name, found.rows.qk)


def _check_graph(found: Derived, stored: Row) -> None:
    right = {name: found.rows.properties.get(name) for name in _OF_GRAPH}
    stored = {"bias_nodes": 0} | stored  # older stores count no biases
    found.properties = {name: value for name, value in right.items() if not _same(value, stored.get(name))}
    if found.properties:
        found.problems.append(f"its {', '.join(found.properties)} {_are(found.properties)} wrong")


def _check_nodes(found: Derived, graph: StoredGraph, stored: Row) -> None:
    links = {
        row["ordinal"]: [[stored["model"], row["source_set"], row["layer"], row["index"]]]
        for row in found.rows.transcoder_features
    }
    wrong: dict[str, int] = {}
    rows = graph.database.read(_NODES, graph=graph.name)
    for (_, right), row in zip(found.rows.nodes, rows, strict=True):
        node, ordinal = row["node"], right["ordinal"]
        wanted = {name: right.get(name) for name in _OF_NODE}
        is_linked = row["features"] == links.get(ordinal, [])
        if not is_linked:
            found.unlinked.append(ordinal)
        elif row["explained"] is not None:
            wanted["name"] = row["explained"]
        differ = {name: value for name, value in wanted.items() if not _same(value, node.get(name))}
        for name in differ:
            if is_linked or name != "name":  # the name follows from the feature
                wrong[name] = wrong.get(name, 0) + 1
        if differ:
            found.nodes.append({"ordinal": ordinal, **differ})
    found.problems += [f"the {name} of {_nodes(number)} is wrong" for name, number in wrong.items()]
    if found.unlinked:
        found.problems.append(f"the transcoder feature of {_nodes(len(found.unlinked))} is missing or wrong")


def _check_qk(found: Derived, graph: StoredGraph) -> None:
    rows, n = found.rows.qk, found.rows.size[0]
    of_pair, of_marginal = (
        ("query", "key", "attention", "place", "value"),
        ("node", "attention", "side", "place", "value"),
    )
    right = [
        *(("QK_PAIR", *(row[name] for name in of_pair)) for row in rows.pairs),
        *(("QK_MARGINAL", *(row[name] for name in of_marginal)) for row in rows.marginals),
    ]
    stored = [tuple(row.values()) for row in graph.database.read(_QK, graph=graph.name, nodes=n)]
    only = [row["row"] for row in graph.database.read(_QK_ONLY, graph=graph.name)]
    if Counter(right) != Counter(stored) or rows.only != only:
        found.qk = True
        found.problems.append("its QK pairs are missing or wrong")


def _check_tables(found: Derived, graph: StoredGraph) -> None:
    found.table_rows = list(found.rows.tables)
    for label in _TABLES:
        names = [name for name in LABELS[label].key if name != "graph"]
        rows = [row["row"] for row in graph.database.read(_STORED_TABLES[label], graph=graph.name)]
        stored = {tuple(row[name] for name in names): row for row in rows}
        right = {tuple(row[name] for name in names): row for of, row in found.table_rows if of == label}
        if stored.keys() == right.keys() and all(_same_row(row, stored[key]) for key, row in right.items()):
            continue
        found.tables.append(label)
        state = "are missing" if right and not stored else "are not those of its edges"
        found.problems.append(f"its {_WORDS[label]} {state}")


def _same_row(right: Row, stored: Row) -> bool:
    return all(_same(value, stored.get(name)) for name, value in right.items())


def _same(right: Any, stored: Any) -> bool:
    if isinstance(right, list) and isinstance(stored, list):
        return len(right) == len(stored) and all(map(_same, right, stored))
    if isinstance(right, float) and isinstance(stored, float):
        return right == stored or math.isclose(right, stored, rel_tol=_TOLERANCE, abs_tol=1e-12)
    return type(right) is type(stored) and bool(right == stored)


def _nodes(number: int) -> str:
    return f"{number:,} node{'' if number == 1 else 's'}"


def _are(names: Row) -> str:
    return "is" if len(names) == 1 else "are"
