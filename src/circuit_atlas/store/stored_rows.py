"""Reads graphs of a store back as the rows they were written as, to write them elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from circuit_atlas.database import Database
from circuit_atlas.errors import IngestError
from circuit_atlas.ingest import remove_leftovers
from circuit_atlas.ingest.graph_rows import GraphRows
from circuit_atlas.ingest.names import shown_name
from circuit_atlas.ingest.qk_rows import QkRows
from circuit_atlas.ingest.rows import Row
from circuit_atlas.ingest.statements import TAGS
from circuit_atlas.queries.aggregates import read_sums
from circuit_atlas.queries.graphs import find_graph
from circuit_atlas.queries.one_answer import as_one
from circuit_atlas.queries.stored_edges import read_relationships, read_statistics
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.path_tables import TOKENS
from circuit_atlas.store.others import check_no_other_users, check_no_others

_GRAPHS = """CYPHER 25
MATCH (g:Graph) RETURN g.name AS name, g.content_hash AS content, g.status AS status ORDER BY name
"""
_NODES = """CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
RETURN [label IN labels(n) WHERE label IN $kinds][0] AS label, properties(n) AS properties ORDER BY n.ordinal
"""
_FEATURES = """CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
RETURN n.ordinal AS ordinal, f.source_set AS source_set, f.component AS component, f.layer AS layer, f.index AS index
ORDER BY ordinal
"""
_SUPERNODES = """CYPHER 25
MATCH (s:Supernode {graph: $graph}) WHERE s.name IS NOT NULL
RETURN s {.name, .order, .source, .rule} AS properties, COLLECT {
  MATCH (s)-[:GROUPS]->(n:Node) RETURN n.ordinal AS ordinal ORDER BY ordinal
} AS members ORDER BY s.order
"""
_CIRCUITS = """CYPHER 25
MATCH (c:Circuit {graph: $graph}) WHERE c.name IS NOT NULL
RETURN c {.name, .rule} AS properties, COLLECT {
  MATCH (c)-[:HOLDS]->(n:Node) RETURN n.ordinal AS ordinal ORDER BY ordinal
} AS members ORDER BY c.name
"""
_TAGS = """CYPHER 25
MATCH (:Graph {name: $graph})-[:TAGGED]->(t:Tag) RETURN t.name AS tag ORDER BY tag
"""
_TABLES = {
    "PathBounds": """CYPHER 25
MATCH (b:PathBounds {graph: $graph, sources: $sources}) WHERE b.sign IS NOT NULL AND b.hops >= 0 AND b.block >= 0
RETURN properties(b) AS properties
""",
    "PathSteps": """CYPHER 25
MATCH (s:PathSteps {graph: $graph, sources: $sources}) WHERE s.sign IS NOT NULL AND s.ordinal >= 0
RETURN properties(s) AS properties
""",
    "PathCounts": """CYPHER 25
MATCH (c:PathCounts {graph: $graph}) WHERE c.hops >= 0 AND c.block >= 0
RETURN properties(c) AS properties
""",
}
_ACTIVE = """CYPHER 25
MATCH (:Graph {name: $graph})-[:ACTIVE_FEATURES]->(a:ActiveFeatures)
RETURN properties(a) AS properties ORDER BY a.block
"""
_QK_ONLY = """CYPHER 25
MATCH (:Graph {name: $graph})-[:QK_ONLY]->(n:QkOnlyNode)
RETURN properties(n) AS properties ORDER BY n.place
"""
# Ends of QK pairs are numbers: ordinals of nodes, and behind the $n nodes the places of those that only QK pairs name.
_QK_STARTS = """CYPHER 25
CALL () {
  MATCH (start:Node {graph: $graph}) WHERE start.ordinal >= 0
  RETURN start
UNION ALL
  MATCH (:Graph {name: $graph})-[:QK_ONLY]->(start:QkOnlyNode)
  RETURN start
}
"""
_QK_PAIRS = f"""{_QK_STARTS}
MATCH (start)-[r:QK_PAIR]->(end)
RETURN coalesce(start.ordinal, $n + start.place) AS query, coalesce(end.ordinal, $n + end.place) AS key,
       r.attention AS attention, r.value AS value, r.place AS place
"""
_QK_MARGINALS = f"""{_QK_STARTS}
MATCH (start)-[r:QK_MARGINAL]->(end)
RETURN coalesce(start.ordinal, $n + start.place) AS node, end.ordinal AS attention, r.side AS side, r.value AS value,
       r.place AS place
"""
# A feature without a graph is kept if it has an explanation that is not a label in a graph file, as in DELETE_NODES.
_CATALOGUE = """CYPHER 25
MATCH (f:TranscoderFeature)
RETURN properties(f) AS properties,
       any(source IN coalesce(f.explanation_sources, []) WHERE NOT source STARTS WITH 'file:') AS is_kept
"""
_ACTIVE_IN = """CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
RETURN DISTINCT properties(f) AS properties
"""
_KINDS = [kind.label for kind in Kind]


class StoredRows:
    """Reads a whole store.

    Args:
        database: the database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._position: object = None

    def contents(self) -> dict[str, str]:
        """Content hash of every graph, by name.

        Raises:
            IngestError: the store has data that is not ours, or another process writes to it.
        """
        remove_leftovers(self._database)
        self._position = self._database.position()  # before anything is read, so that no write goes unnoticed
        graphs = self._graphs()
        check_no_others(self._database)
        return graphs

    def check_unchanged(self) -> None:
        """Check that nothing was written since `contents`, but by this object.

        Raises:
            IngestError: another process wrote something: a graph, a tag, a supernode, an explanation; or made a user.
        """
        if self._database.position() != self._position:
            raise IngestError(
                "another process changed the store in the meantime", fix="Ingest again; nothing was changed."
            )
        check_no_other_users(self._database)  # who are in another database

    def graph_rows(self, name: str) -> GraphRows:
        """The rows of a graph."""
        return as_one(self._database, self._graph_rows, name)

    def _graph_rows(self, name: str) -> GraphRows:
        read = self._database.read
        graph = find_graph(self._database, name)
        edges, extras = read_relationships(graph)
        properties = dict(graph.properties)
        properties |= {at: properties[at].to_native() for at in ("created_at", "published_at") if at in properties}
        return GraphRows(
            properties=properties,
            nodes=[(row["label"], row["properties"]) for row in read(_NODES, graph=name, kinds=_KINDS)],
            transcoder_features=read(_FEATURES, graph=name),
            supernodes=[row["properties"] | {"members": row["members"]} for row in read(_SUPERNODES, graph=name)],
            tables=[
                (label, row["properties"])
                for label, statement in _TABLES.items()
                for row in read(statement, graph=name, sources=TOKENS)
            ],
            edges=edges,
            edge_extras=extras,
            edge_statistics=read_statistics(graph),
            active_features=tuple(row["properties"] for row in read(_ACTIVE, graph=name)),
            sums=read_sums(self._database, name),
            qk=QkRows(
                only=[row["properties"] for row in read(_QK_ONLY, graph=name)],
                pairs=read(_QK_PAIRS, graph=name, n=properties["nodes"]),
                marginals=read(_QK_MARGINALS, graph=name, n=properties["nodes"]),
            ),
            tags=self.tags(name),
            circuits=tuple(row["properties"] | {"members": row["members"]} for row in read(_CIRCUITS, graph=name)),
        )

    def tags(self, name: str) -> tuple[str, ...]:
        """Tags of a graph; none if it does not exist."""
        return tuple(row["tag"] for row in self._database.read(_TAGS, graph=name))

    def add_tags(self, name: str, tags: list[str]) -> None:
        """Add tags to a graph."""
        if tags:
            self.check_unchanged()
            self._database.write(TAGS, graph=name, tags=tags)
            self._position = self._database.position()

    def features_of(self, graphs: Iterable[str]) -> Iterator[Row]:
        """Properties of the transcoder features that are active in the given graphs, once per graph."""
        for graph in graphs:
            for row in self._database.read(_ACTIVE_IN, graph=graph):
                yield _native(row["properties"])

    def all_features(self) -> Iterator[tuple[Row, bool]]:
        """Properties of all transcoder features, and whether they are kept without a graph that has them."""
        for row in self._database.read(_CATALOGUE):
            yield _native(row["properties"]), row["is_kept"]

    def _graphs(self) -> dict[str, str]:
        graphs = self._database.read(_GRAPHS)
        busy = [shown_name(graph["name"]) for graph in graphs if graph["status"] != "ready"]
        if busy:
            raise IngestError(
                f"another process is writing or deleting {', '.join(busy)}",
                fix="Wait for it, or ingest without --bulk, which works at the same time.",
            )
        return {graph["name"]: graph["content"] for graph in graphs}


def _native(feature: Row) -> Row:
    """Its properties, with Python's time in the place of Neo4j's."""
    return feature | {"fetched_at": feature["fetched_at"].to_native()} if "fetched_at" in feature else feature
