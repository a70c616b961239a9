"""The data model: what Neo4j holds, under which names, and how a database is brought to it."""

from circuit_atlas.schema.apply import SCHEMA_VERSION, ensure_schema, read_schema_version
from circuit_atlas.schema.keys import Kind, make_key
from circuit_atlas.schema.models import GraphMetadata, Node, Supernode

__all__ = [
    "SCHEMA_VERSION",
    "GraphMetadata",
    "Kind",
    "Node",
    "Supernode",
    "ensure_schema",
    "make_key",
    "read_schema_version",
]
