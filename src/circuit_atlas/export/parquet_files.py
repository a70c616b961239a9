"""Writes a graph as two Parquet files, one of edges and one of nodes."""

from __future__ import annotations

from pathlib import Path

from circuit_atlas.errors import needs_extra
from circuit_atlas.export.columns import NODE_TYPES, node_columns
from circuit_atlas.files import replacing
from circuit_atlas.graph.data import GraphData

_BLOCK = 1 << 18


def nodes_file(path: Path) -> Path:
    """The file of the nodes, beside that of the edges."""
    return path.with_name(f"{path.stem}.nodes.parquet")


def write_parquet(data: GraphData, path: Path) -> None:
    """Write the edges of a graph to `path`, and its nodes to a file beside it that ends in `.nodes.parquet`.

    Edges have `target` and `source` (ordinals, int32) and `weight` (float64). Nodes are in order of ordinal, with the
    columns of `NODE_TYPES`. Both files have the graph's metadata as JSON in their schema's metadata, as
    `circuit_atlas`.

    Raises:
        InputError: a file cannot be written.
        MissingExtraError: the extra `parquet` is not installed.
    """
    with needs_extra("parquet", "writing Parquet"):
        import pyarrow
        import pyarrow.parquet
    about = {"circuit_atlas": data.metadata.model_dump_json()}
    types = {
        "string": pyarrow.string(),
        "long": pyarrow.int64(),
        "double": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
    }
    nodes = pyarrow.table(
        node_columns(data), pyarrow.schema([(name, types[kind]) for name, kind in NODE_TYPES.items()], about)
    )
    edge_schema = pyarrow.schema(
        [("target", pyarrow.int32()), ("source", pyarrow.int32()), ("weight", pyarrow.float64())], about
    )
    with replacing(path) as temporary, replacing(nodes_file(path)) as temporary_nodes:
        pyarrow.parquet.write_table(nodes, temporary_nodes)
        with pyarrow.parquet.ParquetWriter(temporary, edge_schema) as writer:
            for block in data.edges.blocks(_BLOCK):
                writer.write_table(pyarrow.table(list(block), schema=edge_schema))
