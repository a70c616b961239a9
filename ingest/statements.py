"""The statements that write and delete graphs. Each can be repeated without writing anything twice.

`graph` is the name under which a graph is written: a hidden one until it is published. Predicates that are always true,
such as `n.ordinal >= 0`, make the planner use an index; `schema/constraints.cypher` explains that.
"""

from __future__ import annotations

from circuit_atlas.graph.data import EdgeStatistics
from circuit_atlas.ingest.labels import NAME
from circuit_atlas.schema.graph_lock import LOCK

# Starts a graph under a hidden name.
BEGIN = """CYPHER 25
MERGE (g:Graph {name: $graph})
ON CREATE SET g += $properties, g.status = 'loading', g.target_name = $target_name, g.owner = $owner,
              g.heartbeat = timestamp(), g.created_at = datetime()
"""

NODES = """CYPHER 25
UNWIND $rows AS row
MERGE (n:Node {graph: $graph, key: row.properties.key})
ON CREATE SET n += row.properties, n:$(row.label)
"""

# Nodes are addressed by ordinal in one collected list: several times as fast as a look-up for each.
_NODES_BY_ORDINAL = """MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
WITH n ORDER BY n.ordinal WITH collect(n) AS nodes"""

TRANSCODER_FEATURES = f"""CYPHER 25
{_NODES_BY_ORDINAL}
UNWIND $rows AS row
WITH nodes[row.ordinal] AS n, row
MERGE (f:TranscoderFeature {{model: $model, source_set: row.source_set, layer: row.layer, index: row.index}})
MERGE (n)-[:ACTIVATION_OF]->(f)
FOREACH (unset IN CASE WHEN f.component IS NULL THEN [f] ELSE [] END | SET unset.component = row.component)
WITH n, f WHERE f.explanation IS NOT NULL
SET n.name = {NAME}
"""

SUPERNODES = f"""CYPHER 25
{_NODES_BY_ORDINAL}
WITH nodes, COLLECT {{
  MATCH (s:Supernode {{graph: $graph}}) WHERE s.name IS NOT NULL RETURN coalesce(max(s.order), -1) }}[0] AS last
WITH nodes, reduce(last = last, row IN $rows | CASE WHEN row.order > last THEN row.order ELSE last END) + 1 AS free
UNWIND range(0, size($rows) - 1) AS i
WITH nodes, $rows[i] AS row, free + i AS next // a supernode without a place gets the next one
MERGE (s:Supernode {{graph: $graph, name: row.name}})
SET s += row {{.source, .rule, order: coalesce(row.order, next)}}
WITH s, nodes, row
UNWIND row.members AS member
WITH s, nodes[member] AS n
MERGE (s)-[:GROUPS]->(n)
"""

QK_ONLY_NODES = """CYPHER 25
MATCH (g:Graph {name: $graph})
UNWIND $rows AS row
MERGE (g)-[:QK_ONLY]->(n:QkOnlyNode {place: row.place}) SET n += row
"""

# The ends of QK pairs are numbers: ordinals of nodes, and behind these the places of nodes that only QK pairs name.
_QK_NODES = f"""
{_NODES_BY_ORDINAL}
WITH nodes + COLLECT {{
  MATCH (:Graph {{name: $graph}})-[:QK_ONLY]->(only:QkOnlyNode) RETURN only ORDER BY only.place
}} AS nodes
UNWIND $rows AS row
"""
QK_PAIRS = f"""CYPHER 25{_QK_NODES}
WITH nodes[row.query] AS query, nodes[row.key] AS key, row
MERGE (query)-[r:QK_PAIR {{attention: row.attention, place: row.place}}]->(key)
SET r.value = row.value
"""
QK_MARGINALS = f"""CYPHER 25{_QK_NODES}
WITH nodes[row.node] AS node, nodes[row.attention] AS attention, row
MERGE (node)-[r:QK_MARGINAL {{side: row.side, place: row.place}}]->(attention)
SET r.value = row.value
"""

DELETE_SUPERNODE = """CYPHER 25
UNWIND $names AS name
MATCH (s:Supernode {graph: $graph, name: name})
DETACH DELETE s
"""

# The graph's lock, see `schema.graph_lock`, keeps a circuit from being made twice in a store without the constraint.
CIRCUIT = """CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal IN $members
WITH collect(n) AS nodes
MERGE (c:Circuit {graph: $graph, name: $name}) SET c.rule = $rule
WITH c, nodes
UNWIND nodes AS n
MERGE (c)-[:HOLDS]->(n)
"""

DELETE_CIRCUITS = """CYPHER 25
UNWIND $names AS name
MATCH (c:Circuit {graph: $graph, name: name})
DETACH DELETE c
"""

ACTIVE_FEATURES = """CYPHER 25
MATCH (g:Graph {name: $graph})
MERGE (g)-[:ACTIVE_FEATURES]->(a:ActiveFeatures {block: $row.block}) SET a += $row
"""

AGGREGATE_SUMS = """CYPHER 25
UNWIND $rows AS row
MATCH (g:Graph {name: row.graph})
MERGE (g)-[:AGGREGATE_SUMS]->(s:AggregateSums {block: row.block}) SET s.data = row.data
"""

TAGS = """CYPHER 25
MATCH (g:Graph {name: $graph})
UNWIND $tags AS tag
MERGE (t:Tag {name: tag})
MERGE (g)-[:TAGGED]->(t)
"""

ADDRESS = """CYPHER 25
MATCH (g:Graph {name: $graph}) SET g.address = $address
"""

UNTAG = """CYPHER 25
MATCH (g:Graph {name: $graph})-[r:TAGGED]->(t:Tag) WHERE t.name IN $tags
DELETE r
WITH DISTINCT t WHERE NOT EXISTS { (t)--() }
DELETE t
"""

# The graph $graph gets the tags of the graph $old that it replaces.
COPY_TAGS = """CYPHER 25
MATCH (g:Graph {name: $graph}), (:Graph {name: $old})-[:TAGGED]->(t:Tag)
MERGE (g)-[:TAGGED]->(t)
"""

# Starts a graph that is complete at the end of the same transaction. CREATE, so that it fails if the name exists.
READY = """CYPHER 25
CREATE (g:Graph {name: $graph})
SET g += $properties, g.status = 'ready', g.created_at = datetime(), g.published_at = datetime(),
    g.version = randomUUID()
"""


def _edges(*names: str) -> str:
    """Creates edges with a weight and further properties. Sources, weights and each of the others come as one list for
    each target, see `edge_batches` in `ingest/edge_writer.py`."""
    lists = "".join(f", ${name}[i] AS {name}" for name in names)
    values = "".join(f", {name}[j] AS {name}" for name in names)
    properties = "".join(f", {name}: {name}" for name in names)
    return f"""
{_NODES_BY_ORDINAL}
UNWIND range(0, size($targets) - 1) AS i
WITH nodes, nodes[$targets[i]] AS target, $sources[i] AS sources, $weights[i] AS weights{lists}
UNWIND range(0, size(sources) - 1) AS j
WITH target, nodes[sources[j]] AS source, weights[j] AS weight{values}
CREATE (source)-[:DIRECT_EFFECT {{weight: weight{properties}}}]->(target)
"""


def _batch(edges: str) -> str:
    """A batch that is already stored, since only the answer to its commit was lost, is not written again."""
    return f"""CYPHER 25
MATCH (g:Graph {{name: $graph}}) WHERE NOT EXISTS {{ (:EdgeBatch {{graph: $graph, number: $batch}}) }}
CREATE (:EdgeBatch {{graph: $graph, number: $batch}})
WITH g
CALL () {{{edges}}}
"""


EDGES = f"CYPHER 25{_edges()}"
WRITE_EDGE_BATCH = _batch(_edges())
AGGREGATED_EDGES = f"CYPHER 25{_edges(*EdgeStatistics._fields)}"
WRITE_AGGREGATED_EDGE_BATCH = _batch(_edges(*EdgeStatistics._fields))

# Shows other processes that an ingest or deletion is alive. A graph that was published while the statement waited for
# the lock stays as it is.
HEARTBEAT = f"""{LOCK}
WITH g WHERE g.status IN ['loading', 'deleting']
SET g.heartbeat = timestamp()
"""

EDGE_EXTRAS = """CYPHER 25
UNWIND $rows AS row
MATCH (:Node {graph: $graph, ordinal: row.source})-[r:DIRECT_EFFECT]->(:Node {graph: $graph, ordinal: row.target})
SET r.extra = row.extra
"""

COUNTS = """CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
RETURN count(n) AS nodes, sum(COUNT { (n)<-[:DIRECT_EFFECT]-() }) AS edges
"""

CHECKSUM = """CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= $first AND n.ordinal < $stop
CALL (n) {
  OPTIONAL MATCH (n)<-[r:DIRECT_EFFECT]-()
  RETURN count(r) AS edges, sum(r.weight) AS weights, sum(abs(r.weight)) AS sizes
}
RETURN count(n) AS nodes, sum(edges) AS edges, sum(weights) AS weights, sum(sizes) AS sizes
"""

FIND = """CYPHER 25
MATCH (g:Graph {name: $graph}) RETURN g.status AS status, g.content_hash AS content_hash, g.version AS version
"""

# Other graphs with the same content.
SAME_CONTENT = """CYPHER 25
MATCH (g:Graph {status: 'ready', content_hash: $content}) WHERE g.name <> $graph
RETURN g.name AS graph ORDER BY graph LIMIT 3
"""

LEFTOVERS = """CYPHER 25
MATCH (g:Graph) WHERE g.status IN ['loading', 'deleting'] AND g.name CONTAINS '~' AND g.owner IS NOT NULL
RETURN g.name AS graph, g.owner AS owner, timestamp() - coalesce(g.heartbeat, 0) AS silent_ms
ORDER BY graph LIMIT 1000
"""

# What has a graph's name, by label: a variable, and conditions on it that make the planner use an index. First what
# has relationships, then what has none.
_LINKED = {
    "Node": ("n", "n.key IS NOT NULL"),
    "Supernode": ("s", "s.name IS NOT NULL"),
    "Circuit": ("c", "c.name IS NOT NULL"),
}
_TABLES = {
    "PathBounds": ("b", "b.sources IS NOT NULL AND b.sign IS NOT NULL AND b.hops >= 0 AND b.block >= 0"),
    "PathSteps": ("s", "s.sources IS NOT NULL AND s.sign IS NOT NULL AND s.ordinal >= 0"),
    "PathCounts": ("c", "c.hops >= 0 AND c.block >= 0"),
    "EdgeColumns": ("c", "c.block >= 0"),
}
_DELETE_EDGE_BATCHES = "CALL () { MATCH (b:EdgeBatch {graph: $graph}) WHERE b.number >= 0 DELETE b }\n"


def _for_each(owned: dict[str, tuple[str, str]], clause: str) -> str:
    """Runs a clause for all nodes of these labels of a graph. `{}` in it is the variable."""
    return "".join(
        f"CALL () {{ MATCH ({name}:{label} {{graph: $graph}}) WHERE {conditions} {clause.format(name)} }}\n"
        for label, (name, conditions) in owned.items()
    )


# Gives a graph another name and status, and all of its nodes the new name: nodes have their graph's name only while it
# is ready, so that a query in Browser sees all of it or nothing. Nothing happens unless a graph named $given exists:
# when the statement is repeated after a lost answer, a graph that made room for $given must not be renamed again. While
# it waits for the lock, another process may rename the graph; `properties` reads its name again, `g.name` may not. What
# is being deleted is never shown again. With $version, only that version of the graph makes room.
# Nodes with a key and no ordinal are not ours, but would keep their keys from a graph that gets the name later.
RENAME = (
    LOCK
    + """
WITH g WHERE properties(g).name = $graph AND EXISTS { (:Graph {name: $given}) }
  AND ($status = 'deleting' OR properties(g).status <> 'deleting')
  AND ($version IS NULL OR properties(g).version = $version)
SET g.name = $name, g.status = $status, g.owner = $owner, g.heartbeat = timestamp()
WITH g
CALL () { MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0 SET n.graph = $name }
"""
    + _for_each(_LINKED | _TABLES, "SET {}.graph = $name")
    + _DELETE_EDGE_BATCHES
)

# Marks what is under a hidden name as deleted, before its parts are: from then on it cannot be published. What got the
# name that users see while this waited for the lock is left alone.
CONDEMN = (
    LOCK
    + """
WITH g WHERE properties(g).name = $graph
SET g.status = 'deleting', g.owner = $owner, g.heartbeat = timestamp()
"""
)

# The last step of publishing; returns 0 if the graph is gone, or the graph that it was collapsed from.
PUBLISHED = """CYPHER 25
MATCH (g:Graph {name: $graph}) WHERE g.content_hash = $content
  AND (g.collapsed_from IS NULL OR EXISTS { (:Graph {name: g.collapsed_from, status: 'ready'}) })
SET g.published_at = datetime(), g.version = randomUUID()
REMOVE g.owner, g.target_name, g.heartbeat
RETURN count(g) AS published
"""

DELETE_EDGES = """CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
MATCH (n)<-[r:DIRECT_EFFECT]-()
WITH r LIMIT $batch
DELETE r
RETURN count(*) AS deleted
"""

# A transcoder feature is deleted with its last activation, unless it has an explanation that is not a label in a graph
# file.
DELETE_NODES = """CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
WITH n LIMIT $batch
OPTIONAL MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
WITH collect(n) AS nodes, collect(DISTINCT f) AS features
CALL (nodes) { UNWIND nodes AS n DETACH DELETE n }
CALL (features) {
  UNWIND features AS f
  WITH f WHERE NOT EXISTS { (f)<-[:ACTIVATION_OF]-() }
    AND all(source IN coalesce(f.explanation_sources, []) WHERE source STARTS WITH 'file:')
  DELETE f
}
RETURN size(nodes) AS deleted
"""

# What remains after edges and nodes: nodes with a key and no ordinal, too, and tags without graphs. The graph itself
# may be gone already, where another program emptied the database.
DELETE_REST = (
    """CYPHER 25
OPTIONAL MATCH (g:Graph {name: $graph})
"""
    + _for_each(_LINKED, "DETACH DELETE {}")
    + _for_each(_TABLES, "DELETE {}")
    + _DELETE_EDGE_BATCHES
    + """CALL (g) { MATCH (g)-[:ACTIVE_FEATURES]->(a:ActiveFeatures) DETACH DELETE a }
CALL (g) { MATCH (g)-[:AGGREGATE_SUMS]->(s:AggregateSums) DETACH DELETE s }
CALL (g) { MATCH (g)-[:QK_ONLY]->(n:QkOnlyNode) DETACH DELETE n }
CALL (g) {
  MATCH (g)-[r:TAGGED]->(t:Tag)
  DELETE r
  WITH t WHERE NOT EXISTS { (t)--() }
  DELETE t
}
DELETE g
"""
)

# After an import: the importer treats empty texts as missing, so each node lists the properties that are empty texts.
FILL_EMPTY = """CYPHER 25
MATCH (n) WHERE n.empty IS NOT NULL
CALL (n) { FOREACH (name IN n.empty | SET n[name] = '') REMOVE n.empty } IN TRANSACTIONS OF 20000 ROWS
"""
