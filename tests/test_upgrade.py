"""A store of an earlier version opens, is brought up to date, and answers the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from support.examples import NAMES, example_file, ingest_examples

from circuit_atlas import Atlas
from circuit_atlas.database import Database
from circuit_atlas.errors import SchemaVersionError
from circuit_atlas.schema.apply import SCHEMA_VERSION, ensure_schema, read_schema_version, schema_names
from circuit_atlas.server import LocalServer

# What version 1 had in the place of today's tables: one list of bounds per number of hops.
AS_VERSION_1 = [
    "MATCH (x:PathSteps|PathCounts) DELETE x",
    """
    MATCH (b:PathBounds) WITH b ORDER BY b.block
    WITH b.graph AS graph, b.sources AS sources, b.sign AS sign, b.hops AS hops, collect(b) AS blocks
    WITH graph, sources, sign, hops, blocks, reduce(all = [], b IN blocks | all + b.sums) AS sums
    FOREACH (b IN blocks | DELETE b)
    CREATE (:PathBounds {graph: graph, sources: sources, sign: sign, hops: hops, sums: sums})
    """,
    "DROP CONSTRAINT path_bounds_block",
    "DROP CONSTRAINT path_steps",
    "DROP CONSTRAINT path_counts",
    "DROP CONSTRAINT edge_batch",
    "CREATE CONSTRAINT path_bounds FOR (b:PathBounds) REQUIRE (b.graph, b.sources, b.sign, b.hops) IS UNIQUE",
    "MATCH (x:Feature|Error|TranscoderFeature) REMOVE x.component",
    "MATCH (g:Graph) REMOVE g.bias_nodes",
    "MATCH (s:CircuitAtlas) SET s.schema_version = 1",
]


DAMAGE = """
MATCH (c:EdgeColumns {graph: $graph}) DETACH DELETE c
WITH count(*) AS columns LIMIT 1
MATCH (:Node {graph: $graph})-[r:DIRECT_EFFECT]->() WITH r LIMIT 1 DELETE r
"""
COMPONENTS = """
MATCH (x:Feature|Error|TranscoderFeature) RETURN labels(x) AS labels, x.component AS component, count(*) AS n
ORDER BY labels, component
"""
TABLES = "MATCH (x:PathBounds|PathSteps|PathCounts) RETURN labels(x) AS l, count(x) AS n ORDER BY l"


def test_a_store_of_version_1_is_upgraded(own_server: LocalServer, own_atlas: Atlas) -> None:
    graph = ingest_examples(own_atlas, *NAMES[:2])["dallas"]
    before = graph.paths(k=50), graph.paths(order="inhibiting"), graph.count(max_hops=12)
    stored, components = own_atlas.cypher(TABLES).rows, own_atlas.cypher(COMPONENTS).rows
    assert {row["component"] for row in components} == {"transcoder", "mlp"}
    for statement in AS_VERSION_1:
        own_atlas.cypher(statement, write=True)
    own_atlas.cypher(DAMAGE, {"graph": NAMES[1]}, write=True)  # one damaged graph keeps nobody from the others
    assert read_schema_version(own_atlas) == 1
    with Atlas(store=own_server.store.path) as atlas:
        assert read_schema_version(atlas) == SCHEMA_VERSION
        graph = atlas.graph("dallas")
        assert (graph.paths(k=50), graph.paths(order="inhibiting"), graph.count(max_hops=12)) == before
        assert atlas.cypher(COMPONENTS).rows == components
        assert atlas.verify().damaged == 1
        atlas.delete(NAMES[1])
        atlas.ingest(example_file(NAMES[1]), name=NAMES[1])
        assert atlas.cypher(TABLES).rows == stored
        assert atlas.verify().damaged == 0
        constraints = {row["name"] for row in atlas.cypher("SHOW CONSTRAINTS YIELD name").rows}
        assert "path_bounds" not in constraints
        assert {"path_bounds_block", "path_steps", "path_counts"} <= constraints


def test_several_programs_make_the_schema_at_once(own_server: LocalServer, own_atlas: Atlas) -> None:
    """`IF NOT EXISTS` does not see what another transaction makes at the same time."""
    ensure_schema(own_atlas)
    begin = Barrier(6)

    def make() -> None:
        with Database(own_server.start(quiet=True)) as database:
            begin.wait(timeout=60)
            ensure_schema(database)

    for _ in range(2):
        for name in schema_names():
            is_constraint = own_atlas.cypher("SHOW CONSTRAINTS WHERE name = $name", {"name": name}).rows
            own_atlas.cypher(f"DROP {'CONSTRAINT' if is_constraint else 'INDEX'} {name}", write=True)
        own_atlas.cypher("MATCH (s:CircuitAtlas) DELETE s", write=True)
        with ThreadPoolExecutor(begin.parties) as pool:
            for program in [pool.submit(make) for _ in range(begin.parties)]:
                program.result()
        assert read_schema_version(own_atlas) == SCHEMA_VERSION
        assert set(schema_names()) <= {row["name"] for row in own_atlas.cypher("SHOW INDEXES").rows}


def test_what_is_in_the_way_of_an_upgrade_is_removed_by_its_owner(own_server: LocalServer, own_atlas: Atlas) -> None:
    ensure_schema(own_atlas)
    for statement in (
        "DROP CONSTRAINT tag_name",
        "CREATE INDEX mine FOR (t:Tag) ON (t.name)",
        "MATCH (s:CircuitAtlas) SET s.schema_version = 4",
    ):
        own_atlas.cypher(statement, write=True)
    with pytest.raises(SchemaVersionError, match=r"could not be upgraded.*\n.*`SHOW INDEXES` and `SHOW CONSTRAINTS`"):
        Atlas(store=own_server.store.path)
    own_atlas.cypher("DROP INDEX mine", write=True)
    with Atlas(store=own_server.store.path) as atlas:
        assert read_schema_version(atlas) == SCHEMA_VERSION
