"""Upgrades stores of earlier schema versions when they are opened."""

from __future__ import annotations

import logging

from tqdm import tqdm

from circuit_atlas.database import Database, translated_errors
from circuit_atlas.errors import CypherError, DamagedGraphError, GraphNotFoundError, SchemaVersionError
from circuit_atlas.ingest.labels import FILE_LABELS
from circuit_atlas.ingest.path_tables import path_table_rows, path_table_steps
from circuit_atlas.ingest.steps import label_steps
from circuit_atlas.queries.graphs import StoredGraph, find_graph
from circuit_atlas.queries.stored_arrays import read_arrays
from circuit_atlas.schema.apply import SCHEMA_VERSION, create_constraints, note_version

_LOG = logging.getLogger(__name__)
_DROP = "DROP CONSTRAINT path_bounds IF EXISTS"
_OLD_BOUNDS = "MATCH (b:PathBounds) WHERE b.block IS NULL WITH b LIMIT 1000 DELETE b RETURN count(*) AS deleted"
_KEPT_TABLES = """
MATCH (x:PathBounds|PathSteps) WHERE x.sources <> 'tokens' WITH x LIMIT 1000 DELETE x RETURN count(*) AS deleted
"""
# Before version 5, all features were of transcoders and all errors of MLPs. A supernode belongs to no component.
_COMPONENTS = """CYPHER 25
MATCH (n:Node {graph: $graph}) WHERE $first <= n.ordinal < $stop AND n.component IS NULL
  AND (n:Feature OR n:Error) AND coalesce(n.feature_type, '') <> 'supernode'
SET n.component = CASE WHEN n:Feature THEN 'transcoder' ELSE 'mlp' END
WITH n MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature) WHERE f.component IS NULL
WITH DISTINCT f ORDER BY f.layer, f.index
SET f.component = 'transcoder'
"""
_GRAPHS = "MATCH (g:Graph) WHERE g.status = 'ready' RETURN g.name AS graph, g.nodes AS nodes ORDER BY graph"
_SUPERNODES = "MATCH (s:Supernode) WHERE s.source IS NULL SET s.source = 'file'"


def upgrade(database: Database, version: int) -> None:
    """Upgrade a store to the schema of this version.

    From version 1: bounds of paths are stored in blocks, with shortlists and counts. From version 2: labels in graph
    files are explanations of transcoder features. From version 3: tables of paths that were made for a question are not
    kept; columns of edges are made when a question needs them. From version 4: features and errors have a `component`.
    It can be interrupted and repeated: the store keeps its old version until the upgrade is complete.

    Args:
        database: the database.
        version: the version of the store.

    Raises:
        SchemaVersionError: the user may not write to the store, or not change its schema, or the schema that others
            made is in the way.
    """
    try:
        with translated_errors():
            _upgrade(database, version)
    except CypherError as error:
        is_in_the_way = str(getattr(error.__cause__, "code", "")).startswith("Neo.ClientError.Schema.")
        may_not = (
            "Open it once as a user who may write and change the schema, for instance with `circuit-atlas graphs`."
        )
        raise SchemaVersionError(
            f"the store has schema version {version}, and could not be upgraded to {SCHEMA_VERSION}: {error.what}",
            fix="Remove what is in its way; `SHOW INDEXES` and `SHOW CONSTRAINTS` list it."
            if is_in_the_way
            else may_not,
        ) from error


def _upgrade(database: Database, version: int) -> None:
    _LOG.info("upgrading the store from schema version %d to %d", version, SCHEMA_VERSION)
    database.write(_DROP)
    for rest in (_OLD_BOUNDS, _KEPT_TABLES):
        while database.write(rest)[0]["deleted"]:
            pass
    create_constraints(database)
    database.write(_SUPERNODES)
    graphs = database.read(_GRAPHS)
    for row in tqdm(graphs, "upgrading the store", unit=" graphs", disable=None if database.progress else True):
        graph, nodes = row["graph"], row["nodes"]
        if version < 2:
            try:
                _store_path_tables(find_graph(database, graph))
            except (DamagedGraphError, GraphNotFoundError) as error:  # the others must not wait for it
                _LOG.warning("no bounds were made for graph %r: %s", graph, error.what)
        if version < 3:
            database.write_each(label_steps(FILE_LABELS, graph, nodes))
        database.write_each(label_steps(_COMPONENTS, graph, nodes))
    note_version(database)


def _store_path_tables(graph: StoredGraph) -> None:
    columns = read_arrays(graph)
    rows = path_table_rows(
        columns.edges, is_token=columns.is_start(None), order=columns.order, input_sum=columns.input_sum
    )
    graph.database.write_each(path_table_steps(graph.name, rows))
